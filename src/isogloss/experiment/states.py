"""Stored states, read once and projected once: what every fit of a study works on.

A gate of the source languages sees a state only through the span of the source directions. Coordinates in an
orthonormal basis of that span keep every inner product that such a gate can form, so all fits run on at most one
number per source language (and one for the direction that pools unequal counts), whatever the width of the model.
Our default readout looks along a direction of its own, another one for every set of labelled target prompts: all of
them are fitted at once (``whitened``), and the states are projected on them in the same pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.experiment.cases import Case, CaseRows, Cases
from isogloss.experiment.draws import Rows
from isogloss.experiment.whitened import Whitened, fit_whitened
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
        whitened: float [prompt, case], along our default direction of every case; no columns where none were fitted.
        left_out: of a source language, the same along the directions without one source language, by that language.
        chance: float64 [prompt, draw], projections on random unit vectors; no columns where none were asked for.
        gram: float64 [prompt, pool], inner products with the rows of ``pool``; empty where none were asked for.
        pool: int [pool], rows that shots may be drawn from.
    """

    language: Language
    prompts: tuple[Prompt, ...]
    features: Floats
    whitened: Floats
    left_out: Mapping[Language, Floats]
    chance: Floats
    gram: Floats
    pool: npt.NDArray[np.int64]

    def rows(self, kind: Kind, split: Split) -> npt.NDArray[np.int64]:
        """Row numbers of one class of one split."""
        return self._places.get((kind, split), np.empty(0, np.int64))

    @cached_property
    def _places(self) -> dict[tuple[Kind, Split | None], npt.NDArray[np.int64]]:
        found: dict[tuple[Kind, Split | None], list[int]] = {}
        for row, prompt in enumerate(self.prompts):
            found.setdefault((prompt.kind, prompt.split), []).append(row)
        return {name: np.array(rows, np.int64) for name, rows in found.items()}

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
        whitened: our default directions; None where none were asked for, or the source classes coincide.
        languages: states by language, source languages first.
    """

    layer: int
    basis: Floats
    source: tuple[Language, ...]
    whitened: Whitened | None
    languages: Mapping[Language, LanguageStates]

    @property
    def targets(self) -> tuple[Language, ...]:
        """Languages that are not source languages."""
        return tuple(language for language in self.languages if language not in self.source)

    def has(self, case: Case) -> bool:
        """Whether our default readout was fitted for a case."""
        return self.whitened is not None and case in self.whitened.cases

    def project(self, hidden: Floats, language: Language, prompts: Sequence[Prompt]) -> LanguageStates:
        """Further prompts' states [prompt, hidden] of this layer, seen as those of the study are."""
        return _Projection(self.basis, self.whitened).of(hidden, language, prompts)

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
    cases: Cases | None = None,
) -> LayerStates:
    """Read one layer language by language, and keep coordinates alone.

    Args:
        read: gives the states of some prompts at a layer.
        prompts: of every language; the source languages need training prompts of both kinds.
        source: the source languages.
        layer: 0-based decoder block.
        pool_split: keep inner products with the rows of this split, for directions of the target language alone.
        draws: seeds of random directions.
        cases: target prompts that our default readout is fitted with, beside ``SOURCE``; None fits none.

    Raises:
        TooFewPrompts: a source language has fewer than two training prompts of a class.
    """
    train = {language: _train_classes(read, prompts[language], language, layer) for language in source}
    basis = span_basis(train)
    whitened = None
    if cases is not None:
        # A layer where the classes coincide has no such direction; the published ones are defined all the same.
        with suppress(DegenerateDirection):
            whitened = fit_whitened(train, *_gather(read, prompts, layer, cases), label=f"layer {layer}")
    del train
    see = _Projection(basis, whitened, random_directions(len(basis), draws), pool_split, tuple(source))
    order = (*source, *(language for language in prompts if language not in source))
    states = {language: see.of(read(prompts[language], layer), language, prompts[language]) for language in order}
    return LayerStates(layer, basis, tuple(source), whitened, states)


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
    read: Read,
    prompts: Mapping[Language, Sequence[Prompt]],
    source: Sequence[Language],
    layers: Sequence[int],
    *,
    cases: Cases | None = None,
) -> Iterator[LayerStates]:
    """Layers one after the other, so that the states of no more than one are in memory."""
    for layer in layers:
        yield read_layer(read, prompts, source, layer, cases=cases)


def _train_classes(read: Read, prompts: Sequence[Prompt], language: Language, layer: int) -> Classes:
    chosen = {kind: [one for one in prompts if one.kind == kind and one.split == Split.TRAIN] for kind in Kind}
    for kind, part in chosen.items():
        if len(part) < FEWEST_ROWS:
            raise TooFewPrompts(
                f"{language} has {len(part)} {kind} train prompts; a source language needs at least {FEWEST_ROWS} of "
                "each kind. Add them, or choose other source languages."
            )
    return read(chosen[Kind.HARMFUL], layer), read(chosen[Kind.HARMLESS], layer)


def _gather(
    read: Read, prompts: Mapping[Language, Sequence[Prompt]], layer: int, cases: Cases
) -> tuple[dict[Language, Floats], Cases]:
    """States of the rows that any case uses, and the cases with their rows numbered in these."""
    used: dict[Language, set[int]] = {}
    for case in cases.values():
        for language, part in case.items():
            used.setdefault(language, set()).update(part.rows.tolist())
    wanted = {language: np.array(sorted(rows), np.int64) for language, rows in used.items()}
    pool = {language: read([prompts[language][row] for row in rows], layer) for language, rows in wanted.items()}
    numbered = {
        name: {
            language: CaseRows(_number(wanted[language], part.rows), part.harmful, part.harmless)
            for language, part in case.items()
        }
        for name, case in cases.items()
    }
    return pool, numbered


@dataclass(frozen=True, eq=False)
class _Projection:
    """What is kept of a language's states; ``source`` languages are projected without each other, too."""

    basis: Floats
    whitened: Whitened | None
    chance: Floats | None = None
    pool_split: Split | None = None
    source: tuple[Language, ...] = ()

    def of(self, hidden: Floats, language: Language, prompts: Sequence[Prompt]) -> LanguageStates:
        """The language as every fit sees it."""
        marks = [self.pool_split is not None and prompt.split == self.pool_split for prompt in prompts]
        pool = np.flatnonzero(np.array(marks, dtype=bool))
        states = np.asarray(hidden, np.float32)
        chance = np.empty((len(self.basis), 0)) if self.chance is None else self.chance
        found = self.whitened
        left_out = found.left_out if found is not None and language in self.source else {}
        return LanguageStates(
            language=language,
            prompts=tuple(prompts),
            features=np.asarray(states @ self.basis, np.float64),
            whitened=np.empty((len(states), 0)) if found is None else _along(states, found.vectors),
            left_out={left: _along(states, vectors) for left, vectors in left_out.items()},
            chance=np.asarray(states @ chance.astype(np.float32), np.float64),
            gram=np.asarray(states @ states[pool].T, np.float64),
            pool=pool,
        )


def _number(wanted: Rows, rows: Rows) -> Rows:
    return np.asarray(np.searchsorted(wanted, rows), np.int64)


def _along(states: Floats, vectors: Floats) -> Floats:
    """Projections in the precision of the directions."""
    return np.asarray(states.astype(vectors.dtype, copy=False) @ vectors)
