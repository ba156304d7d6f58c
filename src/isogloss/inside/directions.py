"""Directions between harmless and harmful: difference of means per language, pooled, and the span of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.activations import Activations

Floats = npt.NDArray[np.floating[Any]]
Classes = tuple[Floats, Floats]

FEWEST_ROWS = 2
# Two float32 means of equal rows differ by rounding alone; a difference below this share of their length is that.
COINCIDENCE = 1e-6
# From this many degrees of freedom on, labelled target prompts count as much as all that the source languages know.
DOUBT_ROWS = 20
# A class that counts for less than this many prompts has no mean.
LEAST_CLASS = 0.5


@dataclass(frozen=True, eq=False)
class SoftClasses:
    """States whose class is known, guessed or irrelevant: how much each of them counts in either class.

    Attributes:
        hidden: float [prompt, hidden].
        harmful: what each counts in that class, float [prompt] from 0 to 1; with a label 1 or 0, otherwise the
            probability (a mixture's responsibilities).
        harmless: the same for the other class.
    """

    hidden: Floats
    harmful: Floats
    harmless: Floats

    @classmethod
    def of(cls, classes: "Classes | SoftClasses") -> "SoftClasses":
        """Labelled states, harmful and harmless; soft ones as they are."""
        if isinstance(classes, SoftClasses):
            return classes
        harmful, harmless = classes
        marks = np.concatenate([np.ones(len(harmful)), np.zeros(len(harmless))])
        return cls(np.concatenate([harmful, harmless]), marks, 1 - marks)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the spread around both class means."""
        return max(float(self.harmful.sum()) - 1, 0.0) + max(float(self.harmless.sum()) - 1, 0.0)

    @property
    def has_both(self) -> bool:
        """Whether each class counts for half a prompt at least, so that a difference of means can be taken."""
        return min(float(self.harmful.sum()), float(self.harmless.sum())) >= LEAST_CLASS


@dataclass(frozen=True, eq=False)
class Direction:
    """A unit vector at one layer and position.

    Attributes:
        vector: float32 [hidden], unit length, pointing from harmless to harmful.
        layer: 0-based decoder block whose output it lives in.
        position: token position counted from the end of the rendered prompt, -1 being the last.
        languages: whose prompts it was fitted on.
        estimator: ``difference_of_means`` or ``pooled_difference_of_means``.
        n_harmful: prompts of that class.
        n_harmless: prompts of the other class.
    """

    vector: Floats
    layer: int
    position: int
    languages: tuple[Language, ...]
    estimator: str
    n_harmful: int
    n_harmless: int


def fit_direction(harmful: Floats, harmless: Floats, *, label: str = "the prompts") -> Floats:
    """Unit difference of class means.

    Topic and length differences between the classes end up in the direction too; use matched prompts.

    Args:
        harmful: float [prompt, hidden], hidden states of one layer and position, in model units.
        harmless: the same for harmless prompts; the counts may differ.
        label: whose states these are, for messages: "sw, layer 3".

    Returns:
        float32 [hidden], pointing from harmless to harmful.

    Raises:
        TooFewPrompts: a class has fewer than two rows.
        DegenerateDirection: the means coincide; the message names the label.

    Source: Arditi et al. 2024 (arXiv 2406.11717), section 2.3.
    """
    return _unit(_difference(harmful, harmless, label), harmful, label)


def fit_pooled_direction(classes: Mapping[Language, Classes], *, label: str = "the prompts") -> Floats:
    """Unit mean of the languages' own differences of means, every language with the same weight.

    Args:
        classes: harmful and harmless states of each language, float [prompt, hidden].
        label: layer, for messages.

    Returns:
        float32 [hidden].

    Raises:
        TooFewPrompts: a language has fewer than two rows of a class; the message names it.
        DegenerateDirection: the mean difference vanishes.

    Source: arXiv 2606.01196. There all rows are thrown together before the means are taken, which is the same
    for equal counts; with unequal counts it mixes differences between languages into the direction.
    """
    if not classes:
        raise TooFewPrompts(f"No source language for a pooled direction ({label}); name at least one.")
    differences = [
        _difference(harmful, harmless, f"{language}, {label}") for language, (harmful, harmless) in classes.items()
    ]
    first = next(iter(classes.values()))[0]
    return _unit(np.mean(differences, axis=0), first, f"{', '.join(map(str, classes))}; {label}")


def fit_whitened_direction(
    classes: Mapping[Language, Classes],
    *,
    shrinkage: float,
    targets: Mapping[Language, Classes | SoftClasses] | None = None,
    label: str = "the prompts",
) -> Floats:
    """Unit direction that tells the classes apart best relative to their spread, pooled over languages.

    ``((1 - shrinkage) * C + shrinkage * mean(diag C) * I)^-1 d`` with ``d`` the mean of the languages' own
    differences of means and ``C`` the covariance around the mean of each class of each language, so that what
    languages differ in counts as neither difference nor spread. A readout, not for steering: what separates best
    need not be what the model acts on.

    Some prompts of target languages, thrown together over the languages, add what varies *there*: their covariance
    gets the weight ``f / (f + 20)`` for f degrees of freedom, and so does their difference of means, for the degrees
    of freedom of the languages that have both classes. Harmless text alone thus adds spread but no difference, and
    one prompt of each class changes nothing.

    Args:
        classes: harmful and harmless states of each source language, float [prompt, hidden].
        shrinkage: between 0 (excluded where there are fewer rows than dimensions) and 1 (no covariance at all).
        targets: the same of target languages, or states with a share in either class.
        label: layer, for messages.

    Returns:
        float32 [hidden].

    Raises:
        TooFewPrompts: a source language has fewer than two rows of a class; the message names it.
        DegenerateDirection: the mean difference vanishes.

    Source: Fisher's linear discriminant with Friedman's (1989) shrinkage towards a multiple of the identity.
    """
    pooled = fit_pooled_direction(classes, label=label)
    own = [SoftClasses.of(both) for both in classes.values()]
    extra = [SoftClasses.of(both) for both in (targets or {}).values()]
    difference, inner = mean_difference(own), inner_rows(own)
    paired = [both for both in extra if both.has_both]
    if paired:
        weight = count_targets(paired)
        difference = (1 - weight) * difference + weight * mean_difference(paired, by_freedom=True)
    weight = count_targets(extra)
    if weight:
        inner = np.concatenate([np.sqrt(1 - weight) * inner, np.sqrt(weight) * inner_rows(extra)])
    spread = float((inner**2).sum()) / inner.shape[1]
    if not spread > 0:
        return pooled
    found = _solve_shrunk(np.sqrt(1 - shrinkage) * inner, shrinkage * spread, difference)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def count_targets(targets: Sequence[SoftClasses]) -> float:
    """How much target languages count beside the sources, from 0 to 1."""
    freedom = sum(both.freedom for both in targets)
    return freedom / (freedom + DOUBT_ROWS)


def mean_difference(classes: Sequence[SoftClasses], *, by_freedom: bool = False) -> Floats:
    """Mean of the languages' own differences of class means, float64 [hidden].

    Every language weighs the same or, ``by_freedom``, as much as its degrees of freedom: one with a single pair
    says nothing beside one with many prompts.
    """
    parts = [_mean(both.hidden, both.harmful) - _mean(both.hidden, both.harmless) for both in classes]
    weights = np.array([both.freedom if by_freedom else 1.0 for both in classes])
    return np.asarray(np.average(parts, axis=0, weights=weights if weights.any() else None))


def inner_rows(classes: Sequence[SoftClasses]) -> Floats:
    """Rows around the mean of their class and language, scaled so that ``rows' rows`` is their covariance."""
    freedom = sum(both.freedom for both in classes)
    parts = [
        np.sqrt(share[kept])[:, None] * (both.hidden[kept] - _mean(both.hidden, share))
        for both in classes
        for share in (both.harmful, both.harmless)
        if (kept := share > 0).any()
    ]
    return np.asarray(np.concatenate(parts) / np.sqrt(max(freedom, 1)))


def _mean(hidden: Floats, share: Floats) -> Floats:
    return np.asarray(share @ np.asarray(hidden, np.float64) / share.sum())


def _solve_shrunk(rows: Floats, ridge: float, right: Floats) -> Floats:
    """``(rows' rows + ridge I)^-1 right`` over the smaller of the two sides of ``rows``."""
    count, width = rows.shape
    if width <= count or ridge == 0:
        return np.asarray(np.linalg.solve(rows.T @ rows + ridge * np.eye(width), right))
    small = np.linalg.solve(rows @ rows.T + ridge * np.eye(count), rows @ right)
    return np.asarray((right - rows.T @ small) / ridge)


def fit_subspace(directions: Sequence[Floats] | Floats, rank: int | None = None) -> Floats:
    """Orthonormal basis of what several directions have in common, the most shared axis first.

    Args:
        directions: unit vectors, [direction, hidden].
        rank: axes to keep; None keeps as many as there are independent directions.

    Returns:
        float32 [hidden, rank]. Signs are fixed: the direction that loads most on an axis loads on it positively.

    Raises:
        TooFewPrompts: more axes are asked for than there are independent directions.

    Source: uncentred singular value decomposition as in arXiv 2606.01196; there the signs are left to the
    linear-algebra library.
    """
    stack = np.asarray(directions, dtype=np.float64)
    loadings, sizes, axes = np.linalg.svd(stack, full_matrices=False)
    available = int((sizes > sizes[0] * 1e-6).sum())
    wanted = available if rank is None else rank
    if not 1 <= wanted <= available:
        raise TooFewPrompts(
            f"Rank {wanted} asked for, but {len(stack)} source directions span {available} dimensions. "
            f"Choose a rank from 1 to {available}, or add source languages."
        )
    strongest = np.abs(loadings).argmax(axis=0)
    signs = np.sign(loadings[strongest, np.arange(loadings.shape[1])])
    return np.asarray((axes * signs[:, None])[:wanted].T, dtype=np.float32)


def split_classes(
    activations: Activations,
    languages: Sequence[Language],
    layer: int,
    *,
    split: Split | None = None,
    position: int = -1,
) -> dict[Language, Classes]:
    """Harmful and harmless states of each language, float32 [prompt, hidden], in recorded order."""
    hidden = activations.at(layer, position)
    return {
        language: (
            hidden[activations.rows(language=language, kind=Kind.HARMFUL, split=split)],
            hidden[activations.rows(language=language, kind=Kind.HARMLESS, split=split)],
        )
        for language in languages
    }


def fit_source_direction(
    activations: Activations, source: Sequence[Language], layer: int, *, position: int = -1
) -> Direction:
    """The pooled direction of the source languages' training prompts at one layer.

    Raises:
        TooFewPrompts: a language has fewer than two training prompts of a class.
        DegenerateDirection: the classes coincide at this layer.
    """
    classes = split_classes(activations, source, layer, split=Split.TRAIN, position=position)
    return Direction(
        vector=fit_pooled_direction(classes, label=f"layer {layer}"),
        layer=layer,
        position=position,
        languages=tuple(source),
        estimator="pooled_difference_of_means",
        n_harmful=sum(len(harmful) for harmful, _ in classes.values()),
        n_harmless=sum(len(harmless) for _, harmless in classes.values()),
    )


def _difference(harmful: Floats, harmless: Floats, label: str) -> Floats:
    for name, rows in ((Kind.HARMFUL, harmful), (Kind.HARMLESS, harmless)):
        if len(rows) < FEWEST_ROWS:
            raise TooFewPrompts(
                f"{label}: {len(rows)} {name} training prompts; a difference of means needs at least {FEWEST_ROWS}."
            )
    means = [np.asarray(rows, np.float64).mean(axis=0) for rows in (harmful, harmless)]
    return np.asarray(means[0] - means[1])


def _unit(difference: Floats, scale: Floats, label: str) -> Floats:
    length = float(np.linalg.norm(difference))
    if not length > COINCIDENCE * float(np.linalg.norm(scale, axis=1).mean()):
        raise DegenerateDirection(
            f"{label}: harmful and harmless prompts have the same mean state, so there is no direction between "
            "them. Use another layer or prompts that differ."
        )
    return np.asarray(difference / length, dtype=np.float32)
