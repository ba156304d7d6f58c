"""The published directions and bases, and the variants that its probe comparison tries."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts, UnknownLanguage, say_unknown
from isogloss.inside.directions import Classes, fit_subspace

Floats = npt.NDArray[np.floating[Any]]

# A direction shorter than this is left unnormalised rather than blown up.
SHORTEST = 1e-8
# Below this share of its length a target direction has nothing outside the basis.
NOTHING_LEFT = 1e-6


def unit_difference(harmful: Floats, harmless: Floats) -> Floats:
    """``v = (mean(H) - mean(N)) / max(|mean(H) - mean(N)|, 1e-8)``, float32 [hidden].

    One row per class is enough, as the published few-shot directions need. Unlike ``inside.directions`` it does not
    refuse classes that coincide: the result is then about zero.

    Raises:
        TooFewPrompts: a class is empty.
    """
    if not len(harmful) or not len(harmless):
        raise TooFewPrompts("A difference of means needs prompts of both kinds.")
    difference = _mean(harmful) - _mean(harmless)
    return np.asarray(difference / max(float(np.linalg.norm(difference)), SHORTEST), np.float32)


def language_directions(classes: Mapping[Language, Classes]) -> dict[Language, Floats]:
    """The unit difference of means of each language, float32 [hidden]."""
    return {language: unit_difference(*both) for language, both in classes.items()}


def pooled_direction(classes: Mapping[Language, Classes]) -> Floats:
    """The unit difference of means with the rows of all languages thrown together, float32 [hidden].

    This is the direction that the published intervention steers with. With unequal counts it takes in differences
    between languages; ``inside.directions.fit_pooled_direction`` does not.
    """
    if not classes:
        raise TooFewPrompts("No source language for a pooled direction; name at least one.")
    harmful, harmless = (np.concatenate([np.asarray(both[kind]) for both in classes.values()]) for kind in (0, 1))
    return unit_difference(harmful, harmless)


def first_component(directions: Mapping[Language, Floats], anchor: Language) -> Floats:
    """First right singular vector of the stacked unit directions, not centred, float32 [hidden].

    The sign is the one that agrees with the direction of ``anchor`` (published: English).

    Raises:
        UnknownLanguage: the anchor has no direction.
    """
    if anchor not in directions:
        raise UnknownLanguage(say_unknown("direction of", anchor.tag, [language.tag for language in directions]))
    stack = np.asarray(list(directions.values()), np.float64)
    return _align(np.linalg.svd(stack, full_matrices=False)[2][0], directions[anchor])


def principal_direction(harmful: Floats, harmless: Floats) -> Floats:
    """First principal axis of both classes centred together, float32 [hidden], pointing to the harmful mean.

    Published as ``pca_top1``. The largest spread need not be the one between the classes.
    """
    rows = np.concatenate([np.asarray(part, np.float64) for part in (harmful, harmless)])
    axis = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][0]
    return _align(axis, unit_difference(harmful, harmless))


def source_basis(directions: Mapping[Language, Floats], rank: int | None = None) -> Floats:
    """The published basis: uncentred singular vectors of the source directions, float32 [hidden, rank].

    Args:
        directions: of the source languages.
        rank: axes to keep; None keeps the whole span (published: rank 10 of 10 languages).

    Raises:
        TooFewPrompts: the directions span fewer than ``rank`` dimensions.

    Source: arXiv 2606.01196; there signs are left to the linear-algebra library, here they are fixed, so that a
    seed means the same start on every machine.
    """
    if not directions:
        raise TooFewPrompts("No source language for a basis; name at least one.")
    return fit_subspace(list(directions.values()), rank)


def basis_with_target(directions: Mapping[Language, Floats], target: Floats, rank: int | None = None) -> Floats:
    """The basis of the source directions and one target direction fitted together, float32 [hidden, rank]."""
    return fit_subspace([*directions.values(), target], rank)


def extend_basis(basis: Floats, targets: Sequence[Floats]) -> Floats:
    """ "Residual memory": a basis and what target directions add to it, orthonormal, float32 [hidden, rank + added].

    A target inside the span of what is there already adds nothing.
    """
    columns = list(np.asarray(basis, np.float64).T)
    for target in targets:
        rest = np.asarray(target, np.float64)
        # Twice, because one pass of Gram-Schmidt leaves rounding errors in nearly dependent vectors.
        for _ in range(2):
            rest = rest - np.asarray(columns).T @ (np.asarray(columns) @ rest)
        length = float(np.linalg.norm(rest))
        if length > NOTHING_LEFT * float(np.linalg.norm(target)):
            columns.append(rest / length)
    return np.asarray(columns, np.float32).T


def random_basis(hidden_size: int, rank: int, *, seed: int) -> Floats:
    """An orthonormal basis of a random subspace, uniform over all subspaces, float32 [hidden, rank]."""
    if not 1 <= rank <= hidden_size:
        raise TooFewPrompts(f"Rank {rank} asked for in {hidden_size} dimensions.")
    drawn = np.random.default_rng(seed).standard_normal((hidden_size, rank))
    basis, upper = np.linalg.qr(drawn)
    return np.asarray(basis * np.sign(np.diag(upper)), np.float32)


def principal_basis(states: Floats, rank: int) -> Floats:
    """Principal axes of unlabelled states, centred, float32 [hidden, rank].

    Raises:
        TooFewPrompts: there are not more states than axes asked for.
    """
    rows = np.asarray(states, np.float64)
    if not 1 <= rank < min(len(rows), rows.shape[1] + 1):
        raise TooFewPrompts(f"{rank} principal axes need more than {rank} states; {len(rows)} given.")
    _, _, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    strongest = np.abs(axes[:rank]).argmax(axis=1)
    return np.asarray(axes[:rank] * np.sign(axes[np.arange(rank), strongest])[:, None], np.float32).T


def _mean(rows: Floats) -> Floats:
    return np.asarray(np.asarray(rows, np.float64).mean(axis=0))


def _align(axis: Floats, towards: Floats) -> Floats:
    return np.asarray(-axis if float(axis @ np.asarray(towards, np.float64)) < 0 else axis, np.float32)
