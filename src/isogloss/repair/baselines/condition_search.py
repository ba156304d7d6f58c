"""CAST's condition point: layer, threshold and comparator by F1, on calibration prompts alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.inside.directions import Classes
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.condition import Comparator, Condition, Point, measure_similarity
from isogloss.repair.baselines.contrast import fit_contrast_direction, make_pairs

Floats = npt.NDArray[np.floating[Any]]
Scores = Mapping[Language, Classes]

PUBLISHED_LAYERS = (1, 13)
PUBLISHED_GRID = np.arange(601) * 1e-4
PUBLISHED_DEPTH = 32
# From this depth on the published layer numbers fit as they stand; a shallower model gets the same relative depths.
FEWEST_LAYERS = 24


def scale_layers(first: int, last: int, layer_count: int) -> tuple[int, ...]:
    """Published layers of a 32-block model, as they stand where the model is deep enough, else at the same depth."""
    if layer_count >= FEWEST_LAYERS:
        return tuple(range(first, last + 1))
    share = layer_count / PUBLISHED_DEPTH
    low = min(max(round(first * share), int(first > 0)), layer_count - 1)
    return tuple(range(low, max(low, min(round(last * share), layer_count - 1)) + 1))


def search_published(calibration: Calibration) -> Condition:
    """The published search: plain F1 on a fixed grid of small similarities, for each language on its own prompts.

    Vectors come from the shots of all target languages together, and each target language gets a layer, comparator
    and threshold of its own from its own shots, in sample. Without shots everything comes from the source languages'
    training prompts. The reference tunes on a language's whole validation split; here no method sees more labels than
    the others.

    Source: the CAST port of arXiv 2606.01196: layers 1 to 13, thresholds 0 to 0.06 in steps of 1e-4, comparators both.
    """
    layers = scale_layers(*PUBLISHED_LAYERS, len(calibration.layers))
    vectors = {
        layer: fit_contrast_direction(*make_pairs(calibration.adapted(layer, pooled=True)), label=f"layer {layer}")
        for layer in layers
    }
    scores = {layer: _score(calibration.adapted(layer, pooled=True), vector) for layer, vector in vectors.items()}
    pooled = {layer: [_pool(list(parts.values()))] for layer, parts in scores.items()}
    points = {
        language.key: _best_point({layer: [parts[language]] for layer, parts in scores.items()})
        for language in calibration.calibrated
    }
    return _keep(vectors, _best_point(pooled), points)


def search_corrected(calibration: Calibration) -> Condition:
    """The corrected search: one layer and comparator for all, a threshold per language, on held-out prompts.

    Vectors come from the source languages' training prompts and all shots, at every layer. Layer, comparator and a
    common threshold have the best mean balanced F1 over the source languages' validation prompts and each target
    language's shots, every language with the same weight; thresholds are tried between all neighbouring similarities.
    A target language's own threshold has the best sum of its own F1 and the source languages' mean F1, so that a
    single pair of shots does not set it alone.
    """
    vectors = {
        layer: fit_contrast_direction(*make_pairs(calibration.fitting(layer, pooled=True)), label=f"layer {layer}")
        for layer in calibration.layers
    }
    scores = {layer: _score(calibration.choosing(layer, pooled=True), vectors[layer]) for layer in calibration.layers}
    common = _best_point({layer: list(parts.values()) for layer, parts in scores.items()}, balanced=True)
    chosen = scores[common.layer]
    points = {}
    for language in calibration.calibrated:
        cuts = _cuts(list(chosen.values()))
        source = np.mean([_f1(chosen[one], cuts, common.comparator, True) for one in calibration.source], axis=0)
        total = source + _f1(chosen[language], cuts, common.comparator, True)
        points[language.key] = Point(common.layer, common.comparator, float(cuts[_middle_best(total)]))
    return _keep(vectors, common, points)


def _keep(vectors: Mapping[int, Floats], fallback: Point, points: Mapping[str, Point]) -> Condition:
    used = {point.layer for point in (fallback, *points.values())}
    return Condition({layer: vectors[layer] for layer in sorted(used)}, fallback, dict(points))


def _score(classes: Mapping[Language, Classes], vector: Floats) -> dict[Language, Classes]:
    return {
        language: (measure_similarity(harmful, vector), measure_similarity(harmless, vector))
        for language, (harmful, harmless) in classes.items()
    }


def _pool(parts: Sequence[Classes]) -> Classes:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _best_point(groups: Mapping[int, Sequence[Classes]], *, balanced: bool = False) -> Point:
    """The point with the best mean F1 over the groups of scores at its layer; the first layer wins a tie."""
    best: tuple[float, Point] | None = None
    for layer, parts in groups.items():
        cuts = _cuts(parts) if balanced else PUBLISHED_GRID
        for comparator in Comparator:
            means = np.mean([_f1(part, cuts, comparator, balanced) for part in parts], axis=0)
            place = _middle_best(means) if balanced else int(means.argmax())
            if best is None or means[place] > best[0]:
                best = (float(means[place]), Point(layer, comparator, float(cuts[place])))
    if best is None:
        raise ValueError("no layer to search")
    return best[1]


def _cuts(parts: Sequence[Classes]) -> Floats:
    """Middles between neighbouring scores, and one cut beyond each end."""
    values = np.unique(np.concatenate([scores for part in parts for scores in part]))
    return np.concatenate([[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]])


def _f1(part: Classes, cuts: Floats, comparator: Comparator, balanced: bool) -> Floats:
    """F1 of the harmful class at every cut; balanced takes the classes as equally large."""
    hits, alarms = (_share_beyond(scores, cuts, comparator) for scores in part)
    harmful, harmless = (1.0, 1.0) if balanced else (float(len(part[0])), float(len(part[1])))
    return np.asarray(2 * hits * harmful / (hits * harmful + alarms * harmless + harmful))


def _share_beyond(scores: Floats, cuts: Floats, comparator: Comparator) -> Floats:
    below = np.searchsorted(np.sort(scores), cuts, side="left") / len(scores)
    return np.asarray(below if comparator == Comparator.BELOW else 1 - below)


def _middle_best(values: Floats) -> int:
    """The middle one of equally good places: on the edge a cut would not carry over to other prompts."""
    best = np.flatnonzero(values >= values.max() - 1e-12)
    return int(best[(len(best) - 1) // 2])
