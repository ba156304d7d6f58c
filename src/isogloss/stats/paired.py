"""Averages over languages and differences between conditions, when the same prompts are asked again and again.

Prompts of a parallel set are shared by all languages, and a repair is measured on the prompts of the audit before
it. Errors are therefore computed per cluster of prompts: everything that was answered to one idea, in all
languages and under both conditions, enters as one number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from isogloss.stats.rates import Floats, Interval


@dataclass(frozen=True, slots=True)
class Term:
    """One mean inside a linear statistic.

    Attributes:
        weight: its factor, such as ``1 / languages`` or ``-1``.
        outcomes: 0 or 1 (or any number) per scored prompt.
        clusters: one label per prompt; equal labels in different terms are the same idea.
    """

    weight: float
    outcomes: Sequence[float]
    clusters: Sequence[str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: in the unit of the outcomes; None where a term has no outcomes.
        interval: two-sided limits; None where the value is undefined or there are fewer than two clusters.
        standard_error: cluster-robust; None where the interval is.
        clusters: independent ideas behind the number.
    """

    value: float | None
    interval: Interval | None
    standard_error: float | None
    clusters: int


UNDEFINED = Estimate(None, None, None, 0)
# Half of the three events that a sample without any may have missed, as one standard deviation.
UNSEEN = 1.5


def estimate_linear(terms: Iterable[Term], *, confidence: float = 0.95, limits: Interval = (-1.0, 1.0)) -> Estimate:
    """A weighted sum of means with a cluster-robust t interval.

    Covers the macro average over languages (weights 1/K), selectivity (harmful 1, harmless -1), a gap to a
    reference language (1, -1 on the same clusters) and a change after a repair (after 1, before -1).

    Args:
        terms: the means; a term without outcomes makes the whole number undefined.
        confidence: two-sided.
        limits: the smallest and largest possible value; the interval is cut there.

    Returns:
        The estimate. Rare answers that the sample happens not to hold are not impossible: every term adds the
        variance of ``1.5 * weight / (clusters + 2)``, so that a single term without any variation reaches about
        3 / clusters to each side (the rule of three), and a sum over many languages their root mean square.

    Source: cluster-robust (CR1) variance of a sum of means; paired differences as in Miller 2024
    (arXiv 2411.00640), section on paired analysis. We add the allowance for what was not seen.
    """
    chosen = list(terms)
    if not chosen or any(len(term.outcomes) == 0 for term in chosen):
        return UNDEFINED
    labels = sorted({label for term in chosen for label in term.clusters})
    position = {label: index for index, label in enumerate(labels)}
    influence = np.zeros(len(labels))
    value = unseen = 0.0
    for term in chosen:
        outcomes = np.asarray(term.outcomes, dtype=np.float64)
        mean = float(outcomes.mean())
        value += term.weight * mean
        unseen += (UNSEEN * term.weight / (len(set(term.clusters)) + 2)) ** 2
        rows = [position[label] for label in term.clusters]
        np.add.at(influence, rows, term.weight * (outcomes - mean) / len(outcomes))
    return estimate_from_influence(value, influence, unseen=unseen, confidence=confidence, limits=limits)


def estimate_from_influence(
    value: float,
    influence: Floats,
    *,
    unseen: float = 0.0,
    confidence: float = 0.95,
    limits: Interval = (-1.0, 1.0),
) -> Estimate:
    """A t interval around a value, given how far each cluster moved it.

    Args:
        value: the estimate.
        influence: one number per cluster; their sum is 0 and the sum of their squares estimates the variance.
        unseen: variance added for what the sample does not hold; 0 leaves a floor of 3 / clusters for unanimous
            data.
        confidence: two-sided.
        limits: the interval is cut there.
    """
    count = len(influence)
    if count < 2:
        return Estimate(value, None, None, count)
    error = float(np.sqrt((influence**2).sum() * count / (count - 1) + unseen))
    half = float(student.ppf(0.5 + confidence / 2, count - 1)) * error
    if error < 1e-12:
        half = 3.0 / count
    low, high = max(limits[0], value - half), min(limits[1], value + half)
    return Estimate(value, (low, high), error, count)
