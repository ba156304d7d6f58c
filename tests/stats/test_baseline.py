"""What earlier runs predict: shrinkage, calibration, limits."""

import numpy as np
import pytest

from isogloss.stats.baseline import fit_baseline, predict_run, prompts_to_fall_below, whole_counts
from isogloss.stats.rates import Rate


def rate(hits, n, effective=None):
    return Rate(hits / n, n, float(effective or n), None)


def accepted(runs=3):
    return [
        {"en": rate(290 + run, 300), "de": rate(282, 300), "th": rate(270 - run, 300), "yo": rate(12, 20)}
        for run in range(runs)
    ]


def test_small_languages_lean_on_the_others_and_large_ones_hardly():
    baseline = fit_baseline(
        [{**{f"l{index}": rate(270, 300) for index in range(8)}, "yo": rate(3, 5), "th": rate(180, 300)}]
    )
    small, large = baseline.languages["yo"], baseline.languages["th"]
    assert small.observed == large.observed == pytest.approx(0.6)
    assert large.expected == pytest.approx(0.6, abs=0.03)
    assert small.expected > 0.68
    assert small.interval[0] < small.expected < small.interval[1] < 1


def test_a_prediction_is_a_distribution_and_its_limit_has_the_stated_tail():
    found = predict_run(fit_baseline(accepted()), "th", 200, tail=0.025)
    assert found.at_most[-1] == pytest.approx(1.0)
    assert (np.diff(found.at_most) >= 0).all()
    # at most the tail lies strictly below the limit, more than the tail at or below it
    assert found.at_most[found.lower_count - 1] <= 0.025 < found.at_most[found.lower_count]
    assert found.lower == found.lower_count / 200
    assert found.lower < found.expected == pytest.approx(0.9, abs=0.03)


def test_a_language_without_history_is_predicted_from_the_spread_between_languages():
    baseline = fit_baseline(accepted())
    assert predict_run(baseline, "xx", 200).lower < predict_run(baseline, "th", 200).lower


def test_more_accepted_runs_sharpen_the_prediction():
    one, many = fit_baseline(accepted(1)), fit_baseline(accepted(8))
    assert predict_run(many, "de", 300).lower > predict_run(one, "de", 300).lower
    assert any("one earlier run" in note for note in one.notes)
    assert many.notes == ()


def test_runs_that_stray_more_than_chance_give_a_wider_prediction():
    steady = [{"sw": rate(240, 300), "yo": rate(240, 300), "th": rate(240, 300)} for _ in range(6)]
    restless = [
        {"sw": rate(240 + swing, 300), "yo": rate(240 - swing, 300), "th": rate(240 + swing, 300)}
        for swing in (-35, 35, -30, 30, -25, 25)
    ]
    calm, wild = fit_baseline(steady), fit_baseline(restless)
    assert wild.drift < calm.drift / 2
    assert predict_run(wild, "sw", 300).lower < predict_run(calm, "sw", 300).lower - 0.02


def test_unchanged_models_are_rarely_called_worse():
    generator = np.random.default_rng(3)
    alarms, checks = 0, 0
    for _ in range(25):
        truth = np.clip(generator.beta(9, 1, size=8), 0.01, 0.999)
        draws = generator.binomial(150, generator.beta(truth * 300, (1 - truth) * 300, size=(4, 8)))
        baseline = fit_baseline([{f"l{k}": rate(int(x), 150) for k, x in enumerate(run)} for run in draws[:3]])
        for index, hits in enumerate(draws[3]):
            alarms += hits < predict_run(baseline, f"l{index}", 150, tail=0.05).lower_count
            checks += 1
    # 200 checks at 0.05 have a standard error of 0.015
    assert alarms / checks <= 0.085


def test_unanimous_runs_still_leave_room():
    found = predict_run(fit_baseline([{"en": rate(100, 100), "de": rate(100, 100)}]), "en", 100)
    assert 0.8 < found.lower < 1


def test_one_prompt_can_be_predicted_and_never_falls_below():
    assert predict_run(fit_baseline(accepted()), "th", 1).lower_count == 0


def test_the_prompts_needed_to_notice_a_fall_are_the_fewest():
    baseline = fit_baseline(accepted())
    needed = prompts_to_fall_below(baseline, "yo")
    assert predict_run(baseline, "yo", needed).lower_count >= 1
    assert predict_run(baseline, "yo", needed - 1).lower_count == 0


def test_counts_are_whole_and_never_more_certain_than_the_ideas():
    assert whole_counts(rate(30, 40, 20.7)) == (15, 20)
    assert whole_counts(rate(30_000, 40_000)) == (3750, 5000)
    assert whole_counts(Rate(None, 0, 0.0, None)) is None


def test_a_baseline_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one accepted run"):
        fit_baseline([{"sw": Rate(None, 0, 0.0, None)}])
    with pytest.raises(ValueError, match="n must be positive"):
        predict_run(fit_baseline(accepted(1)), "en", 0)
