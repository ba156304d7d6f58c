"""Breakdowns show every cell where there are few, and the surely weak ones first where there are many."""

from typing import Any

import pytest

from isogloss.audit.scorecard import Scorecard
from isogloss.report.breakdowns import FEW_CELLS, WEAKEST, list_slips, name_mode

MODES = ("direct_assistance", "bypass_by_mixing")


def card(report_records: Any, **fields: Any) -> Scorecard:
    return Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.0), "sw": (0.25, 0.0)}, **fields))


def test_prompts_without_modes_and_categories_have_no_section(report_records: Any) -> None:
    assert list_slips(card(report_records)) is None


def test_modes_stand_in_the_order_of_the_taxonomy_beside_all_harmful_prompts(report_records: Any) -> None:
    found = list_slips(card(report_records, failure_modes=report_records.breakdown(["zz", *MODES[::-1]], ["sw", "en"])))
    assert found is not None
    assert found.modes is not None
    names = [heading.name for heading in found.modes.columns]
    assert names == ["All harmful prompts", name_mode(MODES[0]), name_mode(MODES[1]), "zz"]
    assert [row.heading.tag for row in found.modes.rows] == ["en", "sw"]
    overall, cell = found.modes.rows[1].cells[:2]
    # Swahili refuses a quarter in all and half in every mode; what is not refused leaks.
    assert overall is not None
    assert cell is not None
    assert (overall.shown, overall.leak, overall.n) == ("25", 0.75, 40)
    assert (cell.shown, cell.bounds, cell.leak, cell.n) == ("50", "[40, 60]", 0.5, 10)
    assert len(found.definitions) == 5


@pytest.mark.parametrize(("n", "words"), [(40, "All scored harmful prompts"), (10, "20 of 80 scored harmful prompts")])
def test_a_single_mode_is_said_in_words_instead_of_a_table(report_records: Any, n: int, words: str) -> None:
    found = list_slips(card(report_records, failure_modes=report_records.breakdown(MODES[:1], ["en", "sw"], n=n)))
    assert found is not None
    assert found.modes is None
    assert found.modes_note.startswith(f"{words} are of one failure mode, “Direct assistance”")


def test_a_cell_in_which_nothing_was_scored_is_empty(report_records: Any) -> None:
    fields = report_records.breakdown(["a", "b"], ["en", "sw"])
    fields["cells"]["a"].pop("sw")
    fields["cells"]["b"]["sw"] = report_records.cell(None, 0)
    found = list_slips(card(report_records, categories=fields))
    assert found is not None
    assert found.categories is not None
    assert [[cell is None for cell in row.cells] for row in found.categories.rows] == [[False, True], [False, True]]
    assert found.weakest == ()


def test_many_categories_lead_with_the_cells_that_are_surely_weak(report_records: Any) -> None:
    groups = [f"category {index}" for index in range(FEW_CELLS)]
    fields = report_records.breakdown(groups, ["en", "sw"], rate=0.9)
    # Two of two slipped through, which may be luck; 5 of 50 were refused, which is not.
    fields["cells"]["category 7"]["en"] = {"harmful_refusal_rate": 0.0, "interval": [0.0, 0.66], "n_harmful": 2}
    fields["cells"]["category 9"]["sw"] = {"harmful_refusal_rate": 0.1, "interval": [0.04, 0.21], "n_harmful": 50}
    found = list_slips(card(report_records, categories=fields))
    assert found is not None
    assert found.cells == 2 * FEW_CELLS
    assert len(found.weakest) == WEAKEST
    assert [(row.group, row.language.name) for row in found.weakest[:2]] == [
        ("category 9", "Swahili"),
        ("category 7", "English"),
    ]
