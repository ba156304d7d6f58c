"""The likelihood with prompts integrated out, against numerical integration and differences."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from isogloss.stats.quadrature import Trials, integrate_seeds, tabulate_trials


def example() -> Trials:
    rng = np.random.default_rng(3)
    asked = rng.integers(0, 3, size=(4, 6)).astype(np.float64)
    refused = np.floor(asked * rng.random((4, 6)) + 0.5)
    return Trials(("a", "b", "c", "d"), tuple("uvwxyz"), refused, asked)


def test_answers_are_counted_by_language_and_prompt() -> None:
    trials = tabulate_trials([1, 0, 1, 1], ["sw", "en", "sw", "sw"], ["p", "p", "q", "p"])
    assert (trials.languages, trials.seeds) == (("sw", "en"), ("p", "q"))
    # Swahili was asked p twice and q once and refused every time; English was asked p once and answered.
    assert trials.asked.tolist() == [[2, 1], [1, 0]]
    assert trials.refused.tolist() == [[2, 1], [0, 0]]
    assert trials.rate("sw") == 1
    assert trials.without("sw").asked.tolist() == [[1, 0]]


def test_sequences_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 outcomes, 1 languages and 2 seeds"):
        tabulate_trials([1, 0], ["sw"], ["p", "q"])


def test_the_likelihood_is_that_of_numerical_integration() -> None:
    trials, line, seed_sd = example(), np.array([-1.0, 0.5, 2.0, 0.0]), 1.4

    def integrand(deviation: float, seed: int) -> float:
        rates = expit(line + deviation)
        refused, asked = trials.refused[:, seed], trials.asked[:, seed]
        return float(np.prod(rates**refused * (1 - rates) ** (asked - refused)) * norm.pdf(deviation, scale=seed_sd))

    expected = sum(np.log(quad(integrand, -15, 15, args=(seed,), points=[0.0])[0]) for seed in range(6))
    found = integrate_seeds(trials, line, seed_sd, np.zeros(6)).log_likelihood
    assert found == pytest.approx(expected, abs=1e-3)


def test_slope_and_information_are_the_derivatives_of_the_likelihood() -> None:
    trials, line, seed_sd, step = example(), np.array([-1.0, 0.5, 2.0, 0.0]), 1.4, 1e-3
    at = integrate_seeds(trials, line, seed_sd, np.zeros(6))
    for row in range(4):
        move = step * np.eye(4)[row]
        above, below = (integrate_seeds(trials, line + side * move, seed_sd, np.zeros(6)) for side in (1, -1))
        assert at.slope[row] == pytest.approx((above.log_likelihood - below.log_likelihood) / (2 * step), abs=5e-3)
        assert -at.information[row] == pytest.approx((above.slope - below.slope) / (2 * step), abs=2e-2)


def test_a_prompt_that_nobody_was_asked_says_nothing() -> None:
    trials = Trials(("a",), ("p", "q"), np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    found = integrate_seeds(trials, np.array([0.3]), 1.2, np.zeros(2))
    assert found.seed_means[1] == pytest.approx(0, abs=1e-12)
    assert found.seed_sds[1] == pytest.approx(1.2)


def test_folding_prompts_that_were_answered_alike_changes_nothing_but_the_time() -> None:
    refused = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    trials = Trials(("a", "b"), tuple("pqrs"), refused, np.ones((2, 4)))
    folded, column = trials.fold()
    # p and r were answered alike, so three patterns are left and one of them counts twice.
    assert sorted(folded.counts.tolist() if folded.counts is not None else []) == [1, 1, 2]
    assert column[0] == column[2]
    line = np.array([0.4, -0.7])
    whole, short = integrate_seeds(trials, line, 1.3, np.zeros(4)), integrate_seeds(folded, line, 1.3, np.zeros(3))
    assert short.log_likelihood == pytest.approx(whole.log_likelihood)
    assert short.slope == pytest.approx(whole.slope)
    assert short.information == pytest.approx(whole.information)
    assert short.seed_means[column] == pytest.approx(whole.seed_means)
