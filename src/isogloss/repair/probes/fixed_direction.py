"""Projections on one direction with a threshold: the pooled direction, the target's own, and a random one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.repair.probes.detector import LinearDetector, Readout
from isogloss.repair.probes.forms import Form
from isogloss.repair.published.directions import pooled_direction, unit_difference
from isogloss.repair.published.rows import Rows, check_both_classes
from isogloss.repair.published.thresholds import Objective, fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]


def fit_direction_detector(
    vector: Floats,
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> LinearDetector:
    """Projection on a given vector; each target's threshold from its own shots, else from the source rows.

    Raises:
        TooFewPrompts: the source rows lack a class, or the shots of a language do.
    """
    check_both_classes(source, "The source languages")
    readout = Readout(np.asarray(vector, np.float64), 0.0)
    return LinearDetector(
        layer=layer,
        fallback=readout,
        fallback_threshold=_cut(readout, source, objective),
        thresholds={
            language.key: _cut(readout, _checked(language, rows), objective)
            for language, rows in targets.items()
            if len(rows)
        },
    )


def fit_pooled_detector(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> LinearDetector:
    """The 1-D gate: projection on the pooled source direction, with thresholds as ``fit_direction_detector``.

    Source: "v_HRL + threshold" in arXiv 2606.01196.
    """
    vector = pooled_direction(source.classes())
    return fit_direction_detector(vector, source, targets, layer=layer, objective=objective)


def fit_target_only_detector(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    form: Form = Form.PUBLISHED,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> LinearDetector:
    """The difference of means of a target language's own shots: what the shots say without any source language.

    Published: the threshold is fitted to the projections of the very shots that made the direction, which are always
    apart in many dimensions. Corrected: to projections of shots that were left out, one pair at a time; with one
    pair there is nothing to leave out and the forms agree.

    Args:
        source: reads prompts of a language without shots, by the pooled direction.
        targets: the shots.
        layer: where the rows were recorded.
        form: see above.
        objective: of the thresholds.

    Raises:
        TooFewPrompts: a class is missing.

    Source: "v_LRL" in arXiv 2606.01196.
    """
    readouts, thresholds = {}, {}
    for language, rows in targets.items():
        if not len(rows):
            continue
        harmful, harmless = _checked(language, rows).classes()[language]
        readout = Readout(np.asarray(unit_difference(harmful, harmless), np.float64), 0.0)
        readouts[language.key] = readout
        pairs = min(len(harmful), len(harmless))
        if form == Form.PUBLISHED or pairs < 2:
            thresholds[language.key] = _cut(readout, rows, objective)
        else:
            thresholds[language.key] = _cut_left_out(harmful, harmless, objective)
    pooled = fit_pooled_detector(source, {}, layer=layer, objective=objective)
    return LinearDetector(layer, pooled.fallback, pooled.fallback_threshold, readouts, thresholds)


def fit_random_detector(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    form: Form = Form.PUBLISHED,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> LinearDetector:
    """A random direction with thresholds as ``fit_direction_detector``: how far thresholds alone get.

    Published: a unit vector from all directions alike, with the sign as drawn. Corrected: drawn with the covariance of
    the source states, so that it has as much spread as a direction that matters, and turned so that the source
    harmful mean lies above; a worse control is one that hardly varies, or that is upside down half of the time.

    Raises:
        TooFewPrompts: a class is missing.
    """
    generator = np.random.default_rng(derive_seed(seed, "random direction"))
    states = np.asarray(source.hidden, np.float64)
    if form == Form.PUBLISHED:
        drawn = generator.standard_normal(states.shape[1])
    else:
        # A random mix of centred rows is normal with the rows' own covariance.
        drawn = generator.standard_normal(len(states)) @ (states - states.mean(axis=0))
        towards = states[source.harmful].mean(axis=0) - states[~source.harmful].mean(axis=0)
        drawn = drawn if drawn @ towards >= 0 else -drawn
    unit = np.asarray(drawn / np.linalg.norm(drawn))
    return fit_direction_detector(unit, source, targets, layer=layer, objective=objective)


def _checked(language: Language, rows: Rows) -> Rows:
    check_both_classes(rows, f"The shots in {language}")
    return rows


def _cut(readout: Readout, rows: Rows, objective: Objective) -> float:
    scores = np.asarray(rows.hidden, np.float64) @ readout.vector
    return float(fit_f1_thresholds(scores[None], rows.harmful, objective=objective)[0][0])


def _cut_left_out(harmful: Floats, harmless: Floats, objective: Objective) -> float:
    """The threshold on projections of pairs that the direction was not fitted on."""
    if len(harmful) != len(harmless):
        raise TooFewPrompts(
            f"{len(harmful)} harmful and {len(harmless)} harmless shots; leaving pairs out needs as many of both."
        )
    scores = np.empty((2, len(harmful)))
    for pair in range(len(harmful)):
        rest = np.arange(len(harmful)) != pair
        vector = np.asarray(unit_difference(harmful[rest], harmless[rest]), np.float64)
        scores[:, pair] = [harmful[pair] @ vector, harmless[pair] @ vector]
    labels = np.repeat([True, False], len(harmful))
    return float(fit_f1_thresholds(scores.reshape(1, -1), labels, objective=objective)[0][0])
