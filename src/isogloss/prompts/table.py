"""Prompts of your own, from a JSONL, JSON, CSV, TSV, Parquet or Excel file; and back to one."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint_file
from isogloss.core.run import write_text
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.reading import Row, say_invalid, say_missing

_EXPECTED = (
    "A file of prompts holds text (or prompt), language and kind; it may hold id, seed_id, cluster, category, "
    "failure_mode, split, source_text, provenance and perturbation."
)
_SPLIT_SYNONYMS = {"val": "validation", "valid": "validation", "dev": "validation"}


class PromptRow(BaseModel):
    """One row as a file has it. Empty cells count as absent; numbers are read as text."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    text: str
    language: str
    kind: str
    id: str | None = None
    seed_id: str | None = None
    cluster: str | None = None
    category: str | None = None
    failure_mode: str | None = None
    split: str | None = None
    source_text: str | None = None
    provenance: str | None = None
    perturbation: str | None = None


def load_prompts_file(path: Path) -> PromptSet:
    """Load your own prompts.

    Required columns: ``text`` (or ``prompt``), ``language`` (BCP-47) and ``kind`` (harmful, harmless). Optional:
    ``id``, ``seed_id``, ``cluster``, ``category``, ``failure_mode``, ``split`` (train, validation, test),
    ``source_text``, ``provenance``, ``perturbation``. Give translations of one prompt the same ``id`` (or the
    same ``seed_id``), so that languages are compared on the same ideas. Without an ``id``, it is made of
    ``seed_id`` and kind, or of file name and row; without a ``seed_id``, it is the ``id``.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file cannot be read as its ending says, lacks a column, holds an unknown kind or split,
            a blank text, or one id twice within a language; the message names the line.
        UnknownLanguage: a tag names no language; the message names the line.
        NothingToDo: the file holds no prompts.
        MissingExtra: the file is Parquet or Excel and its reader is not installed.
    """
    rows = read_table_rows(path)
    prompts = prompts_from_rows(rows, name=path.stem)
    if not prompts:
        raise NothingToDo(f"{path} holds no prompts. {_EXPECTED}")
    made = dict.fromkeys(prompt.provenance for prompt in prompts if prompt.provenance)
    card = PromptCard(
        name=path.name,
        title=f"Prompts from {path.name}",
        source=path.name,
        licence="not stated",
        citation="not stated",
        made="; ".join(made) or "not stated",
        notes=tuple(_find_notes(rows, prompts)),
        checksums={path.name: fingerprint_file(path)},
    )
    return PromptSet(card, prompts)


def save_prompts_file(prompts: PromptSet, path: Path) -> None:
    """Write a set's prompts as JSONL that ``load_prompts_file`` reads back to equal prompts.

    The card is not part of the file: keep licence and citation beside it when you pass it on.

    Raises:
        BrokenInput: the path does not end in .jsonl.
        WriteFailed: the file cannot be written.
    """
    if path.suffix != ".jsonl":
        raise BrokenInput(f"Prompts are saved as JSONL; '{path.name}' should end in .jsonl.")
    lines = [json.dumps(_row_of(prompt), ensure_ascii=False) for prompt in prompts]
    write_text(path, "".join(line + "\n" for line in lines))


def prompts_from_rows(rows: Sequence[Row], *, name: str) -> tuple[Prompt, ...]:
    """Turn the rows of a file into prompts.

    Args:
        rows: as read from the file.
        name: begins the id of a row that has neither ``id`` nor ``seed_id``.

    Raises:
        BrokenInput, UnknownLanguage: as for ``load_prompts_file``.
    """
    languages: dict[str, Language] = {}
    places: dict[tuple[str, Language], str] = {}
    prompts: list[Prompt] = []
    for number, row in enumerate(rows):
        checked = _check_row(row)
        language = _find_language(row.place, checked.language, languages)
        prompt = _make_prompt(row.place, checked, language, f"{name}-{number:04d}")
        first = places.setdefault((prompt.id, language), row.place)
        if first is not row.place:
            raise BrokenInput(
                f"{row.place}: id '{prompt.id}' occurs twice in {language.tag}, first in {_short(first)}. "
                "An id may be shared by languages, not by two prompts of one language."
            )
        prompts.append(prompt)
    return tuple(prompts)


def _check_row(row: Row) -> PromptRow:
    values = {key: value for key, value in row.values.items() if value is not None and value != ""}
    if "text" not in values and "prompt" in values:
        values["text"] = values["prompt"]
    for name in ("text", "language", "kind"):
        if name not in row.values and name not in values:
            raise BrokenInput(say_missing(row.place, name, list(row.values), expected=_EXPECTED))
        if name not in values:
            raise BrokenInput(f"{row.place}: '{name}' is empty.")
    try:
        checked = PromptRow.model_validate(values)
    except ValidationError as error:
        raise BrokenInput(say_invalid(row.place, error)) from error
    if not checked.text.strip():
        raise BrokenInput(f"{row.place}: 'text' is empty.")
    if any("\ud800" <= letter <= "\udfff" for letter in checked.text):
        raise BrokenInput(f"{row.place}: 'text' holds half a surrogate pair (a cut emoji). Remove or complete it.")
    return checked


def _make_prompt(place: str, row: PromptRow, language: Language, fallback_id: str) -> Prompt:
    kind = _find_kind(place, row.kind)
    prompt_id = row.id or (f"{row.seed_id}-{kind}" if row.seed_id else fallback_id)
    seed_id = row.seed_id or prompt_id
    return Prompt(
        id=prompt_id,
        text=row.text,
        language=language,
        kind=kind,
        seed_id=seed_id,
        cluster=row.cluster or seed_id,
        category=row.category,
        failure_mode=row.failure_mode,
        split=_find_split(place, row.split),
        source_text=row.source_text,
        provenance=row.provenance,
        perturbation=row.perturbation,
    )


def _find_language(place: str, tag: str, known: dict[str, Language]) -> Language:
    """One object per language: what is written ``zh`` in one row and ``zh-Hans`` in the next is the same."""
    if tag not in known:
        try:
            language = Language.parse(tag)
        except UnknownLanguage as error:
            raise UnknownLanguage(f"{place}: {error}") from error
        known[tag] = next((other for other in known.values() if other == language), language)
    return known[tag]


def _find_kind(place: str, name: str) -> Kind:
    try:
        return Kind(name.strip().casefold())
    except ValueError as error:
        raise BrokenInput(f"{place}: " + say_unknown("kind", name, Kind)) from error


def _find_split(place: str, name: str | None) -> Split | None:
    if name is None:
        return None
    word = name.strip().casefold()
    try:
        return Split(_SPLIT_SYNONYMS.get(word, word))
    except ValueError as error:
        raise BrokenInput(f"{place}: " + say_unknown("split", name, Split)) from error


def _find_notes(rows: Iterable[Row], prompts: Sequence[Prompt]) -> list[str]:
    """What a reader of the card should know about columns that were not used and classes that are absent."""
    columns = dict.fromkeys(key or "(unnamed)" for row in rows for key in row.values)
    taken = set(PromptRow.model_fields) | ({"prompt"} if "text" not in columns else set())
    unused = [column for column in columns if column not in taken]
    notes = [f"Columns that were not used: {', '.join(unused)}."] if unused else []
    absent = [kind for kind in Kind if not any(prompt.kind == kind for prompt in prompts)]
    return notes + [f"No {kind} prompts: selectivity cannot be measured with this set alone." for kind in absent]


def _row_of(prompt: Prompt) -> dict[str, Any]:
    fields = {
        "id": prompt.id,
        "seed_id": prompt.seed_id,
        "cluster": prompt.cluster,
        "language": prompt.language.tag,
        "kind": prompt.kind,
        "split": prompt.split,
        "category": prompt.category,
        "failure_mode": prompt.failure_mode,
        "text": prompt.text,
        "source_text": prompt.source_text,
        "provenance": prompt.provenance,
        "perturbation": prompt.perturbation,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _short(place: str) -> str:
    return place.rsplit(", ", 1)[-1]
