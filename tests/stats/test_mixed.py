"""The mixed model against known truth, against another library, and at its limits."""

import numpy as np
import pytest

from isogloss.core.errors import TooFewPrompts
from isogloss.stats.mixed import Prediction, fit_mixed, leave_one_language_out, score_predictions
from isogloss.stats.quadrature import Trials

Values = dict[str, dict[str, float]]


def simulate(
    seed: int, *, languages: int, seeds: int, slope: float, seed_sd: float, language_sd: float, intercept: float = 0.0
) -> tuple[Trials, Values]:
    rng = np.random.default_rng(seed)
    names = tuple(f"l{i}" for i in range(languages))
    values = rng.normal(size=languages)
    line = intercept + slope * values + language_sd * rng.normal(size=languages)
    rates = 1 / (1 + np.exp(-(line[:, None] + seed_sd * rng.normal(size=seeds)[None, :])))
    refused = (rng.random((languages, seeds)) < rates).astype(np.float64)
    trials = Trials(names, tuple(f"s{j}" for j in range(seeds)), refused, np.ones_like(refused))
    return trials, {"x": dict(zip(names, map(float, values), strict=True))}


def test_slopes_are_unbiased_and_intervals_cover_at_their_level() -> None:
    runs = 40
    fits = [
        fit_mixed(*simulate(seed, languages=14, seeds=60, slope=0.8, seed_sd=1.2, language_sd=0.5))
        for seed in range(runs)
    ]
    slopes = [fit.coefficients[0] for fit in fits]
    covered = sum(c.interval[0] <= 0.8 * c.sd <= c.interval[1] for c in slopes)
    # Nominal 38 of 40; 34 or fewer have probability 0.05. The mean of 40 slopes has a standard error near 0.03.
    assert covered >= 34
    assert np.mean([c.per_unit for c in slopes]) == pytest.approx(0.8, abs=0.1)
    assert np.mean([fit.seed_sd for fit in fits]) == pytest.approx(1.2, abs=0.12)
    assert np.mean([fit.language_sd for fit in fits]) == pytest.approx(0.5, abs=0.12)


def test_treating_answers_as_independent_would_be_far_too_sure() -> None:
    # Without a true slope, languages of sd 1 and 200 prompts each: an interval for 2,000 independent answers has a
    # half width near 1.96 * 2 / sqrt(2000) = 0.09, while ten languages of sd 1 give t(8) / sqrt(10) = 0.73.
    trials, values = simulate(5, languages=10, seeds=200, slope=0.0, seed_sd=0.5, language_sd=1.0)
    low, high = fit_mixed(trials, values).coefficients[0].interval
    assert 0.4 < (high - low) / 2 < 1.2


def test_the_fit_agrees_with_another_library() -> None:
    genmod = pytest.importorskip("statsmodels.genmod.bayes_mixed_glm")
    trials, values = simulate(11, languages=12, seeds=80, slope=0.7, seed_sd=1.0, language_sd=0.6, intercept=0.4)
    fit = fit_mixed(trials, values)
    x = np.array([values["x"][name] for name in trials.languages])
    standard = (x - x.mean()) / x.std()
    rows, columns = np.indices(trials.refused.shape)
    fixed = np.column_stack([np.ones(rows.size), standard[rows.ravel()]])
    random = np.column_stack([np.eye(12)[rows.ravel()], np.eye(80)[columns.ravel()]])
    model = genmod.BinomialBayesMixedGLM(
        trials.refused.ravel(), fixed, random, np.array([0] * 12 + [1] * 80), vcp_p=2, fe_p=5
    )
    other = model.fit_vb()
    # Variational Bayes shrinks a little, with the prior on the standard deviations; both are far inside one standard
    # error of a slope here (0.6 / sqrt(12) = 0.17).
    assert fit.intercept == pytest.approx(other.fe_mean[0], abs=0.12)
    assert fit.coefficients[0].per_sd == pytest.approx(other.fe_mean[1], abs=0.12)
    assert np.log([fit.language_sd, fit.seed_sd]) == pytest.approx(other.vcp_mean, abs=0.35)


def test_a_language_that_always_refuses_gives_finite_numbers() -> None:
    trials, values = simulate(2, languages=10, seeds=30, slope=0.5, seed_sd=1.0, language_sd=0.5)
    trials.refused[0] = 1
    fit = fit_mixed(trials, values)
    numbers = [fit.intercept, fit.seed_sd, fit.language_sd, *fit.coefficients[0].interval]
    assert np.isfinite(numbers).all()


def test_the_unit_of_a_predictor_does_not_matter_for_its_effect_per_standard_deviation() -> None:
    trials, values = simulate(4, languages=10, seeds=40, slope=0.5, seed_sd=1.0, language_sd=0.5)
    scaled = {"x": {name: 1000 * value + 7 for name, value in values["x"].items()}}
    first, second = fit_mixed(trials, values).coefficients[0], fit_mixed(trials, scaled).coefficients[0]
    assert second.per_sd == pytest.approx(first.per_sd, abs=1e-6)
    assert second.per_unit == pytest.approx(first.per_unit / 1000, rel=1e-4)


def test_more_predictors_than_the_languages_carry_are_refused() -> None:
    trials, values = simulate(4, languages=9, seeds=20, slope=0.5, seed_sd=1.0, language_sd=0.5)
    two = {"x": values["x"], "y": {name: value**2 for name, value in values["x"].items()}}
    with pytest.raises(TooFewPrompts) as caught:
        fit_mixed(trials, two)
    # 2 predictors need 10 languages; 9 carry one.
    assert str(caught.value) == (
        "9 languages cannot carry 2 predictors (x, y): 5 languages are needed for each, and 3 at least. "
        "Choose 1 of them or audit 1 more languages."
    )


def test_predictors_that_do_not_vary_or_say_the_same_are_refused() -> None:
    trials, values = simulate(4, languages=10, seeds=20, slope=0.5, seed_sd=1.0, language_sd=0.5)
    same = dict.fromkeys(trials.languages, 1.0)
    with pytest.raises(TooFewPrompts, match="'z' is the same in all 10 languages"):
        fit_mixed(trials, {"z": same})
    double = {name: 2 * value for name, value in values["x"].items()}
    with pytest.raises(TooFewPrompts, match="say the same thing"):
        fit_mixed(trials, {**values, "double": double})
    with pytest.raises(TooFewPrompts, match="'z' differs in l0 alone"):
        leave_one_language_out(trials, {"z": {**same, "l0": 0.0}})


def test_a_predictor_that_matters_predicts_unseen_languages_better_than_none() -> None:
    trials, values = simulate(8, languages=12, seeds=60, slope=1.5, seed_sd=0.8, language_sd=0.2)
    with_it, without = leave_one_language_out(trials, values), leave_one_language_out(trials, {})
    assert with_it.log_loss < without.log_loss
    # One language's own deviation of 0.2 in log-odds and 60 answers leave an error of a few points.
    assert with_it.mean_error < 0.09 < without.mean_error


def test_a_predictor_of_noise_predicts_unseen_languages_no_better_than_none() -> None:
    # Five slopes of nothing: on average they must not help.
    gains = []
    for seed in range(5):
        trials, values = simulate(seed, languages=7, seeds=20, slope=0.0, seed_sd=0.8, language_sd=0.8)
        gains.append(leave_one_language_out(trials, {}).log_loss - leave_one_language_out(trials, values).log_loss)
    assert np.mean(gains) < 0.01


def test_left_out_scores_by_hand() -> None:
    score = score_predictions([Prediction("a", 0.5, 0.5, 10), Prediction("b", 1.0, 0.75, 10)])
    # Brier: a 0.5 * 0.25 + 0.5 * 0.25 = 0.25, b 0.25 squared = 0.0625, mean 0.15625.
    assert score.brier == pytest.approx(0.15625)
    # Log loss: a ln 2 = 0.6931, b -ln 0.75 = 0.2877, mean 0.4904.
    assert score.log_loss == pytest.approx(0.4904, abs=1e-4)
    # Mean distance: (0 + 0.25) / 2.
    assert score.mean_error == pytest.approx(0.125)
