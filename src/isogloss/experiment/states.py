"""Stored states, read once and projected once: what every fit of a study works on.

A gate of the source languages sees a state only through the span of the source directions. Coordinates in an
orthonormal basis of that span keep every inner product that such a gate can form, so all fits run on at most one
number per source language (and one for the direction that pools unequal counts), whatever the width of the model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations
from isogloss.inside.directions import FEWEST_ROWS, Classes
from isogloss.repair.published.directions import extend_basis, language_directions, pooled_direction, source_basis

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Read = Callable[[Sequence[Prompt], int], Floats]
"""States float32 [prompt, hidden] of some prompts at one layer."""


@dataclass(frozen=True, eq=False)
class LanguageStates:
    """One language's prompts at one layer.

    Attributes:
        language: the language.
        prompts: its prompts.
        features: float64 [prompt, feature], coordinates in the source span.
        chance: float64 [prompt, draw], projections on random unit vectors; no columns where none were asked for.
        gram: float64 [prompt, pool], inner products with the rows of ``pool``; empty where none were asked for.
        pool: int [pool], rows that shots may be drawn from.
    """

    language: Language
    prompts: tuple[Prompt, ...]
    features: Floats
    chance: Floats
    gram: Floats
    pool: npt.NDArray[np.int64]

    def rows(self, kind: Kind, split: Split) -> npt.NDArray[np.int64]:
        """Row numbers of one class of one split."""
        marks = [prompt.kind == kind and prompt.split == split for prompt in self.prompts]
        return np.flatnonzero(np.array(marks, dtype=bool))

    def classes(self, split: Split) -> Classes:
        """Coordinates of harmful and of harmless prompts of a split."""
        return self.features[self.rows(Kind.HARMFUL, split)], self.features[self.rows(Kind.HARMLESS, split)]


@dataclass(frozen=True, eq=False)
class LayerStates:
    """Every language at one layer.

    Attributes:
        layer: 0-based decoder block.
        basis: float32 [hidden, feature], orthonormal; the first axes are the published subspace in its order.
        source: the source languages.
        languages: states by language, source languages first.
    """

    layer: int
    basis: Floats
    source: tuple[Language, ...]
    languages: Mapping[Language, LanguageStates]

    def source_classes(self, split: Split = Split.TRAIN) -> dict[Language, Classes]:
        """Coordinates of the source languages' prompts of a split."""
        return {language: self.languages[language].classes(split) for language in self.source}

    def as_activations(self, model: Mapping[str, str], splits: Sequence[Split]) -> Activations:
        """The coordinates in place of states, for functions that take recorded states of source prompts."""
        kept = [
            (prompt, row)
            for language in self.source
            for prompt, row in zip(self.languages[language].prompts, self.languages[language].features, strict=True)
            if prompt.split in splits
        ]
        hidden = np.array([row for _, row in kept], np.float32)[:, None, None, :]
        return Activations(hidden, tuple(prompt for prompt, _ in kept), (self.layer,), (-1,), dict(model))


def read_layer(
    read: Read,
    prompts: Mapping[Language, Sequence[Prompt]],
    source: Sequence[Language],
    layer: int,
    *,
    pool_split: Split | None = None,
    draws: Sequence[int] = (),
) -> LayerStates:
    """Read one layer language by language, and keep coordinates alone.

    Args:
        read: gives the states of some prompts at a layer.
        prompts: of every language; the source languages need training prompts of both kinds.
        source: the source languages.
        layer: 0-based decoder block.
        pool_split: keep inner products with the rows of this split, for directions of the target language alone.
        draws: seeds of random directions.

    Raises:
        TooFewPrompts: a source language has fewer than two training prompts of a class.
    """
    train = {language: _train_classes(read, prompts[language], language, layer) for language in source}
    basis = span_basis(train)
    chance = random_directions(len(basis), draws)
    order = (*source, *(language for language in prompts if language not in source))
    states = {
        language: _project(read(prompts[language], layer), language, prompts[language], basis, chance, pool_split)
        for language in order
    }
    return LayerStates(layer, basis, tuple(source), states)


def span_basis(classes: Mapping[Language, Classes]) -> Floats:
    """Orthonormal axes of the span of the source directions, float32 [hidden, axis].

    The first axes are the singular vectors of the languages' unit differences of means, the most shared first. Where
    languages have unequal counts, the direction of all rows thrown together may leave their span and adds an axis.
    """
    return extend_basis(source_basis(language_directions(classes)), [pooled_direction(classes)])


def random_directions(width: int, seeds: Sequence[int]) -> Floats:
    """One random unit vector per seed, float64 [hidden, draw]."""
    drawn = np.array(
        [np.random.default_rng(derive_seed("random direction", seed)).normal(size=width) for seed in seeds]
    )
    if not len(seeds):
        return np.empty((width, 0))
    return np.asarray((drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).T)


def group_prompts(prompts: Sequence[Prompt], languages: Sequence[Language]) -> dict[Language, list[Prompt]]:
    """Prompts by language, in the order of the languages."""
    groups: dict[Language, list[Prompt]] = {language: [] for language in languages}
    for prompt in prompts:
        if prompt.language in groups:
            groups[prompt.language].append(prompt)
    return groups


def iterate_layers(
    read: Read, prompts: Mapping[Language, Sequence[Prompt]], source: Sequence[Language], layers: Sequence[int]
) -> Iterator[LayerStates]:
    """Layers one after the other, so that no more than one language's states are in memory."""
    for layer in layers:
        yield read_layer(read, prompts, source, layer)


def _train_classes(read: Read, prompts: Sequence[Prompt], language: Language, layer: int) -> Classes:
    chosen = {kind: [one for one in prompts if one.kind == kind and one.split == Split.TRAIN] for kind in Kind}
    for kind, part in chosen.items():
        if len(part) < FEWEST_ROWS:
            raise TooFewPrompts(
                f"{language} has {len(part)} {kind} train prompts; a source language needs at least {FEWEST_ROWS} of "
                "each kind. Add them, or choose other source languages."
            )
    return read(chosen[Kind.HARMFUL], layer), read(chosen[Kind.HARMLESS], layer)


def _project(
    hidden: Floats,
    language: Language,
    prompts: Sequence[Prompt],
    basis: Floats,
    chance: Floats,
    pool_split: Split | None,
) -> LanguageStates:
    marks = [pool_split is not None and prompt.split == pool_split for prompt in prompts]
    pool = np.flatnonzero(np.array(marks, dtype=bool))
    states = np.asarray(hidden, np.float32)
    return LanguageStates(
        language=language,
        prompts=tuple(prompts),
        features=np.asarray(states @ basis, np.float64),
        chance=np.asarray(states @ chance.astype(np.float32), np.float64),
        gram=np.asarray(states @ states[pool].T, np.float64),
        pool=pool,
    )
