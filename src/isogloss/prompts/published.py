"""Reading sets in the layout in which they were published: files, columns, cells."""

import ast
from collections.abc import Iterable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from isogloss.core import Kind, Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, UnknownName
from isogloss.prompts.reading import Row, say_missing


def find_files(path: Path, patterns: Sequence[str], *, expected: str) -> list[Path]:
    """The file itself, or the files of a folder (and of folders in it) that fit a pattern.

    Args:
        path: a file, or a folder such as a clone of the set's repository.
        patterns: of file names, as in a shell.
        expected: what the set consists of, as a sentence.

    Raises:
        UnknownName: there is neither file nor folder.
        NothingToDo: nothing in the folder fits.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UnknownName(f"No file or folder {path}. {expected}")
    found = {file for pattern in patterns for file in path.rglob(pattern) if file.is_file()}
    if not found:
        raise NothingToDo(f"Nothing in {path} is named like {' or '.join(patterns)}. {expected}")
    return sorted(found)


def find_one_file(path: Path, patterns: Sequence[str], *, expected: str) -> Path:
    """The only file that fits; of the same table in several formats, the one whose pattern comes first.

    Raises:
        UnknownName, NothingToDo: as for ``find_files``.
        BrokenInput: several files fit the same pattern.
    """
    found = find_files(path, patterns, expected=expected)
    if path.is_file():
        return path
    for pattern in patterns:
        fitting = [file for file in found if file.match(pattern)]
        if len(fitting) > 1:
            names = ", ".join(str(file.relative_to(path)) for file in fitting[:4])
            raise BrokenInput(f"{path} holds {len(fitting)} files named like {pattern}: {names}. Name one of them.")
        if fitting:
            return fitting[0]
    raise NothingToDo(f"Nothing in {path} is named like {' or '.join(patterns)}. {expected}")


def check_columns(rows: Sequence[Row], needed: Iterable[str], *, path: Path, expected: str) -> None:
    """Check that the file has rows and each row the columns that the set is known by.

    Raises:
        NothingToDo: there are no rows.
        BrokenInput: a row lacks a column; the message names it and says what was found.
    """
    if not rows:
        raise NothingToDo(f"{path} holds no prompts. {expected}")
    columns = tuple(needed)
    for row in rows:
        for name in columns:
            if name not in row.values:
                raise BrokenInput(say_missing(row.place, name, list(row.values), expected=expected))


def read_cell(row: Row, name: str) -> str | None:
    """A cell as trimmed text; None where it is absent, null or blank. Numbers and truth values become text.

    Raises:
        BrokenInput: it holds a list or an object.
    """
    value = row.values.get(name)
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int | float):
        raise BrokenInput(f"{row.place}: '{name}' should hold text, not {str(value)[:60]}.")
    return str(value).strip() or None


def require_cell(row: Row, name: str) -> str:
    """A cell as trimmed text.

    Raises:
        BrokenInput: it is empty or holds no text.
    """
    value = read_cell(row, name)
    if value is None:
        raise BrokenInput(f"{row.place}: '{name}' is empty.")
    return value


def read_names(row: Row, name: str) -> tuple[str, ...]:
    """A cell that holds several names: a list, a Python list written as text, or one name alone.

    Raises:
        BrokenInput: it looks like a list and is none.
    """
    value = row.values.get(name)
    if isinstance(value, list):
        return _check_names(row, name, value)
    text = read_cell(row, name)
    if text is None:
        return ()
    if not text.startswith("["):
        return (text,)
    try:
        return _check_names(row, name, ast.literal_eval(text))
    except (ValueError, SyntaxError) as error:
        raise BrokenInput(_say_no_names(row, name, text)) from error


def _check_names(row: Row, name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise BrokenInput(_say_no_names(row, name, str(value)))
    return tuple(part.strip() for part in value if part.strip())


def _say_no_names(row: Row, name: str, value: str) -> str:
    return f"{row.place}: '{name}' should be a list in the manner of ['Theft', 'Weapons'], not {value[:60]}."


def read_choice(row: Row, name: str, choices: dict[str, Kind]) -> Kind | None:
    """A cell that says harmful or harmless in the set's own words; None where it is empty.

    Raises:
        BrokenInput: it says something else; the message lists what is known.
    """
    value = read_cell(row, name)
    if value is None:
        return None
    if value.casefold() not in choices:
        raise BrokenInput(f"{row.place}: '{name}' is '{value}'. Known: {', '.join(choices)}.")
    return choices[value.casefold()]


def read_language(row: Row, name: str, tags: dict[str, str]) -> Language:
    """The language that a cell names, by the set's own names first and as a BCP-47 tag otherwise.

    Raises:
        BrokenInput: the cell is empty.
        UnknownLanguage: it names no language; the message names the line.
    """
    value = require_cell(row, name)
    try:
        return Language.parse(tags.get(value, tags.get(value.casefold(), value)))
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{row.place}: {error}") from error


class Places:
    """Where each key of a set was seen first, so that its second occurrence can be refused."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def note(self, key: str, row: Row, *, what: str = "id") -> None:
        """Remember a key.

        Raises:
            BrokenInput: it was there before; the message names both places.
        """
        first = self._first.setdefault(key, row.place)
        if first is not row.place:
            raise BrokenInput(f"{row.place}: {what} '{key}' occurs twice, first in {first.rsplit(', ', 1)[-1]}.")


def say_left_out(count: int, what: str) -> tuple[str, ...]:
    """The card's note about rows that were left out; empty where none were."""
    return (f"{what}, left out: {count}.",) if count else ()
