"""Draws without replacement."""

import numpy as np
import pytest

from isogloss.core.errors import TooFewPrompts
from isogloss.repair.published.shots import draw_published_shots, published_seed

LABELS = np.array([True] * 5 + [False] * 7)


def test_shots_are_different_rows_with_the_harmful_ones_first() -> None:
    for seed in range(20):
        rows = draw_published_shots(LABELS, 4, seed=seed)
        assert len(set(rows.tolist())) == 8
        assert LABELS[rows].tolist() == [True] * 4 + [False] * 4


def test_a_seed_repeats_and_other_seeds_reach_every_row() -> None:
    assert np.array_equal(draw_published_shots(LABELS, 2, seed=3), draw_published_shots(LABELS, 2, seed=3))
    seen = {row for seed in range(60) for row in draw_published_shots(LABELS, 1, seed=seed).tolist()}
    assert seen == set(range(12))


def test_every_part_of_the_name_changes_the_seed() -> None:
    names = [
        published_seed(0, "m", "sw-Latn", 1, 10, "shots"),
        published_seed(1, "m", "sw-Latn", 1, 10, "shots"),
        published_seed(0, "m", "yo-Latn", 1, 10, "shots"),
        published_seed(0, "m", "sw-Latn", 2, 10, "shots"),
        published_seed(0, "m", "sw-Latn", 1, 5, "shots"),
        published_seed(0, "m", "sw-Latn", 1, 10, "probe"),
    ]
    assert len(set(names)) == len(names)


def test_more_shots_than_rows_are_refused() -> None:
    with pytest.raises(TooFewPrompts, match="5 harmful rows to draw 6"):
        draw_published_shots(LABELS, 6, seed=0)
