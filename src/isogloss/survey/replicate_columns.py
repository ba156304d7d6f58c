"""Somebody else's table of labels, read under a declared mapping: nothing about its columns or values is guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from isogloss.core.errors import BrokenInput, UnknownLanguage, UnknownName, say_unknown
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.reading import Row
from isogloss.survey.annotations import CLASS_WORDS, KNOWN_CLASSES, Annotation, CoverageClass, derive_class
from isogloss.survey.codebook import Codebook
from isogloss.survey.codebook_languages import read_language, sort_tags
from isogloss.survey.coverage_papers import Labelled
from isogloss.survey.records import GROUPS, Paper

FIELDS = ("paper", "title", "year", "venue", "topic", "languages", "class", "stated", "relevant")
SHOWN = 12
_VENUES = {**{group: group for group in GROUPS}, "conference": "main", "workshop": "workshops", "journal": "journals"}
_YES = ("yes", "y", "true", "1", "1.0")
_NO = ("no", "n", "false", "0", "0.0")
_CODED = ("topic", "languages", "class")


@dataclass(frozen=True, slots=True)
class Mapped:
    """What was read.

    Attributes:
        papers: relevant ones, with label and class.
        set_aside: papers labelled as not related to safety.
        fields: that the table has, by our names.
        columns: that the table has, by its own names.
        disagreeing: rows whose class is not the one that follows from their languages.
    """

    papers: tuple[Labelled, ...]
    set_aside: int
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    disagreeing: int


def load_released_labels(
    path: Path,
    codebook: Codebook,
    *,
    columns: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]],
) -> Mapped:
    """Read released labels from Parquet, CSV, TSV, JSON or JSONL.

    A field is taken from the column that ``columns`` declares, or from one of exactly its name. A value is looked up in
    ``values`` first, then read as ours (an id or label of the codebook, a tag or name of a language, yes or no).

    Args:
        path: the user's copy of the table.
        codebook: topics and policies.
        columns: our field to their column.
        values: our field to a table of their value to ours.

    Raises:
        UnknownName: there is no such file, or a field that a survey does not have.
        BrokenInput: a declared column is absent, no field of labels was found, or a value is unknown; the message names
            the columns or values that were found.
        MissingExtra: the table is Parquet and pyarrow is not installed.
    """
    for field in (*columns, *values):
        if field not in FIELDS:
            raise UnknownName(say_unknown("field of labels", field, FIELDS, shown=len(FIELDS)))
    rows = read_table_rows(path)
    if not rows:
        raise BrokenInput(f"{path} holds no rows.")
    found = list(dict.fromkeys(name for row in rows for name in row.values))
    places = _place_fields(path, found, columns)
    reader = _Reader(path, codebook, places, values)
    read = [reader.read(number, row) for number, row in enumerate(rows, start=1)]
    kept = tuple(entry for entry in read if entry is not None)
    return Mapped(kept, len(read) - len(kept), tuple(places), tuple(found), reader.disagreeing)


def _place_fields(path: Path, found: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    listed = ", ".join(found[: 2 * SHOWN]) + (" and more" if len(found) > 2 * SHOWN else "")
    places: dict[str, str] = {}
    for field in FIELDS:
        theirs = columns.get(field, field)
        if theirs in found:
            places[field] = theirs
        elif field in columns:
            close = get_close_matches(theirs, found, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise BrokenInput(f"{path} has no column '{theirs}'. Found: {listed}.{hint}")
    if not any(field in places for field in _CODED):
        raise BrokenInput(
            f"{path} has no column named topic, languages or class. Found: {listed}. Say which is which, for "
            f"example: --column languages={found[0]}; fields are {', '.join(FIELDS)}."
        )
    return places


class _Reader:
    """Reads rows under one mapping and counts where a typed class contradicts the languages."""

    def __init__(
        self, path: Path, codebook: Codebook, places: Mapping[str, str], values: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._path = path
        self._codebook = codebook
        self._places = places
        self._values = values
        self.disagreeing = 0

    def read(self, number: int, row: Row) -> Labelled | None:
        topic = self._topic(row)
        relevant = self._answer(row, "relevant")
        discarded = topic is not None and self._codebook.find_topic(topic).discard
        if relevant is False or discarded:
            return None
        languages, stated = self._languages(row), self._answer(row, "stated")
        derived = derive_class(languages, stated, unstated=self._codebook.unstated)
        typed = self._class(row)
        self.disagreeing += bool(typed and derived and typed != derived)
        paper = self._cell(row, "paper") or f"row {number}"
        label = Annotation(paper, "released labels", topic=topic, languages=languages, stated=stated, relevant=True)
        record = Paper(
            id=paper,
            title=self._cell(row, "title"),
            year=self._year(row),
            venue_group=self._venue(row),
            source=self._path.name,
        )
        return Labelled(record, label, derived or typed)

    def _value(self, row: Row, field: str) -> Any:
        value = row.values.get(self._places[field]) if field in self._places else None
        own = self._values.get(field, {})
        return own.get(str(value).strip(), value) if not isinstance(value, list) else value

    def _cell(self, row: Row, field: str) -> str:
        value = self._value(row, field)
        return "" if value is None else " ".join(str(value).split())

    def _topic(self, row: Row) -> str | None:
        text = self._cell(row, "topic")
        if not text:
            return None
        try:
            return self._codebook.find_topic(text).id
        except UnknownName as error:
            raise BrokenInput(self._say_unknown(row, "topic", text, [t.id for t in self._codebook.topics])) from error

    def _languages(self, row: Row) -> tuple[str, ...] | None:
        value = self._value(row, "languages")
        if value is None or value == "":
            return None
        own = self._values.get("languages", {})
        parts = [str(part) for part in value] if isinstance(value, list) else re.split(r"[;,|]", str(value).strip("[]"))
        tags: list[str] = []
        for part in (part.strip().strip("'\"") for part in parts):
            for entry in own.get(part, part).split(";"):
                if entry and entry.casefold() != "none":
                    tags += self._read_language(row, entry)
        return sort_tags(tags)

    def _read_language(self, row: Row, text: str) -> tuple[str, ...]:
        try:
            return read_language(text, self._codebook)
        except UnknownLanguage as error:
            raise BrokenInput(f"{row.place}: {error} Or map it: --value 'languages:{text}=TAG' (or =none).") from error

    def _class(self, row: Row) -> CoverageClass | None:
        text = self._cell(row, "class")
        if not text:
            return None
        folded = text.casefold().replace("_", " ").replace("-", " ")
        for name in KNOWN_CLASSES:
            if folded in (name.replace("_", " "), CLASS_WORDS[name].casefold().replace("-", " ")):
                return name
        raise BrokenInput(self._say_unknown(row, "class", text, KNOWN_CLASSES))

    def _venue(self, row: Row) -> str:
        text = self._cell(row, "venue")
        if not text:
            return "other"
        group = _VENUES.get(text.casefold())
        if group is None:
            raise BrokenInput(self._say_unknown(row, "venue", text, _VENUES))
        return group

    def _year(self, row: Row) -> int | None:
        text = self._cell(row, "year").removesuffix(".0")
        if not text:
            return None
        if not (len(text) == 4 and text.isascii() and text.isdigit()):
            raise BrokenInput(f"{row.place}: the year is '{text[:20]}', expected four digits.")
        return int(text)

    def _answer(self, row: Row, field: str) -> bool | None:
        text = self._cell(row, field).casefold()
        if not text:
            return None
        if text not in (*_YES, *_NO):
            raise BrokenInput(self._say_unknown(row, field, text, ("yes", "no")))
        return text in _YES

    def _say_unknown(self, row: Row, field: str, text: str, known: Sequence[str] | Mapping[str, str]) -> str:
        return (
            f"{row.place}: {say_unknown(f'value of {field}', text[:60], known, shown=SHOWN)} "
            f"Map it: --value '{field}:{text[:60]}=OURS'."
        )
