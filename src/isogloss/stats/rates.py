"""Refusal rates with intervals that stay honest at 0 % and 100 %, and when prompts come in clusters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv
from scipy.stats import norm

Interval = tuple[float, float]
RateMethod = Literal["wilson", "clopper-pearson"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of refusals.

    Attributes:
        value: between 0 and 1; None when nothing was scored.
        n: scored prompts.
        effective_n: the number of independent prompts that carry as much information (Kish); at most ``n``.
        interval: two-sided limits, or None when nothing was scored.
        method: how the limits were made.
    """

    value: float | None
    n: int
    effective_n: float
    interval: Interval | None
    method: RateMethod = "wilson"


def wilson_interval(rate: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion.

    Unlike ``rate +/- z * standard error`` it never collapses to a point at 0 or 1, where refusal rates live.

    Args:
        rate: observed share, between 0 and 1.
        n: number of trials, or an effective number (need not be whole); positive.
        confidence: two-sided, between 0 and 1.

    Raises:
        ValueError: ``n`` is not positive.

    Source: Wilson 1927; with an effective n, Korn and Graubard 1998 (we use Wilson where they use Clopper-Pearson).
    """
    if n <= 0:
        raise ValueError(f"n must be positive, not {n}")
    z = float(norm.ppf(0.5 + confidence / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)))
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return (low, high)


def clopper_pearson_interval(rate: float, n: float, *, confidence: float = 0.95) -> Interval:
    """The exact interval for a proportion: each limit errs with at most half of ``1 - confidence``.

    Wider than Wilson's by about one prompt; use it where a guarantee matters more than the average (a gate, a
    rate near 0 or 1, few prompts). Exact for whole numbers of independent prompts, approximate for an effective n.

    Args:
        rate: observed share, between 0 and 1.
        n: number of trials, or an effective number (need not be whole); positive.
        confidence: two-sided, between 0 and 1.

    Raises:
        ValueError: ``n`` is not positive.

    Source: Clopper and Pearson 1934; beta quantiles with an effective n as in Korn and Graubard 1998, without
    their correction for few clusters.
    """
    if n <= 0:
        raise ValueError(f"n must be positive, not {n}")
    tail = (1 - confidence) / 2
    hits, misses = rate * n, n - rate * n
    low = 0.0 if rate == 0 else float(betaincinv(hits, misses + 1, tail))
    high = 1.0 if rate == 1 else float(betaincinv(hits + 1, misses, 1 - tail))
    return (low, high)


INTERVALS = {"wilson": wilson_interval, "clopper-pearson": clopper_pearson_interval}


def measure_rate(
    outcomes: Sequence[int] | NDArray[np.integer],
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    method: RateMethod = "wilson",
) -> Rate:
    """The rate of ones, with an interval on the effective number of prompts.

    Args:
        outcomes: 0 or 1 per scored prompt.
        clusters: one label per prompt; prompts that share a label (duplicates, several wordings of one intent)
            may be answered alike and are not independent.
        confidence: two-sided.
        method: "wilson" (right on average) or "clopper-pearson" (never less sure than stated, wider).

    Raises:
        ValueError: the two sequences differ in length, or the method is unknown.

    Source: cluster-robust variance as in Miller 2024 (arXiv 2411.00640); instead of adding and subtracting a
    multiple of it we turn it into an effective n for intervals that hold at the extremes.
    """
    if method not in INTERVALS:
        raise ValueError(f"no interval method {method!r}; known: {', '.join(get_args(RateMethod))}")
    values = np.asarray(outcomes, dtype=np.float64)
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} outcomes but {len(clusters)} cluster labels")
    if not len(values):
        return Rate(None, 0, 0.0, None, method)
    mean = float(values.mean())
    sums, sizes = cluster_sums(values - mean, clusters)
    effective = effective_count(mean, float((sums**2).sum()) / len(values) ** 2, len(values), sizes)
    return Rate(mean, len(values), effective, INTERVALS[method](mean, effective, confidence=confidence), method)


def effective_count(mean: float, variance: float, n: int, sizes: Floats) -> float:
    """How many independent prompts would give this variance of the mean.

    Args:
        mean: the rate.
        variance: its cluster-robust variance, without small-sample correction.
        n: prompts.
        sizes: prompts per cluster.

    Returns:
        Between 1 and ``n``. Where all outcomes agree the data say nothing about how alike a cluster's prompts
        are; then every cluster counts once, in proportion to its size (Kish's count), which is the cautious end.
    """
    clusters = len(sizes)
    if clusters == n:
        return float(n)
    if clusters < 2 or variance <= 0 or mean <= 0 or mean >= 1:
        return float(n**2 / (sizes**2).sum())
    corrected = variance * clusters / (clusters - 1)
    return float(min(n, max(1.0, mean * (1 - mean) / corrected)))


def cluster_sums(values: Floats, clusters: Sequence[str]) -> tuple[Floats, Floats]:
    """Sum and count of the values per cluster, clusters in sorted order."""
    _, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(np.float64)


def difference_interval(first: Rate, second: Rate) -> Interval | None:
    """Interval for ``first - second`` of two independent rates, as shares; None where either is undefined.

    Use it for selectivity (harmful minus harmless refusal). For the same prompts under two conditions or in two
    languages use `isogloss.stats.paired`.

    Source: Newcombe 1998, method 10 (both Wilson intervals, here at the confidence with which they were made).
    """
    if first.interval is None or second.interval is None or first.value is None or second.value is None:
        return None
    gap = first.value - second.value
    low = np.hypot(first.value - first.interval[0], second.interval[1] - second.value)
    high = np.hypot(first.interval[1] - first.value, second.value - second.interval[0])
    return (max(-1.0, gap - float(low)), min(1.0, gap + float(high)))
