"""Does a count grow faster than the field? Poisson regression with the papers published as exposure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
MOST_STEPS = 100
TOLERANCE = 1e-10
FEWEST_YEARS = 3


@dataclass(frozen=True, slots=True)
class PoissonFit:
    """Coefficients on the log scale.

    Attributes:
        coefficients: float64 [column].
        covariance: float64 [column, column], for a Poisson count; multiply by ``dispersion`` where that is above 1.
        dispersion: Pearson's chi-square by its degrees of freedom; None without any left.
    """

    coefficients: Floats
    covariance: Floats
    dispersion: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """How a rate changes by the year.

    Attributes:
        ratio: of a year's rate to that of the year before; None where it cannot be fitted.
        interval: of the ratio.
        log_ratio: its logarithm.
        log_error: standard error of the logarithm, widened where counts scatter more than Poisson counts do.
        dispersion: see ``PoissonFit``.
        years: that were fitted.
        reason: why there is no fit.
    """

    ratio: float | None
    interval: tuple[float, float] | None
    log_ratio: float | None
    log_error: float | None
    dispersion: float | None
    years: int
    reason: str = ""


def fit_poisson(design: Floats, counts: Floats, exposure: Floats) -> PoissonFit:
    """Poisson regression with a log link and an offset of ``log(exposure)``, by iteratively reweighted least squares.

    Args:
        design: float64 [row, column], of full column rank.
        counts: float64 [row], not negative, not all 0.
        exposure: float64 [row], positive.

    Source: McCullagh and Nelder 1989, section 2.5.
    """
    offset = np.log(exposure)
    means: Floats = counts + 0.5
    solution: Floats = np.zeros(design.shape[1], np.float64)
    for _ in range(MOST_STEPS):
        working = np.log(means) - offset + (counts - means) / means
        weighted = design * means[:, None]
        step = np.linalg.solve(design.T @ weighted, weighted.T @ working)
        moved = float(np.abs(step - solution).max())
        solution = np.asarray(step, np.float64)
        means = np.exp(np.clip(design @ solution + offset, -300, 300))
        if moved < TOLERANCE:
            break
    covariance: Floats = np.asarray(np.linalg.inv(design.T @ (design * means[:, None])), np.float64)
    free = len(counts) - design.shape[1]
    dispersion = float(((counts - means) ** 2 / means).sum() / free) if free > 0 else None
    return PoissonFit(solution, covariance, dispersion)


def fit_trend(
    counts: Sequence[int], published: Sequence[int], years: Sequence[int], *, confidence: float = 0.95
) -> Trend:
    """The yearly change of a count among the papers published.

    Standard errors are multiplied by the root of the dispersion where that is above 1 (quasi-Poisson). With four or
    five years that factor is a guess itself.

    Args:
        counts: papers of one class, by year.
        published: papers published in the same venues, by year.
        years: the years.
        confidence: two-sided.
    """
    kept = [(c, p, y) for c, p, y in zip(counts, published, years, strict=True) if p > 0]
    if len(kept) < FEWEST_YEARS:
        return Trend(None, None, None, None, None, len(kept), f"{len(kept)} years with papers published; 3 are needed")
    if sum(c > 0 for c, _, _ in kept) < 2:
        return Trend(None, None, None, None, None, len(kept), "papers in fewer than two years")
    table = np.array(kept, dtype=np.float64)
    design = np.column_stack([np.ones(len(kept)), table[:, 2] - table[:, 2].mean()])
    fit = fit_poisson(design, table[:, 0], table[:, 1])
    slope = float(fit.coefficients[1])
    error = float(np.sqrt(fit.covariance[1, 1] * max(1.0, fit.dispersion or 1.0)))
    return Trend(float(np.exp(slope)), _limits(slope, error, confidence), slope, error, fit.dispersion, len(kept))


def compare_trends(first: Trend, second: Trend, *, confidence: float = 0.95) -> Trend:
    """The first trend by the second: above 1, the first grows faster. The two counts share no paper."""
    years = min(first.years, second.years)
    if first.log_ratio is None or second.log_ratio is None or first.log_error is None or second.log_error is None:
        return Trend(None, None, None, None, None, years, first.reason or second.reason)
    slope = first.log_ratio - second.log_ratio
    error = float(np.hypot(first.log_error, second.log_error))
    return Trend(float(np.exp(slope)), _limits(slope, error, confidence), slope, error, None, years)


def _limits(slope: float, error: float, confidence: float) -> tuple[float, float]:
    reach = float(norm.ppf(0.5 + confidence / 2)) * error
    return (float(np.exp(slope - reach)), float(np.exp(slope + reach)))
