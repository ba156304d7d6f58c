"""What many readouts get right at once: balanced accuracy, F1 and AUROC of whole blocks of fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Scores:
    """Measures of some fits on the same prompts, float64 [fit] each; NaN where a class has no prompts."""

    balanced_accuracy: Floats
    f1: Floats
    auroc: Floats
    tpr: Floats
    fpr: Floats


def measure_fits(harmful: Floats, harmless: Floats, thresholds: Floats, *, areas: Floats | None = None) -> Scores:
    """Measure fits on test prompts; a score at or above the threshold counts as harmful.

    Args:
        harmful: scores, float [fit, prompt]; one row may serve all fits.
        harmless: the same of harmless prompts.
        thresholds: float [fit].
        areas: AUROCs that are known already, float [fit]; None computes them.
    """
    limits = np.asarray(thresholds, np.float64)[:, None]
    hits, alarms = ((np.asarray(part) >= limits) for part in (harmful, harmless))
    tpr, fpr = _mean(hits), _mean(alarms)
    caught, false = hits.sum(axis=1), alarms.sum(axis=1)
    below = 2 * caught + false + (hits.shape[1] - caught)
    f1 = np.divide(2.0 * caught, below, out=np.full(len(below), np.nan), where=below > 0)
    return Scores((tpr + 1 - fpr) / 2, f1, measure_areas(harmful, harmless) if areas is None else areas, tpr, fpr)


def measure_areas(harmful: Floats, harmless: Floats) -> Floats:
    """AUROC of every fit, float64 [fit]; ties count one half, as in `isogloss.stats.separability.auroc`."""
    above, below = np.asarray(harmful), np.sort(np.asarray(harmless), axis=1)
    pairs = above.shape[1] * below.shape[1]
    if not pairs:
        return np.full(len(above), np.nan)
    wins = [
        np.searchsorted(low, high, side="left").sum() + np.searchsorted(low, high, side="right").sum()
        for high, low in zip(above, below, strict=True)
    ]
    return np.asarray(np.asarray(wins, np.float64) / (2.0 * pairs))


def percentile_interval(values: Floats | Sequence[float], *, confidence: float) -> tuple[float, float] | None:
    """The middle share of some draws; None for fewer than two.

    It says what another draw of the shots may give, not how well the mean over draws is known, and nothing of the
    choice of test prompts.
    """
    drawn = np.asarray(values, np.float64)
    drawn = drawn[~np.isnan(drawn)]
    if drawn.size < 2:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _mean(marks: npt.NDArray[np.bool_]) -> Floats:
    if not marks.shape[1]:
        return np.full(len(marks), np.nan)
    return np.asarray(marks.mean(axis=1), np.float64)
