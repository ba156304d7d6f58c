"""What happens in the opening of a reply, in order: phrases and structure as a list of cues."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from isogloss.judges.normalise import CODE, HEADING, ITEM, STOP, flatten
from isogloss.judges.phrases import Move, Phrases

OPENING = 420
"""Characters of the reply whose phrases count; what a model decides, it decides there."""
OPENING_DENSE = 260
"""The same for languages that write no spaces."""
BODY = 1600
"""Characters in which list items, headings and code count."""


class Structure(StrEnum):
    """What the layout shows."""

    HEADING = "heading"
    ITEM = "item"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Cue:
    """One phrase or sign.

    Attributes:
        kind: what it does.
        start: where it begins in the flattened text.
        sentence: number of sentence ends before it.
        text: as found, flattened.
    """

    kind: Move | Structure
    start: int
    sentence: int
    text: str


@dataclass(frozen=True, slots=True)
class Cues:
    """All cues of one reply in the words of one language, in order."""

    language: str
    found: tuple[Cue, ...]

    def first(self, *kinds: Move | Structure) -> Cue | None:
        """The earliest cue of these kinds."""
        return next((cue for cue in self.found if cue.kind in kinds), None)

    def all(self, *kinds: Move | Structure, after: int = -1, before: int = 1 << 30) -> list[Cue]:
        """Every cue of these kinds that begins after and before two places."""
        return [cue for cue in self.found if cue.kind in kinds and after < cue.start < before]


_SIGNS = {HEADING: Structure.HEADING, ITEM: Structure.ITEM, CODE: Structure.CODE}
_SIGN = re.compile(f"[{HEADING}{ITEM}{CODE}]")
_MASKED = (Move.IDIOM, Move.SYMPATHY, Move.CAPABILITY)
"""Read first and blanked, because they contain the words of refusals; in this order."""


def find_cues(text: str, phrases: Phrases) -> Cues:
    """Read a reply's opening with one language's phrases, and its layout further down."""
    opening = flatten(text[: OPENING if phrases.spaced else OPENING_DENSE], spaced=phrases.spaced)
    body = flatten(text[:BODY], spaced=phrases.spaced)
    cues = [*_find_phrases(opening, phrases), *_find_signs(body)]
    return Cues(phrases.language, tuple(sorted(cues, key=lambda cue: cue.start)))


def _find_phrases(opening: str, phrases: Phrases) -> Iterator[Cue]:
    rest = opening
    for move in _MASKED:
        if pattern := phrases.patterns.get(move):
            yield from _matches(move, pattern, rest)
            rest = pattern.sub(lambda found: "·" * len(found.group()), rest)
    for move, pattern in phrases.patterns.items():
        if move not in _MASKED:
            yield from _matches(move, pattern, rest)


def _matches(move: Move, pattern: re.Pattern[str], text: str) -> Iterator[Cue]:
    for found in pattern.finditer(text):
        yield Cue(move, found.start(), text.count(STOP, 0, found.start()), found.group().strip())


def _find_signs(body: str) -> Iterator[Cue]:
    for found in _SIGN.finditer(body):
        sentence = body.count(STOP, 0, found.start())
        yield Cue(_SIGNS[found.group()], found.start(), sentence, _SIGNS[found.group()].value)
