"""The published probe: a logistic readout refitted with a target language's shots, and a threshold from those shots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isogloss.core import Language
from isogloss.repair.probes.detector import LinearDetector, Pooling, Readout
from isogloss.repair.published.readout import GATE_LOGISTIC, LogisticRecipe, Readouts, fit_readouts
from isogloss.repair.published.rows import Bools, Rows, check_both_classes
from isogloss.repair.published.shots import ShotBatch, published_seed
from isogloss.repair.published.thresholds import Objective, fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Probes:
    """Many fits of the probe.

    Attributes:
        readouts: one logistic unit per fit.
        thresholds: float64 [fit], logit at or above which a prompt counts as harmful.
        f1: float64 [fit], what the threshold reaches on the very scores that it was fitted to.
    """

    readouts: Readouts
    thresholds: Floats
    f1: Floats


def fit_probes(
    features: Floats,
    harmful: Bools,
    shots: ShotBatch,
    *,
    seeds: Sequence[int],
    objective: Objective = Objective.BALANCED_MACRO_F1,
    recipe: LogisticRecipe = GATE_LOGISTIC,
    dtype: torch.dtype = torch.float64,
) -> Probes:
    """Fit readout and threshold for any number of (language, shots, draw) at once, in feature space.

    A fit with shots takes its threshold from the logits of those shots; one without, from the logits of the shared
    source rows. Both in sample, as published.

    Args:
        features: source rows, float [row, feature], such as ``hidden @ basis``.
        harmful: their labels, bool [row].
        shots: of each fit, in the same features.
        seeds: of the readouts' start weights, one per fit.
        objective: of the thresholds.
        recipe: of the readouts.
        dtype: of the training.

    Raises:
        TooFewPrompts: a fit lacks a class.
    """
    readouts = fit_readouts(features, harmful, shots, seeds=seeds, recipe=recipe, dtype=dtype)
    thresholds, f1 = np.empty(len(shots)), np.empty(len(shots))
    own = shots.held.any(axis=1)
    if own.any():
        logits = readouts.score_shots(shots)
        thresholds[own], f1[own] = fit_f1_thresholds(
            logits[own], shots.harmful[own], shots.held[own], objective=objective
        )
    for fit in np.flatnonzero(~own):
        logit = (np.asarray(features, np.float64) @ readouts.slopes()[fit] + readouts.offsets()[fit])[None]
        thresholds[[fit]], f1[[fit]] = fit_f1_thresholds(logit, harmful, objective=objective)
    return Probes(readouts, thresholds, f1)


def fit_linear_probe(
    source: Rows,
    targets: Mapping[Language, Rows],
    basis: Floats | None,
    *,
    layer: int,
    seed: int,
    name: str = "",
    objective: Objective = Objective.BALANCED_MACRO_F1,
    recipe: LogisticRecipe = GATE_LOGISTIC,
    pooling: Pooling = Pooling.TOKEN,
) -> LinearDetector:
    """A detector with one probe per target language, each fitted on all source rows and its own shots.

    A language without shots, and one that is not named, gets the probe of the source rows alone and its threshold.

    Args:
        source: labelled rows of the source languages.
        targets: the shots of each target language; may be empty rows.
        basis: float [hidden, feature], the features being ``hidden @ basis``; None reads the whole state.
        layer: where the rows were recorded.
        seed: of the run; every fit derives its own.
        name: of the model, a part of the seeds.
        objective: of the thresholds.
        recipe: of the readouts.
        pooling: how the rows were recorded.

    Raises:
        TooFewPrompts: the source rows lack a class, or the shots of a language do.
    """
    check_both_classes(source, "The source languages")
    calibrated = {language: rows for language, rows in targets.items() if len(rows)}
    for language, rows in calibrated.items():
        check_both_classes(rows, f"The shots in {language}")
    features = _project(source.hidden, basis)
    width = features.shape[1]
    parts = [(_project(rows.hidden, basis), rows.harmful) for rows in calibrated.values()]
    shots = ShotBatch.stack([(np.zeros((0, width)), np.zeros(0, bool)), *parts])
    seeds = [published_seed(seed, name, "", 0, width, "probe")]
    seeds += [
        published_seed(seed, name, language.key, int(rows.harmful.sum()), width, "probe")
        for language, rows in calibrated.items()
    ]
    probes = fit_probes(features, source.harmful, shots, seeds=seeds, objective=objective, recipe=recipe)
    readouts = lift_readouts(probes.readouts, basis)
    keys = [language.key for language in calibrated]
    return LinearDetector(
        layer=layer,
        fallback=readouts[0],
        fallback_threshold=float(probes.thresholds[0]),
        readouts=dict(zip(keys, readouts[1:], strict=True)),
        thresholds=dict(zip(keys, probes.thresholds[1:].tolist(), strict=True)),
        pooling=pooling,
    )


def lift_readouts(readouts: Readouts, basis: Floats | None) -> list[Readout]:
    """Readouts of features as readouts of the hidden states that the features were projected from."""
    slopes = readouts.slopes()
    vectors = slopes if basis is None else slopes @ np.asarray(basis, np.float64).T
    return [Readout(vector, float(offset)) for vector, offset in zip(vectors, readouts.offsets(), strict=True)]


def _project(hidden: Floats, basis: Floats | None) -> Floats:
    states = np.asarray(hidden, np.float64)
    return states if basis is None else states @ np.asarray(basis, np.float64)
