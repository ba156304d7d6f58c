"""The 2x2 table of paired outcomes, its tests and its intervals."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isogloss.stats.paired import Term, estimate_linear
from isogloss.stats.pairedtable import (
    PairedTable,
    match_outcomes,
    mcnemar_p,
    measure_pairs,
    paired_interval,
    sign_flip_p,
    tabulate_pairs,
    tango_statistic,
)

tables = st.tuples(*[st.integers(0, 60)] * 4).filter(any).map(lambda cells: PairedTable(*cells))


def expand(table):
    reference = [1] * (table.both + table.only_reference) + [0] * (table.only_here + table.neither)
    here = [1] * table.both + [0] * table.only_reference + [1] * table.only_here + [0] * table.neither
    return reference, here


def test_pairs_are_counted_in_four_cells():
    table = tabulate_pairs([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    assert table == PairedTable(1, 2, 1, 1)
    # 1 gained and 2 lost of 5
    assert table.difference == pytest.approx(-0.2)
    assert table.discordant_share == pytest.approx(0.6)


def test_only_keys_of_both_sides_are_paired():
    assert match_outcomes({"a": 1, "b": 0, "c": 1}, {"c": 0, "a": 1, "d": 1}) == (["c", "a"], [1, 1], [0, 1])


def test_unpaired_columns_are_an_error():
    with pytest.raises(ValueError, match="2 reference outcomes but 1 here"):
        tabulate_pairs([1, 0], [1])
    with pytest.raises(ValueError, match="1, 1 and 2 rows"):
        measure_pairs([1], [1], ["a", "b"])


def test_no_pairs_leave_everything_undefined():
    found = measure_pairs([], [], [])
    assert (found.difference, found.interval, found.p_value, found.n) == (None, None, None, 0)


def test_mcnemar_matches_hand_arithmetic():
    # 1 against 5 of 6 discordant pairs: 2 * (1 + 6) / 64 = 0.21875; mid-p takes off 6 / 64 = 0.09375
    assert mcnemar_p(PairedTable(9, 5, 1, 9)) == pytest.approx(0.21875)
    assert mcnemar_p(PairedTable(9, 5, 1, 9), mid_p=True) == pytest.approx(0.125)


def test_an_even_split_of_discordant_pairs_is_no_evidence():
    assert mcnemar_p(PairedTable(3, 4, 4, 3)) == 1.0
    # mid-p: 1 - C(8, 4) / 2^8 / 2 = 1 - 70 / 512
    assert mcnemar_p(PairedTable(3, 4, 4, 3), mid_p=True) == pytest.approx(1 - 70 / 512)
    assert mcnemar_p(PairedTable(3, 0, 0, 3)) == 1.0


@given(tables, st.booleans())
@example(PairedTable(both=0, only_reference=0, only_here=0, neither=1), True)
def test_the_sign_flip_test_of_single_pairs_is_mcnemar(table, mid_p):
    sums = [-1] * table.only_reference + [1] * table.only_here + [0] * table.neither
    assert sign_flip_p(sums, mid_p=mid_p) == pytest.approx(mcnemar_p(table, mid_p=mid_p), abs=1e-9)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_the_sign_flip_test_equals_enumeration(sums):
    totals = [
        abs(sum(sign * size for sign, size in zip(signs, sums, strict=True)))
        for signs in product([-1, 1], repeat=len(sums))
    ]
    expected = np.mean([total >= abs(sum(sums)) for total in totals])
    assert sign_flip_p(sums) == pytest.approx(expected)


@pytest.mark.parametrize("method", ["newcombe", "tango"])
@given(table=tables)
def test_swapping_the_sides_mirrors_difference_and_interval(method, table):
    swapped = PairedTable(table.both, table.only_here, table.only_reference, table.neither)
    low, high = paired_interval(table, method=method)
    assert paired_interval(swapped, method=method) == pytest.approx((-high, -low), abs=1e-6)


@pytest.mark.parametrize("method", ["newcombe", "tango"])
@given(table=tables)
def test_intervals_hold_the_difference_and_stay_inside_minus_one_and_one(method, table):
    low, high = paired_interval(table, method=method)
    assert -1 <= low <= table.difference + 1e-9
    assert table.difference - 1e-9 <= high <= 1


@given(tables, st.floats(-0.99, 0.98))
def test_tangos_score_falls_as_the_supposed_difference_rises(table, difference):
    assert tango_statistic(table, difference) >= tango_statistic(table, difference + 0.01) - 1e-9


@pytest.mark.parametrize("method", ["newcombe", "tango"])
def test_one_pair_gives_an_interval_that_admits_it_knows_nothing(method):
    low, high = measure_pairs([1], [0], ["a"], method=method).interval
    assert low == pytest.approx(-1, abs=0.1)
    assert high > 0.1


@pytest.mark.parametrize("method", ["newcombe", "tango"])
def test_paired_intervals_cover_the_true_difference(method):
    # truth: both .80, only reference .12, only here .04, neither .04, hence a difference of -0.08
    generator = np.random.default_rng(2)
    covered = 0
    for cells in generator.multinomial(60, [0.80, 0.12, 0.04, 0.04], size=1500):
        low, high = paired_interval(PairedTable(*cells), method=method)
        covered += low <= -0.08 <= high
    assert 0.935 <= covered / 1500 <= 0.985


def test_many_pairs_agree_with_the_clustered_t_interval():
    table = PairedTable(300, 60, 30, 110)
    reference, here = expand(table)
    names = [str(index) for index in range(500)]
    linear = estimate_linear([Term(1, here, names), Term(-1, reference, names)])
    for method in ("newcombe", "tango"):
        assert measure_pairs(reference, here, names, method=method).interval == pytest.approx(
            linear.interval, abs=0.004
        )


def test_duplicated_prompts_count_as_one_idea():
    reference, here = expand(PairedTable(20, 12, 2, 16))
    once = measure_pairs(reference, here, [str(index) for index in range(50)])
    clusters = [str(index) for index in range(50) for _ in range(2)]
    twice = measure_pairs(np.repeat(reference, 2), np.repeat(here, 2), clusters)
    assert twice.n == 100
    assert twice.p_value == pytest.approx(once.p_value)
    # 50 ideas with G / (G - 1): 49 independent pairs
    assert twice.effective_n == pytest.approx(49)
    assert twice.interval == pytest.approx(once.interval, abs=0.003)


def test_one_idea_says_no_more_than_one_pair():
    found = measure_pairs([1, 1, 1], [0, 0, 0], ["a", "a", "a"])
    assert found.effective_n == 1
    assert found.p_value == 1.0
