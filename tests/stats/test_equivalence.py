"""Verdicts against a margin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.stats.equivalence import decide_equivalence, decide_non_inferiority, measure_margin

NAMES = [str(index) for index in range(600)]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((-0.01, 0.015), "equivalent"),
        ((-0.01, 0.02), "undecided"),  # touches the margin
        ((-0.05, 0.05), "undecided"),
        ((0.021, 0.05), "not equivalent"),
        ((-0.05, -0.03), "not equivalent"),
        (None, "undecided"),
    ],
)
def test_equivalence_needs_the_whole_interval_inside_the_margin(interval, expected):
    assert decide_equivalence(interval, 0.02) == expected


@pytest.mark.parametrize(
    ("interval", "worse", "expected"),
    [
        ((-0.01, 0.30), "lower", "not worse"),
        ((-0.30, 0.01), "higher", "not worse"),
        ((-0.30, -0.05), "lower", "worse"),
        ((0.05, 0.30), "higher", "worse"),
        ((-0.05, 0.05), "lower", "undecided"),
        (None, "higher", "undecided"),
    ],
)
def test_non_inferiority_looks_in_the_bad_direction_only(interval, worse, expected):
    assert decide_non_inferiority(interval, 0.02, worse=worse) == expected


def test_a_margin_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="margin must be positive"):
        decide_equivalence((0.0, 0.0), 0)
    with pytest.raises(ValueError, match="margin must be positive"):
        decide_non_inferiority((0.0, 0.0), -0.1)


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 0.5))
def test_the_two_directions_mirror_each_other(low, width, margin):
    high = low + width
    assert decide_equivalence((low, high), margin) == decide_equivalence((-high, -low), margin)
    up = decide_non_inferiority((low, high), margin, worse="lower")
    assert up == decide_non_inferiority((-high, -low), margin, worse="higher")


def test_many_agreeing_prompts_show_equivalence_and_few_leave_it_open():
    # one prompt in a hundred changes each way
    before = ([1] * 98 + [1, 0]) * 6
    after = ([1] * 98 + [0, 1]) * 6
    assert measure_margin(before, after, NAMES, margin=0.02).equivalence == "equivalent"
    few = measure_margin(before[:100], after[:100], NAMES[:100], margin=0.02)
    assert few.equivalence == "undecided"
    assert few.non_inferiority == "undecided"


def test_a_large_loss_is_named_as_worse_and_its_opposite_as_not_worse():
    before, after = [1] * 200, [1] * 150 + [0] * 50
    lost = measure_margin(before, after, NAMES[:200], margin=0.05)
    assert (lost.equivalence, lost.non_inferiority) == ("not equivalent", "worse")
    assert measure_margin(before, after, NAMES[:200], margin=0.05, worse="higher").non_inferiority == "not worse"


def test_two_one_sided_tests_use_the_interval_at_one_minus_twice_the_level():
    found = measure_margin([1, 0] * 50, [1, 0] * 49 + [0, 0], NAMES[:100], margin=0.1, level=0.05)
    wider = measure_margin([1, 0] * 50, [1, 0] * 49 + [0, 0], NAMES[:100], margin=0.1, level=0.025)
    assert wider.pairs.interval[0] < found.pairs.interval[0]
