"""The rules, one case each, on made-up evidence."""

from dataclasses import replace

from isogloss.inside.findings import Evidence, Rules, decide, summarise
from isogloss.inside.record import Finding

HEALTHY = Evidence(
    name="Swahili",
    count=40,
    auroc=0.97,
    auroc_interval=(0.92, 0.99),
    accuracy=0.92,
    accuracy_interval=(0.85, 0.96),
    recalibrated=0.93,
    gain=0.01,
    gain_interval=(-0.03, 0.05),
)
SHIFTED = replace(
    HEALTHY, accuracy=0.60, accuracy_interval=(0.54, 0.66), recalibrated=0.91, gain=0.31, gain_interval=(0.2, 0.4)
)


def test_a_threshold_that_works_is_in_order() -> None:
    assert decide(HEALTHY, Rules()).finding == Finding.IN_ORDER


def test_a_good_ranking_with_a_bad_threshold_is_calibration() -> None:
    decision = decide(SHIFTED, Rules())
    assert decision.finding == Finding.CALIBRATION
    assert "recalibrate" in decision.advice


def test_a_ranking_surely_near_chance_is_representation_and_steering_is_advised_against() -> None:
    decision = decide(replace(SHIFTED, auroc=0.55, auroc_interval=(0.43, 0.67)), Rules())
    assert decision.finding == Finding.REPRESENTATION
    assert "do not steer" in decision.advice
    assert "training data" in decision.advice


def test_an_interval_across_the_limit_is_unclear_and_says_how_many_more_prompts() -> None:
    # AUROC 0.80, lower limit 0.70: half-width 0.10 against a distance of 0.05, so 4 x 40 = 160 prompts, 120 more.
    decision = decide(replace(HEALTHY, auroc=0.80, auroc_interval=(0.70, 0.88)), Rules())
    assert decision.finding == Finding.UNCLEAR
    assert decision.more_prompts == 120
    assert "about 120 more" in decision.advice


def test_an_estimate_on_the_limit_gets_no_number() -> None:
    decision = decide(replace(HEALTHY, auroc=0.75, auroc_interval=(0.66, 0.83)), Rules())
    assert decision.finding == Finding.UNCLEAR
    assert decision.more_prompts is None


def test_a_loss_that_may_be_chance_is_unclear() -> None:
    # Gain 0.1 with lower limit -0.1: twice the half-width is missing, so 4 x 40 prompts, 120 more.
    decision = decide(replace(SHIFTED, gain=0.10, gain_interval=(-0.1, 0.3)), Rules())
    assert decision.finding == Finding.UNCLEAR
    assert decision.more_prompts == 120


def test_a_threshold_that_surely_works_is_in_order_although_another_is_a_little_better() -> None:
    better = replace(HEALTHY, accuracy=0.90, accuracy_interval=(0.82, 0.95), gain=0.09, gain_interval=(0.02, 0.15))
    assert decide(better, Rules()).finding == Finding.IN_ORDER


def test_high_accuracy_on_a_handful_of_prompts_is_not_yet_in_order() -> None:
    decision = decide(replace(HEALTHY, count=8, accuracy_interval=(0.6, 0.98)), Rules())
    assert decision.finding == Finding.UNCLEAR
    assert decision.more_prompts is not None


def test_overlapping_classes_without_a_better_threshold_are_unclear() -> None:
    decision = decide(replace(SHIFTED, auroc=0.85, auroc_interval=(0.78, 0.9), gain=0.02), Rules())
    assert decision.finding == Finding.UNCLEAR
    assert "overlap" in decision.advice


def test_missing_measurements_are_unclear_not_an_accusation() -> None:
    decision = decide(replace(HEALTHY, count=0, auroc=None, auroc_interval=None), Rules())
    assert decision.finding == Finding.UNCLEAR


def test_the_summary_names_every_language_under_its_finding() -> None:
    text = summarise({"sw": Finding.CALIBRATION, "my": Finding.REPRESENTATION, "en": Finding.IN_ORDER})
    assert "misses it in sw" in text
    assert "do not steer there" in text
    assert "In order inside: en" in text
