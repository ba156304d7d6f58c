"""The published thresholds: the cut with the best F1 on the very scores given.

In sample and without any prior: one shot per class puts the threshold in the middle of the two, and where the pair
is inverted, below both, so that everything is flagged. ``repair.thresholds`` is the corrected form.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core.errors import TooFewPrompts

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

# How far beyond the outermost scores the two extreme candidates lie.
MARGIN = 1e-6


class Objective(StrEnum):
    """What a threshold maximises.

    ``macro_f1``: ``2 TP / (2 TP + FP + FN)``. ``balanced_macro_f1``: ``2 TPR / (1 + TPR + FPR)``, as if both classes
    had the same size. Both are averaged over the score sets, where there are several.
    """

    MACRO_F1 = "macro_f1"
    BALANCED_MACRO_F1 = "balanced_macro_f1"


def fit_f1_thresholds(
    scores: Floats,
    harmful: Bools,
    held: Bools | None = None,
    *,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> tuple[Floats, Floats]:
    """One threshold per fit, from the scores of that fit alone.

    Candidates are the midpoints between neighbouring distinct scores, and 1e-6 beyond either end; of several that
    are equally good the lowest is taken.

    Args:
        scores: float [fit, row].
        harmful: bool [row] or [fit, row].
        held: bool [fit, row]; False marks padding. None where every row counts.
        objective: see ``Objective``.

    Returns:
        Thresholds and the F1 that each reaches on its own scores, both float64 [fit].

    Raises:
        TooFewPrompts: a fit has no scores.

    Source: arXiv 2606.01196. A score at the threshold counts as harmful, as its serving code has it; its evaluation
    asks for a score above. Candidates lie between scores, so the two agree on the scores themselves.
    """
    scores = np.asarray(scores, np.float64)
    labels = np.broadcast_to(harmful, scores.shape)
    counted = np.ones(scores.shape, bool) if held is None else held
    if not counted.any(axis=1).all():
        raise TooFewPrompts("A threshold needs at least one score.")
    order = np.argsort(np.where(counted, scores, np.inf), axis=1, kind="stable")
    ascending = np.take_along_axis(np.where(counted, scores, np.inf), order, axis=1)
    above = np.take_along_axis(labels & counted, order, axis=1)
    below = np.take_along_axis(~labels & counted, order, axis=1)
    cuts, allowed = _candidates(ascending, counted.sum(axis=1))
    quality = np.where(allowed, _f1(_left_above(above), _left_above(below), objective), -1.0)
    best = quality.argmax(axis=1)[:, None]
    return np.take_along_axis(cuts, best, axis=1)[:, 0], np.take_along_axis(quality, best, axis=1)[:, 0]


def fit_common_threshold(
    sets: Sequence[tuple[Floats, Floats]], *, objective: Objective = Objective.MACRO_F1
) -> tuple[float, float]:
    """One threshold for several score sets, harmful and harmless scores of each, and the mean F1 that it reaches.

    This is ``threshold_selection: global`` of the published probe comparison, where all target languages share one
    threshold; candidates come from all sets together.

    Raises:
        TooFewPrompts: there are no scores.
    """
    pooled = np.unique(np.concatenate([np.empty(0), *(np.asarray(part, np.float64) for both in sets for part in both)]))
    if not len(pooled):
        raise TooFewPrompts("A threshold needs at least one score.")
    cuts = np.concatenate([[pooled[0] - MARGIN], (pooled[:-1] + pooled[1:]) / 2, [pooled[-1] + MARGIN]])
    counts = [(_at_or_above(harmful, cuts), _at_or_above(harmless, cuts)) for harmful, harmless in sets]
    quality = np.mean([_f1(hits, alarms, objective) for hits, alarms in counts], axis=0)
    best = int(quality.argmax())
    return float(cuts[best]), float(quality[best])


def _candidates(ascending: Floats, count: npt.NDArray[np.int64]) -> tuple[Floats, Bools]:
    """Candidate ``j`` leaves the ``j`` lowest scores below it, [fit, row + 1], and whether it is one."""
    fits, width = ascending.shape
    place, last = np.arange(width + 1), count[:, None]
    cuts = np.full((fits, width + 1), np.inf)
    cuts[:, 0] = ascending[:, 0] - MARGIN
    cuts[:, 1:-1] = (ascending[:, :-1] + ascending[:, 1:]) / 2
    np.put_along_axis(cuts, last, np.take_along_axis(ascending, last - 1, axis=1) + MARGIN, axis=1)
    allowed = np.ones((fits, width + 1), bool)
    allowed[:, 1:-1] = ascending[:, :-1] < ascending[:, 1:]
    return cuts, (allowed | (place == last)) & (place <= last)


def _left_above(marks: Bools) -> npt.NDArray[np.int64]:
    """How many marked rows stay at or above each candidate, [fit, row + 1]; the first column holds all."""
    passed = np.pad(marks.cumsum(axis=1), ((0, 0), (1, 0)))
    return np.asarray(passed[:, -1:] - passed, np.int64)


def _at_or_above(scores: Floats, cuts: Floats) -> npt.NDArray[np.int64]:
    """How many scores reach each cut; the lowest cut is below all of them."""
    ordered = np.sort(np.asarray(scores, np.float64))
    return np.asarray(len(ordered) - np.searchsorted(ordered, cuts, side="left"), np.int64)


def _f1(hits: npt.NDArray[np.int64], alarms: npt.NDArray[np.int64], objective: Objective) -> Floats:
    """F1 at each candidate; the first one, which flags everything, tells the class sizes.

    Ratios of whole numbers, so that equally good candidates compare as equal to the last bit.
    """
    harmful, harmless = hits[..., :1], alarms[..., :1]
    if objective == Objective.MACRO_F1:
        above, below = 2 * hits, hits + alarms + harmful
    else:
        # 2 TPR / (1 + TPR + FPR), times both class sizes; an empty class has a rate of 0.
        sizes = (np.maximum(harmful, 1), np.maximum(harmless, 1))
        above = 2 * hits * sizes[1]
        below = sizes[0] * sizes[1] + hits * sizes[1] + alarms * sizes[0]
    return np.asarray(above / np.maximum(below, 1), np.float64)
