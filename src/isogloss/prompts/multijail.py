"""MultiJail as published: one CSV file, one column per language."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.minors import MULTIJAIL_IDS, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.reading import Row, read_delimited_rows, say_missing

_EXPECTED = "MultiJail has the columns id, tags and one for each language, among them en."
_NOT_LANGUAGES = ("id", "source", "tags")


@dataclass(frozen=True, slots=True)
class _Item:
    """One row of the file: an idea in several languages."""

    prompt_id: str
    category: str | None
    texts: dict[str, str]


def load_multijail(path: Path) -> PromptSet:
    """Load MultiJail's harmful prompts, parallel over ten languages.

    Ids carry the number in the file's ``id`` column (``multijail-harmful-0001``), so they stay the same in a part
    of the file. The category is the first of a row's tags. There are no harmless prompts: put a set with
    look-alikes beside it before you speak of selectivity.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a column is missing, an id is no number or occurs twice, or tags are no list; names the line.
        UnknownLanguage: a column is no language.
        NothingToDo: the file holds no prompts.

    Source: Deng et al. 2023 (arXiv 2310.06474), ``data/MultiJail.csv``; its header starts with a byte-order mark.
    """
    rows = read_delimited_rows(path, delimiter=",")
    if not rows:
        raise NothingToDo(f"{path} holds no prompts. {_EXPECTED}")
    languages = _find_languages(path, list(rows[0].values))
    read = _read_items(rows, tuple(languages))
    items = [item for item in read if not _is_excluded(item)]
    prompts = [
        _make_prompt(item, tag, language)
        for tag, language in languages.items()
        for item in items
        if item.texts[tag].strip()
    ]
    card = _write_card(path, len(items) * len(languages) - len(prompts))
    if len(items) < len(read):
        card = replace(card, notes=(*card.notes, *say_excluded(len(read) - len(items))))
    return PromptSet(card, tuple(prompts))


def _is_excluded(item: _Item) -> bool:
    """Rows about sexual harm to minors are never loaded."""
    return int(item.prompt_id.rsplit("-", 1)[-1]) in MULTIJAIL_IDS


def _find_languages(path: Path, columns: list[str]) -> dict[str, Language]:
    for name in ("id", "tags", "en"):
        if name not in columns:
            raise BrokenInput(say_missing(f"{path}, line 1", name, columns, expected=_EXPECTED))
    try:
        return {tag: Language.parse(tag) for tag in columns if tag not in _NOT_LANGUAGES}
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{path}, line 1: column {error} {_EXPECTED}") from error


def _read_items(rows: Sequence[Row], tags: Sequence[str]) -> list[_Item]:
    places: dict[int, str] = {}
    items: list[_Item] = []
    for row in rows:
        number = _read_number(row)
        if number in places:
            raise BrokenInput(f"{row.place}: id {number} occurs twice, first in {places[number].rsplit(', ', 1)[-1]}.")
        places[number] = row.place
        texts = {tag: row.values[tag] for tag in tags}
        items.append(_Item(f"multijail-{Kind.HARMFUL}-{number:04d}", _read_first_tag(row), texts))
    return items


def _read_number(row: Row) -> int:
    value = row.values["id"].strip()
    if not value.isdecimal():
        raise BrokenInput(f"{row.place}: id '{value}' is not a whole number.")
    return int(value)


def _read_first_tag(row: Row) -> str | None:
    value = row.values["tags"].strip()
    if not value:
        return None
    try:
        tags = ast.literal_eval(value)
    except (ValueError, SyntaxError) as error:
        raise BrokenInput(f"{row.place}: {_say_bad_tags(value)}") from error
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BrokenInput(f"{row.place}: {_say_bad_tags(value)}")
    return tags[0] if tags else None


def _say_bad_tags(value: str) -> str:
    return f"tags should be a list in the manner of ['Theft', 'Weapons'], not {value[:60]}."


def _make_prompt(item: _Item, tag: str, language: Language) -> Prompt:
    english = tag == "en"
    return Prompt(
        id=item.prompt_id,
        text=item.texts[tag],
        language=language,
        kind=Kind.HARMFUL,
        seed_id=item.prompt_id,
        category=item.category,
        source_text=None if english else item.texts["en"],
        provenance="original" if english else "human translation",
    )


def _write_card(path: Path, blank: int) -> PromptCard:
    notes = (
        "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
        "No splits: whoever fits or chooses anything on these prompts has no held-out part left.",
    )
    return PromptCard(
        name="multijail",
        title="MultiJail: harmful prompts translated by people",
        source="https://github.com/DAMO-NLP-SG/multilingual-safety-for-LLMs",
        licence="MIT",
        citation="Deng et al. 2023, Multilingual Jailbreak Challenges in Large Language Models, arXiv 2310.06474",
        made="English prompts of earlier red-teaming work, translated into nine languages by native speakers.",
        notes=(*notes, f"Empty texts, left out: {blank}.") if blank else notes,
        checksums={path.name: fingerprint_file(path)},
    )
