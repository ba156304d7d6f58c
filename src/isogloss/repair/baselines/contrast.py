"""The vector of a set of contrast pairs, as CAST makes it: a signed first principal component."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from isogloss.core import Language
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.directions import Classes

Floats = npt.NDArray[np.floating[Any]]


def fit_contrast_direction(positive: Floats, negative: Floats, *, label: str = "the pairs") -> Floats:
    """First principal component of contrast pairs, each centred on its own middle.

    Centring turns a pair into plus and minus half its difference, so the rows have mean zero and the component is the
    first right singular vector of the differences. It is found exactly, from the smaller Gram matrix. The sign is the
    one under which positive members lie higher than negative ones on average.

    A component follows the spread of the differences: where topics differ more between the members of a pair than
    harmfulness does, it is a topic. A difference of means does not have this trap.

    Args:
        positive: float [pair, hidden].
        negative: float [pair, hidden], partners in the same order.
        label: whose states these are, for messages.

    Returns:
        float32 [hidden], unit length.

    Raises:
        TooFewPrompts: there is no pair, or the members differ in number.
        DegenerateDirection: all pairs coincide, or the component does not tell the members apart.

    Source: CAST (Lee et al., ICLR 2025), its code's "pairwise" principal component; there and in the code of arXiv
    2606.01196 it is approached by power iteration or a randomised solver.
    """
    if positive.shape != negative.shape or not len(positive):
        raise TooFewPrompts(f"{label}: {len(positive)} positive and {len(negative)} negative members make no pairs.")
    differences = np.asarray(positive, np.float64) - np.asarray(negative, np.float64)
    vector = _first_axis(differences)
    along = differences.mean(axis=0) @ vector
    if not abs(along) > 0:
        raise DegenerateDirection(
            f"{label}: the members of the pairs do not differ along their first component, so it has no sign. Use "
            "another layer or other prompts."
        )
    return np.asarray(vector * np.sign(along), np.float32)


def make_pairs(classes: Mapping[Language, Classes]) -> tuple[Floats, Floats]:
    """Harmful and harmless rows side by side, pair by pair within each language; the surplus of a class is left out.

    Returns:
        Two arrays [pair, hidden], languages one after the other.
    """
    counts = {language: min(len(harmful), len(harmless)) for language, (harmful, harmless) in classes.items()}
    sides = [np.concatenate([part[side][: counts[language]] for language, part in classes.items()]) for side in (0, 1)]
    return sides[0], sides[1]


def _first_axis(rows: Floats) -> Floats:
    """Unit eigenvector of the largest eigenvalue of ``rows' rows``; zero where there is nothing to decompose."""
    count, width = rows.shape
    wide = count < width
    gram = rows @ rows.T if wide else rows.T @ rows
    last = len(gram) - 1
    _, vectors = eigh(gram, subset_by_index=[last, last])
    axis = rows.T @ vectors[:, 0] if wide else vectors[:, 0]
    length = float(np.linalg.norm(axis))
    return np.asarray(axis / length if length > 0 else np.zeros(width))
