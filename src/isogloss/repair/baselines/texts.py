"""Short texts in many languages: an instruction to refuse harmful requests, and a fixed refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from isogloss.core import Language

ENGLISH = Language.parse("en")


@dataclass(frozen=True)
class Texts:
    """One text per language, with English for the others.

    Attributes:
        texts: by ``Language.key``; English must be among them.
    """

    texts: Mapping[str, str]

    def find(self, language: Language) -> tuple[str, bool]:
        """The text for a language, or for it without its region; else English. True where it is not English for want
        of a text of its own."""
        for key in (language.key, "-".join(language.key.split("-")[:2])):
            if key in self.texts:
                return self.texts[key], True
        return self.texts[ENGLISH.key], False

    def missing(self, languages: tuple[Language, ...]) -> list[str]:
        """Tags of the languages that fall back to English."""
        return [language.tag for language in languages if not self.find(language)[1]]


def load_instructions() -> Texts:
    """The bundled safety instruction; machine-written, unreviewed by native speakers."""
    return _load("instruction")


def load_refusals() -> Texts:
    """The bundled refusal; machine-written, unreviewed by native speakers."""
    return _load("refusal")


@cache
def _load(field: str) -> Texts:
    text = files("isogloss.repair.baselines").joinpath("texts.json").read_text(encoding="utf-8")
    held = json.loads(text)["texts"]
    return Texts({Language.parse(tag).key: entry[field] for tag, entry in held.items()})
