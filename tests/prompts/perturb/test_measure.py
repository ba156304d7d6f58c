"""Distances and shares."""

import pytest

from isogloss.prompts.perturb.measure import count_edits, measure_character_error_rate, measure_script_shares


@pytest.mark.parametrize(
    ("text", "reference", "edits"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("abc", "acb", 2)]
)
def test_edits_are_the_fewest(text, reference, edits):
    assert count_edits(text, reference) == edits


def test_the_error_rate_is_over_all_characters_of_the_references():
    # 1 edit on 3 characters and 0 on 2: 1 / 5.
    assert measure_character_error_rate([("abd", "abc"), ("xy", "xy")]) == pytest.approx(0.2)
    assert measure_character_error_rate([("a", "")]) is None


def test_shares_count_letters_only():
    # a, b against د: two thirds to one third; the digit and the space count for nothing.
    assert measure_script_shares("ab د 1") == {"LATIN": pytest.approx(2 / 3), "ARABIC": pytest.approx(1 / 3)}
    assert measure_script_shares("12") == {}
