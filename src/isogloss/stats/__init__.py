"""Arithmetic on numbers only: rates, intervals, worst language, paired gaps, separability."""

from isogloss.stats.paired import Estimate, Term, estimate_linear
from isogloss.stats.rates import Rate, difference_interval, measure_rate, wilson_interval
from isogloss.stats.worst import Worst, find_worst

__all__ = [
    "Estimate",
    "Rate",
    "Term",
    "Worst",
    "difference_interval",
    "estimate_linear",
    "find_worst",
    "measure_rate",
    "wilson_interval",
]
