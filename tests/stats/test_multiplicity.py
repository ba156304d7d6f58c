"""Holm and Benjamini-Hochberg."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.stats.multiplicity import adjust_p_values

families = st.dictionaries(st.integers(0, 50), st.floats(0, 1), min_size=1, max_size=20)


def test_holm_matches_hand_arithmetic():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, kept from falling: .04 .06 .06 .06
    found = adjust_p_values({"sw": 0.03, "yo": 0.01, "th": 0.04, "ko": 0.02}, family="gap to English")
    assert found.adjusted == pytest.approx({"sw": 0.06, "yo": 0.04, "th": 0.06, "ko": 0.06})
    assert found.rejected() == ("yo",)
    assert (found.name, found.size) == ("gap to English", 4)


def test_benjamini_hochberg_matches_hand_arithmetic():
    # sorted .01 .02 .03 .04 times 4/1 4/2 4/3 4/4 = .04 each
    found = adjust_p_values({"a": 0.03, "b": 0.01, "c": 0.04, "d": 0.02}, family="map", method="benjamini-hochberg")
    assert list(found.adjusted.values()) == pytest.approx([0.04] * 4)


def test_a_test_that_could_not_be_done_is_no_member_of_the_family():
    found = adjust_p_values({"sw": 0.03, "yo": None}, family="gaps")
    assert found.size == 1
    assert found.adjusted == {"sw": 0.03, "yo": None}


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="sw: a p-value lies between 0 and 1"):
        adjust_p_values({"sw": 1.2}, family="gaps")
    with pytest.raises(ValueError, match="no adjustment"):
        adjust_p_values({"sw": 0.2}, family="gaps", method="sidak")


@given(families)
def test_adjusting_never_lowers_a_p_value_and_keeps_the_order(p_values):
    for method in ("holm", "benjamini-hochberg"):
        adjusted = adjust_p_values(p_values, family="any", method=method).adjusted
        assert all(adjusted[name] >= p - 1e-12 for name, p in p_values.items())
        assert all(value <= 1 for value in adjusted.values())
        order = sorted(p_values, key=lambda name: p_values[name])
        assert (np.diff([adjusted[name] for name in order]) >= -1e-12).all()


@given(families)
def test_holm_is_never_more_lenient_than_benjamini_hochberg(p_values):
    holm = adjust_p_values(p_values, family="any").adjusted
    hochberg = adjust_p_values(p_values, family="any", method="benjamini-hochberg").adjusted
    assert all(holm[name] >= hochberg[name] - 1e-12 for name in p_values)


def test_holm_bounds_the_chance_of_any_false_alarm():
    generator = np.random.default_rng(6)
    alarms = sum(
        bool(adjust_p_values(dict(enumerate(generator.random(13))), family="null").rejected()) for _ in range(2000)
    )
    # 0.05 with a standard error of 0.005
    assert alarms / 2000 <= 0.065
