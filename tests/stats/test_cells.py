"""Cutting a verdict table into cells, and resampling it by idea."""

import numpy as np
import pytest

from isogloss.stats.bootstrap import bootstrap_estimate
from isogloss.stats.cells import Cell, gather_cells, tabulate_clusters


def test_rows_are_gathered_by_any_name():
    cells = gather_cells([("fraud", "sw"), ("fraud", "yo"), ("fraud", "sw")], [1, 0, 0], ["a", "a", "b"])
    assert cells[("fraud", "sw")] == Cell([1, 0], ["a", "b"])
    assert cells[("fraud", "yo")].outcomes == [0]


def test_columns_of_different_length_are_an_error():
    with pytest.raises(ValueError, match="2, 1 and 2 rows"):
        gather_cells(["sw", "sw"], [1], ["a", "b"])
    with pytest.raises(ValueError, match="sw: 2 outcomes but 1 cluster"):
        tabulate_clusters({"sw": Cell([1, 0], ["a"])})


def test_the_cluster_table_reweights_ideas_in_all_cells_at_once():
    table = tabulate_clusters({"sw": Cell([1, 0, 0], ["a", "b", "b"]), "yo": Cell([1], ["b"]), "xx": Cell([], [])})
    assert table.names == ("sw", "yo")
    # a twice, b once: sw = (2 * 1 + 0) / (2 + 2) = 0.5; yo = 1 / 1. a alone: sw = 1, yo has no answer left
    rates = table.rates(np.array([[2.0, 1.0], [1.0, 0.0]]))
    assert rates[0] == pytest.approx([0.5, 1.0])
    assert rates[1, 0] == 1.0
    assert np.isnan(rates[1, 1])


def test_a_bootstrap_repeats_with_its_seed_and_agrees_with_arithmetic():
    outcomes = [1] * 80 + [0] * 20
    cells = {"sw": Cell(outcomes, [str(index) for index in range(100)])}
    first = bootstrap_estimate(cells, lambda rates: rates[:, 0], seed=4)
    again = bootstrap_estimate(cells, lambda rates: rates[:, 0], seed=4)
    assert first == again
    # sqrt(0.8 * 0.2 / 100) = 0.04
    assert first.standard_error == pytest.approx(0.04, abs=0.003)
    assert first.interval == pytest.approx((0.72, 0.87), abs=0.02)


def test_languages_of_one_idea_are_drawn_together():
    names = [str(index) for index in range(60)]
    outcomes = [index % 2 for index in range(60)]
    cells = {"sw": Cell(outcomes, names), "yo": Cell(outcomes, names)}
    # both languages answer alike, so their difference is 0 in every draw
    gap = bootstrap_estimate(cells, lambda rates: rates[:, 0] - rates[:, 1], seed=1)
    assert gap.interval == (0.0, 0.0)


def test_what_cannot_be_resampled_is_undefined():
    assert bootstrap_estimate({}, lambda rates: rates[:, 0], seed=0).value is None
    assert bootstrap_estimate({"sw": Cell([], [])}, lambda rates: rates[:, 0], seed=0).value is None
    single = bootstrap_estimate({"sw": Cell([1, 0], ["a", "a"])}, lambda rates: rates[:, 0], seed=0)
    assert (single.value, single.interval) == (0.5, None)
