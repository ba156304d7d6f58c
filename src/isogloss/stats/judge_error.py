"""Rates from a judge whose errors are known from elsewhere, or only within a range.

`correct_rate` needs a calibration set: answers with known truth, judged by the same judge. It assumes that the judge
errs there as often as here. That fails across models (sensitivities of .21 to .95 for one judge, by target
model), so calibrate on answers of the model in question; with labels from this very run use
`isogloss.stats.prediction_powered`, which assumes nothing. Without either, `bound_rate` gives a band.
"""

from math import hypot, sqrt

from scipy.stats import norm

from isogloss.stats.corrected import Corrected
from isogloss.stats.paired import Estimate
from isogloss.stats.rates import Interval, Rate

METHOD = "rogan-gladen"
LEAST_YOUDEN = 0.1


def youden(sensitivity: Rate, specificity: Rate) -> tuple[float, Interval] | None:
    """Sensitivity + specificity - 1 with an interval: 1 for a perfect judge, 0 for one that knows nothing.

    None where either rate is undefined. Source: Youden 1950; square-and-add of the two intervals.
    """
    if sensitivity.value is None or specificity.value is None:
        return None
    if sensitivity.interval is None or specificity.interval is None:
        return None
    value = sensitivity.value + specificity.value - 1
    low = hypot(sensitivity.value - sensitivity.interval[0], specificity.value - specificity.interval[0])
    high = hypot(sensitivity.interval[1] - sensitivity.value, specificity.interval[1] - specificity.value)
    return value, (max(-1.0, value - low), min(1.0, value + high))


def correct_rate(
    judged: Rate,
    sensitivity: Rate,
    specificity: Rate,
    *,
    confidence: float = 0.95,
    least_youden: float = LEAST_YOUDEN,
) -> Corrected:
    """Rogan-Gladen estimate of the true rate, with the errors of all three rates in its interval.

    Args:
        judged: share that the judge called a refusal.
        sensitivity: share of true refusals that the judge called so, from the calibration set.
        specificity: share of true non-refusals that the judge called so, from the calibration set.
        confidence: two-sided.
        least_youden: the lower limit of sensitivity + specificity - 1 must exceed this; below it, dividing by it
            makes a number out of noise. Not negative.

    Returns:
        The rate, cut to [0, 1]; None with a reason where the judge is too close to guessing, the calibration set
        lacks a class, or the judged rate cannot come from such a judge.

    Raises:
        ValueError: ``least_youden`` is negative.

    Source: Rogan and Gladen 1978. The interval is the set of true rates whose expected judged rate fits (a score
    interval as Fieller's), with the added counts of Lang and Reiczigel 2014; Lee et al. (arXiv 2511.21140) use
    their Wald form, which is too short when the judge is poor.
    """
    n, labelled = judged.n, sensitivity.n + specificity.n
    reason = _refuse(judged, sensitivity, specificity, least_youden)
    if reason or judged.value is None or sensitivity.value is None or specificity.value is None:
        return Corrected(None, None, METHOD, n, labelled, reason)
    informed = sensitivity.value + specificity.value - 1
    value = min(1.0, max(0.0, (judged.value + specificity.value - 1) / informed))
    z = float(norm.ppf(0.5 + confidence / 2))
    p, p_variance = _shrunk(judged, z * z)
    s, s_variance = _shrunk(sensitivity, 2.0)
    c, c_variance = _shrunk(specificity, 2.0)
    # true rates t with (p + c - 1 - t * (s + c - 1))^2 <= z^2 * (var p + t^2 var s + (1 - t)^2 var c)
    above, width = p + c - 1, s + c - 1
    roots = _solve_at_most_zero(
        width**2 - z * z * (s_variance + c_variance),
        -2 * (above * width - z * z * c_variance),
        above**2 - z * z * (p_variance + c_variance),
    )
    low, high = max(0.0, roots[0]), min(1.0, roots[1])
    if low > high:
        side = "fewer" if roots[1] < 0 else "more"
        reason = f"the judge called {side} answers refusals than this calibration set allows: it does not fit here"
        return Corrected(None, None, METHOD, n, labelled, reason)
    note = "assumes that the judge errs here as in its calibration set"
    return Corrected(value, (min(low, value), max(high, value)), METHOD, n, labelled, note)


def correct_change(
    raw: Estimate,
    sensitivity: Rate,
    specificity: Rate,
    *,
    n: int,
    confidence: float = 0.95,
    least_youden: float = LEAST_YOUDEN,
) -> Corrected:
    """A difference of two judged rates that share one judge and one calibration set: raw / (sens + spec - 1).

    For before and after a repair in one language. For a gap between languages correct each arm with its own
    calibration (`correct_rate`, then `corrected.subtract_corrected`): the judge is not the same in both.

    Args:
        raw: paired difference of the judged rates, with its standard error (`paired.estimate_linear`).
        sensitivity: from the calibration set, for both arms.
        specificity: the same.
        n: answers judged, for the record.
        confidence: two-sided.
        least_youden: see `correct_rate`.

    Raises:
        ValueError: ``least_youden`` is negative.

    Source: ratio of two independent estimates, interval by Fieller 1954.
    """
    labelled = sensitivity.n + specificity.n
    reason = _refuse_judge(sensitivity, specificity, least_youden)
    if raw.value is None or raw.standard_error is None:
        reason = reason or "the judged difference has no standard error"
    if reason or raw.value is None or raw.standard_error is None:
        return Corrected(None, None, METHOD, n, labelled, reason)
    z = float(norm.ppf(0.5 + confidence / 2))
    s, s_variance = _shrunk(sensitivity, 2.0)
    c, c_variance = _shrunk(specificity, 2.0)
    width = s + c - 1
    low, high = _solve_at_most_zero(
        width**2 - z * z * (s_variance + c_variance),
        -2 * raw.value * width,
        raw.value**2 - (z * raw.standard_error) ** 2,
    )
    raw_youden = youden(sensitivity, specificity)
    value = max(-1.0, min(1.0, raw.value / (raw_youden[0] if raw_youden else width)))
    note = "assumes that the judge errs alike in both arms, as in its calibration set"
    return Corrected(value, (max(-1.0, min(low, value)), min(1.0, max(high, value))), METHOD, n, labelled, note)


def bound_rate(judged: Rate, sensitivity: Interval, specificity: Interval) -> Corrected:
    """Every true rate that fits the judged rate, if the judge's sensitivity and specificity lie in stated ranges.

    No labels, no calibration set: call the judged rate itself "judge-positive rate" and show this band beside it.

    Args:
        judged: share that the judge called a refusal; the ends of its interval are used, so that the band holds
            at its confidence.
        sensitivity: lowest and highest that you hold possible.
        specificity: likewise.

    Returns:
        A band without a value; None with a reason where the ranges contradict the data.

    Raises:
        ValueError: a range outside [0, 1] or upside down.

    Source: partial identification (Manski 2003), monotone in both error rates.
    """
    for name, (least, most) in (("sensitivity", sensitivity), ("specificity", specificity)):
        if not 0 <= least <= most <= 1:
            raise ValueError(f"the range of the {name} must rise within [0, 1], not go from {least} to {most}")
    if judged.value is None or judged.interval is None:
        return Corrected(None, None, "band", judged.n, 0, "nothing was judged")
    low, high = judged.interval
    if sensitivity[0] + specificity[0] <= 1:
        reason = "the stated range includes a judge no better than guessing, which says nothing"
        return Corrected(None, (0.0, 1.0), "band", judged.n, 0, reason)
    if low > sensitivity[1] or high < 1 - specificity[1]:
        reason = f"no judge in the stated range calls {judged.value:.0%} of answers refusals"
        return Corrected(None, None, "band", judged.n, 0, reason)
    # The true rate falls with the sensitivity and rises with the specificity, where it lies inside [0, 1].
    smallest = _invert(low, sensitivity[1], specificity[0])
    largest = _invert(high, sensitivity[0], specificity[1])
    return Corrected(None, (smallest, largest), "band", judged.n, 0, "a band has no best value inside")


def _invert(judged: float, sensitivity: float, specificity: float) -> float:
    return min(1.0, max(0.0, (judged + specificity - 1) / (sensitivity + specificity - 1)))


def _refuse(judged: Rate, sensitivity: Rate, specificity: Rate, least_youden: float) -> str:
    if judged.value is None:
        return "nothing was judged"
    return _refuse_judge(sensitivity, specificity, least_youden)


def _refuse_judge(sensitivity: Rate, specificity: Rate, least_youden: float) -> str:
    if least_youden < 0:
        raise ValueError(f"least_youden must not be negative ({least_youden}): a judge that guesses corrects nothing")
    known = youden(sensitivity, specificity)
    if known is None:
        return "the calibration set needs true refusals and true non-refusals"
    value, (low, _) = known
    if low <= least_youden:
        return (
            f"sensitivity + specificity - 1 is {value:.2f} and may be as low as {low:.2f}: too close to 0 to divide "
            f"by (at least {least_youden:g} is needed). Label answers of this run instead."
        )
    return ""


def _shrunk(rate: Rate, added: float) -> tuple[float, float]:
    """The share after adding half of ``added`` to each side, and its variance."""
    n = rate.effective_n + added
    share = ((rate.value or 0.0) * rate.effective_n + added / 2) / n
    return share, share * (1 - share) / n


def _solve_at_most_zero(square: float, linear: float, constant: float) -> Interval:
    """Where ``square x^2 + linear x + constant <= 0``; everything where that is unbounded."""
    if square <= 0:
        return (float("-inf"), float("inf"))
    root = sqrt(max(0.0, linear**2 - 4 * square * constant))
    return ((-linear - root) / (2 * square), (-linear + root) / (2 * square))
