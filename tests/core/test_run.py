"""A run folder: its plan, its files, and what it refuses."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from isogloss.core.errors import BrokenInput, PlanMismatch, UnknownName, WriteFailed
from isogloss.core.run import (
    SCHEMA,
    RunFolder,
    describe_versions,
    list_differences,
    load_json,
    load_run_record,
    open_run,
    write_json,
    write_text,
)

PLAN: dict[str, Any] = {"prompts": "mini", "languages": ["sw", "yo"], "decoding": {"max_new_tokens": 64, "seed": 1}}
FINGERPRINTS = {"model": {"weights": "aaaa"}, "prompts": "bbbb"}


def start(folder: Path, **changes: Any) -> RunFolder:
    return open_run(folder, command="audit", plan=PLAN | changes, fingerprints=FINGERPRINTS)


def test_a_new_run_records_its_plan_fingerprints_and_versions(tmp_path: Path) -> None:
    run = start(tmp_path / "deep" / "run")
    record = load_run_record(run.path)
    assert record["schema"] == SCHEMA
    assert (record["command"], record["plan"], record["fingerprints"]) == ("audit", PLAN, FINGERPRINTS)
    assert record["versions"] == describe_versions()
    assert {"python", "isogloss", "torch", "transformers"} <= record["versions"].keys()


def test_the_files_of_a_run_have_their_published_names(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    names = [path.name for path in (run.record, run.replies, run.verdicts, run.scorecard, run.diagnosis, run.report)]
    assert names == ["run.json", "replies.jsonl", "verdicts.jsonl", "scorecard.json", "diagnosis.json", "report.html"]


def test_the_same_plan_goes_on_and_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    before = start(tmp_path).record.read_bytes()
    assert start(tmp_path, languages=("sw", "yo")).record.read_bytes() == before


def test_another_plan_is_refused_with_the_list_of_what_differs(tmp_path: Path) -> None:
    start(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(PlanMismatch) as caught:
        open_run(
            tmp_path,
            command="diagnose",
            plan=PLAN | {"languages": ["sw"], "decoding": {"max_new_tokens": 64, "seed": 2}, "limit": 5},
            fingerprints={"model": {"weights": "cccc"}, "prompts": "bbbb"},
        )
    assert str(caught.value) == (
        f'{tmp_path} holds another run: command was "audit", now "diagnose"; '
        'fingerprints.model.weights was "aaaa", now "cccc"; '
        "plan.decoding.seed was 1, now 2; "
        'plan.languages was ["sw", "yo"], now ["sw"]; '
        "plan.limit was null, now 5. "
        "Choose another --out folder, or repeat the command as it was."
    )
    assert (tmp_path / "run.json").read_bytes() == before


def test_long_values_are_cut_in_the_list_of_differences() -> None:
    (difference,) = list_differences({"a": "x" * 100}, {"a": 1})
    # 57 characters of the JSON text, of which the first is the quote, then three dots.
    assert difference == 'a was "' + "x" * 56 + "..., now 1"


def test_equal_values_differ_in_nothing() -> None:
    assert list_differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == []


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        load_run_record(tmp_path)
    assert str(caught.value) == f"No run in {tmp_path}: run.json is missing."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"{]",
            "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1). "
            "Make the run again.",
        ),
        (b"[]", "should hold a JSON object. Make the run again."),
        (b'{"schema": 2}', "has schema 2; this version reads up to 1. Upgrade isogloss."),
        (b'{"schema": "new"}', 'has schema "new", which is not a number. Was it edited by hand?'),
    ],
)
def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(BrokenInput) as caught:
        load_run_record(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'run.json'} {expected}"


def test_a_record_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(BrokenInput, match=r"is not JSON: .* Make the scorecard again\."):
        load_json(tmp_path / "a.json", what="scorecard")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(BrokenInput) as caught:
        load_run_record(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'run.json'} cannot be read: Is a directory."


def test_json_is_written_readable_and_without_escapes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"b": "ሰላም", "a": None})
    assert path.read_text(encoding="utf-8") == '{\n "b": "ሰላም",\n "a": null\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_half_a_surrogate_pair_survives_a_json_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": "cut \ud83d"})
    assert load_json(tmp_path / "a.json", what="value") == {"a": "cut \ud83d"}


def test_undefined_numbers_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(*arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(WriteFailed) as caught:
        write_text(path, "new")
    assert str(caught.value) == f"Cannot write {path}: No space left on device. Make room or choose another folder."
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_in_the_middle_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def crash(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    write_json(path, {"a": 3})
    assert json.loads(path.read_text()) == {"a": 3}


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteFailed) as caught:
        start(tmp_path / "file")
    assert str(caught.value) == (
        f"Cannot write {tmp_path / 'file' / 'run.json'}: File exists. Make room or choose another folder."
    )
