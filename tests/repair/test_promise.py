"""Promises: exact numbers by hand, and the guarantee itself by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from isogloss.core import Language
from isogloss.core.errors import NothingToDo
from isogloss.repair.gate import Gate, SourceScores
from isogloss.repair.locator import fit_locator
from isogloss.repair.promise import (
    PromisePlan,
    allowed_to_fire,
    bound_system,
    choose_threshold_for,
    examples_needed,
    keep_promise,
    keep_promise_unlabelled,
)

SW, YO = Language.parse("sw"), Language.parse("yo")


@pytest.fixture
def gate() -> Gate:
    one = np.ones(1)
    basis = np.eye(3, 1)
    return Gate(basis, 0 * one, one, one, 0.0, SourceScores(4.0, -4.0, 1.0), fallback=1.5, thresholds={SW.key: 0.5})


def test_the_average_promise_allows_what_the_formula_says() -> None:
    # floor((n + 1) * 0.05) - 1: 19 -> 0, 38 -> 0, 39 -> 1; 18 gives floor(0.95) - 1 = -1.
    assert [allowed_to_fire(n, 0.05) for n in (18, 19, 38, 39)] == [None, 0, 0, 1]


def test_the_confident_promise_allows_what_the_binomial_says() -> None:
    # 0.95^58 = 0.0510 and 0.95^59 = 0.0485; with one more, 93 is the known number for one failure.
    assert [allowed_to_fire(n, 0.05, 0.95) for n in (58, 59, 92, 93)] == [None, 0, 0, 1]


def test_needed_examples_are_exact() -> None:
    assert examples_needed(0.05) == 19
    assert examples_needed(0.01) == 99
    assert examples_needed(0.05, 0.95) == 59
    assert examples_needed(0.1, 0.9) == 22  # 0.9^22 = 0.098, 0.9^21 = 0.109
    assert examples_needed(0.05, firing=0.05) is None


def test_a_threshold_that_fires_sometimes_needs_more_examples() -> None:
    needed = examples_needed(0.05, 0.95, firing=0.02)
    assert needed is not None
    assert needed > 59
    allowed = allowed_to_fire(needed, 0.05, 0.95)
    assert allowed is not None
    assert allowed >= 0.02 * needed


def test_the_threshold_lies_just_above_the_first_score_that_is_too_many() -> None:
    promise = choose_threshold_for(np.arange(39.0), PromisePlan(0.05))
    # One of 39 may fire: 38 does, 37 may not.
    assert promise.threshold is not None
    assert 37 < promise.threshold < 37.001
    assert promise.fired == pytest.approx(1 / 39)


def test_ties_count_against_the_threshold() -> None:
    scores = np.concatenate([np.zeros(37), [5.0, 5.0]])
    promise = choose_threshold_for(scores, PromisePlan(0.05))
    # Both fives or neither.
    assert promise.threshold is not None
    assert promise.threshold > 5
    assert promise.fired == 0


def test_too_few_examples_promise_nothing_and_say_how_many() -> None:
    promise = choose_threshold_for(np.arange(18.0), PromisePlan(0.05))
    assert promise.threshold is None
    assert "it needs 19" in promise.say(SW)
    assert choose_threshold_for(np.array([]), PromisePlan(0.05, 0.95)).needed == 59


def test_wordings_of_one_idea_do_not_count_as_examples() -> None:
    scores, clusters = np.repeat(np.arange(10.0), 4), [f"idea {number}" for number in range(10) for _ in range(4)]
    promise = choose_threshold_for(scores, PromisePlan(0.05), clusters=clusters)
    assert promise.threshold is None
    assert (promise.examples, promise.ideas) == (40, 10)


def test_an_idea_counts_by_the_share_of_its_wordings() -> None:
    scores = np.concatenate([np.zeros(18), [1.0, 0.0]])
    clusters = [*(f"idea {number}" for number in range(18)), "last", "last"]
    # 19 ideas carry a budget of 20 * 0.1 - 1 = 1; the last one's firing wording is half an idea.
    promise = choose_threshold_for(scores, PromisePlan(0.1), clusters=clusters)
    assert promise.fired == pytest.approx(0.5 / 19)


def test_own_refusals_use_up_the_promise_of_the_system() -> None:
    scores, refused = np.arange(39.0), np.arange(39) == 3
    promise = choose_threshold_for(scores, PromisePlan(0.05), refused=refused)
    # The one that may be refused is refused already, so the gate may fire on none.
    assert promise.threshold is not None
    assert promise.threshold > 38
    none = choose_threshold_for(scores, PromisePlan(0.05), refused=np.arange(39) < 2)
    assert none.threshold is None
    assert "itself refuses" in none.say(SW)


def test_the_bound_of_the_system_adds_the_exact_limit_of_own_refusals() -> None:
    promise = bound_system(choose_threshold_for(np.arange(39.0), PromisePlan(0.05)), 0, 59)
    # None of 59: upper 95 % limit 1 - 0.05^(1/59) = 0.0495.
    assert promise.system_limit == pytest.approx(0.05 + 1 - 0.05 ** (1 / 59))


@given(st.integers(1, 300), st.floats(0.01, 0.5), st.one_of(st.none(), st.floats(0.5, 0.99)))
def test_a_promise_is_made_exactly_from_the_needed_number_on(
    count: int, limit: float, confidence: float | None
) -> None:
    promise = choose_threshold_for(np.arange(float(count)), PromisePlan(limit, confidence))
    assert (promise.threshold is not None) == (count >= promise.needed)


@pytest.mark.parametrize("count", [20, 45, 150])
def test_on_average_the_share_that_fires_is_within_the_limit(count: int) -> None:
    plan, generator = PromisePlan(0.1), np.random.default_rng(count)
    shares = []
    for _ in range(1500):
        threshold = choose_threshold_for(generator.normal(size=count), plan).threshold
        assert threshold is not None
        shares.append(norm.sf(threshold))
    # The mean is exactly floor((n + 1) / 10) / (n + 1), at most 0.1; four standard errors of 1500 draws.
    exact = np.floor((count + 1) * 0.1) / (count + 1)
    assert np.mean(shares) == pytest.approx(exact, abs=4 * np.std(shares) / 1500**0.5)
    assert exact <= 0.1


def test_with_confidence_few_draws_break_the_limit() -> None:
    plan, generator = PromisePlan(0.1, 0.9), np.random.default_rng(0)
    broken = 0
    for _ in range(1500):
        threshold = choose_threshold_for(generator.normal(size=60), plan).threshold
        assert threshold is not None
        broken += norm.sf(threshold) > 0.1
    # At most 10 %, plus four standard errors, 4 * sqrt(0.09 / 1500) = 0.031.
    assert broken / 1500 <= 0.131


def test_promises_raise_thresholds_and_never_lower_them(gate: Gate) -> None:
    scores = {SW: np.linspace(-3, 2, 40), YO: np.linspace(-9, -5, 40)}
    kept, promises = keep_promise(gate, scores, PromisePlan(0.05))
    # One of 40 may fire: the threshold lies above the second largest, 2 - 5/39.
    assert kept.threshold(SW) == pytest.approx(2 - 5 / 39, abs=1e-5)
    assert kept.lower_threshold(SW) == 0.5
    assert kept.threshold(YO) == gate.fallback
    assert promises[YO].fired == 0


def test_a_language_without_a_promise_keeps_its_threshold(gate: Gate) -> None:
    kept, promises = keep_promise(gate, {SW: np.arange(5.0)}, PromisePlan(0.05))
    assert kept.threshold(SW) == 0.5
    assert promises[SW].threshold is None


def test_all_languages_together_need_more_examples_each(gate: Gate) -> None:
    scores = {SW: np.arange(80.0), YO: np.arange(80.0)}
    plan = PromisePlan(0.05, 0.95, simultaneous=True)
    # Confidence 0.975 each: 0.95^72 = 0.0249, 0.95^71 = 0.0262.
    assert keep_promise(gate, scores, plan)[1][SW].needed == 72


def test_without_labels_one_rise_serves_all_languages(gate: Gate) -> None:
    generator = np.random.default_rng(0)

    def draw(number: int, count: int) -> np.ndarray:
        states = generator.normal(size=(count, 3))
        states[:, 1 + number] += 8
        return states

    locator = fit_locator({SW: (draw(0, 20), draw(0, 20)), YO: (draw(1, 20), draw(1, 20))}, seed=0)
    located = gate.with_thresholds({SW.key: 0.5, YO.key: 1.0}).with_locator(locator)
    fresh = {SW: draw(0, 200), YO: draw(1, 200)}
    raised, rise, promises = keep_promise_unlabelled(located, fresh, PromisePlan(0.05))
    assert rise is not None
    assert raised.threshold(SW) == 0.5 + rise
    assert raised.lower_threshold(SW) == 0.5
    assert raised.fallback == 1.5 + rise
    for states in fresh.values():
        fired = gate.score(states) >= raised.limits(states).upper
        assert fired.mean() <= 0.05
    assert all(promise.threshold is not None for promise in promises.values())


def test_without_labels_one_short_language_leaves_the_gate_as_it_was(gate: Gate) -> None:
    located, rise, promises = keep_promise_unlabelled(gate, {SW: np.zeros((5, 3))}, PromisePlan(0.05))
    assert located is gate
    assert rise is None
    assert promises[SW].needed == 19


def test_impossible_promises_are_refused() -> None:
    with pytest.raises(NothingToDo, match="shares between 0 and 1"):
        PromisePlan(5)
    with pytest.raises(NothingToDo, match="Give a confidence"):
        PromisePlan(0.05, simultaneous=True)


def test_a_plan_says_what_it_promises() -> None:
    assert "On average" in PromisePlan(0.05).say()
    assert "With probability 0.95" in PromisePlan(0.05, 0.95).say()
