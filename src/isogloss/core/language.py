"""Languages as BCP-47 tags, with the facts about them that the reports group by."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

import langcodes
from langcodes.tag_parser import LanguageTagError

from isogloss.core.errors import UnknownLanguage

Tier = Literal["high", "mid", "low"]
TIERS: tuple[Tier, ...] = ("high", "mid", "low")

_RIGHT_TO_LEFT = frozenset({"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"})


@dataclass(frozen=True, slots=True, order=True)
class Language:
    """One language in one script.

    Two languages are equal when language, script and (if it was stated) region are equal, however the tag was
    written: ``zh`` equals ``zh-Hans`` and ``cmn``, ``swa`` equals ``sw``, but ``ar-Latn`` (romanised) is not ``ar``.

    Attributes:
        key: language with its script always spelled out (``zh-Hans``, ``sw-Latn``); what equality compares.
        tag: the shortest standard form of the tag as it was written; what files and screens show.
    """

    key: str
    tag: str = field(compare=False)

    @classmethod
    def parse(cls, tag: str) -> "Language":
        """Read a BCP-47 tag.

        Raises:
            UnknownLanguage: the tag is malformed or names no registered language.
        """
        try:
            standard = langcodes.Language.get(tag.strip()).prefer_macrolanguage()
        except LanguageTagError as error:
            raise UnknownLanguage(_say_no_language(tag)) from error
        if not tag.strip() or not standard.is_valid() or standard.language in (None, "und", "mul", "zxx"):
            raise UnknownLanguage(_say_no_language(tag))
        full = standard.maximize()
        region = f"-{standard.territory}" if standard.territory else ""
        return cls(key=f"{full.language}-{full.script}{region}", tag=standard.to_tag())

    def __str__(self) -> str:
        return self.tag

    @property
    def script(self) -> str:
        """ISO 15924 code of the script, such as ``Latn``."""
        return self.key.split("-")[1]

    @property
    def name(self) -> str:
        """English name, with the script where it is not the usual one."""
        return str(langcodes.Language.get(self.tag).display_name())

    @property
    def autonym(self) -> str:
        """The language's name in itself, for screens that its readers see."""
        return str(langcodes.Language.get(self.tag).autonym())

    @property
    def right_to_left(self) -> bool:
        """Whether text in this script runs from right to left."""
        return self.script in _RIGHT_TO_LEFT

    @property
    def family(self) -> str | None:
        """Top branch of the family tree, or None where our table has no entry."""
        entry = _facts().get(self._subtag)
        return entry["family"] if entry else None

    @property
    def tier(self) -> Tier | None:
        """Resource tier (share of the language in web crawls), or None where our table has no entry."""
        entry = _facts().get(self._subtag)
        return TIERS[TIERS.index(entry["tier"])] if entry else None

    @property
    def tier_source(self) -> str | None:
        """Where the tier comes from, in words."""
        entry = _facts().get(self._subtag)
        return entry["tier_source"] if entry else None

    @property
    def _subtag(self) -> str:
        return self.key.split("-")[0]


UNKNOWN_LANGUAGE = Language(key="und-Zyyy", tag="und")
"""Stands for a text whose language nobody stated; no set, judge or gate has an entry for it."""


def parse_languages(tags: str | Iterable[str]) -> tuple[Language, ...]:
    """Read ``"sw,yo"`` or a sequence of tags; order is kept, repetitions are dropped."""
    parts = tags.split(",") if isinstance(tags, str) else tags
    return tuple(dict.fromkeys(Language.parse(part) for part in parts if part.strip()))


def known_languages() -> tuple[Language, ...]:
    """The languages whose family and tier our table holds, by tag."""
    return tuple(Language.parse(tag) for tag in sorted(_facts()))


def select_tier(languages: Iterable[Language], tier: Tier) -> tuple[Language, ...]:
    """Those of the languages that belong to one tier, in the order given."""
    return tuple(language for language in languages if language.tier == tier)


@cache
def _facts() -> dict[str, dict[str, str]]:
    text = files("isogloss.core").joinpath("languages.json").read_text(encoding="utf-8")
    table = json.loads(text)
    sources: dict[str, str] = table["tier_sources"]
    return {
        tag: {"family": family, "tier": tier, "tier_source": sources[source]}
        for tag, (family, tier, source) in table["languages"].items()
    }


def _say_no_language(tag: str) -> str:
    """Compose the complaint about a tag, with what was probably meant."""
    meant = _guess_language(tag.strip())
    hint = f" Did you mean '{meant.tag}' ({meant.name})?" if meant else ""
    return f"'{tag}' names no language. Write a BCP-47 tag, such as sw, zh-Hans or ar-Latn.{hint}"


def _guess_language(word: str) -> Language | None:
    """The language behind an English name ("swahili"), or behind a country code ("jp") written in its place."""
    close = get_close_matches(word.casefold(), _names(), n=1, cutoff=0.8)
    if close:
        return _names()[close[0]]
    if len(word) != 2 or not word.isalpha():
        return None
    country = langcodes.Language.make(territory=word.upper())
    spoken = country.maximize().language
    # maximize() answers "en" for codes that are no country, so English is never a useful guess here.
    return Language.parse(spoken) if spoken and spoken != "en" else None


@cache
def _names() -> dict[str, Language]:
    return {language.name.casefold(): language for language in known_languages()}
