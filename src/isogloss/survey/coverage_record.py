"""The record of a coverage analysis: figures and tables, each with the definition that it cannot be read without."""

import csv
import io
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from isogloss.core.records import check_record
from isogloss.core.run import load_json, write_json, write_text

SCHEMA = 1
COVERAGE_FILE = "coverage.json"
TABLES_FOLDER = "tables"

Kind = Literal["text", "count", "share", "ratio", "number", "people"]
Cell = str | int | float | bool | None
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Definition(BaseModel):
    """What a statistic counts.

    Attributes:
        numerator: what is counted, or what is summarised.
        denominator: out of what.
        unstated: how papers count that do not state their languages, or whose languages nobody could determine.
        method: of the interval or the fit; where the data come from.
    """

    model_config = _STRICT

    numerator: str
    denominator: str
    unstated: str
    method: str = ""


class Statistic(BaseModel):
    """One number.

    Attributes:
        id: stable name.
        title: for people.
        kind: its unit.
        value: None where it is undefined.
        n: what it rests on: papers, languages or years.
        interval: two-sided, or None.
        reason: why the value or the interval is undefined.
        definition: what was counted.
    """

    model_config = _STRICT

    id: str
    title: str
    kind: Kind
    value: float | None
    n: int
    interval: tuple[float, float] | None = None
    reason: str = ""
    definition: Definition


class Column(BaseModel):
    """One column of a table; a share or ratio may have its limits in the columns NAME_low and NAME_high."""

    model_config = _STRICT

    name: str
    heading: str
    kind: Kind


class CoverageTable(BaseModel):
    """A table of the record, written as CSV, too."""

    model_config = _STRICT

    id: str
    title: str
    definition: Definition
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Cell], ...]


class CoverageRecord(BaseModel):
    """Everything that the report shows.

    Attributes:
        title: of the survey.
        codebook: name, version and policies of the codebook.
        confidence: of all intervals.
        papers: number of papers by what became of them.
        statistics: single numbers.
        tables: in the order of the page.
        warnings: what a reader should be wary of.
        inputs: fingerprints of the files that the record was made from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")] = 1
    title: str
    codebook: dict[str, Any]
    confidence: float
    papers: dict[str, int]
    statistics: tuple[Statistic, ...]
    tables: tuple[CoverageTable, ...]
    warnings: tuple[str, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)

    def find_statistic(self, name: str) -> Statistic:
        """A statistic by its id.

        Raises:
            KeyError: there is none.
        """
        return {statistic.id: statistic for statistic in self.statistics}[name]

    def find_table(self, name: str) -> CoverageTable:
        """A table by its id.

        Raises:
            KeyError: there is none.
        """
        return {table.id: table for table in self.tables}[name]


def load_coverage(path: Path) -> CoverageRecord:
    """Read a record from its file, or from the folder that holds it.

    Raises:
        UnknownName: there is none.
        BrokenInput: the content does not fit.
    """
    file = path / COVERAGE_FILE if path.is_dir() else path
    value = load_json(file, what="coverage record", schema=SCHEMA)
    return check_record(
        CoverageRecord, value, file, what="a coverage record", again="Make it again: isogloss survey coverage."
    )


def write_coverage(record: CoverageRecord, folder: Path) -> None:
    """Write ``coverage.json``, ``tables/NAME.csv`` and ``tables/statistics.csv``.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    write_json(folder / COVERAGE_FILE, record.model_dump(by_alias=True, mode="json"))
    for table in record.tables:
        names = list(dict.fromkeys(name for row in table.rows for name in row)) or [c.name for c in table.columns]
        rows = [[row.get(name) for name in names] for row in table.rows]
        write_text(folder / TABLES_FOLDER / f"{table.id}.csv", _compose(names, rows))
    names = ["id", "value", "low", "high", "n", "reason", "numerator", "denominator", "unstated", "method"]
    rows = [
        [s.id, s.value, *(s.interval or (None, None)), s.n, s.reason, *s.definition.model_dump().values()]
        for s in record.statistics
    ]
    write_text(folder / TABLES_FOLDER / "statistics.csv", _compose(names, rows))


def _compose(names: list[str], rows: list[list[Any]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return stream.getvalue()
