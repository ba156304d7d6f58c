"""What a broken file is told."""

from pathlib import Path

import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.prompts.reading import read_delimited_rows, read_rows, read_text


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(BrokenInput) as caught:
        read_rows(path)
    return str(caught.value)


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\ufeffid,text\n1,hello\n")
    assert read_rows(path)[0].values == {"id": "1", "text": "hello"}


def test_a_cell_may_hold_line_breaks_and_the_next_row_still_knows_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\r\n1,"two\nlines"\r\n\r\n2,one\r\n')
    rows = read_rows(path)
    assert [row.values["text"] for row in rows] == ["two\nlines", "one"]
    # Line 1 is the header, lines 2 and 3 the first row, line 4 is blank.
    assert [row.place for row in rows] == [f"{path}, line 2", f"{path}, line 5"]


def test_a_tsv_is_split_at_tabs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "id\ttext\n1\tyes, indeed\n")
    assert read_rows(path)[0].values == {"id": "1", "text": "yes, indeed"}


def test_line_separators_inside_a_text_end_no_jsonl_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "one\u2028two\x85three"}\r\n\n{"text": "b"}')
    assert [row.values["text"] for row in read_rows(path)] == ["one\u2028two\x85three", "b"]
    assert read_rows(path)[1].place == f"{path}, line 3"


def test_a_broken_jsonl_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": "b"\n{"text": "c"}\n')
    assert complaint(path) == (
        f"{path}, line 2 is not JSON: Expecting ',' delimiter at character 13. A JSONL file has one object a line."
    )


def test_a_jsonl_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n["b"]\n')
    assert complaint(path) == f"{path}, line 2 holds a list; expected an object with a text, a language and a kind."


def test_broken_json_is_named_by_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[\n{"text": "a"},\n{"text"}\n]')
    assert complaint(path) == f"{path}, line 3 is not JSON: Expecting ':' delimiter."


def test_json_that_is_no_list_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"text": "a"}')
    assert complaint(path) == f"{path} holds an object; expected a list of objects, one for each prompt."


def test_a_file_that_is_not_utf8_is_told_where_and_how_to_convert(tmp_path: Path) -> None:
    # "text" and a newline are bytes 0 to 4, "caf" bytes 5 to 7, so the Latin-1 e acute is byte 8 on line 2.
    path = write(tmp_path / "a.csv", "text\ncafé\n".encode("latin-1"))
    assert complaint(path) == (
        f"{path} is not UTF-8: byte 8 (line 2) is 0xe9. "
        "Convert it to UTF-8, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE."
    )


def test_the_byte_is_counted_from_the_start_of_the_file_also_after_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbf" + "text\ncafé\n".encode("latin-1"))
    assert "byte 11 (line 2) is 0xe9" in complaint(path)


def test_utf16_is_recognised(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text\n".encode("utf-16"))
    assert complaint(path) == f"{path} is UTF-16. Convert it to UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE."


def test_a_missing_file_proposes_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "prompts.jsonl", "")
    with pytest.raises(UnknownName) as caught:
        read_text(tmp_path / "promts.jsonl")
    assert str(caught.value) == f"No file {tmp_path / 'promts.jsonl'}. Did you mean 'prompts.jsonl'?"


def test_a_file_in_a_folder_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        read_text(tmp_path / "nowhere" / "a.csv")
    assert str(caught.value) == f"No file {tmp_path / 'nowhere' / 'a.csv'}."


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        read_text(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a folder; expected a file."


def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", "")
    assert complaint(path) == f"{path} ends in '.xlsx'. Files of prompts end in .jsonl, .json, .csv or .tsv."


def test_a_row_with_too_few_or_too_many_cells_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text\n1,a\n2,b,c\n")
    assert complaint(path) == (
        f"{path}, line 3 has 3 cells, the header has 2. Put cells that hold delimiters or line breaks in double quotes."
    )


def test_a_quote_that_is_left_open_is_named_by_the_line_where_it_starts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,a\n2,"b\n3,c\n')
    assert complaint(path) == (
        f"{path}, line 3: unexpected end of data. Is a quote left open, or a cell quoted in part?"
    )


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text,text\n1,a,b\n")
    assert complaint(path) == f"{path}, line 1: the header names 'text' twice. Remove or rename one of them."


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text\n" + "x" * 300_000 + "\n")
    assert len(read_delimited_rows(path, delimiter=",")[0].values["text"]) == 300_000
