"""The strength from quartiles."""

import numpy as np
import pytest

from isogloss.core.errors import DegenerateDirection, NothingToDo
from isogloss.repair.published.directions import pooled_direction
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.strength import published_strength


def quartile(values: np.ndarray, share: float) -> float:
    """By sorting and interpolating between the two neighbours."""
    ordered = sorted(values.tolist())
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def test_the_gap_is_between_the_outer_quartiles() -> None:
    # Harmful 0, 4, 8: upper quartile 6. Harmless 0, 1, 2: lower quartile 0.5. Gap 5.5, doubled 11.
    harmful, harmless = np.array([[0.0], [4], [8]]), np.array([[0.0], [1], [2]])
    assert published_strength(harmful, harmless, np.ones(1), multiplier=2) == pytest.approx(11)


def test_real_states_give_the_same_strength_by_sorting(source_rows: Rows) -> None:
    vector = pooled_direction(source_rows.classes())
    harmful, harmless = source_rows.hidden[source_rows.harmful], source_rows.hidden[~source_rows.harmful]
    expected = quartile(harmful.astype(float) @ vector.astype(float), 0.75)
    expected -= quartile(harmless.astype(float) @ vector.astype(float), 0.25)
    assert published_strength(harmful, harmless, vector) == pytest.approx(expected, abs=1.4e-7)


def test_a_closed_gap_and_a_zero_multiplier_are_refused() -> None:
    rows = np.ones((2, 1))
    with pytest.raises(DegenerateDirection, match="not above"):
        published_strength(rows, rows, np.ones(1))
    with pytest.raises(NothingToDo, match="multiplier of 0"):
        published_strength(rows, rows, np.ones(1), multiplier=0)
