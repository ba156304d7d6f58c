"""Sample sizes: arithmetic, inverses, and power by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.stats.pairedtable import PairedTable, mcnemar_p
from isogloss.stats.planner import (
    distance_for_prompts,
    expect_discordant,
    gap_for_prompts,
    half_width_for_prompts,
    prompts_for_gap,
    prompts_for_half_width,
    prompts_to_name_worst,
)
from isogloss.stats.rates import Rate
from isogloss.stats.worst import find_worst


def test_one_planned_gap_matches_hand_arithmetic():
    # (1.95996 + 0.84162)^2 * (0.10 - 0.05^2) / 0.05^2 = 7.84888 * 39 = 306.106
    needed = prompts_for_gap(5, 0.10)
    assert needed.exact == pytest.approx(306.106, abs=1e-3)
    assert needed.prompts == 307


@given(st.floats(0.5, 30), st.floats(0.01, 1), st.integers(1, 40))
def test_the_gap_of_a_sample_size_is_its_inverse(gap, discordant, languages):
    needed = prompts_for_gap(gap, discordant, languages=languages)
    if needed.prompts is None:
        assert gap / 100 > discordant
        return
    found = gap_for_prompts(needed.prompts, discordant, languages=languages)
    # rounding up can only sharpen the resolution
    assert found <= gap + 1e-9
    if needed.prompts > 1:
        worse = gap_for_prompts(needed.prompts - 1, discordant, languages=languages)
        assert worse is None or worse >= gap - 1e-9


def test_more_languages_more_power_and_smaller_gaps_need_more_prompts():
    base = prompts_for_gap(5, 0.2).exact
    assert prompts_for_gap(5, 0.2, languages=9).exact > base
    assert prompts_for_gap(5, 0.2, power=0.9).exact > base
    assert prompts_for_gap(4, 0.2).exact > base


def test_a_gap_larger_than_the_discordant_share_is_impossible_and_says_so():
    needed = prompts_for_gap(12, 0.1)
    assert needed.prompts is None
    assert "answered differently" in needed.reason
    assert gap_for_prompts(10, 0.02) is None


def test_nonsense_is_refused():
    for arguments in ({"power": 1.0}, {"confidence": 0.0}, {"languages": 0}):
        with pytest.raises(ValueError, match="must"):
            prompts_for_gap(5, 0.2, **arguments)
    with pytest.raises(ValueError, match="gap must be positive"):
        prompts_for_gap(0, 0.2)
    with pytest.raises(ValueError, match="discordant share"):
        prompts_for_gap(5, 0.0)
    with pytest.raises(ValueError, match="prompts must be positive"):
        gap_for_prompts(0, 0.2)
    with pytest.raises(ValueError, match="half-width must be positive"):
        prompts_for_half_width(0)
    with pytest.raises(ValueError, match="always the worst"):
        prompts_to_name_worst(5, rate=0.9, languages=1)


def test_the_planned_prompts_have_the_planned_power_in_mcnemars_test():
    # gap 10 points, discordant .20: only here .05, only reference .15
    prompts = prompts_for_gap(10, 0.20).prompts
    draws = np.random.default_rng(0).multinomial(prompts, [0.7, 0.15, 0.05, 0.1], size=1500)
    found = np.mean([mcnemar_p(PairedTable(*cells), mid_p=True) <= 0.05 for cells in draws])
    assert found == pytest.approx(0.8, abs=0.05)


def test_discordance_follows_from_rates_and_correlation():
    # independent: .9 * .2 + .1 * .8 = .26
    assert expect_discordant(0.9, 0.8) == pytest.approx(0.26)
    assert expect_discordant(0.9, 0.8, 0.4) < 0.26
    # full agreement still leaves the difference of the rates
    assert expect_discordant(0.9, 0.8, 1.0) == pytest.approx(0.1)


@given(st.floats(0.5, 20), st.floats(0.0, 1.0))
def test_the_half_width_is_reached_and_not_with_one_prompt_less(half_width, rate):
    needed = prompts_for_half_width(half_width, rate=rate).prompts
    assert half_width_for_prompts(needed, rate=rate) <= half_width + 1e-9
    if needed > 1:
        assert half_width_for_prompts(needed - 1, rate=rate) > half_width


def test_the_planned_prompts_name_the_worst_language_about_as_often_as_planned():
    prompts = prompts_to_name_worst(12, rate=0.92, languages=10).prompts
    generator = np.random.default_rng(1)
    alone = 0
    for _ in range(200):
        hits = generator.binomial(prompts, [0.80] + [0.92] * 9)
        rates = {f"l{index}": Rate(one / prompts, prompts, float(prompts), None) for index, one in enumerate(hits)}
        alone += find_worst(rates).candidates == ("l0",)
    assert 0.72 <= alone / 200 <= 0.97


def test_the_distance_of_a_sample_size_is_its_inverse_to_a_tenth_of_a_point():
    prompts = prompts_to_name_worst(8.0, rate=0.9, languages=14).prompts
    assert distance_for_prompts(prompts, rate=0.9, languages=14) == pytest.approx(8.0)
    assert distance_for_prompts(2, rate=0.1, languages=14) is None
    assert prompts_to_name_worst(95, rate=0.9, languages=3).prompts is None


def test_languages_that_answer_alike_are_told_apart_sooner():
    apart = prompts_to_name_worst(8, rate=0.9, languages=14).exact
    assert prompts_to_name_worst(8, rate=0.9, languages=14, correlation=0.5).exact < apart
