"""From a file to its rows, with file and line named in every complaint.

What a row must hold is the caller's business; here a row is a dictionary of whatever the file says.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from isogloss.core.errors import BrokenInput, UnknownName

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_CELL = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        place: where it stands, for messages: "prompts.csv, line 7".
        values: by column or key, as the file has them.
    """

    place: str
    values: dict[str, Any]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark.

    Raises:
        UnknownName: there is no such file, or it is a folder; the message proposes one of its neighbours.
        BrokenInput: the file is not UTF-8 or cannot be read.
    """
    if not path.is_file():
        raise UnknownName(_say_no_file(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenInput(f"{path} cannot be read: {error.strerror}.") from error
    if content.startswith(_UTF16_MARKS):
        raise BrokenInput(f"{path} is UTF-16. Convert it to UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        line = content.count(b"\n", 0, start) + 1
        raise BrokenInput(
            f"{path} is not UTF-8: byte {start} (line {line}) is 0x{content[start]:02x}. "
            "Convert it to UTF-8, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE."
        ) from error


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSONL, JSON, CSV or TSV file; its ending says which.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the ending is unknown, or the content is not what it says; the message names the line.
    """
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return list(_read_jsonl(path))
        case ".json":
            return read_json_rows(path)
        case ".csv":
            return read_delimited_rows(path, delimiter=",")
        case ".tsv":
            return read_delimited_rows(path, delimiter="\t")
        case ending:
            raise BrokenInput(f"{path} ends in '{ending}'. Files of prompts end in .jsonl, .json, .csv or .tsv.")


def read_json_rows(path: Path) -> list[Row]:
    """The rows of a JSON file that holds a list of objects; rows are counted from 1.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is not a JSON list of objects.
    """
    try:
        values = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BrokenInput(f"{path}, line {error.lineno} is not JSON: {error.msg}.") from error
    if not isinstance(values, list):
        raise BrokenInput(f"{path} holds {_say_type(values)}; expected a list of objects, one for each prompt.")
    return [_object_row(f"{path}, row {number}", value) for number, value in enumerate(values, start=1)]


def read_delimited_rows(path: Path, *, delimiter: str) -> list[Row]:
    """The rows of a CSV or TSV file with a header; a quoted cell may hold delimiters and line breaks.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the header repeats a name, a row has more or fewer cells than it, or a quote is not closed.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    # The limit belongs to the csv module as a whole and is only ever raised here.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    rows: list[Row] = []
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            place = f"{path}, line {line}"
            line = reader.line_num + 1
            if not any(cells):
                continue
            if header is None:
                header = _check_header(place, cells)
            else:
                rows.append(_delimited_row(place, header, cells))
    except csv.Error as error:
        raise BrokenInput(f"{path}, line {line}: {error}. Is a quote left open, or a cell quoted in part?") from error
    return rows


def say_missing(place: str, missing: str, found: list[str], *, expected: str) -> str:
    """Compose the complaint about a column that a file lacks.

    Args:
        place: file and line.
        missing: the column.
        found: the columns that are there.
        expected: what a file should hold, as a sentence.
    """
    close = get_close_matches(missing, found, n=1)
    hint = f" Did you mean '{close[0]}'? Rename it to '{missing}'." if close else ""
    if len(found) == 1 and any(mark in found[0] for mark in ";\t|"):
        hint = " The cells seem to be separated by something else than the ending of the file says."
    return f"{place}: no '{missing}'. Found: {', '.join(found) or 'nothing'}.{hint} {expected}"


def say_invalid(place: str, error: ValidationError) -> str:
    """Compose the complaint about the first value of a row that has the wrong type."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{place}: '{name}' holds {_say_type(first['input'])}. {first['msg']}."


def _read_jsonl(path: Path) -> Iterator[Row]:
    # Not splitlines(): text may hold U+2028 and other breaks that end no JSONL line.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise BrokenInput(
                f"{place} is not JSON: {error.msg} at character {error.pos + 1}. A JSONL file has one object a line."
            ) from error
        yield _object_row(place, value)


def _object_row(place: str, value: object) -> Row:
    if not isinstance(value, dict):
        raise BrokenInput(f"{place} holds {_say_type(value)}; expected an object with a text, a language and a kind.")
    return Row(place, value)


def _check_header(place: str, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise BrokenInput(f"{place}: the header names '{repeated[0]}' twice. Remove or rename one of them.")
    return header


def _delimited_row(place: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise BrokenInput(
            f"{place} has {len(cells)} cells, the header has {len(header)}. "
            "Put cells that hold delimiters or line breaks in double quotes."
        )
    return Row(place, dict(zip(header, cells, strict=True)))


def _say_no_file(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder; expected a file."
    neighbours = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    close = get_close_matches(path.name, neighbours, n=1)
    return f"No file {path}." + (f" Did you mean '{close[0]}'?" if close else "")


def _say_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
