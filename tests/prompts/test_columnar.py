"""Parquet files and workbooks: what they give, and what a user without the reader is told."""

import sys
from datetime import date
from pathlib import Path

import pytest

from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName
from isogloss.prompts.columnar import read_parquet_rows, read_table_rows, read_workbook_rows
from isogloss.prompts.table import load_prompts_file


def test_a_parquet_table_of_prompts_loads_like_any_other(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"text": ["Steal", "Iba"], "language": ["en", "sw"], "kind": ["harmful"] * 2, "seed_id": [1, 1]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "prompts.parquet")
    english, swahili = load_prompts_file(tmp_path / "prompts.parquet")
    assert english.seed_id == swahili.seed_id == "1"
    assert swahili.text == "Iba"


def test_complaints_about_a_parquet_file_name_the_row(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "prompts.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", None], "language": ["en"] * 2, "kind": ["harmful"] * 2}), path)
    with pytest.raises(BrokenInput) as caught:
        load_prompts_file(path)
    assert str(caught.value) == f"{path}, row 2: 'text' is empty."


def test_what_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(b"text,language\n")
    with pytest.raises(BrokenInput, match="is not a readable Parquet file"):
        read_parquet_rows(path)
    with pytest.raises(UnknownName, match=r"Did you mean 'a.parquet'"):
        read_parquet_rows(tmp_path / "b.parquet")


@pytest.mark.parametrize(("module", "ending"), [("pyarrow", "parquet"), ("openpyxl", "xlsx")])
def test_without_the_reader_the_message_is_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, ending: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"")
    with pytest.raises(MissingExtra) as caught:
        read_table_rows(path)
    assert str(caught.value).endswith(f"needs the package {module}. Run: pip install 'isogloss[{ending}]'")


def test_an_unknown_ending_lists_all_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("")
    with pytest.raises(BrokenInput) as caught:
        load_prompts_file(path)
    assert str(caught.value) == (
        f"{path} ends in '.txt'. Files of prompts end in .jsonl, .json, .csv, .tsv, .parquet or .xlsx."
    )


def test_a_workbook_has_named_columns_and_numbered_rows(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in ([], ["id", "text", "made"], [1, "a", date(2025, 1, 31)], [], [2, "  ", None]):
        book.active.append(cells)
    path = tmp_path / "a.xlsx"
    book.save(path)
    first, second = read_workbook_rows(path)
    assert first.values == {"id": 1, "text": "a", "made": "2025-01-31T00:00:00"}
    assert (second.place, second.values) == (f"{path}, row 5", {"id": 2, "text": None, "made": None})


def test_a_workbook_with_too_many_cells_or_a_repeated_name_is_refused(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "a.xlsx"
    for lines, words in (([["id", "text"], [1, "a", "b"]], "row 2 has 3 cells"), ([["id", "id"]], "names 'id' twice")):
        book = openpyxl.Workbook()
        for cells in lines:
            book.active.append(cells)
        book.save(path)
        with pytest.raises(BrokenInput, match=words):
            read_workbook_rows(path)
    path.write_text("no zip")
    with pytest.raises(BrokenInput, match="is not a readable Excel workbook"):
        read_workbook_rows(path)
