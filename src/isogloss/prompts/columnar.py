"""Rows of Parquet files and Excel workbooks, beside those of text files."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from isogloss.core.errors import BrokenInput
from isogloss.prompts.extras import import_extra
from isogloss.prompts.reading import Row, read_rows, read_text

_TEXT_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


def read_table_rows(path: Path) -> list[Row]:
    """The rows of a JSONL, JSON, CSV, TSV, Parquet or Excel file; its ending says which.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the ending is unknown, or the content is not what it says.
        MissingExtra: Parquet or Excel files cannot be read as installed.
    """
    match path.suffix.lower():
        case ".parquet":
            return read_parquet_rows(path)
        case ".xlsx":
            return read_workbook_rows(path)
        case ending if ending in _TEXT_ENDINGS:
            return read_rows(path)
        case ending:
            raise BrokenInput(
                f"{path} ends in '{ending}'. Files of prompts end in .jsonl, .json, .csv, .tsv, .parquet or .xlsx."
            )


def read_parquet_rows(path: Path) -> list[Row]:
    """The rows of a Parquet file, counted from 1.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is not Parquet, or repeats a column.
        MissingExtra: pyarrow is not installed.
    """
    _check_file(path)
    parquet = import_extra("pyarrow.parquet", extra="parquet", purpose="Reading Parquet files")
    arrow = import_extra("pyarrow", extra="parquet", purpose="Reading Parquet files")
    try:
        # One file and no discovery: folders named like ``language=sw`` would otherwise add a column.
        table = parquet.ParquetFile(path).read()
    except (arrow.ArrowException, OSError) as error:
        raise BrokenInput(f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}") from error
    _check_header(f"{path}, columns", list(table.column_names))
    return [Row(f"{path}, row {number}", value) for number, value in enumerate(table.to_pylist(), start=1)]


def read_workbook_rows(path: Path, *, header: bool = True) -> list[Row]:
    """The rows of the first sheet of an Excel workbook; formulas are read as their stored values.

    Args:
        path: a file that ends in .xlsx.
        header: whether the first row names the columns; without, columns are named "1", "2" and so on.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is no workbook, or its header repeats a name or has a gap.
        MissingExtra: openpyxl is not installed.
    """
    _check_file(path)
    openpyxl = import_extra("openpyxl", extra="xlsx", purpose="Reading Excel workbooks")
    errors = import_extra("openpyxl.utils.exceptions", extra="xlsx", purpose="Reading Excel workbooks")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (errors.InvalidFileException, BadZipFile, KeyError, OSError) as error:
        raise BrokenInput(f"{path} is not a readable Excel workbook: {error}.") from error
    try:
        sheet = book.worksheets[0]
        lines = [(number, list(cells)) for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1)]
    finally:
        book.close()
    return list(_name_cells(path, lines, header=header))


def _name_cells(path: Path, lines: list[tuple[int, list[Any]]], *, header: bool) -> Iterator[Row]:
    names: list[str] | None = None
    for number, cells in lines:
        values = _cut_empty([_plain(cell) for cell in cells])
        if names is None and header:
            if values:
                names = _check_header(f"{path}, row {number}", ["" if name is None else str(name) for name in values])
            continue
        if header and not values:
            continue
        if names is not None and len(values) > len(names):
            raise BrokenInput(f"{path}, row {number} has {len(values)} cells, the header has {len(names)}.")
        columns = names or [str(column + 1) for column in range(len(values))]
        filled = values + [None] * (len(columns) - len(values))
        yield Row(f"{path}, row {number}", dict(zip(columns, filled, strict=True)))


def _check_file(path: Path) -> None:
    if not path.is_file():
        read_text(path)  # raises, and proposes a neighbour's name


def _check_header(place: str, names: list[str]) -> list[str]:
    header = [name.strip() for name in names]
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise BrokenInput(f"{place}: the header names '{repeated[0]}' twice. Remove or rename one of them.")
    return header


def _cut_empty(values: list[Any]) -> list[Any]:
    while values and values[-1] is None:
        values.pop()
    return values


def _plain(value: Any) -> Any:
    """Dates become text, and text of nothing but spaces becomes None, as in an empty cell."""
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, str) and not value.strip() else value
