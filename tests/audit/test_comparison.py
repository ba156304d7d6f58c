"""Paired changes against hand arithmetic."""

import pytest
from parts import outcomes

from isogloss.audit import compare_outcomes
from isogloss.core import Kind
from isogloss.core.errors import NothingToDo


def compare(first, second):
    return compare_outcomes(first, second, before="before", after="after")


def test_changes_are_paired_by_prompt_and_language():
    first = outcomes("sw", Kind.HARMFUL, "rccc") + outcomes("sw", Kind.HARMLESS, "cccc")
    second = outcomes("sw", Kind.HARMFUL, "rrrc") + outcomes("sw", Kind.HARMLESS, "cccr")
    change = compare(first, second).languages["sw"]
    # harmful 25 -> 75, harmless 0 -> 25, selectivity 25 -> 50
    assert change.harmful_refusal_points == pytest.approx(50)
    assert change.harmless_refusal_points == pytest.approx(25)
    assert change.selectivity_points == pytest.approx(25)
    assert change.selectivity_interval[0] < 25 < change.selectivity_interval[1]
    assert (change.n_harmful, change.n_harmless) == (4, 4)


def test_prompts_scored_in_only_one_run_are_left_out_and_counted():
    first = outcomes("sw", Kind.HARMFUL, "cccu")
    second = outcomes("sw", Kind.HARMFUL, "rrcr")
    result = compare(first, second)
    assert result.languages["sw"].n_harmful == 3
    assert result.notes == ("1 prompts were scored in only one of the runs and left out.",)


def test_a_tier_average_is_the_mean_of_its_languages():
    first = outcomes("sw", Kind.HARMFUL, "cc") + outcomes("yo", Kind.HARMFUL, "cccc")
    second = outcomes("sw", Kind.HARMFUL, "rr") + outcomes("yo", Kind.HARMFUL, "cccr")
    # (100 + 25) / 2
    assert compare(first, second).tiers["low"].harmful_refusal_points == pytest.approx(62.5)


def test_runs_without_common_prompts_cannot_be_compared():
    with pytest.raises(NothingToDo, match="no scored prompt in common"):
        compare(outcomes("sw", Kind.HARMFUL, "c"), outcomes("yo", Kind.HARMFUL, "r"))


def test_without_harmless_prompts_only_the_harmful_change_is_defined():
    change = compare(outcomes("sw", Kind.HARMFUL, "cc"), outcomes("sw", Kind.HARMFUL, "rc")).languages["sw"]
    assert change.harmful_refusal_points == 50
    assert change.harmless_refusal_points is None
    assert change.selectivity_points is None
