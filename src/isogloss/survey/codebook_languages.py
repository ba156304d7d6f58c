"""Which tag a language gets in a survey: one form for every way of writing it, under an explicit policy."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import langcodes
from langcodes.data_dicts import MACROLANGUAGES
from langcodes.tag_parser import LanguageTagError

from isogloss.core.errors import UnknownLanguage
from isogloss.survey.codebook import Codebook

NAMES_FILE = "mentions_names.toml"
SECTIONS = ("people", "plain", "ambiguous")
_TWO_LETTERS = 2
_TAG = re.compile(r"[a-z]{2,3}(?:[-_]\w+)*\Z")
_NO_LANGUAGE = (None, "und", "mul", "zxx")


@dataclass(frozen=True, slots=True)
class Name:
    """A name of one or, for a mixed code, several languages.

    Attributes:
        text: as papers write it.
        tags: BCP-47 tags as the table has them, before any policy.
        kind: "plain", "people", "ambiguous" or "mixed" (see the table).
    """

    text: str
    tags: tuple[str, ...]
    kind: str


def normalise_tag(tag: str, codebook: Codebook) -> str:
    """One form for every way of writing a tag, under the codebook's policy.

    Under "standard" with variants dropped: ``cmn``, ``zho``, ``zh-Hant`` and ``zh_CN`` are ``zh``, ``yue`` is ``yue``.

    Raises:
        UnknownLanguage: the tag names no language.
    """
    try:
        language = langcodes.Language.get(tag.strip())
    except LanguageTagError as error:
        raise UnknownLanguage(_say_no_language(tag)) from error
    if not tag.strip() or not language.is_valid() or language.language in _NO_LANGUAGE:
        raise UnknownLanguage(_say_no_language(tag))
    if codebook.macro != "keep":
        language = language.prefer_macrolanguage()
    subtag = str(language.language)
    if codebook.macro == "merge" and len(subtag) > _TWO_LETTERS:
        # Members with a two-letter code are languages to everybody: Indonesian is no Malay.
        subtag = MACROLANGUAGES.get(subtag, subtag)
    if codebook.variants == "drop":
        return subtag
    full = langcodes.Language.make(subtag, script=language.script, territory=language.territory)
    return str(full.simplify_script().to_tag())


def read_language(text: str, codebook: Codebook) -> tuple[str, ...]:
    """The tags of one cell entry: a tag, an English name or an alias; several for a mixed code such as Hinglish.

    Raises:
        UnknownLanguage: it is neither; the message proposes a close name.
    """
    entry = " ".join(text.split())
    known = names_by_text().get(entry.casefold())
    # "as" is Assamese; the table's "As" is a name in prose.
    if known is not None and not _TAG.match(entry):
        return tuple(normalise_tag(tag, codebook) for tag in known.tags)
    try:
        return (normalise_tag(entry.replace("_", "-"), codebook),)
    except UnknownLanguage:
        close = get_close_matches(entry.casefold(), names_by_text(), n=1, cutoff=0.75)
        hint = f" Did you mean {names_by_text()[close[0]].text}?" if close else ""
        raise UnknownLanguage(
            f"'{text}' is no language we know. Write a BCP-47 tag (sw, zh, yue) or an English name.{hint}"
        ) from None


def name_language(tag: str) -> str:
    """English name of a tag."""
    return str(langcodes.Language.get(tag).display_name())


def sort_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without repetition, in alphabetical order: the form in which sets are stored."""
    return tuple(sorted(set(tags)))


@cache
def load_names() -> tuple[Name, ...]:
    """The bundled table of names."""
    table: dict[str, Any] = tomllib.loads(files("isogloss.survey").joinpath(NAMES_FILE).read_text("utf-8"))
    names = [Name(text, (tag,), kind) for kind in SECTIONS for tag, row in table[kind].items() for text in row]
    names += [Name(text, tuple(tags.split()), "mixed") for tags, row in table["mixed"].items() for text in row]
    return tuple(names)


@cache
def names_by_text() -> dict[str, Name]:
    """The table of names by their text in lower case; the first kind wins where a name stands in two."""
    found: dict[str, Name] = {}
    for name in load_names():
        found.setdefault(name.text.casefold(), name)
    return found


def _say_no_language(tag: str) -> str:
    return f"'{tag}' names no language. Write a BCP-47 tag, such as sw, zh or yue."
