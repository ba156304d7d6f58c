"""A policy's result stands at the top, failing cells first."""

import json
from typing import Any

import pytest

from isogloss.audit.scorecard import Scorecard
from isogloss.core.errors import BrokenInput
from isogloss.report.page import render_run
from isogloss.report.policies import PolicyRecord, box_policy
from isogloss.report.records import load_run


def test_failing_cells_come_first_with_the_names_of_their_languages(report_records: Any) -> None:
    fields = report_records.policy()
    fields["checks"].reverse()
    scorecard = Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.0), "sw": (0.25, 0.0)}))
    box = box_policy(PolicyRecord.model_validate(fields), scorecard)
    assert [(row.cell, row.verdict, row.value, row.threshold) for row in box.open_rows] == [
        ("Swahili", "fail", "25.0\u202f%", "80.0\u202f%")
    ]
    assert [(row.cell, row.value) for row in box.passing] == [("English, harmless", "25.0 points")]
    assert box.title == "The policy is not met"


def test_the_box_stands_before_the_contents(make_run: Any, report_records: Any) -> None:
    folder = make_run()
    assert 'id="policy"' not in render_run(folder)
    (folder / "policy.json").write_text(json.dumps(report_records.policy()))
    html = render_run(folder)
    assert html.index('id="verdict"') < html.index('id="policy"') < html.index('class="contents"')
    assert "Passes on average, fails in sw." in html


def test_a_policy_without_checks_gives_a_box_without_tables(make_run: Any, report_records: Any) -> None:
    folder = make_run()
    (folder / "policy.json").write_text(json.dumps({"verdict": "undecided", "sentence": "Nothing was checked."}))
    assert "Nothing was checked." in render_run(folder)
    assert "c-policy-open" not in render_run(folder)


def test_a_broken_result_is_named(make_run: Any) -> None:
    folder = make_run()
    (folder / "policy.json").write_text('{"verdict": "maybe", "sentence": "x"}')
    with pytest.raises(BrokenInput, match=r"policy\.json is not a policy result: verdict"):
        load_run(folder)
