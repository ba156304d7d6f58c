"""What every correction for a judge's errors returns, and differences between corrected rates."""

from dataclasses import dataclass
from math import hypot

from isogloss.stats.rates import Interval


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rate, or a difference of rates, with the judge's errors inside its interval.

    Attributes:
        value: None where the data do not carry it; ``reason`` says why.
        interval: two-sided limits, or the ends of a band; may exist without a value.
        method: how it was corrected.
        n: answers judged.
        labelled: answers with a label of the truth, in the sample or in the calibration set.
        reason: why there is no value, or what the value rests on; empty where nothing needs saying.
    """

    value: float | None
    interval: Interval | None
    method: str
    n: int
    labelled: int
    reason: str = ""


def subtract_corrected(first: Corrected, second: Corrected) -> Corrected:
    """``first - second``, each corrected with its own labels or its own calibration set.

    Correct each arm separately before any gap or repair effect: a judge that is better in English makes a gap out
    of nothing. For arms that share prompts and labels `prediction_powered.measure_corrected_gap` is tighter; for
    arms that share one calibration set use `judge_error.correct_change`.

    Source: square-and-add of two independent intervals (Newcombe 1998; Zou and Donner 2008).
    """
    method = first.method if first.method == second.method else f"{first.method} - {second.method}"
    n, labelled = first.n + second.n, first.labelled + second.labelled
    missing = "; ".join(
        f"{side}: {arm.reason or 'no value'}"
        for side, arm in (("first", first), ("second", second))
        if arm.value is None or arm.interval is None
    )
    if first.value is None or second.value is None or first.interval is None or second.interval is None:
        return Corrected(None, None, method, n, labelled, missing)
    gap = first.value - second.value
    low = hypot(first.value - first.interval[0], second.interval[1] - second.value)
    high = hypot(first.interval[1] - first.value, second.value - second.interval[0])
    return Corrected(gap, (max(-1.0, gap - low), min(1.0, gap + high)), method, n, labelled)


def subtract_bands(first: Corrected, second: Corrected) -> Corrected:
    """The band of ``first - second``: every combination of the two bands, since nothing ties them together."""
    n, labelled = first.n + second.n, first.labelled + second.labelled
    if first.interval is None or second.interval is None:
        return Corrected(None, None, "band", n, labelled, first.reason or second.reason or "no band")
    low, high = first.interval[0] - second.interval[1], first.interval[1] - second.interval[0]
    return Corrected(None, (low, high), "band", n, labelled, "a band has no best value inside")
