"""Thresholds without labels: known truth, samples of one class, translations, and what must not matter."""

import numpy as np
import pytest
from scipy.stats import norm

from isogloss.repair.class_prior import ClassPrior
from isogloss.repair.gate import Gate, SourceScores
from isogloss.repair.thresholds import estimate_threshold
from isogloss.repair.unlabelled import (
    estimate_by_quantiles,
    estimate_from_harmless,
    estimate_from_parallel,
    estimate_from_translations,
    estimate_from_unlabelled,
)

GATE = Gate(
    basis=np.ones((1, 1), np.float32),
    centre=np.zeros(1),
    scale=np.ones(1),
    weights=np.ones(1),
    bias=0.0,
    source=SourceScores(harmful=2.0, harmless=-2.0, spread=0.5),
    fallback=0.25,
)
PRIOR = ClassPrior(2.0, -2.0, 0.2, 0.2, 0.5, 0.5, languages=5)


def accuracy(cut: float, harmful: tuple[float, float], harmless: tuple[float, float]) -> float:
    """Balanced accuracy of a cut between two normal classes (mean, deviation)."""
    return float(norm.sf((cut - harmful[0]) / harmful[1]) + norm.cdf((cut - harmless[0]) / harmless[1])) / 2


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_faded_language_is_recovered_at_any_prevalence(share: float) -> None:
    # Harmful at 0.2 and wider, harmless where the sources have it: the source threshold gives about 0.77.
    generator = np.random.default_rng(int(10 * share))
    harmful, harmless, count = (0.2, 0.6), (-2.1, 0.5), round(60 * share)
    scores = np.concatenate([generator.normal(*harmful, count), generator.normal(*harmless, 60 - count)])
    estimate = estimate_from_unlabelled(GATE, scores, prior=PRIOR)
    before = accuracy(GATE.fallback, harmful, harmless)
    assert before < 0.8
    assert accuracy(estimate.value, harmful, harmless) > 0.94
    assert estimate.prevalence == pytest.approx(share, abs=0.12)
    assert estimate.n == 60


def test_a_language_like_the_sources_is_left_alone() -> None:
    generator = np.random.default_rng(0)
    scores = np.concatenate([generator.normal(2, 0.5, 10), generator.normal(-2, 0.5, 50)])
    estimate = estimate_from_unlabelled(GATE, scores, prior=PRIOR)
    assert accuracy(estimate.value, (2, 0.5), (-2, 0.5)) > 0.99
    assert estimate.reason == ""


def test_harmless_text_alone_is_recognised_as_one_class() -> None:
    scores = np.random.default_rng(1).normal(-2.2, 0.5, 60)
    estimate = estimate_from_unlabelled(GATE, scores, prior=PRIOR)
    assert "seem to be harmless alone" in estimate.reason
    assert -1.6 < estimate.value <= 0.5


def test_harmful_text_alone_is_recognised_as_one_class() -> None:
    scores = np.random.default_rng(2).normal(2.0, 0.5, 60)
    estimate = estimate_from_unlabelled(GATE, scores, prior=PRIOR)
    assert "seem to be harmful alone" in estimate.reason
    assert -1.5 < estimate.value < 1.0


def test_a_handful_of_prompts_keeps_the_source_threshold_and_says_why() -> None:
    estimate = estimate_from_unlabelled(GATE, np.array([-2.0, 2.0]))
    assert estimate.value == GATE.fallback
    assert estimate.weight == 0
    assert "2 unlabelled prompts are too few (at least 8)" in estimate.reason


def test_the_order_of_unlabelled_prompts_does_not_matter() -> None:
    scores = np.random.default_rng(3).normal(0, 2, 30)
    assert estimate_from_unlabelled(GATE, scores).value == estimate_from_unlabelled(GATE, scores[::-1]).value


def test_a_large_sample_is_read_through_its_quantiles() -> None:
    generator = np.random.default_rng(4)
    scores = np.concatenate([generator.normal(0, 0.6, 1500), generator.normal(-2, 0.5, 1500)])
    estimate = estimate_from_unlabelled(GATE, scores, prior=PRIOR)
    assert accuracy(estimate.value, (0, 0.6), (-2, 0.5)) > 0.95
    assert estimate.n == 3000


def test_harmless_text_moves_the_threshold_with_the_harmless_class() -> None:
    generator = np.random.default_rng(5)
    cuts = [
        estimate_from_harmless(GATE, generator.normal(mean, 0.5, 24), prior=PRIOR).value for mean in (-3.0, -2.0, -1.0)
    ]
    assert cuts == sorted(cuts)
    # Above nearly all harmless prompts: more than 1.5 deviations, and at most where half the source distance lies.
    assert -3 + 0.75 < cuts[0] < -1


def test_no_harmless_text_keeps_the_source_threshold() -> None:
    assert estimate_from_harmless(GATE, np.empty(0)).value == GATE.fallback


def test_translations_of_an_easy_draw_are_not_taken_for_an_easy_language() -> None:
    generator = np.random.default_rng(6)
    easy, plain = generator.normal(3.0, 0.4, 40), generator.normal(-2.0, 0.4, 40)
    target = 0.8 * (easy - 2.0) + generator.normal(0, 0.1, 40)  # an ordinary prompt (2.0) would score 0.0
    naive = estimate_threshold(GATE, target, plain, prior=PRIOR)
    paired = estimate_from_translations(GATE, easy, plain, target, plain, prior=PRIOR)
    # The harmful class of the draw lies at 0.8, that of ordinary prompts at 0.0.
    assert paired.value < naive.value
    assert paired.method == "translations"


def test_translations_without_any_relation_equal_labelled_shots() -> None:
    harmful, harmless = np.array([0.4, 0.6, 0.5]), np.array([-2.0, -2.2, -1.9])
    paired = estimate_from_translations(GATE, np.full(3, 2.0), np.full(3, -2.0), harmful, harmless, prior=PRIOR)
    assert paired.value == estimate_threshold(GATE, harmful, harmless, prior=PRIOR).value


def test_parallel_prompts_take_their_labels_from_the_source_gate() -> None:
    generator = np.random.default_rng(7)
    source = np.concatenate([generator.normal(2, 0.3, 20), generator.normal(-2, 0.3, 20), [0.0]])
    target = np.concatenate([generator.normal(-0.5, 0.4, 20), generator.normal(-2.5, 0.4, 20), [9.0]])
    estimate = estimate_from_parallel(GATE, source, target, prior=PRIOR)
    # The pair at 0.0 could be either and is left out.
    assert estimate.n == 40
    assert accuracy(estimate.value, (-0.5, 0.4), (-2.5, 0.4)) > 0.97


def test_translations_of_one_class_keep_the_source_threshold() -> None:
    estimate = estimate_from_translations(GATE, np.empty(0), np.array([-2.0]), np.empty(0), np.array([-2.0]))
    assert estimate.value == GATE.fallback
    assert "one class only" in estimate.reason


def test_every_translation_needs_its_source() -> None:
    with pytest.raises(ValueError, match="2 source prompts but 1 translations"):
        estimate_from_parallel(GATE, np.zeros(2), np.zeros(1))


def test_quantiles_put_the_threshold_at_the_sources_share() -> None:
    # 6 of 10 source prompts lie below 0.25, so the cut is the 0.6 quantile of 0..10 in steps of 1: 6.
    source = np.array([-1.0] * 6 + [1.0] * 4)
    assert estimate_by_quantiles(GATE, source, np.arange(11.0)).value == pytest.approx(6.0)
