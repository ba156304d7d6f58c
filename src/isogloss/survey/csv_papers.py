"""Papers from a CSV or TSV file whose columns are declared, row by row."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from isogloss.core.errors import BrokenInput, UnknownName, say_unknown
from isogloss.core.progress import Progress, silent
from isogloss.prompts.reading import say_missing
from isogloss.survey.bibtex import clean_doi
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper
from isogloss.survey.venues import VenueTable, default_venues, note_placement

COLUMNS = ("id", "title", "abstract", "authors", "year", "venues", "volume", "kind", "doi", "url", "full_text")
_EXPECTED = f"Columns are {', '.join(COLUMNS)}; id and title are required. Declare others: --column title=Titel."
_LONGEST_CELL = 10_000_000
_PROGRESS_ROWS = 10_000


def load_csv_papers(
    path: Path,
    *,
    columns: Mapping[str, str] = MappingProxyType({}),
    report: LoadReport | None = None,
    venues: VenueTable | None = None,
    progress: Progress = silent,
) -> Iterator[Paper]:
    """Read papers from a CSV file, or a TSV file if its name ends in .tsv, one by one.

    Required columns: ``id`` and ``title``. Optional: ``abstract``, ``authors`` and ``venues`` (separated by
    semicolons), ``year``, ``volume``, ``kind``, ``doi``, ``url``, ``full_text``. Other columns are passed over.

    Args:
        path: a UTF-8 file with a header.
        columns: our name of a column to the file's own, where they differ.
        report: filled while papers are taken; rows without id or title, or with an odd year, are named in it.
        venues: the table of venue groups; by default the bundled one.
        progress: told the rows read; the total is not known beforehand and grows with them.

    Raises:
        UnknownName: there is no such file, or ``columns`` declares a column that papers do not have.
        BrokenInput: the file is not UTF-8, lacks a column, repeats one, or a row does not fit its header; the message
            names the line. Raised where that line is reached.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected a CSV or TSV file of papers.")
    for name in columns:
        if name not in COLUMNS:
            raise UnknownName(say_unknown("column of papers", name, COLUMNS))
    return _read_papers(path, columns, report if report is not None else LoadReport(), venues, progress)


def _read_papers(
    path: Path, columns: Mapping[str, str], report: LoadReport, venues: VenueTable | None, progress: Progress
) -> Iterator[Paper]:
    table = venues or default_venues()
    report.sources.append(path.name)
    count = 0
    for line, cells in _read_rows(path, columns):
        count += 1
        if count % _PROGRESS_ROWS == 0:
            progress("reading rows", count, count)
        fault = _find_fault(cells)
        if fault:
            report.add_problem(f"{path.name}, line {line}", f"{fault}; skipped the row.")
            continue
        yield _make_paper(path.name, cells, report, table)
    progress("reading rows", count, count)


def _find_fault(cells: Mapping[str, str]) -> str | None:
    for name in ("id", "title"):
        if not cells[name]:
            return f"'{name}' is empty"
    year = cells.get("year", "")
    if year and not (len(year) == 4 and year.isascii() and year.isdigit()):
        return f"the year is '{year[:20]}', expected four digits"
    return None


def _make_paper(source: str, cells: Mapping[str, str], report: LoadReport, venues: VenueTable) -> Paper:
    tags = tuple(tag.lower() for tag in _split(cells.get("venues", "")))
    placement = venues.place(tags)
    note_placement(placement, report, papers=1)
    return Paper(
        id=cells["id"],
        title=cells["title"],
        abstract=cells.get("abstract") or None,
        authors=tuple(_split(cells.get("authors", ""))),
        year=int(cells["year"]) if cells.get("year") else None,
        venues=tags,
        venue_group=placement.group,
        acl_family=placement.acl_family,
        volume=cells.get("volume") or None,
        source=source,
        kind=cells.get("kind") or None,
        doi=clean_doi(cells.get("doi", "")),
        url=cells.get("url") or None,
        full_text=cells.get("full_text") or None,
    )


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    # The limit belongs to the csv module as a whole and is only ever raised here.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
            places: dict[str, int] | None = None
            width = 0
            for cells in rows:
                begun, line = line, rows.line_num + 1
                if not any(cells):
                    continue
                if places is None:
                    places, width = _find_columns(f"{path}, line {begun}", cells, columns), len(cells)
                    continue
                if len(cells) != width:
                    raise BrokenInput(
                        f"{path}, line {begun} has {len(cells)} cells, the header has {width}. Put cells that hold "
                        "delimiters or line breaks in double quotes."
                    )
                yield begun, {name: " ".join(cells[place].split()) for name, place in places.items()}
            if places is None:
                raise BrokenInput(f"{path} is empty. {_EXPECTED}")
    except csv.Error as error:
        raise BrokenInput(f"{path}, line {line}: {error}. Is a quote left open, or a cell quoted in part?") from error
    except UnicodeDecodeError as error:
        raise BrokenInput(
            f"{path} is not UTF-8 (near line {line}): {error.reason}. Convert it, for example: "
            "iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE."
        ) from error


def _find_columns(place: str, cells: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    header = [cell.strip() for cell in cells]
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise BrokenInput(f"{place}: the header names '{repeated[0]}' twice. Remove or rename one of them.")
    places: dict[str, int] = {}
    for name in COLUMNS:
        theirs = columns.get(name, name)
        if theirs in header:
            places[name] = header.index(theirs)
        elif name in columns or name in ("id", "title"):
            raise BrokenInput(say_missing(place, theirs, header, expected=_EXPECTED))
    return places
