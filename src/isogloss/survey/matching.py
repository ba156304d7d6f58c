"""Whether a paper's text holds the terms of a query, as whole words and as parts of words."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from isogloss.survey.query import Combine, Match, Query, SearchField
from isogloss.survey.records import Paper

_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True, slots=True)
class Matcher:
    """The terms of a query, prepared once."""

    terms: tuple[str, ...]
    combine: Combine
    case_sensitive: bool

    @classmethod
    def of(cls, query: Query) -> "Matcher":
        """The matcher of a query; fields and match mode are arguments of ``matches``."""
        terms = tuple(" ".join(normalise(term, case_sensitive=query.case_sensitive).split()) for term in query.terms)
        return cls(terms, query.combine, query.case_sensitive)

    def prepare(self, paper: Paper, fields: Iterable[SearchField]) -> str:
        """The text of these fields as ``matches`` wants it; empty where the paper holds none of them."""
        texts = (_field(paper, name) for name in fields)
        return "\n".join(normalise(text, case_sensitive=self.case_sensitive) for text in texts if text)

    def matches(self, text: str, match: Match) -> bool:
        """Whether a prepared text holds any (or all) of the terms."""
        wanted = all if self.combine == "all" else any
        if match == "substring":
            return wanted(term in text for term in self.terms)
        return wanted(has_word(text, term) for term in self.terms)


def normalise(text: str, *, case_sensitive: bool) -> str:
    """Unicode's compatible composed form (one letter é, ligatures apart), without soft hyphens and other invisibles."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    return text if case_sensitive else text.casefold()


def has_word(text: str, term: str) -> bool:
    """Whether a term stands in a text between characters that do not belong to words.

    Letters, marks, digits and the underscore belong to words, in every script; so "safety" is a word of
    "safety-critical" and "AI-safety", and none of "unsafe", "safetynet" and "safety_score".
    """
    start = text.find(term)
    while start >= 0:
        end = start + len(term)
        if not (start and _is_of_word(text[start - 1])) and not (end < len(text) and _is_of_word(text[end])):
            return True
        start = text.find(term, start + 1)
    return False


def _is_of_word(letter: str) -> bool:
    return letter == "_" or letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _field(paper: Paper, name: SearchField) -> str | None:
    match name:
        case "title":
            return paper.title
        case "abstract":
            return paper.abstract
        case "full_text":
            return None if paper.full_text is None else " ".join(paper.full_text.split())
