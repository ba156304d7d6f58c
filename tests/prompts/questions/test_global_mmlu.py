"""The layout of Global-MMLU, in the formats and column names in which people hold it."""

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts.questions import load_global_mmlu
from isogloss.prompts.questions.global_mmlu import GLOBAL_MMLU_ON_HUB, hub_source


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "sample_id": f"anatomy/test/{number}",
        "subject": "anatomy",
        "subject_category": "STEM",
        "question": f"Question {number}?",
        "option_a": "one",
        "option_b": "two",
        "option_c": "three",
        "option_d": "four",
        "answer": "C",
        "is_annotated": False,
    } | changes


def write_jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def test_the_published_folders_are_read_without_the_development_split(tmp_path: Path) -> None:
    for tag in ("en", "sw"):
        write_jsonl(tmp_path / tag / "test-00000-of-00001.jsonl", row(0), row(1))
        write_jsonl(tmp_path / tag / "dev-00000-of-00001.jsonl", row(9))
    loaded = load_global_mmlu(tmp_path)
    assert [question.key for question in loaded] == [
        ("anatomy/test/0", "en"),
        ("anatomy/test/1", "en"),
        ("anatomy/test/0", "sw"),
        ("anatomy/test/1", "sw"),
    ]
    first = loaded.questions[0]
    assert first.choices == ("one", "two", "three", "four")
    assert (first.answer, first.answer_labels, first.subject) == ("C", ("A", "B", "C", "D"), "anatomy")
    assert loaded.has_choices


def test_parquet_is_read_too(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "am").mkdir()
    parquet.write_table(arrow.Table.from_pylist([row(0)]), tmp_path / "am" / "test-00000-of-00001.parquet")
    assert [question.key for question in load_global_mmlu(tmp_path)] == [("anatomy/test/0", "am")]


def test_a_file_named_by_its_language_and_the_columns_of_lukaemon_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "mmlu_yo.csv"
    path.write_text("input,A,B,C,D,target\nWhich?,one,two,three,four,b\n", encoding="utf-8")
    [question] = load_global_mmlu(path)
    assert (question.language.tag, question.id, question.answer) == ("yo", "mmlu-00001", "B")


def test_a_language_column_decides_before_the_files_name(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "en.jsonl", row(0, language="sw"), row(0, language="am"))
    assert [question.language.tag for question in load_global_mmlu(path)] == ["sw", "am"]


def test_only_the_files_of_the_languages_asked_for_are_read(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sw.jsonl", row(0))
    (tmp_path / "yo.jsonl").write_text("not JSON", encoding="utf-8")
    assert len(load_global_mmlu(tmp_path, (Language.parse("sw"),))) == 1
    with pytest.raises(UnknownLanguage, match="'am'"):
        load_global_mmlu(tmp_path, (Language.parse("am"),))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "E"}, "the answer is 'E'"),
        ({"answer": 2}, "the answer is '2'"),
        ({"option_d": " "}, "'option_d' is empty"),
    ],
)
def test_a_bad_cell_is_named_with_its_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_jsonl(tmp_path / "en.jsonl", row(0), row(1, **changes))
    with pytest.raises(BrokenInput, match=f"line 2.*{message}"):
        load_global_mmlu(path)


def test_a_missing_column_names_what_was_found(tmp_path: Path) -> None:
    broken = row(0)
    del broken["option_b"]
    with pytest.raises(BrokenInput, match="no 'option_b'"):
        load_global_mmlu(write_jsonl(tmp_path / "en.jsonl", broken))


def test_a_file_of_no_language_and_a_folder_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        load_global_mmlu(tmp_path)
    with pytest.raises(UnknownLanguage, match="nothing says which language"):
        load_global_mmlu(write_jsonl(tmp_path / "questions.jsonl", row(0)))


def test_a_question_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenInput, match="twice"):
        load_global_mmlu(write_jsonl(tmp_path / "en.jsonl", row(0), row(0)))


def test_only_the_languages_asked_for_are_fetched() -> None:
    narrowed = hub_source(GLOBAL_MMLU_ON_HUB, (Language.parse("sw"), Language.parse("yo")))
    assert narrowed.patterns == ("sw/test-*.parquet", "yo/test-*.parquet")
    assert hub_source(GLOBAL_MMLU_ON_HUB, None) is GLOBAL_MMLU_ON_HUB
