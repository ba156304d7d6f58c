"""Records are read whole or refused with the file's name."""

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.core.run import RunFolder
from isogloss.report.records import load_run, read_comparison, read_diagnosis, read_repair, require_scorecard


def test_an_empty_folder_has_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"scorecard\.json or diagnosis\.json"):
        load_run(tmp_path)


def test_fields_of_a_newer_version_are_ignored(make_run: Any) -> None:
    folder = make_run(future_field={"a": 1})
    assert load_run(folder).model == "tiny-7b"


def test_a_diagnosis_alone_is_a_run_but_cannot_be_compared(tmp_path: Path, report_records: Any) -> None:
    (tmp_path / "diagnosis.json").write_text(json.dumps(report_records.diagnosis()))
    records = load_run(tmp_path)
    assert records.scorecard is None
    assert records.model == "tiny-7b"
    with pytest.raises(UnknownName, match="only audits can be compared"):
        require_scorecard(records)


def test_a_comparison_is_taken_as_given_or_from_the_folder(make_run: Any, report_records: Any) -> None:
    folder = RunFolder(make_run())
    assert read_comparison(None, folder) is None
    content = report_records.comparison(["sw"])
    given = read_comparison(content, folder)
    folder.comparison.write_text(json.dumps(content))
    assert read_comparison(None, folder) == given == read_comparison(given, folder)


def test_a_comparison_of_the_wrong_form_names_the_field(make_run: Any, report_records: Any) -> None:
    content = report_records.comparison(["sw"]) | {"confidence": "high"}
    with pytest.raises(BrokenInput, match="confidence"):
        read_comparison(content, RunFolder(make_run()))


def test_a_diagnosis_and_a_repair_are_found_by_folder_or_file(tmp_path: Path, report_records: Any) -> None:
    (tmp_path / "diagnosis.json").write_text(json.dumps(report_records.diagnosis()))
    (tmp_path / "repair.json").write_text('{"strength": 4.0}')
    assert read_diagnosis(tmp_path) == read_diagnosis(tmp_path / "diagnosis.json")
    assert read_repair(tmp_path) == read_repair(tmp_path / "repair.json") == {"strength": 4.0}
