"""From language to language: everything known of one, measured on another."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isogloss.core import Kind, Language, Split
from isogloss.experiment.cases import SOURCE, Case
from isogloss.experiment.ours import fit_ours, score_all
from isogloss.experiment.record import TransferRecord
from isogloss.experiment.scoring import measure_fits
from isogloss.experiment.states import LayerStates
from isogloss.repair.published.readout import fit_readouts
from isogloss.repair.published.shots import ShotBatch, published_seed
from isogloss.repair.published.thresholds import fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]
Score = Callable[[Language, Language], tuple[Floats, Floats, float]]
"""Scores of the column's harmful and harmless test prompts, and the threshold, for a row and a column."""

OURS, PUBLISHED = "ours", "published gate"
NOTES = {
    OURS: "the default repair's gate with all of the row's training prompts as its labelled examples",
    PUBLISHED: "the readout refitted on source training prompts and the row's, with the source training threshold",
}


def measure_transfer(states: LayerStates, *, seed: int, name: str, key: str = "") -> TransferRecord:
    """How every language's training prompts (rows) serve every language's test prompts (columns).

    Cells without training prompts in the row, or without test prompts of a kind in the column, are empty.

    Args:
        states: of all languages at one layer, with the cases of ``language_cases``.
        seed: of the published readout's first weights.
        name: of the model; part of that seed.
        key: of the record.

    Source: arXiv 2606.01196 for the published form, with one language's full training split.
    """
    order = tuple(states.languages)
    ready = [
        language for language in order if min(len(part) for part in states.languages[language].classes(Split.TRAIN))
    ]
    methods: dict[str, Score] = {OURS: _ours(states, ready), PUBLISHED: _published(states, ready, seed, name)}
    accuracy: dict[str, tuple[tuple[float | None, ...], ...]] = {}
    harmonic: dict[str, tuple[tuple[float | None, ...], ...]] = {}
    for method, score in methods.items():
        cells = [[_cell(states, score, row, column, row in ready) for column in order] for row in order]
        accuracy[method] = tuple(tuple(cell[0] for cell in row) for row in cells)
        harmonic[method] = tuple(tuple(cell[1] for cell in row) for row in cells)
    return TransferRecord(
        key=key,
        layer=states.layer,
        languages=tuple(language.tag for language in order),
        balanced_accuracy=accuracy,
        f1=harmonic,
        notes=NOTES,
    )


def _cell(
    states: LayerStates, score: Score, row: Language, column: Language, ready: bool
) -> tuple[float | None, float | None]:
    own = states.languages[column]
    if not ready or not min(len(own.rows(kind, Split.TEST)) for kind in Kind):
        return None, None
    harmful, harmless, threshold = score(row, column)
    found = measure_fits(harmful[None], harmless[None], np.array([threshold]), areas=np.zeros(1))
    return round(float(found.balanced_accuracy[0]), 4), round(float(found.f1[0]), 4)


def _ours(states: LayerStates, ready: list[Language]) -> Score:
    gates = {language: fit_ours(states, case_in(states, language)) for language in ready}
    cuts, scored = {}, {}
    for row, ours in gates.items():
        scores = score_all(ours, states.languages)
        shots = (scores[row][states.languages[row].rows(kind, Split.TRAIN)] for kind in Kind)
        cuts[row] = ours.cut(*shots)
        for column, own in states.languages.items():
            tests = [scores[column][own.rows(kind, Split.TEST)] for kind in Kind]
            scored[row, column] = (tests[0], tests[1])
    return lambda row, column: (*scored[row, column], cuts[row])


def case_in(states: LayerStates, language: Language) -> Case:
    """The case of a target language's training prompts; a source language's are in every readout already."""
    own = Case(of=language.key)
    return own if states.has(own) else SOURCE


def _published(states: LayerStates, ready: list[Language], seed: int, name: str) -> Score:
    classes = states.source_classes()
    rank = min(len(classes), states.basis.shape[1])
    parts = [part[:, :rank] for both in classes.values() for part in both]
    rows = np.concatenate(parts)
    labels = np.concatenate([np.full(len(part), number % 2 == 0) for number, part in enumerate(parts)])
    own = []
    for language in ready:
        harmful, harmless = (part[:, :rank] for part in states.languages[language].classes(Split.TRAIN))
        # A source language's prompts are among the shared rows already.
        both = np.concatenate([harmful, harmless])
        marks = np.arange(len(both)) < len(harmful)
        own.append((both[:0], marks[:0]) if language in states.source else (both, marks))
    batch = ShotBatch.stack(own)
    seeds = [published_seed(seed, name, language.key, 0, rank, "transfer") for language in ready]
    fits = fit_readouts(rows, labels, batch, seeds=seeds, dtype=torch.float32)
    cuts, _ = fit_f1_thresholds(fits.score(rows), labels)
    scored = {}
    for language, tested in states.languages.items():
        harmful, harmless = tested.classes(Split.TEST)
        scored[language] = (fits.score(harmful[:, :rank]), fits.score(harmless[:, :rank]))
    place = {language: number for number, language in enumerate(ready)}

    def score(row: Language, column: Language) -> tuple[Floats, Floats, float]:
        number = place[row]
        return scored[column][0][number], scored[column][1][number], float(cuts[number])

    return score
