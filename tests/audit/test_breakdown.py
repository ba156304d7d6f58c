"""Cells of category and language, and paired effects of ways of writing, against hand arithmetic."""

from dataclasses import replace

import pytest
from parts import outcomes, small_plan

from isogloss.audit import score_outcomes, select_prompts
from isogloss.audit.breakdown import break_down
from isogloss.core import Kind, Language
from isogloss.prompts import load_mini


def labelled(tag, labels, category):
    return [replace(row, category=category) for row in outcomes(tag, Kind.HARMFUL, labels)]


def test_cells_hold_harmful_prompts_of_one_category_and_language():
    rows = labelled("en", "rrc", "fraud") + labelled("en", "cc", "threats") + labelled("sw", "c", "fraud")
    found = break_down(rows, lambda row: row.category)
    assert found.cells["fraud"]["en"].harmful_refusal_rate == pytest.approx(2 / 3)
    assert (found.cells["threats"]["en"].harmful_refusal_rate, found.cells["fraud"]["sw"].n_harmful) == (0.0, 1)


def test_the_worst_cell_says_how_many_cells_it_cannot_be_told_from():
    rows = (
        labelled("en", "r" * 50, "fraud")
        + labelled("en", "c" * 50, "threats")
        + labelled("sw", "r" * 48 + "cc", "fraud")
    )
    worst = break_down(rows, lambda row: row.category).worst
    assert (worst.group, worst.language, worst.may_be_worst, worst.cells) == ("threats", "en", 1, 3)


def test_one_category_alone_has_no_worst_cell():
    assert break_down(labelled("en", "rc", "fraud"), lambda row: row.category).worst is None


def score(rows):
    return score_outcomes(rows, model="m", condition="plain", prompts="p", judge="j", reference=Language.parse("en"))


def test_the_scorecard_carries_the_two_by_two_table_with_corrected_p_values():
    rows = outcomes("en", Kind.HARMFUL, "r" * 12)
    rows += outcomes("sw", Kind.HARMFUL, "r" * 2 + "c" * 10) + outcomes("de", Kind.HARMFUL, "r" * 12)
    found = score(rows).languages["sw"].paired
    assert (found.both_refused, found.only_reference_refused, found.only_here_refused) == (2, 10, 0)
    # McNemar exact: 2 * 0.5^10 = 0.001953; Holm over two languages doubles it
    assert found.p_value == pytest.approx(2 * 0.5**10)
    assert found.adjusted_p_value == pytest.approx(4 * 0.5**10)


def perturbed(rows, name, tag=None):
    language = Language.parse(tag) if tag else None
    return [
        replace(row, prompt_id=f"{row.prompt_id}+{name}", perturbation=name, language=language or row.language)
        for row in rows
    ]


def test_a_way_of_writing_is_compared_with_the_plain_prompts_it_was_made_from():
    rows = outcomes("ar", Kind.HARMFUL, "rrrr") + perturbed(outcomes("ar", Kind.HARMFUL, "rccc"), "arabizi", "ar-Latn")
    card = score(rows)
    # 4 of 4 plain, 1 of 4 in Arabizi: -75 points; the plain scorecard does not hold the perturbed rows
    assert card.perturbations["arabizi"].languages["ar"].harmful_refusal_points == pytest.approx(-75)
    assert list(card.languages) == ["ar"]
    assert card.languages["ar"].n_harmful == 4


def test_a_plan_asks_the_same_seeds_in_every_way_of_writing():
    prompts = load_mini()
    chosen = select_prompts(small_plan(languages="en,ar", limit=5, perturb=("noise:keyboard",)), prompts)
    plain = [prompt for prompt in chosen if prompt.perturbation is None]
    written = [prompt for prompt in chosen if prompt.perturbation == "noise:keyboard"]
    assert len(plain) == 20
    assert {prompt.seed_id for prompt in written} <= {prompt.seed_id for prompt in plain}
    assert all(prompt.id.endswith("+noise:keyboard") for prompt in written)
