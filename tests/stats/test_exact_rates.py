"""Clopper-Pearson beside Wilson, and properties that both must have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from isogloss.stats.rates import clopper_pearson_interval, measure_rate, wilson_interval

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
METHODS = [wilson_interval, clopper_pearson_interval]


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 40), (20, 40), (37, 40), (10, 10), (250, 572), (1, 1)])
def test_clopper_pearson_agrees_with_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="exact")
    assert clopper_pearson_interval(successes / n, n) == pytest.approx((expected.low, expected.high), abs=1e-10)


def test_nothing_of_ten_matches_hand_arithmetic():
    # upper limit u with (1 - u)^10 = 0.025: 1 - 0.025^0.1 = 0.30850
    assert clopper_pearson_interval(0.0, 10) == pytest.approx((0.0, 0.30850), abs=1e-5)


def test_the_exact_interval_refuses_an_empty_sample():
    with pytest.raises(ValueError, match="n must be positive"):
        clopper_pearson_interval(0.5, 0)


def test_the_method_is_an_argument_and_part_of_the_result():
    outcomes, clusters = [1] * 9 + [0], [str(index) for index in range(10)]
    exact = measure_rate(outcomes, clusters, method="clopper-pearson")
    assert exact.method == "clopper-pearson"
    assert exact.interval == clopper_pearson_interval(0.9, 10)
    assert measure_rate(outcomes, clusters).method == "wilson"


def test_an_unknown_method_is_an_error():
    with pytest.raises(ValueError, match="wilson, clopper-pearson"):
        measure_rate([1], ["a"], method="wald")


def test_a_prompt_asked_twice_is_one_cluster_for_the_exact_interval_too():
    outcomes = [1, 1] * 12 + [0, 0] * 8
    twice = measure_rate(outcomes, [str(index // 2) for index in range(40)], method="clopper-pearson")
    # 19 = 20 clusters with G / (G - 1), see test_rates
    assert twice.interval == pytest.approx(clopper_pearson_interval(0.6, 19))


@given(counts)
def test_limits_surround_the_rate_and_stay_inside_zero_and_one(pair):
    successes, n = pair
    for method in METHODS:
        low, high = method(successes / n, n)
        assert 0 <= low <= successes / n + 1e-12
        assert successes / n - 1e-12 <= high <= 1


@given(counts)
def test_counting_answers_instead_of_refusals_mirrors_the_interval(pair):
    successes, n = pair
    for method in METHODS:
        low, high = method(successes / n, n)
        mirrored = method((n - successes) / n, n)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(counts, st.floats(0.5, 0.98))
def test_more_confidence_never_narrows_an_interval(pair, confidence):
    successes, n = pair
    for method in METHODS:
        low, high = method(successes / n, n, confidence=confidence)
        wider = method(successes / n, n, confidence=confidence + 0.015)
        assert wider[0] <= low + 1e-12
        assert wider[1] >= high - 1e-12


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_exact_interval_covers_every_rate_at_its_nominal_confidence(n):
    # coverage is summed over all outcomes, so there is no simulation noise
    limits = np.array([clopper_pearson_interval(x / n, n) for x in range(n + 1)])
    for rate in np.linspace(0.001, 0.999, 199):
        inside = (limits[:, 0] <= rate) & (rate <= limits[:, 1])
        assert binom.pmf(np.arange(n + 1), n, rate)[inside].sum() >= 0.95
