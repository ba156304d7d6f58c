"""Rates from a judge on all answers and true labels on a random few: unbiased whatever the judge."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss.stats.corrected import Corrected
from isogloss.stats.paired import estimate_from_influence
from isogloss.stats.rates import Floats, cluster_sums, wilson_interval

METHOD = "prediction-powered"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Judged answers of one model in one language, some of them labelled.

    Attributes:
        judge: the judge's 0 or 1 per answer.
        truth: the true 0 or 1, or None where nobody labelled the answer. Which answers were labelled must have been
            left to chance, with the chances in ``inclusion``.
        clusters: the idea behind each prompt.
        inclusion: chance with which each answer was drawn for labelling; None where all had the same. A sheet
            that is stratified by verdict needs them.
    """

    judge: Sequence[int]
    truth: Sequence[int | None]
    clusters: Sequence[str]
    inclusion: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    value: float
    influence: Floats
    labelled_clusters: float


def measure_prediction_powered(arm: Labelled, *, confidence: float = 0.95, tuning: float | None = None) -> Corrected:
    """Power-tuned prediction-powered estimate of a rate.

    ``tuning * mean(judge, all) + mean(truth - tuning * judge, labelled)``. With the tuning chosen from the data it is
    never much worse than the labels alone, and much better where the judge is good.

    Args:
        arm: the answers; at least two labelled ideas.
        confidence: two-sided.
        tuning: None chooses it (always do). 0 ignores the judge, 1 trusts it fully (plain prediction-powered
            inference), which is worse than no judge when the judge is poor.

    Returns:
        The rate, cut to [0, 1]. Its interval is Wilson's on the number of independent labels that would carry as
        much information. None, with a reason, where there are fewer than two labelled ideas.

    Raises:
        ValueError: columns of different length, or a chance of inclusion outside (0, 1].

    Source: Angelopoulos, Duchi and Zrnic 2023 (PPI++, arXiv 2311.01453) in the difference form for a labelled
    subset; we add clusters, unequal inclusion (Hajek weights) and an interval that holds near 0 and 1.
    """
    labelled = sum(label is not None for label in arm.truth)
    parts = _measure(arm, tuning)
    if parts is None:
        return Corrected(None, None, METHOD, len(arm.judge), labelled, _too_few(labelled))
    value = min(1.0, max(0.0, parts.value))
    clusters = len(parts.influence)
    variance = float((parts.influence**2).sum()) * clusters / (clusters - 1)
    effective = parts.labelled_clusters
    if variance > 1e-12 and 0 < value < 1:
        effective = min(float(len(arm.judge)), max(1.0, value * (1 - value) / variance))
    interval = wilson_interval(value, effective, confidence=confidence)
    return Corrected(value, interval, METHOD, len(arm.judge), labelled)


def measure_corrected_gap(
    first: Labelled, second: Labelled, *, confidence: float = 0.95, tuning: float | None = None
) -> Corrected:
    """``first - second`` of two prediction-powered rates, each with its own labels, paired over shared ideas.

    For a gap (this language minus the reference) or a repair (after minus before).

    Raises:
        ValueError: see `measure_prediction_powered`.
    """
    n = len(first.judge) + len(second.judge)
    labelled = sum(label is not None for arm in (first, second) for label in arm.truth)
    parts = _measure(first, tuning), _measure(second, tuning)
    if parts[0] is None or parts[1] is None:
        return Corrected(None, None, METHOD, n, labelled, _too_few(labelled))
    names = [np.unique(np.asarray(arm.clusters, dtype=str)) for arm in (first, second)]
    union, position = np.unique(np.concatenate(names), return_inverse=True)
    influence = np.zeros(len(union))
    influence[position[: len(names[0])]] += parts[0].influence
    influence[position[len(names[0]) :]] -= parts[1].influence
    found = estimate_from_influence(parts[0].value - parts[1].value, influence, confidence=confidence)
    return Corrected(found.value, found.interval, METHOD, n, labelled)


def choose_tuning(judge: Floats, truth: Floats, weights: Floats) -> float:
    """How far to trust the judge: the regression of truth on judge among the labelled; 0 where the judge is constant.

    For 0/1 outcomes it lies between -1 and 1.
    """
    judge_mean, truth_mean = np.average(judge, weights=weights), np.average(truth, weights=weights)
    spread = float((weights * (judge - judge_mean) ** 2).sum())
    together = float((weights * (judge - judge_mean) * (truth - truth_mean)).sum())
    return together / spread if spread > 1e-12 else 0.0


def _measure(arm: Labelled, tuning: float | None) -> _Parts | None:
    judge = np.asarray(arm.judge, dtype=np.float64)
    marked = np.array([label is not None for label in arm.truth], dtype=bool)
    truth = np.array([label if label is not None else 0 for label in arm.truth], dtype=np.float64)
    if not len(judge) == len(truth) == len(arm.clusters):
        raise ValueError(f"columns of {len(judge)}, {len(truth)} and {len(arm.clusters)} rows; they must be equal")
    weights = _weights(arm.inclusion, marked)
    labels = np.asarray(arm.clusters, dtype=str)
    if len(np.unique(labels[marked])) < 2:
        return None
    trust = choose_tuning(judge[marked], truth[marked], weights[marked]) if tuning is None else tuning
    error = truth - trust * judge
    correction = float((weights * error).sum() / weights.sum())
    moves = trust * (judge - judge.mean()) / len(judge) + weights * (error - correction) / weights.sum()
    sums, _ = cluster_sums(moves, list(arm.clusters))
    _, sizes = np.unique(labels[marked], return_counts=True)
    effective = float(sizes.sum() ** 2 / (sizes**2).sum())
    return _Parts(trust * float(judge.mean()) + correction, sums, effective)


def _weights(inclusion: Sequence[float] | None, marked: NDArray[np.bool_]) -> Floats:
    if inclusion is None:
        return marked.astype(np.float64)
    chances = np.asarray(inclusion, dtype=np.float64)
    if len(chances) != len(marked):
        raise ValueError(f"{len(chances)} chances of inclusion for {len(marked)} answers")
    if ((chances <= 0) | (chances > 1))[marked].any():
        raise ValueError("the chance with which a labelled answer was drawn must lie above 0 and at most at 1")
    return np.where(marked, 1 / np.where(marked, chances, 1.0), 0.0)


def _too_few(labelled: int) -> str:
    return f"{labelled} labelled answers; a corrected rate needs labels of at least two different ideas in each arm"
