"""Agreement on sets of languages: overlap, the MASI distance, and Krippendorff's alpha for any distance."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Tags = frozenset[str]
Distance = Callable[[Tags, Tags], float]

SUBSET, OVERLAP = Fraction(2, 3), Fraction(1, 3)


def jaccard(first: Tags, second: Tags) -> float:
    """Overlap of two sets: shared elements by all elements. Two empty sets agree: 1."""
    union = first | second
    return len(first & second) / len(union) if union else 1.0


def masi_distance(first: Tags, second: Tags) -> float:
    """1 minus Jaccard times 1 (equal), 2/3 (one holds the other), 1/3 (overlap) or 0 (disjoint).

    An empty set is disjoint from every other set and equal to an empty one.

    Source: Passonneau 2006, "Measuring agreement on set-valued items (MASI)". NLTK uses 0.67 and 0.33 and divides by
    zero on two empty sets.
    """
    if first == second:
        return 0.0
    if not first & second:
        return 1.0
    weight = SUBSET if first <= second or second <= first else OVERLAP
    return 1.0 - jaccard(first, second) * float(weight)


def mean_jaccard(units: Sequence[Sequence[Tags | None]]) -> Floats:
    """[unit] the mean overlap over all pairs of coders of a unit; every unit has two sets or more."""
    return np.array([_mean_over_pairs([tags for tags in unit if tags is not None], jaccard) for unit in units])


def _mean_over_pairs(sets: Sequence[Tags], measure: Distance) -> float:
    pairs = [measure(one, other) for number, one in enumerate(sets) for other in sets[number + 1 :]]
    return float(np.mean(pairs))


def alpha_for_distance(units: Sequence[Sequence[Tags | None]], distance: Distance, weights: Floats) -> Floats:
    """Krippendorff's alpha with any distance between values, for each row of weights of units.

    Args:
        units: [unit][coder] sets, None where a coder did not label; at least two sets in each.
        distance: 0 for equal sets, symmetric.
        weights: [draw, unit] how often each unit counts.

    Returns:
        [draw] alpha; NaN where all values are equal, so that chance disagreement is 0.

    Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability", equation for any metric.
    """
    kept = [[tags for tags in unit if tags is not None] for unit in units]
    values = sorted({tags for unit in kept for tags in unit}, key=sorted)
    place = {tags: number for number, tags in enumerate(values)}
    apart = np.array([[distance(one, other) for other in values] for one in values])
    counts = np.zeros((len(kept), len(values)))
    for number, unit in enumerate(kept):
        for tags in unit:
            counts[number, place[tags]] += 1
    sizes = counts.sum(axis=1)
    within = np.einsum("ui,ij,uj->u", counts, apart, counts) / (sizes - 1)
    totals = weights @ counts
    n = totals.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = weights @ within / n
        expected = np.einsum("di,ij,dj->d", totals, apart, totals) / (n * (n - 1))
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)
