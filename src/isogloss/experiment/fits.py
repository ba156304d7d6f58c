"""The fits of the detection grid: every method as blocks of readouts, one block per rank and number of shots.

A method gives, for every language, scores of its test prompts under each draw and one threshold per draw. Fits of one
block share everything that does not depend on the target language.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isogloss.core import Kind, Language, Split
from isogloss.experiment.cases import SOURCE, case_of
from isogloss.experiment.draws import Draws
from isogloss.experiment.label_free import cut_label_free
from isogloss.experiment.ours import OurGate, fit_line, fit_ours, fit_span, score_all
from isogloss.experiment.plan import LABEL_FREE, PROBES, DetectionMethod
from isogloss.experiment.probes import fit_probes, score_probes
from isogloss.experiment.states import LanguageStates, LayerStates, Read
from isogloss.repair.published.directions import SHORTEST, pooled_direction
from isogloss.repair.published.readout import Readouts, fit_readouts
from isogloss.repair.published.shots import ShotBatch, published_seed
from isogloss.repair.published.thresholds import fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Block:
    """One method, rank and number of shots in one language, under several draws.

    Attributes:
        seeds: of the draws; one seed where nothing is drawn.
        harmful: scores of the harmful test prompts, float [draw or 1, prompt].
        harmless: the same of harmless ones.
        thresholds: float [draw].
        shared: the scores do not differ between draws, so their AUROC is one number.
    """

    method: DetectionMethod
    language: Language
    shots: int
    rank: int
    seeds: tuple[int, ...]
    harmful: Floats
    harmless: Floats
    thresholds: Floats
    shared: bool


@dataclass(frozen=True, eq=False)
class Grid:
    """What the fits work on.

    Attributes:
        states: at one layer, with a pool of shot rows and random directions where methods need them.
        draws: of the shots.
        languages: that are measured.
        shots: budgets, ascending.
        ranks: of the ranked methods.
        seeds: of the draws.
        split: that is measured.
        name: of the model; part of the published seeds.
        read: gives whole states again, for ``PROBES`` and unlabelled text; both are left out without it.
        probe_shots: budgets of those.
    """

    states: LayerStates
    draws: Draws
    languages: tuple[Language, ...]
    shots: tuple[int, ...]
    ranks: tuple[int, ...]
    seeds: tuple[int, ...]
    split: Split = Split.TEST
    name: str = "model"
    read: Read | None = None
    probe_shots: tuple[int, ...] = (0, 4)

    @property
    def targets(self) -> tuple[Language, ...]:
        """Measured languages that are not source languages."""
        return tuple(language for language in self.languages if language not in self.states.source)

    def of(self, language: Language) -> LanguageStates:
        return self.states.languages[language]

    def feasible(self, shots: int) -> tuple[Language, ...]:
        """Languages with enough prompts for a budget."""
        return tuple(language for language in self.languages if shots <= self.draws.available[language])


def iterate_blocks(grid: Grid, methods: Sequence[DetectionMethod]) -> Iterator[Block]:
    """Every block of the methods asked for."""
    for method in methods:
        yield from _METHODS[method](grid)


# ---- ours


def _fit_ours(grid: Grid) -> Iterator[Block]:
    """The default gate: a readout per budget and draw, which all languages share."""
    languages = {language: grid.of(language) for language in grid.languages}
    for shots in grid.shots:
        ready = grid.feasible(shots)
        seeds = grid.seeds if shots else grid.seeds[:1]
        if not ready:
            continue
        cuts, scores = np.empty((len(ready), len(seeds))), []
        for number, seed in enumerate(seeds):
            # No target language may have so many shots although a source language has.
            case = case_of(shots, seed) if grid.states.has(case_of(shots, seed)) else SOURCE
            ours = fit_ours(grid.states, case)
            scores.append(score_all(ours, {language: languages[language] for language in ready}))
            drawn = [
                [scores[-1][language][rows] for rows in grid.draws.shots(language, seed, shots)] for language in ready
            ]
            cuts[:, number] = ours.cuts(*(np.array([both[side] for both in drawn]) for side in (0, 1)))
        for place, language in enumerate(ready):
            own = np.array([one[language] for one in scores])
            harmful, harmless = (own[:, languages[language].rows(kind, grid.split)] for kind in Kind)
            yield Block(DetectionMethod.OURS, language, shots, 0, seeds, harmful, harmless, cuts[place], shared=False)


def _fit_spans(grid: Grid) -> Iterator[Block]:
    for rank in grid.ranks:
        yield from _cut_ours(grid, DetectionMethod.OURS_SPAN, fit_span(grid.states, rank=rank), rank)


def _fit_lines(grid: Grid) -> Iterator[Block]:
    yield from _cut_ours(grid, DetectionMethod.OURS_LINE, fit_line(grid.states), 0)


def _cut_ours(grid: Grid, method: DetectionMethod, ours: OurGate, rank: int) -> Iterator[Block]:
    """One readout of the source languages for every budget and draw."""
    scores = score_all(ours, {language: grid.of(language) for language in grid.languages})
    for shots in grid.shots:
        languages = grid.feasible(shots)
        if not languages:
            continue
        seeds = grid.seeds if shots else grid.seeds[:1]
        drawn = [(scores[one], grid.draws.shots(one, seed, shots)) for one in languages for seed in seeds]
        cuts = ours.cuts(*(np.array([values[rows[side]] for values, rows in drawn]) for side in (0, 1)))
        for place, language in enumerate(languages):
            held = grid.of(language)
            harmful, harmless = (scores[language][held.rows(kind, grid.split)][None] for kind in Kind)
            part = cuts[place * len(seeds) : (place + 1) * len(seeds)]
            yield Block(method, language, shots, rank, seeds, harmful, harmless, part, shared=True)


def _fit_label_free(method: DetectionMethod) -> Callable[[Grid], Iterator[Block]]:
    def fit(grid: Grid) -> Iterator[Block]:
        for found in cut_label_free(grid.states, grid.targets, method, read=grid.read):
            own = grid.of(found.language)
            harmful, harmless = (found.scores[own.rows(kind, grid.split)][None] for kind in Kind)
            cuts = np.array([found.threshold])
            yield Block(method, found.language, 0, 0, grid.seeds[:1], harmful, harmless, cuts, shared=True)

    return fit


# ---- published


def _fit_published_gates(grid: Grid) -> Iterator[Block]:
    classes = grid.states.source_classes()
    rows = np.concatenate([part for both in classes.values() for part in both])
    labels = np.concatenate(
        [np.full(len(part), not number) for both in classes.values() for number, part in enumerate(both)]
    )
    for rank in grid.ranks:
        for shots in grid.shots:
            yield from _published_block(grid, rows[:, :rank], labels, rank, shots)


def _published_block(grid: Grid, rows: Floats, labels: npt.NDArray[np.bool_], rank: int, shots: int) -> Iterator[Block]:
    """All languages and draws of one rank and budget in one call; without shots all languages share the fits."""
    languages = grid.feasible(shots)
    if not shots:
        fits = _fit_batch(grid, rows, labels, ShotBatch.none(len(grid.seeds), rank), ["source"], rank, 0)
        thresholds, _ = fit_f1_thresholds(fits.score(rows), labels)
        for language in languages:
            yield _published_scores(grid, language, fits, slice(None), thresholds, rank, 0)
        return
    if not languages:
        return
    own = [grid.of(language).features[:, :rank] for language in languages]
    marks = np.arange(2 * shots) < shots
    batch = ShotBatch.stack(
        [
            (features[np.concatenate(grid.draws.shots(language, seed, shots))], marks)
            for language, features in zip(languages, own, strict=True)
            for seed in grid.seeds
        ]
    )
    fits = _fit_batch(grid, rows, labels, batch, [language.key for language in languages], rank, shots)
    thresholds, _ = fit_f1_thresholds(fits.score_shots(batch), marks)
    for place, language in enumerate(languages):
        part = slice(place * len(grid.seeds), (place + 1) * len(grid.seeds))
        yield _published_scores(grid, language, fits, part, thresholds[part], rank, shots)


def _fit_batch(
    grid: Grid,
    rows: Floats,
    labels: npt.NDArray[np.bool_],
    batch: ShotBatch,
    names: Sequence[str],
    rank: int,
    shots: int,
) -> Readouts:
    seeds = [published_seed(seed, grid.name, name, shots, rank, "probe") for name in names for seed in grid.seeds]
    return fit_readouts(rows, labels, batch, seeds=seeds, dtype=torch.float32)


def _published_scores(
    grid: Grid, language: Language, fits: Readouts, part: slice, thresholds: Floats, rank: int, shots: int
) -> Block:
    own = grid.of(language)
    slopes, offsets = fits.slopes()[part], fits.offsets()[part]
    harmful, harmless = (
        slopes @ own.features[own.rows(kind, grid.split)][:, :rank].T + offsets[:, None] for kind in Kind
    )
    method = DetectionMethod.PUBLISHED_GATE
    return Block(method, language, shots, rank, grid.seeds, harmful, harmless, thresholds, shared=False)


def _fit_published_directions(grid: Grid) -> Iterator[Block]:
    classes = grid.states.source_classes()
    vector = np.asarray(pooled_direction(classes), np.float64)
    source = [np.concatenate([both[place] for both in classes.values()]) @ vector for place in (0, 1)]
    yield from _cut_by_shots(
        grid,
        DetectionMethod.PUBLISHED_DIRECTION,
        lambda own: (own.features @ vector)[None],
        _cut_source(source[0][None], source[1][None]),
    )


def _fit_random_directions(grid: Grid) -> Iterator[Block]:
    parts: list[list[Floats]] = [[], []]
    for language in grid.states.source:
        own = grid.of(language)
        for kind, found in zip(Kind, parts, strict=True):
            found.append(own.chance[own.rows(kind, Split.TRAIN)].T)
    cuts = _cut_source(np.concatenate(parts[0], axis=1), np.concatenate(parts[1], axis=1))
    yield from _cut_by_shots(grid, DetectionMethod.RANDOM_DIRECTION, lambda own: own.chance.T, cuts)


def _cut_source(harmful: Floats, harmless: Floats) -> Floats:
    """Thresholds of directions from the source languages' training scores, [direction]."""
    labels = np.arange(harmful.shape[1] + harmless.shape[1]) < harmful.shape[1]
    return fit_f1_thresholds(np.concatenate([harmful, harmless], axis=1), labels)[0]


def _cut_by_shots(
    grid: Grid, method: DetectionMethod, score: Callable[[LanguageStates], Floats], source_cuts: Floats
) -> Iterator[Block]:
    """Scores that are there already, [direction, prompt], with published thresholds.

    One direction serves every draw; of several directions each draw has its own.
    """
    for language in grid.languages:
        own, scores = grid.of(language), score(grid.of(language))
        harmful, harmless = (scores[:, own.rows(kind, grid.split)] for kind in Kind)
        for shots in grid.shots:
            if shots > grid.draws.available[language]:
                continue
            seeds = grid.seeds if shots or len(scores) > 1 else grid.seeds[:1]
            cuts = source_cuts
            if shots:
                rows = [np.concatenate(grid.draws.shots(language, seed, shots)) for seed in seeds]
                mine = np.array([scores[min(place, len(scores) - 1), part] for place, part in enumerate(rows)])
                cuts, _ = fit_f1_thresholds(mine, np.arange(2 * shots) < shots)
            yield Block(method, language, shots, 0, seeds, harmful, harmless, cuts, shared=len(scores) == 1)


def _fit_target_directions(grid: Grid) -> Iterator[Block]:
    """Directions of the shots alone, formed from inner products: no state is touched again."""
    for language in grid.languages:
        own = grid.of(language)
        place = {int(row): column for column, row in enumerate(own.pool)}
        for shots in (budget for budget in grid.shots if 0 < budget <= grid.draws.available[language]):
            drawn = [grid.draws.shots(language, seed, shots) for seed in grid.seeds]
            mix = np.zeros((len(own.pool), len(drawn)))
            for column, (harmful, harmless) in enumerate(drawn):
                mix[[place[int(row)] for row in harmful], column] += 1 / shots
                mix[[place[int(row)] for row in harmless], column] -= 1 / shots
            lengths = np.sqrt(np.maximum(((own.gram[own.pool] @ mix) * mix).sum(axis=0), 0.0))
            scores = (own.gram @ mix / np.maximum(lengths, SHORTEST)).T
            mine = np.array([scores[number, np.concatenate(rows)] for number, rows in enumerate(drawn)])
            cuts, _ = fit_f1_thresholds(mine, np.arange(2 * shots) < shots)
            tested = [scores[:, own.rows(kind, grid.split)] for kind in Kind]
            method = DetectionMethod.TARGET_DIRECTION
            yield Block(method, language, shots, 0, grid.seeds, tested[0], tested[1], cuts, shared=False)


# ---- probes of whole states


def _fit_probes(method: DetectionMethod) -> Callable[[Grid], Iterator[Block]]:
    def fit(grid: Grid) -> Iterator[Block]:
        if grid.read is None:
            return
        states = grid.states
        prompts = {language: own.prompts for language, own in states.languages.items()}
        fitted = fit_probes(
            method,
            grid.read,
            prompts,
            states.source,
            grid.targets,
            grid.draws,
            layer=states.layer,
            shots=grid.probe_shots,
            seeds=grid.seeds,
        )
        measured = {language: prompts[language] for language in grid.targets}
        for language, (shots, seed), harmful, harmless, cut in score_probes(
            fitted, grid.read, measured, states.layer, grid.split
        ):
            if shots <= grid.draws.available[language]:
                found = harmful[None], harmless[None], np.array([cut])
                yield Block(method, language, shots, 0, (seed,), *found, shared=False)

    return fit


_METHODS: Mapping[DetectionMethod, Callable[[Grid], Iterator[Block]]] = {
    DetectionMethod.OURS: _fit_ours,
    DetectionMethod.OURS_SPAN: _fit_spans,
    DetectionMethod.OURS_LINE: _fit_lines,
    **{method: _fit_label_free(method) for method in LABEL_FREE},
    DetectionMethod.PUBLISHED_GATE: _fit_published_gates,
    DetectionMethod.PUBLISHED_DIRECTION: _fit_published_directions,
    DetectionMethod.TARGET_DIRECTION: _fit_target_directions,
    DetectionMethod.RANDOM_DIRECTION: _fit_random_directions,
    **{method: _fit_probes(method) for method in PROBES},
}
