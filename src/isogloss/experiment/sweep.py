"""Layer by layer: how well the classes are told apart, how well thresholds carry over, and where prompts lie."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.core.progress import Progress, silent
from isogloss.experiment.draws import Draws
from isogloss.experiment.fits import Grid, iterate_blocks
from isogloss.experiment.ours import OurGate, fit_ours
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.record import (
    LayerChoiceRecord,
    LayerRow,
    LayersRecord,
    Limits,
    ProjectionRow,
    ProjectionsRecord,
)
from isogloss.experiment.scoring import measure_fits
from isogloss.experiment.states import LanguageStates, LayerStates
from isogloss.inside.activations import Activations
from isogloss.inside.directions import fit_pooled_direction
from isogloss.inside.layer_choice import choose_layer
from isogloss.stats.separability import auroc, auroc_interval, balanced_accuracy, fit_threshold

Floats = npt.NDArray[np.floating[Any]]
DIGITS = 4
# Projections keep so many significant digits; no eye sees more, and they are most of a record's bytes.
SIGNIFICANT = 5


@dataclass(frozen=True, slots=True)
class LayerCell:
    """One language at one layer."""

    auroc: float | None = None
    interval: Limits | None = None
    transported: float | None = None
    recalibrated: float | None = None
    published: float | None = None


def choose_from_layers(
    layers: Sequence[LayerStates], source: Sequence[Language], model: Mapping[str, str], *, key: str = ""
) -> LayerChoiceRecord:
    """The layer whose direction carries best from source language to source language, on validation prompts.

    Raises:
        TooFewPrompts: a source language lacks validation prompts of a class.
        DegenerateDirection: the classes coincide at every layer.
    """
    parts = [states.as_activations(model, (Split.TRAIN, Split.VALIDATION)) for states in layers]
    width = max(part.hidden.shape[-1] for part in parts)
    hidden = np.concatenate([_widen(part.hidden, width) for part in parts], axis=1)
    joined = Activations(hidden, parts[0].prompts, tuple(states.layer for states in layers), (-1,), dict(model))
    found = choose_layer(joined, source)
    scores = tuple(None if score is None else round(score, DIGITS) for score in found.scores)
    reason = "the middle of the layers whose direction carries best between source languages, on validation prompts"
    return LayerChoiceRecord(key=key, layer=found.layer, layers=found.layers, scores=scores, reason=reason)


def sweep_layers(
    layers: Iterable[LayerStates],
    draws: Draws,
    *,
    chosen: int,
    shots: int,
    seeds: Sequence[int],
    full_depth: int,
    confidence: float,
    name: str = "model",
    key: str = "",
    progress: Progress = silent,
    total: int = 0,
) -> LayersRecord:
    """Measure every language at every layer on test prompts.

    Ours is the default repair's gate, at the source threshold and with shots; beside it stands the published gate with
    the same shots.

    Args:
        layers: states, one layer after the other, with the cases of ``shots`` and ``seeds``.
        draws: of the shots.
        chosen: the layer of the rest of the study, for the record.
        shots: of the recalibrated thresholds.
        seeds: of the draws.
        full_depth: layers of the model.
        confidence: of the AUROC's intervals.
        name: of the model; part of the published seeds.
        key: of the record.
        progress: told after every layer.
        total: layers in all, for progress.
    """
    numbers: list[int] = []
    cells: dict[str, list[LayerCell]] = {}
    for states in layers:
        numbers.append(states.layer)
        for language, cell in _measure_layer(states, draws, shots, seeds, confidence, name).items():
            cells.setdefault(language.tag, []).append(cell)
        progress("layers", len(numbers), total or len(numbers))
    rows = {
        tag: LayerRow(
            auroc=tuple(cell.auroc for cell in part),
            auroc_interval=tuple(cell.interval for cell in part),
            transported=tuple(cell.transported for cell in part),
            recalibrated=tuple(cell.recalibrated for cell in part),
            published=tuple(cell.published for cell in part),
        )
        for tag, part in cells.items()
    }
    return LayersRecord(
        key=key, layers=tuple(numbers), chosen=chosen, shots=shots, full_depth=full_depth, languages=rows
    )


def project_tests(states: LayerStates, *, key: str = "") -> ProjectionsRecord:
    """Every language's test prompts along the pooled source direction."""
    classes = states.source_classes()
    vector = np.asarray(fit_pooled_direction(classes, label=f"layer {states.layer}"), np.float64)
    train = [np.concatenate([both[place] for both in classes.values()]) @ vector for place in (0, 1)]
    rows = {}
    for language, own in states.languages.items():
        harmful, harmless = (part @ vector for part in own.classes(Split.TEST))
        both = bool(harmful.size and harmless.size)
        rows[language.tag] = ProjectionRow(
            harmful=_shorten(harmful),
            harmless=_shorten(harmless),
            best_threshold=fit_threshold(harmful, harmless) if both else None,
        )
    return ProjectionsRecord(
        key=key, layer=states.layer, source_threshold=fit_threshold(train[0], train[1]), languages=rows
    )


def _measure_layer(
    states: LayerStates, draws: Draws, shots: int, seeds: Sequence[int], confidence: float, name: str
) -> dict[Language, LayerCell]:
    if states.whitened is None:
        return {language: LayerCell() for language in states.languages}
    vector = np.asarray(fit_pooled_direction(states.source_classes()), np.float64)
    ours = fit_ours(states)
    found = {language: _measure_cell(own, vector, ours, confidence) for language, own in states.languages.items()}
    rank = min(len(states.source), states.basis.shape[1])
    grid = Grid(states, draws, tuple(states.languages), (shots,), (rank,), tuple(seeds), name=name)
    for block in iterate_blocks(grid, (DetectionMethod.OURS, DetectionMethod.PUBLISHED_GATE)):
        if found[block.language].auroc is None:
            continue
        measured = measure_fits(block.harmful, block.harmless, block.thresholds, areas=np.zeros(len(block.seeds)))
        value = round(float(measured.balanced_accuracy.mean()), DIGITS)
        cell = found[block.language]
        ours_too = block.method == DetectionMethod.OURS
        found[block.language] = replace(cell, recalibrated=value) if ours_too else replace(cell, published=value)
    return found


def _measure_cell(own: LanguageStates, vector: Floats, ours: OurGate, confidence: float) -> LayerCell:
    tests = {kind: own.rows(kind, Split.TEST) for kind in Kind}
    along = [own.features[rows] @ vector for rows in tests.values()]
    area = auroc(along[0], along[1])
    if area is None:
        return LayerCell()
    labels = (
        [own.prompts[row].cluster for row in tests[Kind.HARMFUL]],
        [own.prompts[row].cluster for row in tests[Kind.HARMLESS]],
    )
    limits = auroc_interval(along[0], along[1], clusters=labels, confidence=confidence)
    harmful, harmless = (ours.score(own)[rows] for rows in tests.values())
    return LayerCell(
        auroc=round(area, DIGITS),
        interval=None if limits is None else (round(limits[0], DIGITS), round(limits[1], DIGITS)),
        transported=balanced_accuracy(harmful, harmless, ours.gate.fallback),
    )


def _widen(hidden: Floats, width: int) -> Floats:
    """Coordinates with zeros for axes that a layer does not have."""
    return np.pad(hidden, ((0, 0), (0, 0), (0, 0), (0, width - hidden.shape[-1])))


def _shorten(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.{SIGNIFICANT}g}") for value in values)
