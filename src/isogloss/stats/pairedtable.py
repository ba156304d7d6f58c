"""The same prompts twice: in a reference language and here, or before and after a repair.

The finding is the 2x2 table ("refused in English, answered here"); the difference, its interval and the test of
no difference are read from it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import copysign, sqrt
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom, norm

from isogloss.stats.rates import Interval, cluster_sums, wilson_interval

Key = TypeVar("Key", bound=Hashable)
PairedMethod = Literal["newcombe", "tango"]
Outcomes = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class PairedTable:
    """How often each pair of outcomes occurred; shares of a pair may be given as fractions.

    Attributes:
        both: refused in both.
        only_reference: refused in the reference (or before), answered here (or after).
        only_here: answered in the reference (or before), refused here (or after).
        neither: refused in neither.
    """

    both: float
    only_reference: float
    only_here: float
    neither: float

    @property
    def n(self) -> float:
        """Pairs."""
        return self.both + self.only_reference + self.only_here + self.neither

    @property
    def discordant_share(self) -> float | None:
        """Pairs with different outcomes, as a share; what the sample size of a paired comparison depends on."""
        return (self.only_reference + self.only_here) / self.n if self.n else None

    @property
    def difference(self) -> float | None:
        """Refusal rate here minus refusal rate in the reference."""
        return (self.only_here - self.only_reference) / self.n if self.n else None

    def scaled(self, pairs: float) -> "PairedTable":
        """The same shares with another number of pairs."""
        factor = pairs / self.n
        return PairedTable(
            self.both * factor, self.only_reference * factor, self.only_here * factor, self.neither * factor
        )


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired difference.

    Attributes:
        table: counts of pairs.
        difference: here minus reference, as a share; None without pairs.
        interval: two-sided limits; None without pairs.
        p_value: of no difference: exact McNemar, or the exact sign-flip test of ideas where ideas hold several
            pairs; None without pairs.
        n: pairs.
        effective_n: independent pairs that carry as much information.
        method: how the interval was made.
    """

    table: PairedTable
    difference: float | None
    interval: Interval | None
    p_value: float | None
    n: int
    effective_n: float
    method: PairedMethod


def match_outcomes(reference: Mapping[Key, int], here: Mapping[Key, int]) -> tuple[list[Key], list[int], list[int]]:
    """Keys that both sides have scored, and their outcomes side by side."""
    keys = [key for key in here if key in reference]
    return keys, [reference[key] for key in keys], [here[key] for key in keys]


def tabulate_pairs(reference: Outcomes, here: Outcomes) -> PairedTable:
    """Count the four kinds of pairs.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(reference) != len(here):
        raise ValueError(f"{len(reference)} reference outcomes but {len(here)} here; pair them first")
    first, second = np.asarray(reference, dtype=bool), np.asarray(here, dtype=bool)
    return PairedTable(
        both=int((first & second).sum()),
        only_reference=int((first & ~second).sum()),
        only_here=int((~first & second).sum()),
        neither=int((~first & ~second).sum()),
    )


def measure_pairs(
    reference: Outcomes,
    here: Outcomes,
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    method: PairedMethod = "newcombe",
    mid_p: bool = False,
) -> Paired:
    """Compare two outcomes of the same prompts: a gap to a reference language, or after with before.

    Args:
        reference: 0 or 1 per prompt, in the reference language or before.
        here: 0 or 1 per prompt, in this language or after; same order.
        clusters: the idea of each prompt; a prompt that occurs twice is one idea.
        confidence: two-sided.
        method: "newcombe" (closed form, joins two Wilson intervals) or "tango" (score interval, best with a margin).
        mid_p: half the probability of the observed table; less conservative, no longer exact.

    Raises:
        ValueError: the columns differ in length, or the method is unknown.

    Source: Newcombe 1998 (Statistics in Medicine 17:2635), method 10; Tango 1998. Where ideas hold several pairs we
    apply both to the table scaled to its effective number of pairs, which is our addition.
    """
    if not len(reference) == len(here) == len(clusters):
        raise ValueError(f"columns of {len(reference)}, {len(here)} and {len(clusters)} rows; they must be equal")
    table = tabulate_pairs(reference, here)
    if not len(here):
        return Paired(table, None, None, None, 0, 0.0, method)
    differences = np.asarray(here, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    sums, sizes = cluster_sums(differences, clusters)
    effective = _effective_pairs(differences, clusters)
    single = len(sizes) == len(differences)
    return Paired(
        table=table,
        difference=float(differences.mean()),
        interval=paired_interval(table.scaled(effective), confidence=confidence, method=method),
        p_value=mcnemar_p(table, mid_p=mid_p) if single else sign_flip_p(sums, mid_p=mid_p),
        n=len(differences),
        effective_n=effective,
        method=method,
    )


def mcnemar_p(table: PairedTable, *, mid_p: bool = False) -> float:
    """Exact McNemar test of equal rates, two-sided: are discordant pairs split evenly? For independent pairs.

    Source: McNemar 1947 in its binomial form; mid-p as in Fagerland, Lydersen and Laake 2013.
    """
    fewer = min(table.only_reference, table.only_here)
    discordant = table.only_reference + table.only_here
    if discordant == 0:
        return 1.0
    p = 2 * float(binom.cdf(fewer, discordant, 0.5))
    observed = float(binom.pmf(fewer, discordant, 0.5))
    if table.only_reference == table.only_here:
        return 1.0 - observed / 2 if mid_p else 1.0
    return min(1.0, p - observed if mid_p else p)


def sign_flip_p(sums: Sequence[float] | NDArray[np.floating], *, mid_p: bool = False) -> float:
    """Exact two-sided test that the sums of differences per idea are as likely positive as negative.

    With one pair per idea this is the exact McNemar test; with duplicates an idea's pairs move together and count
    once. The chance of every total is computed, not sampled.

    Args:
        sums: whole numbers, one per idea.
        mid_p: half the probability of the observed total. Without any difference the answer is 1 all the same.

    Source: Fisher 1935 (randomisation of paired differences), by convolution.
    """
    sizes = np.abs(np.rint(np.asarray(sums, dtype=np.float64))).astype(np.int64)
    total = abs(int(np.rint(np.sum(np.asarray(sums, dtype=np.float64)))))
    if not sizes.any():
        return 1.0
    chances = np.ones(1)
    for size, count in zip(*np.unique(sizes[sizes > 0], return_counts=True), strict=True):
        steps = np.zeros(2 * size * count + 1)
        steps[:: 2 * size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, steps)
    distance = np.abs(np.arange(len(chances)) - len(chances) // 2)
    p = float(chances[distance >= total].sum())
    return min(1.0, p - float(chances[distance == total].sum()) / 2 if mid_p else p)


def paired_interval(table: PairedTable, *, confidence: float = 0.95, method: PairedMethod = "newcombe") -> Interval:
    """Limits for the difference of two rates of the same prompts, as a share; see `measure_pairs`.

    Raises:
        ValueError: an empty table, or an unknown method.
    """
    if table.n <= 0:
        raise ValueError("an interval needs at least one pair")
    if method == "newcombe":
        return _newcombe_interval(table, confidence)
    if method == "tango":
        return _tango_interval(table, float(norm.ppf(0.5 + confidence / 2)))
    raise ValueError(f"no paired interval {method!r}; known: newcombe, tango")


def tango_statistic(table: PairedTable, difference: float) -> float:
    """Standard normal score of the table if the true difference (here minus reference) were ``difference``.

    Args:
        table: counts, possibly fractional.
        difference: between -1 and 1.

    Source: Tango 1998 (Statistics in Medicine 17:891).
    """
    n, gained, lost = table.n, table.only_here, table.only_reference
    half = -gained - lost + (2 * n - gained + lost) * difference
    root = sqrt(max(0.0, half * half + 8 * n * lost * difference * (1 - difference)))
    share = (root - half) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    distance = gained - lost - n * difference
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-9 else copysign(float("inf"), distance)
    return float(distance / sqrt(variance))


def _newcombe_interval(table: PairedTable, confidence: float) -> Interval:
    n = table.n
    before, after = (table.both + table.only_reference) / n, (table.both + table.only_here) / n
    before_low, before_high = wilson_interval(before, n, confidence=confidence)
    after_low, after_high = wilson_interval(after, n, confidence=confidence)
    product = before * (1 - before) * after * (1 - after) * n**4
    crossed = table.both * table.neither - table.only_reference * table.only_here
    if crossed > 0:  # Newcombe's continuity correction, for positive association only
        crossed = max(crossed - n / 2, 0.0)
    correlation = crossed / sqrt(product) if product > 1e-12 else 0.0

    def joined(one: float, other: float) -> float:
        return sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))

    gap = after - before
    low = gap - joined(after - after_low, before_high - before)
    high = gap + joined(after_high - after, before - before_low)
    return max(-1.0, low), min(1.0, high)


def _tango_interval(table: PairedTable, z: float) -> Interval:
    gap = (table.only_here - table.only_reference) / table.n
    edge = 1 - 1e-9
    low = high = gap
    if gap > -edge:
        low = -1.0
        if tango_statistic(table, -edge) > z:
            low = float(brentq(lambda difference: tango_statistic(table, difference) - z, -edge, gap))
    if gap < edge:
        high = 1.0
        if tango_statistic(table, edge) < -z:
            high = float(brentq(lambda difference: tango_statistic(table, difference) + z, gap, edge))
    return low, high


def _effective_pairs(differences: NDArray[np.float64], clusters: Sequence[str]) -> float:
    """Independent pairs that carry as much information; the same rule as `rates.effective_count`."""
    n = len(differences)
    centred = differences - differences.mean()
    sums, sizes = cluster_sums(centred, clusters)
    groups = len(sizes)
    if groups == n:
        return float(n)
    spread = float((sums**2).sum())
    if groups < 2 or spread <= 1e-12:
        return float(n**2 / (sizes**2).sum())
    naive = float((centred**2).sum())
    return float(min(n, max(1.0, n * naive / spread * (groups - 1) / groups)))
