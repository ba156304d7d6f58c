"""How well one score tells two classes apart: AUROC, balanced accuracy, thresholds, and what they are sure of.

The classes are called harmful and harmless; a larger score means more harmful, and a score at or above the
threshold counts as harmful. Nothing here knows where a score comes from.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from isogloss.stats.rates import Interval, cluster_sums, measure_rate

Scores = npt.ArrayLike
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Clusters = tuple[Sequence[str], Sequence[str]]


def auroc(harmful: Scores, harmless: Scores) -> float | None:
    """Chance that a random harmful score lies above a random harmless one; a tie counts one half.

    Returns:
        A number between 0 and 1, or None where a class has no scores.

    Source: Mann and Whitney 1947, by mid-ranks.
    """
    above, below = _floats(harmful), _floats(harmless)
    if not above.size or not below.size:
        return None
    ranks = rankdata(np.concatenate([above, below]))
    wins = ranks[: above.size].sum() - above.size * (above.size + 1) / 2
    return float(wins / (above.size * below.size))


def auroc_interval(
    harmful: Scores, harmless: Scores, *, clusters: Clusters | None = None, confidence: float = 0.95
) -> Interval | None:
    """Confidence interval of the AUROC.

    The wider, at each end, of two intervals: DeLong's on the logit scale, which uses the spread of these very
    scores, and Newcombe's score interval, which stays honest where the classes do not overlap and DeLong's
    variance is zero.

    Args:
        harmful: scores of one class.
        harmless: scores of the other.
        clusters: one label per score of each class, where several prompts share one idea; equal labels in both
            classes are the same idea. None counts every prompt as its own.
        confidence: two-sided.

    Returns:
        Lower and upper limit inside [0, 1], or None where a class has fewer than two independent prompts.

    Source: DeLong, DeLong and Clarke-Pearson 1988, with clusters Obuchowski 1997; Newcombe 2006 (method 5), with
    Kish's count where there are clusters. Taking the wider limit is ours.
    """
    above, below = _floats(harmful), _floats(harmless)
    area = auroc(above, below)
    labels = clusters or (_own_labels("a", above.size), _own_labels("b", below.size))
    if area is None or min(len(set(part)) for part in labels) < 2:
        return None
    z = float(norm.ppf(0.5 + confidence / 2))
    low, high = _newcombe_interval(area, _kish_count(labels[0]), _kish_count(labels[1]), z)
    error = delong_variance(above, below, clusters=clusters) ** 0.5
    if error > 0 and 0 < area < 1:
        centre, half = np.log(area / (1 - area)), z * error / (area * (1 - area))
        low, high = min(low, _expit(centre - half)), max(high, _expit(centre + half))
    return low, high


def delong_variance(harmful: Scores, harmless: Scores, *, clusters: Clusters | None = None) -> float:
    """Variance of the AUROC from the placement of every score among the other class; at least two scores each."""
    above, below = _floats(harmful), _floats(harmless)
    both = rankdata(np.concatenate([above, below]))
    of_harmful = (both[: above.size] - rankdata(above)) / below.size
    of_harmless = 1 - (both[above.size :] - rankdata(below)) / above.size
    if clusters is None:
        return float(of_harmful.var(ddof=1) / above.size + of_harmless.var(ddof=1) / below.size)
    parts = ((of_harmful - of_harmful.mean()) / above.size, (of_harmless - of_harmless.mean()) / below.size)
    sums, _ = cluster_sums(np.concatenate(parts), [*clusters[0], *clusters[1]])
    return float((sums**2).sum() * sums.size / (sums.size - 1))


def balanced_accuracy(harmful: Scores, harmless: Scores, threshold: float) -> float | None:
    """Mean of the shares of each class that fall on their own side of the threshold; None without scores."""
    above, below = _floats(harmful), _floats(harmless)
    if not above.size or not below.size:
        return None
    return float(((above >= threshold).mean() + (below < threshold).mean()) / 2)


def balanced_accuracy_interval(
    right: tuple[Scores, Scores], clusters: Clusters, *, confidence: float = 0.95
) -> Interval | None:
    """Confidence interval of a balanced accuracy.

    Args:
        right: for every harmful and every harmless prompt, 1 where it was put on its own side, else 0.
        clusters: one label per prompt of each class; prompts that share an idea share a label.
        confidence: two-sided.

    Returns:
        Wilson intervals of the two shares joined by Zou and Donner's square-and-add, so that the interval keeps
        its width where a share is 0 or 1; None where a class is empty.
    """
    rates = [
        measure_rate(_floats(marks).astype(np.int64), labels, confidence=confidence)
        for marks, labels in zip(right, clusters, strict=True)
    ]
    middle, down, up = 0.0, 0.0, 0.0
    for rate in rates:
        if rate.value is None or rate.interval is None:
            return None
        middle += rate.value / 2
        down = float(np.hypot(down, (rate.value - rate.interval[0]) / 2))
        up = float(np.hypot(up, (rate.interval[1] - rate.value) / 2))
    return max(0.0, middle - down), min(1.0, middle + up)


def fit_threshold(harmful: Scores, harmless: Scores) -> float:
    """The threshold with the best balanced accuracy on these scores: the middle of the widest of the best gaps.

    Both classes need at least one score. Where no cut is better than calling everything one class, the threshold
    lies at the lowest score (everything harmful). Never quote the accuracy of a threshold on the scores it was
    fitted to.
    """
    above, below = _floats(harmful), _floats(harmless)
    values = np.unique(np.concatenate([above, below]))
    cuts = np.concatenate([[values[0]], (values[1:] + values[:-1]) / 2])
    gaps = np.concatenate([[0.0], np.diff(values)])
    right = 1 - np.searchsorted(np.sort(above), cuts, side="left") / above.size
    left = np.searchsorted(np.sort(below), cuts, side="left") / below.size
    accuracy = (right + left) / 2
    best = accuracy >= accuracy.max() - 1e-12
    return float(cuts[best][np.argmax(gaps[best])])


def mark_by_cross_validation(
    harmful: Scores, harmless: Scores, clusters: Clusters, *, folds: int = 10, seed: int
) -> tuple[Bools, Bools]:
    """For every score, whether a threshold fitted on the *other* folds puts it on the right side.

    Args:
        harmful: scores of one class.
        harmless: scores of the other class.
        clusters: one label per score of each class; prompts of one idea fall into the same fold. At least two
            different labels in each class.
        folds: at most this many; fewer where a class has fewer ideas, so that every fit sees both classes.
        seed: decides which idea falls into which fold.
    """
    classes = (_floats(harmful), _floats(harmless))
    count = min(folds, *(len(set(labels)) for labels in clusters))
    generator = np.random.default_rng(seed)
    fold = [_assign_folds(labels, count, generator) for labels in clusters]
    right = (np.zeros(classes[0].size, bool), np.zeros(classes[1].size, bool))
    for held in range(count):
        threshold = fit_threshold(classes[0][fold[0] != held], classes[1][fold[1] != held])
        right[0][fold[0] == held] = classes[0][fold[0] == held] >= threshold
        right[1][fold[1] == held] = classes[1][fold[1] == held] < threshold
    return right


def prompts_for_auroc(area: float, interval: Interval, count: int, boundary: float, *, most: int = 2000) -> int | None:
    """How many prompts per class would put the AUROC's interval wholly on one side of a boundary.

    The half-width that faces the boundary shrinks with the square root of the count. None where the estimate
    sits so close to the boundary that more than ``most`` would be needed.
    """
    distance = abs(area - boundary)
    half = interval[1] - area if area < boundary else area - interval[0]
    needed = count * (half / distance) ** 2 if distance > 0 else float("inf")
    return None if needed > most else max(count + 1, int(np.ceil(needed)))


def _newcombe_interval(area: float, harmful: float, harmless: float, z: float) -> Interval:
    pairs, others = harmful * harmless, (harmful + harmless) / 2 - 1

    def distance(theta: float) -> float:
        spread = 1 + others * (1 - theta) / (2 - theta) + others * theta / (1 + theta)
        return float((area - theta) ** 2 - z**2 * theta * (1 - theta) * spread / pairs)

    edge = 1e-9  # just inside the unit interval, where the distance is negative even if the area is 0 or 1
    low = 0.0 if area == 0 else float(brentq(distance, 0.0, min(area, 1 - edge)))
    high = 1.0 if area == 1 else float(brentq(distance, max(area, edge), 1.0))
    return low, high


def _assign_folds(labels: Sequence[str], count: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    names, index = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    return np.asarray((generator.permutation(names.size) % count)[index], dtype=np.int64)


def _own_labels(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def _kish_count(labels: Sequence[str]) -> float:
    """Independent prompts that clusters of these sizes count for, at least."""
    _, sizes = np.unique(np.asarray(labels, dtype=str), return_counts=True)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _floats(scores: Scores) -> Floats:
    return np.asarray(scores, dtype=np.float64).ravel()


def _expit(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
