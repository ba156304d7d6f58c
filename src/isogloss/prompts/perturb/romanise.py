"""Any script in Latin letters, by the package ``uroman``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import langcodes

from isogloss.core import Language, Prompt
from isogloss.core.errors import MissingExtra
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.perturbation import Writer
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Piece, assemble, keep, measure_rate, protect
from isogloss.prompts.perturb.protection import Guarded, find_protected
from isogloss.prompts.perturb.words import is_letter
from isogloss.prompts.promptset import PromptSet

Edges = Callable[[str, str], Sequence[tuple[int, int, str]]]
"""Romanises a text in a language (ISO 639-3): start, end and Latin letters of each stretch, covering the text."""


_NUMERALS = dict(
    zip(
        "一二三四五六七八九十百千万零",
        ["yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu", "shi", "bai", "qian", "wan", "ling"],
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Romanise:
    """Write prompts in Latin letters, letter by letter; languages that already use them are left out.

    The result is what a transliteration table gives, not what people type: Arabic comes out as a skeleton of
    consonants, Khmer and Tibetan roughly, Japanese characters by their Chinese reading. For Arabic as it is typed
    use ``Arabizi``.

    Source: Hermjakob, May and Knight 2018, ``uroman``; we keep protected stretches as they are, spell Chinese
    numerals instead of writing digits, and add the spaces that it leaves out between the syllables of Chinese
    characters.
    """

    @property
    def name(self) -> str:
        """``romanise``."""
        return "romanise"

    @property
    def failure_mode(self) -> FailureMode:
        """Bypass by transliteration."""
        return FailureMode.BYPASS_BY_MIXING

    def takes(self, language: Language) -> bool:
        """Prompts in any script but Latin."""
        return language.script != "Latn"

    def fit(self, _prompts: PromptSet, /) -> Writer:
        """Load the tables of uroman.

        Raises:
            MissingExtra: uroman is not installed.
        """
        edges = load_uroman()
        return lambda prompt, _: self.write(prompt, edges)

    def write(self, prompt: Prompt, edges: Edges) -> Perturbed:
        """Write one prompt; nothing about it is random."""
        guarded = find_protected(prompt.text, prompt.language, guess_names=False)
        code = langcodes.Language.get(prompt.language.tag).to_alpha3()
        pieces = list(_romanise(prompt.text, guarded, code, edges))
        letters = [piece for piece in pieces if any(map(_is_foreign, piece.source))]
        done = [piece for piece in letters if not any(map(_is_foreign, piece.target))]
        subtag = prompt.language.key.split("-")[0]
        return assemble(
            pieces,
            name=self.name,
            languages=(Language.parse(f"{subtag}-Latn"),),
            realised_rate=measure_rate(len(done), len(letters)),
        )


@cache
def load_uroman() -> Edges:
    """Load uroman once; takes about two seconds.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from uroman import RomFormat, Uroman  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtra("Romanisation needs the package uroman. Run: pip install 'isogloss[romanise]'") from error
    tables = Uroman()

    def romanise(text: str, code: str) -> Sequence[tuple[int, int, str]]:
        edges = tables.romanize_string(text, lcode=code, rom_format=RomFormat.EDGES)
        found = [(edge.start, edge.end, edge.txt) for edge in edges]
        return [part for edge in found for part in _spell_numerals(text, *edge)]

    return romanise


def _spell_numerals(text: str, start: int, end: int, latin: str) -> Iterator[tuple[int, int, str]]:
    """uroman turns Chinese numerals into digits, also inside words ("one letter", "at once"); spell them instead."""
    if all(character in _NUMERALS for character in text[start:end]):
        for place in range(start, end):
            yield place, place + 1, _NUMERALS[text[place]]
    else:
        yield start, end, latin


def _romanise(text: str, guarded: Sequence[Guarded], code: str, edges: Edges) -> Iterator[Piece]:
    place = 0
    for part in (*guarded, Guarded(len(text), len(text))):
        free = text[place : part.start]
        for start, end, latin in edges(free, code) if free else ():
            source = free[start:end]
            spaced = latin + " " if _is_han(source) and end < len(free) and is_letter(free[end]) else latin
            yield keep(source) if spaced == source else Piece(source, spaced, Operation.TRANSLITERATE)
        yield protect(text[part.start : part.end])
        place = part.end


def _is_han(text: str) -> bool:
    return len(text) == 1 and "\u3400" <= text <= "\u9fff"


def _is_foreign(character: str) -> bool:
    """A letter or mark beyond the Latin ones."""
    return is_letter(character) and ord(character) > 0x24F and not 0x1E00 <= ord(character) <= 0x1EFF
