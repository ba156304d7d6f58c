"""Same enough, or not worse by more than a margin: verdicts that need a margin stated beforehand.

A difference that is not significant is not a proof of sameness; here too few prompts end as "undecided".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from isogloss.stats.pairedtable import Outcomes, Paired, PairedMethod, measure_pairs
from isogloss.stats.rates import Interval

Equivalence = Literal["equivalent", "not equivalent", "undecided"]
NonInferiority = Literal["not worse", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class MarginTest:
    """A paired difference against a margin.

    Attributes:
        equivalence: whether the difference lies within plus and minus the margin.
        non_inferiority: whether it is worse by less than the margin.
        pairs: the table, the difference and its interval at ``1 - 2 * level``.
        margin: as a share.
        level: chance of a wrong "equivalent", "not worse", "worse" or "not equivalent", each.
    """

    equivalence: Equivalence
    non_inferiority: NonInferiority
    pairs: Paired
    margin: float
    level: float


def decide_equivalence(interval: Interval | None, margin: float) -> Equivalence:
    """Two one-sided tests by their interval: inside the margins, wholly outside, or undecided.

    Args:
        interval: of a difference, at confidence ``1 - 2 * level`` for tests at ``level``; None is undecided.
        margin: largest difference that does not matter, in the unit of the interval; positive.

    Raises:
        ValueError: the margin is not positive.

    Source: Schuirmann 1987; the outer verdict is ours (most texts leave it out).
    """
    _refuse_margin(margin)
    if interval is None:
        return "undecided"
    low, high = interval
    if -margin < low and high < margin:
        return "equivalent"
    return "not equivalent" if high < -margin or low > margin else "undecided"


def decide_non_inferiority(
    interval: Interval | None, margin: float, *, worse: Literal["lower", "higher"] = "lower"
) -> NonInferiority:
    """Is it at most ``margin`` worse?

    Args:
        interval: of a difference (after minus before), at confidence ``1 - 2 * level``; None is undecided.
        margin: largest loss that is tolerated, in the unit of the interval; positive.
        worse: "lower" for harmful refusal or accuracy, "higher" for refusal of harmless prompts.

    Raises:
        ValueError: the margin is not positive.
    """
    _refuse_margin(margin)
    if interval is None:
        return "undecided"
    low, high = interval if worse == "lower" else (-interval[1], -interval[0])
    if low > -margin:
        return "not worse"
    return "worse" if high < -margin else "undecided"


def measure_margin(
    before: Outcomes,
    after: Outcomes,
    clusters: Sequence[str],
    *,
    margin: float,
    worse: Literal["lower", "higher"] = "lower",
    level: float = 0.05,
    method: PairedMethod = "tango",
) -> MarginTest:
    """Paired equivalence and non-inferiority of two outcomes of the same prompts.

    Args:
        before: 0 or 1 per prompt.
        after: 0 or 1 per prompt, in the same order.
        clusters: the idea of each prompt.
        margin: as a share (0.02 is two points); state it before looking.
        worse: the bad direction of the outcome.
        level: of each one-sided test.
        method: of the interval.
    """
    pairs = measure_pairs(before, after, clusters, confidence=1 - 2 * level, method=method)
    return MarginTest(
        equivalence=decide_equivalence(pairs.interval, margin),
        non_inferiority=decide_non_inferiority(pairs.interval, margin, worse=worse),
        pairs=pairs,
        margin=margin,
        level=level,
    )


def _refuse_margin(margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"a margin must be positive, not {margin}; a difference of exactly 0 cannot be shown")
