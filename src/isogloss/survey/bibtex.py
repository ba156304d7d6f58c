"""Papers from a BibTeX file, entry by entry: abstracts, @string, concatenation, braces and accents.

Entries are delimited as BibTeX does it, by counting braces. Where one is left open, the next ``@type{`` at the very
start of a line begins a new entry, and the open one is reported with its line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.core.progress import Progress, silent
from isogloss.survey.ids import find_paper_id, is_collection_id, split_collection, split_volume
from isogloss.survey.latex import latex_to_text
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper
from isogloss.survey.venues import VenueTable, default_venues, note_placement

_START = re.compile(r"\s*@\s*([A-Za-z]+)\s*([{(])")
_NAME = re.compile(r"\s*([^\s=,{}\"#()]+)\s*=\s*")
_PIECE = re.compile(r'\s*(?:(\d+)|([^\s=,{}"#()]+)|([{"]))')
_GAP = re.compile(r"[\s,]*")
_BLANK = re.compile(r"\s*")
_MARK = re.compile(r'[{}"]')
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_AND = re.compile(r"\s+and\s+")
_NOT_PAPERS = ("proceedings", "book")
_PROGRESS_LINES = 50_000
_LONGEST_ENTRY = 2_000_000
_MONTHS = {
    "jan": "January", "feb": "February", "mar": "March", "apr": "April", "may": "May", "jun": "June", "jul": "July",
    "aug": "August", "sep": "September", "oct": "October", "nov": "November", "dec": "December",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a BibTeX file: fields in lower case, their values still in LaTeX."""

    kind: str
    key: str
    fields: Mapping[str, str]
    line: int


class _Malformed(Exception):
    """The text of one entry does not follow the grammar."""


def load_bibtex(
    path: Path,
    *,
    report: LoadReport | None = None,
    venues: VenueTable | None = None,
    progress: Progress = silent,
) -> Iterator[Paper]:
    """Read the papers of a BibTeX file one by one.

    An id of the Anthology in the address (or as the key) gives the paper's id, volume and venue; other entries keep
    their key, and their venue is the field ``venue`` (tags, separated by commas) where there is one. Whole proceedings
    and books are counted in the report and left out.

    Args:
        path: a UTF-8 file.
        report: filled while papers are taken; entries that cannot be read are named in it with their line.
        venues: the table of venue groups; by default the bundled one.
        progress: told the bytes read and in all.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is not UTF-8; raised where that byte is reached.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected a BibTeX file.")
    known = venues or default_venues()
    return _read_papers(path, report if report is not None else LoadReport(), known, progress)


def read_entries(path: Path, report: LoadReport, *, progress: Progress = silent) -> Iterator[Entry]:
    """The entries of a file one by one, ``@string`` resolved, ``@comment`` and ``@preamble`` left out.

    Raises:
        BrokenInput: the file is not UTF-8.
    """
    macros = dict(_MONTHS)
    for line, text, closed in _cut_entries(path, progress):
        place = f"{path.name}, line {line}"
        try:
            if not closed:
                raise _Malformed("its braces are not closed")
            entry = _parse_entry(text, line, macros, report, place)
        except _Malformed as error:
            report.add_problem(place, f"malformed entry '{_peek(text)}': {error}; skipped the entry.")
            continue
        if entry is not None:
            yield entry


def _read_papers(path: Path, report: LoadReport, venues: VenueTable, progress: Progress) -> Iterator[Paper]:
    report.sources.append(path.name)
    for entry in read_entries(path, report, progress=progress):
        if entry.kind in _NOT_PAPERS:
            report.not_papers[entry.kind] += 1
            continue
        title = latex_to_text(entry.fields.get("title", ""))
        if not title:
            report.add_problem(f"{path.name}, line {entry.line}", f"'{entry.key}' has no title; skipped the entry.")
            continue
        yield _make_paper(path.name, entry, title, report, venues)


def _make_paper(source: str, entry: Entry, title: str, report: LoadReport, venues: VenueTable) -> Paper:
    fields = entry.fields
    url = fields.get("url", "").strip() or None
    paper_id = find_paper_id(url or "") or entry.key
    collection = split_collection(paper_id)
    tags = _find_tags(fields, collection, venues)
    placement = venues.place(tags)
    note_placement(placement, report, papers=1)
    where = fields.get("journal") or fields.get("booktitle")
    year = _YEAR.search(fields.get("year", "") or fields.get("date", ""))
    return Paper(
        id=paper_id,
        title=title,
        abstract=latex_to_text(fields.get("abstract", "")) or None,
        authors=tuple(_read_names(fields.get("author", ""))),
        year=int(year.group()) if year else None,
        venues=tags,
        venue_group=placement.group,
        acl_family=placement.acl_family,
        volume=split_volume(paper_id) or (latex_to_text(where) if where else None),
        source=source,
        kind=entry.kind,
        doi=clean_doi(fields.get("doi", "")),
        url=url,
    )


def clean_doi(text: str) -> str | None:
    """A DOI in lower case and without the resolver's address, or None where the text is empty."""
    return re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)\s*", "", text.strip().lower()) or None


def _find_tags(fields: Mapping[str, str], collection: str | None, venues: VenueTable) -> tuple[str, ...]:
    if fields.get("venue"):
        return tuple(tag.strip().lower() for tag in latex_to_text(fields["venue"]).split(",") if tag.strip())
    if collection is not None and is_collection_id(collection):
        tag = venues.tag_of(collection)
        return (tag,) if tag else ()
    return ()


def _read_names(text: str) -> Iterator[str]:
    for name in _AND.split(text.strip()):
        parts = [latex_to_text(part) for part in name.split(",")]
        # "Last, First" and "Last, Jr, First"
        given = f"{parts[-1]} {' '.join(parts[:-1])}" if len(parts) > 1 else parts[0]
        if given.strip():
            yield given.strip()


def _cut_entries(path: Path, progress: Progress) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether its braces close, of every ``@type{...}``. What stands between entries is a comment."""
    total = path.stat().st_size
    held: list[str] = []
    begun = depth = size = read = 0
    opener = "{"
    for number, line in _read_lines(path):
        read += len(line)
        if number % _PROGRESS_LINES == 0:
            progress("reading entries", min(read, total), total)
        start = _START.match(line)
        if held and (size > _LONGEST_ENTRY or (start and line.startswith("@"))):
            yield begun, "".join(held), False
            held = []
        if not held:
            if not start:
                continue
            begun, depth, size, opener = number, 0, 0, start.group(2)
        held.append(line)
        size += len(line)
        depth += line.count("{") - line.count("}")
        if depth <= 0 and (opener == "{" or line.rstrip().endswith(")")):
            yield begun, "".join(held), True
            held = []
    if held:
        yield begun, "".join(held), False
    progress("reading entries", total, total)


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line
    except UnicodeDecodeError as error:
        raise BrokenInput(
            f"{path} is not UTF-8 (after line {number}): {error.reason}. Convert it, for example: "
            "iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE."
        ) from error


def _parse_entry(text: str, line: int, macros: dict[str, str], report: LoadReport, place: str) -> Entry | None:
    start = _START.match(text)
    if start is None:
        raise _Malformed("no '@type{' at its start")
    kind = start.group(1).lower()
    if kind in ("comment", "preamble"):
        return None
    body = text.rstrip()
    inner = body[start.end() : -1] if body[-1:] in "})" else body[start.end() :]
    if kind == "string":
        macros.update(_parse_fields(inner, 0, macros, report, place))
        return None
    key, comma, _ = inner.partition(",")
    if "=" in key or "{" in key or not key.strip():
        raise _Malformed("no key after its opening brace")
    fields = _parse_fields(inner, len(key) + len(comma), macros, report, place)
    return Entry(kind, key.strip(), fields, line)


def _parse_fields(
    text: str, position: int, macros: Mapping[str, str], report: LoadReport, place: str
) -> dict[str, str]:
    fields: dict[str, str] = {}
    while (position := _skip(_GAP, text, position)) < len(text):
        name = _NAME.match(text, position)
        if name is None:
            raise _Malformed(f"expected 'field = value' at '{_peek(text, position)}'")
        value, position = _parse_value(text, name.end(), macros, report, place)
        fields.setdefault(name.group(1).lower(), value)
        position = _skip(_BLANK, text, position)
        if position < len(text) and text[position] != ",":
            raise _Malformed(f"expected a comma at '{_peek(text, position)}'")
    return fields


def _parse_value(
    text: str, position: int, macros: Mapping[str, str], report: LoadReport, place: str
) -> tuple[str, int]:
    """The pieces of a value, joined at ``#``, and where it ends."""
    pieces: list[str] = []
    while True:
        piece = _PIECE.match(text, position)
        if piece is None:
            raise _Malformed(f"expected a value at '{_peek(text, position)}'")
        number, name, mark = piece.groups()
        if mark:
            end = _find_end(text, piece.end(), mark)
            pieces.append(text[piece.end() : end])
            position = end + 1
        else:
            pieces.append(number or _expand(name, macros, report, place))
            position = piece.end()
        joint = _skip(_BLANK, text, position)
        if text[joint : joint + 1] != "#":
            return "".join(pieces), position
        position = joint + 1


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _expand(name: str, macros: Mapping[str, str], report: LoadReport, place: str) -> str:
    found = macros.get(name, macros.get(name.lower()))
    if found is None:
        report.add_problem(place, f"'{name}' is no @string of this file; read as empty.")
        return ""
    return found


def _find_end(text: str, position: int, mark: str) -> int:
    depth = 0
    for found in _MARK.finditer(text, position):
        letter = found.group()
        if letter == '"':
            if mark == '"' and depth == 0:
                return found.start()
        elif letter == "{":
            depth += 1
        elif depth == 0:
            if mark == "{":
                return found.start()
            raise _Malformed("a closing brace inside quotes")
        else:
            depth -= 1
    raise _Malformed(f"a value is not closed, it begins with '{_peek(text, position)}'")


def _peek(text: str, position: int = 0) -> str:
    words = " ".join(text[position : position + 200].split())
    return words if len(words) <= 40 else words[:37] + "..."
