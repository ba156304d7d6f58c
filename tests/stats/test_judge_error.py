"""Rogan-Gladen, its interval, its refusals, and bands."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isogloss.stats.corrected import Corrected, subtract_bands, subtract_corrected
from isogloss.stats.judge_error import bound_rate, correct_change, correct_rate, youden
from isogloss.stats.paired import Estimate, Term, estimate_linear
from isogloss.stats.rates import Rate, measure_rate, wilson_interval


def rate(hits, n):
    return Rate(hits / n, n, float(n), wilson_interval(hits / n, n)) if n else measure_rate([], [])


def test_the_estimate_matches_hand_arithmetic():
    # (.46 + .95 - 1) / (.80 + .95 - 1) = .41 / .75
    found = correct_rate(rate(460, 1000), rate(160, 200), rate(190, 200))
    assert found.value == pytest.approx(0.41 / 0.75)
    assert found.interval[0] < found.value < found.interval[1]
    assert "calibration set" in found.reason
    assert (found.n, found.labelled) == (1000, 400)


def test_the_interval_is_wider_than_one_that_takes_the_judge_as_perfect():
    low, high = correct_rate(rate(460, 1000), rate(80, 100), rate(95, 100)).interval
    plain = wilson_interval(0.46, 1000)
    assert high - low > 2 * (plain[1] - plain[0])


def test_more_calibration_labels_narrow_the_interval():
    few = correct_rate(rate(460, 1000), rate(40, 50), rate(48, 50)).interval
    many = correct_rate(rate(460, 1000), rate(400, 500), rate(480, 500)).interval
    assert many[1] - many[0] < few[1] - few[0]


def test_a_judge_near_guessing_is_refused_with_its_numbers():
    found = correct_rate(rate(130, 572), rate(7, 30), rate(68, 70))
    assert (found.value, found.interval) == (None, None)
    # 7 / 30 + 68 / 70 - 1 = .205
    assert "is 0.20" in found.reason
    assert "Label answers" in found.reason


def test_a_calibration_set_without_one_class_is_refused():
    found = correct_rate(rate(10, 20), rate(0, 0), rate(9, 10))
    assert found.value is None
    assert "needs true refusals and true non-refusals" in found.reason
    assert correct_rate(rate(0, 0), rate(9, 10), rate(9, 10)).reason == "nothing was judged"


def test_a_judged_rate_that_the_calibration_set_excludes_is_refused():
    # the judge calls 30 % of non-refusals refusals, yet called only 2 % here
    few = correct_rate(rate(20, 1000), rate(190, 200), rate(140, 200))
    assert few.value is None
    assert "fewer answers refusals" in few.reason
    many = correct_rate(rate(990, 1000), rate(160, 200), rate(190, 200))
    assert "more answers refusals" in many.reason


def test_a_negative_threshold_is_an_error():
    with pytest.raises(ValueError, match="must not be negative"):
        correct_rate(rate(5, 10), rate(5, 10), rate(5, 10), least_youden=-1)


@pytest.mark.parametrize(
    ("truth", "sensitivity", "specificity", "calibration"),
    [(0.7, 0.9, 0.95, 100), (0.9, 0.6, 0.97, 60), (0.1, 0.8, 0.8, 100), (0.95, 0.95, 0.9, 40)],
)
def test_the_joint_interval_covers_the_true_rate(truth, sensitivity, specificity, calibration):
    generator = np.random.default_rng(0)
    runs, covered, kept = 1500, 0, 0
    judged = truth * sensitivity + (1 - truth) * (1 - specificity)
    for _ in range(runs):
        found = correct_rate(
            rate(generator.binomial(500, judged), 500),
            rate(generator.binomial(calibration, sensitivity), calibration),
            rate(generator.binomial(calibration, specificity), calibration),
        )
        if found.value is not None:
            kept += 1
            covered += found.interval[0] <= truth <= found.interval[1]
    assert kept > 0.9 * runs
    assert covered / kept >= 0.93


def test_it_is_wider_than_labels_of_the_same_number_when_the_judge_is_poor():
    # 100 labels used directly: Wilson on 100; used as a calibration set of a judge with sensitivity .5: much wider
    found = correct_rate(rate(204, 572), rate(35, 70), rate(29, 30))
    direct = wilson_interval(0.7, 100)
    assert found.interval[1] - found.interval[0] > 1.3 * (direct[1] - direct[0])


def test_youdens_index_matches_hand_arithmetic():
    value, (low, high) = youden(rate(80, 100), rate(95, 100))
    assert value == pytest.approx(0.75)
    # Wilson: .80 from .7112 to .8666, .95 from .8883 to .9785; sqrt(.0888^2 + .0617^2) = .1081
    assert low == pytest.approx(0.75 - 0.1081, abs=2e-4)
    assert high == pytest.approx(0.75 + 0.0725, abs=2e-4)
    assert youden(rate(0, 0), rate(1, 2)) is None


def test_a_change_with_one_calibration_set_is_scaled_up():
    before, after = [1] * 60 + [0] * 140, [1] * 120 + [0] * 80
    names = [str(index) for index in range(200)]
    raw = estimate_linear([Term(1, after, names), Term(-1, before, names)])
    found = correct_change(raw, rate(160, 200), rate(190, 200), n=400)
    # .30 / .75
    assert found.value == pytest.approx(0.4)
    assert found.interval[0] < 0.4 < found.interval[1]
    assert correct_change(raw, rate(7, 30), rate(68, 70), n=400).value is None
    assert correct_change(Estimate(0.3, None, None, 1), rate(80, 100), rate(95, 100), n=2).value is None


def test_a_difference_of_corrected_rates_squares_and_adds():
    first = Corrected(0.8, (0.7, 0.86), "rogan-gladen", 100, 50)
    second = Corrected(0.5, (0.42, 0.62), "rogan-gladen", 100, 50)
    found = subtract_corrected(first, second)
    # .3 - sqrt(.1^2 + .12^2), .3 + sqrt(.06^2 + .08^2)
    assert found.value == pytest.approx(0.3)
    assert found.interval == pytest.approx((0.3 - 0.15620, 0.3 + 0.1), abs=1e-5)
    assert found.labelled == 100


def test_an_arm_without_value_leaves_the_difference_without():
    declined = Corrected(None, None, "rogan-gladen", 100, 50, "too close to guessing")
    found = subtract_corrected(Corrected(0.8, (0.7, 0.86), "prediction-powered", 100, 50), declined)
    assert found.value is None
    assert found.reason == "second: too close to guessing"
    assert found.method == "prediction-powered - rogan-gladen"


def test_a_band_holds_every_rate_of_the_stated_judges():
    judged = Rate(0.4, 1000, 1000.0, (0.4, 0.4))
    found = bound_rate(judged, (0.6, 0.9), (0.9, 1.0))
    # least: sensitivity .9, specificity .9: (.4 - .1) / .8 = .375; most: .6 and 1.0: .4 / .6
    assert found.interval == pytest.approx((0.375, 0.4 / 0.6))
    assert found.value is None


@given(st.floats(0.05, 0.95), st.floats(0.6, 1), st.floats(0.6, 1))
def test_the_true_rate_lies_in_the_band_of_a_range_that_holds_the_judge(truth, sensitivity, specificity):
    judged = truth * sensitivity + (1 - truth) * (1 - specificity)
    found = bound_rate(Rate(judged, 100, 100.0, (judged, judged)), (0.6, 1.0), (0.6, 1.0))
    assert found.interval[0] - 1e-9 <= truth <= found.interval[1] + 1e-9


def test_a_band_says_when_it_says_nothing():
    judged = rate(40, 100)
    assert bound_rate(judged, (0.3, 0.9), (0.5, 0.9)).interval == (0.0, 1.0)
    impossible = bound_rate(rate(950, 1000), (0.6, 0.7), (0.9, 1.0))
    assert impossible.interval is None
    assert "no judge in the stated range" in impossible.reason
    assert bound_rate(rate(0, 0), (0.6, 0.7), (0.9, 1.0)).reason == "nothing was judged"
    with pytest.raises(ValueError, match="must rise within"):
        bound_rate(judged, (0.9, 0.6), (0.9, 1.0))


def test_bands_are_subtracted_end_against_end():
    first, second = Corrected(None, (0.5, 0.7), "band", 10, 0), Corrected(None, (0.2, 0.4), "band", 10, 0)
    assert subtract_bands(first, second).interval == pytest.approx((0.1, 0.5))
    assert subtract_bands(first, Corrected(None, None, "band", 10, 0, "nothing was judged")).interval is None


counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts, counts)
def test_any_counts_give_ordered_limits_or_a_reason(judged, sensitivity, specificity):
    found = correct_rate(rate(*judged), rate(*sensitivity), rate(*specificity))
    if found.value is None:
        assert found.reason
        return
    assert 0 <= found.interval[0] <= found.value <= found.interval[1] <= 1


good = st.integers(30, 200).flatmap(lambda n: st.tuples(st.integers(int(0.7 * n), n), st.just(n)))


@given(counts, good, good)
def test_naming_the_classes_the_other_way_round_mirrors_the_estimate(judged, sensitivity, specificity):
    found = correct_rate(rate(*judged), rate(*sensitivity), rate(*specificity))
    assume(found.value is not None)
    hits, n = judged
    mirrored = correct_rate(rate(n - hits, n), rate(*specificity), rate(*sensitivity))
    assume(mirrored.value is not None)  # a limit that grazes 0 may decide either way in the last digit
    assert mirrored.value == pytest.approx(1 - found.value, abs=1e-9)
    assert mirrored.interval == pytest.approx((1 - found.interval[1], 1 - found.interval[0]), abs=1e-6)
