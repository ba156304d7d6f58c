"""Languages as BCP-47 tags, with the facts about them that the reports group by."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

import langcodes
from langcodes.tag_parser import LanguageTagError

from isogloss.core.errors import UnknownLanguage, say_unknown

Tier = Literal["high", "mid", "low"]
TIERS: tuple[Tier, ...] = ("high", "mid", "low")


@dataclass(frozen=True, slots=True, order=True)
class Language:
    """One language in one script.

    Two languages are equal when language, script and (if it was stated) region are equal, however the tag was
    written: ``zh`` equals ``zh-Hans`` and ``swa`` equals ``sw``, but ``ar-Latn`` (romanised) is not ``ar``.

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
            standard = langcodes.Language.get(tag.strip())
        except LanguageTagError as error:
            raise UnknownLanguage(f"'{tag}' is not a language tag. Write BCP-47, such as sw, zh-Hans.") from error
        if not tag.strip() or not standard.is_valid() or standard.language in (None, "und", "mul", "zxx"):
            raise UnknownLanguage(say_unknown("language", tag, _facts()) + " Any registered BCP-47 tag can be used.")
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
        return self.script in {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm"}

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
