"""Bands against the costs that they are said to have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.core import Language
from isogloss.core.errors import NothingToDo, TooFewPrompts
from isogloss.repair.band import (
    Band,
    Costs,
    OwnRates,
    ScoreModel,
    choose_band,
    choose_band_from_scores,
    fit_score_model,
    with_bands,
)
from isogloss.repair.gate import Gate, SourceScores

MODEL = ScoreModel(harmful=2.0, harmless=0.0, spread=1.0)
SW, YO = Language.parse("sw"), Language.parse("yo")


@pytest.fixture
def gate() -> Gate:
    one = np.ones(1)
    return Gate(np.ones((1, 1)), 0 * one, one, one, 0.0, SourceScores(4.0, -4.0, 2.0), fallback=0.0)


def chance(model: ScoreModel, logit: float, harmful_share: float = 0.5) -> float:
    slope = (model.harmful - model.harmless) / model.spread**2
    odds = np.exp(slope * (logit - (model.harmful + model.harmless) / 2)) * harmful_share / (1 - harmful_share)
    return float(odds / (1 + odds))


def test_without_own_rates_the_band_is_chows() -> None:
    band = choose_band(MODEL, Costs(false_alarm=1, miss=2, leave=0.2))
    # p_low = c / m = 0.1, p_high = 1 - c / a = 0.8.
    assert chance(MODEL, band.lower) == pytest.approx(0.1)
    assert chance(MODEL, band.upper) == pytest.approx(0.8)


def test_own_rates_enter_as_stated() -> None:
    band = choose_band(MODEL, Costs(false_alarm=3, miss=1, leave=0.02), OwnRates(harmful=0.5, harmless=0.1))
    # p_low = (0.02 + 3 * 0.1) / (0.5 + 0.3) = 0.4; p_high = (3 * 0.9 - 0.02) / (3 * 0.9 + 0.5) = 2.68 / 3.2.
    assert chance(MODEL, band.lower) == pytest.approx(0.4)
    assert chance(MODEL, band.upper) == pytest.approx(2.68 / 3.2)


def test_where_leaving_alone_never_pays_one_threshold_is_left() -> None:
    band = choose_band(MODEL, Costs(false_alarm=3, miss=1, leave=0.8))
    assert band.lower == band.upper
    # p = a / (a + m) = 3/4, odds 3: the middle, 1, plus ln 3 over the slope 2.
    assert band.upper == pytest.approx(1 + np.log(3) / 2)
    assert band.cost == band.cost_without


def test_a_model_that_never_refuses_harmless_prompts_is_left_alone_rather_than_ablated() -> None:
    band = choose_band(MODEL, Costs(), OwnRates(harmful=0.4, harmless=0.0))
    assert band.lower < -5
    assert band.cost < band.cost_without


def test_more_harmful_traffic_moves_the_band_down() -> None:
    bands = [choose_band(MODEL, Costs(leave=0.1, harmful_share=share)) for share in (0.05, 0.5)]
    # By the change of prior log-odds over the slope: (0 - ln(0.05 / 0.95)) / 2.
    assert bands[0].upper - bands[1].upper == pytest.approx(np.log(19) / 2)


@given(
    st.floats(0.1, 5),
    st.floats(0.1, 5),
    st.floats(0.01, 2),
    st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1))),
)
def test_no_pair_of_limits_is_cheaper(
    false_alarm: float, miss: float, leave: float, rates: tuple[float, float] | None
) -> None:
    costs, own = Costs(false_alarm, miss, leave), OwnRates(*rates) if rates else None
    band = choose_band(MODEL, costs, own)
    logits = np.linspace(-6, 8, 4001)
    p = np.array([chance(MODEL, logit) for logit in logits])
    alone = leave + (miss * p * (1 - own.harmful) + false_alarm * (1 - p) * own.harmless if own else 0)
    act = np.where(logits >= band.upper, false_alarm * (1 - p), np.where(logits < band.lower, miss * p, alone))
    best = np.minimum(np.minimum(false_alarm * (1 - p), miss * p), alone)
    assert (act <= best + 0.01 * (false_alarm + miss)).all()
    assert band.cost <= band.cost_without + 1e-9


def test_expected_costs_are_those_of_a_simulation() -> None:
    costs, own = Costs(2, 1, 0.05), OwnRates(0.6, 0.05)
    band = choose_band(MODEL, costs, own)
    generator = np.random.default_rng(0)
    above, below = generator.normal(2, 1, 200_000), generator.normal(0, 1, 200_000)
    harmful = np.where(above >= band.upper, 0, np.where(above < band.lower, 1, 0.05 + 0.4))
    harmless = np.where(below >= band.upper, 2, np.where(below < band.lower, 0, 0.05 + 2 * 0.05))
    assert band.cost == pytest.approx((harmful.mean() + harmless.mean()) / 2, abs=0.005)


def test_the_band_of_many_scores_is_close_to_that_of_their_model() -> None:
    generator = np.random.default_rng(1)
    costs, own = Costs(1, 1, 0.02), OwnRates(0.6, 0.1)
    measured = choose_band_from_scores(generator.normal(2, 1, 50_000), generator.normal(0, 1, 50_000), costs, own)
    modelled = choose_band(MODEL, costs, own)
    assert measured.lower == pytest.approx(modelled.lower, abs=0.15)
    assert measured.upper == pytest.approx(modelled.upper, abs=0.15)
    assert measured.cost == pytest.approx(modelled.cost, abs=0.01)
    assert measured.cost_without == pytest.approx(modelled.cost_without, abs=0.01)


def test_the_band_of_few_scores_by_hand() -> None:
    band = choose_band_from_scores(np.array([1.0, 3.0]), np.array([0.0, 2.0]), Costs(leave=0.2))
    # Leaving 1 and 2 alone costs 0.2 for half of the prompts, 0.1; the best single threshold errs on one of four.
    assert (band.lower, band.upper) == (0.5, 2.5)
    assert band.cost == pytest.approx(0.1)
    assert band.cost_without == pytest.approx(0.25)


def test_refusals_prompt_by_prompt_count_where_they_happen() -> None:
    """The model refuses the harmful prompt that scores high anyway, so leaving the low one alone gains nothing."""
    harmful, harmless = np.array([1.0, 3.0]), np.array([0.0, 2.0])
    useless = (np.array([False, True]), np.array([False, False]))
    helpful = (np.array([True, False]), np.array([False, False]))
    bands = [choose_band_from_scores(harmful, harmless, Costs(), refused=marks) for marks in (useless, helpful)]
    # Useless: the prompt at 1 is answered unless it fires, and firing at 1 hits the harmless 2: one error of four.
    assert bands[0].cost == pytest.approx(0.25)
    # Helpful: 1 is left to the model, which refuses it, as it does not refuse 2; 3 fires.
    assert bands[1].cost == pytest.approx(0.0)
    assert bands[1].lower <= 1.0
    assert 2.0 < bands[1].upper <= 3.0


def test_score_model_goes_through_a_calibrated_threshold(gate: Gate) -> None:
    model = fit_score_model(gate, np.array([3.0]), np.array([-3.0]), threshold=1.25, caution=3.0)
    band = choose_band(model, Costs(false_alarm=3, miss=1, leave=9))
    assert band.upper == pytest.approx(1.25)


def test_score_model_starts_at_the_source_and_moves_to_the_shots(gate: Gate) -> None:
    none = fit_score_model(gate, np.array([]), np.array([]))
    # Nothing known: the source means, and the doubt (0.7 * 8)^2 added to the variance 4.
    assert (none.harmful, none.harmless) == (4.0, -4.0)
    assert none.spread == pytest.approx((4 + 5.6**2) ** 0.5)
    many = fit_score_model(gate, np.full(1000, 1.0), np.full(1000, -5.0))
    assert (many.harmful, many.harmless, many.spread) == pytest.approx((1.0, -5.0, 2.0), abs=0.02)


def test_score_model_of_inverted_shots_keeps_its_order(gate: Gate) -> None:
    model = fit_score_model(gate, np.full(50, -2.0), np.full(50, 2.0))
    assert model.harmful - model.harmless == pytest.approx(1.0)


def test_bands_become_limits_of_the_gate(gate: Gate) -> None:
    banded = with_bands(gate.with_thresholds({YO.key: 2.0}), {SW: Band(-1.0, 1.0, 0.0, 0.0)})
    assert (banded.lower_threshold(SW), banded.threshold(SW)) == (-1.0, 1.0)
    assert (banded.lower_threshold(YO), banded.threshold(YO)) == (2.0, 2.0)
    everywhere = with_bands(banded, {}, fallback=Band(-3.0, 3.0, 0.0, 0.0))
    assert (everywhere.lower_threshold(None), everywhere.threshold(None)) == (-3.0, 3.0)


def test_costs_that_say_nothing_are_refused() -> None:
    with pytest.raises(NothingToDo, match="nothing would ever be steered"):
        choose_band(MODEL, Costs(leave=0))
    with pytest.raises(NothingToDo, match="must cost something"):
        Costs(false_alarm=0)
    with pytest.raises(NothingToDo, match="between 0 and 1"):
        OwnRates(1.2, 0)
    with pytest.raises(TooFewPrompts, match="0 harmful"):
        choose_band_from_scores(np.array([]), np.array([1.0]), Costs(leave=0.1))
