"""Rates from a judge and a few labels: arithmetic, unbiasedness, and the order of the estimators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.stats.prediction_powered import Labelled, choose_tuning, measure_corrected_gap, measure_prediction_powered
from isogloss.stats.rates import wilson_interval


def make(rate, sensitivity, specificity, answers, seed):
    generator = np.random.default_rng(seed)
    truth = (generator.random(answers) < rate).astype(int)
    judge = (generator.random(answers) < np.where(truth == 1, sensitivity, 1 - specificity)).astype(int)
    return truth, judge


def label(truth, judge, drawn, prefix=""):
    marked = np.zeros(len(truth), dtype=bool)
    marked[drawn] = True
    known = [int(one) if mark else None for one, mark in zip(truth, marked, strict=True)]
    return Labelled(judge.tolist(), known, [f"{prefix}{index}" for index in range(len(truth))])


def draw_all(truth, judge, labels, draws, seed, **options):
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(len(truth), labels, replace=False) for _ in range(draws)]
    return [measure_prediction_powered(label(truth, judge, one), **options) for one in drawn]


def test_the_estimate_matches_hand_arithmetic():
    # judge 1 1 1 0 0 0, labels of the first, second, fourth and fifth: 1 0 0 1.
    # tuning .5: .5 * mean(judge) = .25; mean of 1 - .5, 0 - .5, 0 - 0, 1 - 0 = .25; together .5
    arm = Labelled([1, 1, 1, 0, 0, 0], [1, 0, None, 0, 1, None], list("abcdef"))
    assert measure_prediction_powered(arm, tuning=0.5).value == pytest.approx(0.5)
    # labels alone: 2 of 4, on 4 labels with G / (G - 1) over six ideas
    assert measure_prediction_powered(arm, tuning=0.0).value == pytest.approx(0.5)


def test_a_perfect_judge_needs_no_labels_and_a_constant_one_gets_no_trust():
    truth = np.array([1, 0] * 100)
    perfect = measure_prediction_powered(label(truth, truth, np.arange(20)))
    assert perfect.value == pytest.approx(0.5)
    width = perfect.interval[1] - perfect.interval[0]
    low, high = wilson_interval(0.5, 200)
    assert width == pytest.approx(high - low, abs=0.002)
    assert choose_tuning(np.ones(10), truth[:10].astype(float), np.ones(10)) == 0.0


def test_too_few_labels_give_no_number():
    arm = Labelled([1, 0, 1], [1, None, None], list("abc"))
    found = measure_prediction_powered(arm)
    assert (found.value, found.interval, found.labelled) == (None, None, 1)
    assert "at least two different ideas" in found.reason
    same = measure_prediction_powered(Labelled([1, 0, 1], [1, 1, None], ["a", "a", "b"]))
    assert same.value is None


def test_columns_must_match_and_chances_must_be_chances():
    with pytest.raises(ValueError, match="2, 1 and 2 rows"):
        measure_prediction_powered(Labelled([1, 0], [1], ["a", "b"]))
    with pytest.raises(ValueError, match="above 0 and at most at 1"):
        measure_prediction_powered(Labelled([1, 0], [1, 0], ["a", "b"], [0.0, 1.0]))
    with pytest.raises(ValueError, match="1 chances of inclusion for 2 answers"):
        measure_prediction_powered(Labelled([1, 0], [1, 0], ["a", "b"], [1.0]))


def test_the_order_of_the_estimators_with_a_poor_judge():
    # the published order for a judge with sensitivity .5: tuned is at least as good as labels alone, untuned worse
    truth, judge = make(0.69, 0.50, 0.98, 572, seed=1)
    spread = {
        name: np.std([one.value for one in draw_all(truth, judge, 100, 400, seed=2, tuning=tuning)])
        for name, tuning in (("tuned", None), ("labels", 0.0), ("untuned", 1.0))
    }
    assert spread["tuned"] <= spread["labels"] * 1.02
    assert spread["untuned"] > spread["labels"]
    assert judge.mean() < truth.mean() - 0.3


def test_a_good_judge_saves_labels():
    truth, judge = make(0.7, 0.95, 0.97, 572, seed=3)
    tuned = np.std([one.value for one in draw_all(truth, judge, 100, 300, seed=4)])
    labels = np.std([one.value for one in draw_all(truth, judge, 100, 300, seed=4, tuning=0.0)])
    assert tuned < 0.6 * labels


@pytest.mark.parametrize(
    ("rate", "sensitivity", "specificity"), [(0.7, 0.5, 0.98), (0.94, 0.45, 0.96), (0.3, 0.9, 0.9)]
)
def test_the_estimate_is_unbiased_and_its_interval_covers_whatever_the_judge(rate, sensitivity, specificity):
    generator = np.random.default_rng(5)
    values, covered = [], 0
    for seed in range(400):
        truth, judge = make(rate, sensitivity, specificity, 500, seed)
        found = measure_prediction_powered(label(truth, judge, generator.choice(500, 100, replace=False)))
        values.append(found.value)
        covered += found.interval[0] <= rate <= found.interval[1]
    assert np.mean(values) == pytest.approx(rate, abs=0.006)
    assert covered / 400 >= 0.925


def test_unequal_chances_of_labelling_are_undone():
    # every refusal verdict is labelled with chance .5, every other with .05: plain means would be far off
    truth, judge = make(0.6, 0.7, 0.9, 2000, seed=7)
    chances = np.where(judge == 1, 0.5, 0.05)
    generator = np.random.default_rng(8)
    with_chances, without = [], []
    for _ in range(80):
        arm = label(truth, judge, np.flatnonzero(generator.random(2000) < chances))
        without.append(measure_prediction_powered(arm, tuning=0.0).value)
        stratified = Labelled(arm.judge, arm.truth, arm.clusters, chances.tolist())
        with_chances.append(measure_prediction_powered(stratified).value)
    assert np.mean(with_chances) == pytest.approx(truth.mean(), abs=0.015)
    assert abs(np.mean(without) - truth.mean()) > 0.1


def test_answers_to_one_idea_widen_the_interval():
    truth, judge = make(0.7, 0.8, 0.9, 200, seed=9)
    alone = label(truth, judge, np.arange(0, 200, 2))
    repeated = Labelled(
        np.repeat(alone.judge, 3).tolist(),
        [one for one in alone.truth for _ in range(3)],
        [one for one in alone.clusters for _ in range(3)],
    )
    once, thrice = measure_prediction_powered(alone), measure_prediction_powered(repeated)
    assert thrice.value == pytest.approx(once.value)
    assert thrice.interval == pytest.approx(once.interval, abs=0.01)


def test_a_judge_that_is_better_in_english_makes_no_gap_after_correction():
    english, judged_english = make(0.85, 0.97, 0.98, 500, seed=11)
    generator = np.random.default_rng(12)
    covered, gaps = 0, []
    for seed in range(150):
        thai, judged_thai = make(0.85, 0.40, 0.98, 500, seed=100 + seed)
        english, judged_english = make(0.85, 0.97, 0.98, 500, seed=500 + seed)
        arms = [
            label(one, other, generator.choice(500, 100, replace=False))
            for one, other in ((thai, judged_thai), (english, judged_english))
        ]
        found = measure_corrected_gap(*arms)
        gaps.append(found.value)
        covered += found.interval[0] <= 0 <= found.interval[1]
    assert np.mean(gaps) == pytest.approx(0, abs=0.01)
    assert covered / 150 >= 0.9
    assert judged_thai.mean() - judged_english.mean() < -0.4


def test_gaps_use_shared_ideas():
    truth, judge = make(0.7, 0.8, 0.95, 300, seed=13)
    arm = label(truth, judge, np.arange(100))
    elsewhere = label(truth, judge, np.arange(100), prefix="x")
    paired, apart = measure_corrected_gap(arm, arm), measure_corrected_gap(arm, elsewhere)
    assert paired.value == apart.value == 0
    assert paired.interval[1] < apart.interval[1]
    assert measure_corrected_gap(arm, Labelled([1], [None], ["a"])).value is None


@given(st.lists(st.tuples(st.integers(0, 1), st.one_of(st.none(), st.integers(0, 1))), min_size=1, max_size=30))
def test_any_columns_give_a_number_inside_zero_and_one_or_a_reason(rows):
    arm = Labelled([one for one, _ in rows], [truth for _, truth in rows], [str(index) for index in range(len(rows))])
    found = measure_prediction_powered(arm)
    if found.value is None:
        assert found.reason
    else:
        assert 0 <= found.interval[0] <= found.value + 1e-9
        assert found.value - 1e-9 <= found.interval[1] <= 1
