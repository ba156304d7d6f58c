"""Beliefs about two classes: Bayes' rule by hand, decisions by hand, and batches that equal single draws."""

import numpy as np
import pytest
from scipy.stats import t as student

from isogloss.repair.class_belief import (
    MOST_UNLABELLED,
    PREVALENCES,
    STEP,
    WRONG_LABELS,
    ClassTable,
    build_table,
    decide,
    weigh_labelled,
    weigh_unlabelled,
)
from isogloss.repair.class_prior import ClassPrior

PRIOR = ClassPrior(2.0, -2.0, 0.2, 0.2, 0.5, 0.5, languages=5)


def two_places() -> ClassTable:
    """One harmless class at -2, and a harmful one at 2 or at 0 with even chances, all one wide."""
    ones = np.ones(2)
    thresholds = np.array([-3.0, -1.0, 1.0, 3.0])
    return ClassTable(
        prior=ClassPrior(2.0, -2.0, 0.2, 0.2, 1.0, 1.0),
        harmless_mean=np.array([-2.0]),
        harmless_scale=np.array([1.0]),
        harmful_mean=np.array([2.0, 0.0]),
        harmful_scale=ones,
        recognised=0 * ones,
        pairs=np.array([[0.5, 0.5]]),
        like_harmless=np.array([1.0]),
        like_harmful=np.array([1.0, 0.0]),
        thresholds=thresholds,
        missed=np.array([[0.0, 0.0, 0.2, 0.8], [0.0, 0.2, 0.8, 1.0]]),
        alarms=np.array([[0.8, 0.2, 0.0, 0.0]]),
    )


def test_labelled_shots_weigh_the_two_places_by_bayes_rule() -> None:
    # Nodes stand for all means within half a step: scale^2 = 1 + (STEP * 4)^2 / 12. A share WRONG_LABELS of labels
    # is spread evenly over the span of the thresholds, 6.
    scale = (1 + (STEP * 4) ** 2 / 12) ** 0.5
    density = [(1 - WRONG_LABELS) * student.pdf((0.5 - mean) / scale, 5) / scale + WRONG_LABELS / 6 for mean in (2, 0)]
    belief = weigh_labelled(two_places(), np.array([[0.5]]), np.array([[-2.0]]))
    assert belief.harmful[0] == pytest.approx(np.array(density) / sum(density))
    # The middle is halfway from -2 to the expected harmful mean, 2 p; its deviation is half of 2 sqrt(p (1 - p)).
    chance = density[0] / sum(density)
    assert belief.middle[0] == pytest.approx((-2 + 2 * chance) / 2)
    assert belief.error[0] == pytest.approx((chance * (1 - chance)) ** 0.5)


def test_the_decision_has_the_least_expected_cost() -> None:
    # Even chances of both places. Costs at -3, -1, 1, 3: missed 0, .1, .5, .9; alarms .8, .2, 0, 0.
    # Caution 1: .8, .3, .5, .9 -> -1. Caution 3: 2.4, .7, .5, .9 -> 1.
    table = two_places()
    belief = weigh_labelled(table, np.empty((1, 0)), np.empty((1, 0)))
    assert belief.harmful[0].tolist() == [0.5, 0.5]
    assert decide(table, belief, 1.0).tolist() == [-1.0]
    assert decide(table, belief, 3.0).tolist() == [1.0]


def test_prior_probabilities_sum_to_one_and_put_harmful_above_harmless() -> None:
    table = build_table(PRIOR)
    assert table.pairs.sum() == pytest.approx(1.0)
    above = table.harmful_mean[None] >= table.harmless_mean[:, None]
    assert (table.pairs * above).sum() > 0.9
    assert not (table.pairs < 0).any()


def test_shares_beyond_a_threshold_fall_and_rise_as_it_grows() -> None:
    table = build_table(PRIOR)
    assert (np.diff(table.missed, axis=1) >= 0).all()
    assert (np.diff(table.alarms, axis=1) <= 0).all()


def test_a_batch_larger_than_a_chunk_equals_single_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    harmful, harmless = generator.normal(0, 1, (7, 3)), generator.normal(-2, 1, (7, 2))
    table = build_table(PRIOR)
    whole = weigh_labelled(table, harmful, harmless)
    monkeypatch.setattr("isogloss.repair.class_belief.CHUNK", 7000)
    parts = weigh_labelled(table, harmful, harmless)
    assert parts.harmful == pytest.approx(whole.harmful)
    assert parts.middle == pytest.approx(whole.middle)


def test_a_mixture_is_summed_over_prevalences_and_places_by_hand() -> None:
    # One prompt at 2. For every prevalence p and place b: p f_b + (1 - p) f_n, tempered by 120 / 121, weighted by the
    # prior of p, an even half of b; one prompt is no evidence beyond that.
    table = two_places()
    scale = (1 + (STEP * 4) ** 2 / 12) ** 0.5
    of_harmful = [student.pdf((2 - mean) / scale, 5) for mean in (2, 0)]
    of_harmless = student.pdf(4 / scale, 5)
    inner = np.gradient(PREVALENCES)
    inner[[0, -1]] = 0
    prior = 0.8 * inner / inner.sum()
    prior[[0, -1]] = 0.1
    power = MOST_UNLABELLED / (MOST_UNLABELLED + 1)
    mixed = PREVALENCES[:, None] * np.array(of_harmful) + (1 - PREVALENCES)[:, None] * of_harmless
    weights = prior[:, None] * mixed**power
    belief, prevalence = weigh_unlabelled(table, np.array([2.0]))
    assert prevalence == pytest.approx(weights.sum(axis=1) / weights.sum(), rel=1e-4)
    assert belief.harmful[0] == pytest.approx(weights.sum(axis=0) / weights.sum(), rel=1e-4)


def test_extreme_scores_stay_finite() -> None:
    table = build_table(PRIOR)
    far = np.array([[1e6, -1e6]])
    assert np.isfinite(decide(table, weigh_labelled(table, far, far), 1.0)).all()
    belief, prevalence = weigh_unlabelled(table, np.array([1e6] * 20 + [-1e6] * 20))
    assert np.isfinite(belief.middle).all()
    assert prevalence.sum() == pytest.approx(1.0)
