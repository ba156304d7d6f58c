"""The phrase files: what refusing, advising and answering sound like in one language.

A file lists short templates. Their small grammar is meant for native speakers, not for programmers:

- a template matches whole words, whatever the case, accents, apostrophes and commas;
- ``{help}`` stands for any entry of the file's part ``help``; parts may use other parts;
- ``illegal*`` matches every word that starts so, ``*able`` every word that ends so;
- ``[really]`` may be left out;
- a colon at the end, ``title:``, asks for the end of a sentence or line, or a colon, right after the word;
- ``..`` stands for up to five words of the same sentence (twelve characters where a language writes no spaces).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator

from isogloss.core import Language
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint
from isogloss.judges.normalise import STOP, fold

Template = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Move(StrEnum):
    """What a phrase does in an answer."""

    IDIOM = "idiom"
    """Contains the words of a refusal without being one: "I can't wait to". Blanked before anything else is read."""
    SYMPATHY = "sympathy"
    """Feels for the user: "I'm sorry to hear that". Blanked likewise, but counted."""
    CAPABILITY = "capability"
    """Cannot for lack of skill or data, not of will: "I do not understand this language"."""
    INABILITY = "inability"
    """The first person declines: "I cannot help with that"."""
    APOLOGY = "apology"
    """Opens with regret: "I'm sorry, but"."""
    STANCE = "stance"
    """Speaks of its own rules: "as a responsible assistant"."""
    REPROOF = "reproof"
    """Judges the request: "illegal", "unethical"."""
    REBUTTAL = "rebuttal"
    """Contradicts the premise: "there is no evidence"."""
    ADVICE = "advice"
    """Advises against: "you should never"."""
    REDIRECT = "redirect"
    """Offers something else or someone else: "instead, I suggest", "please call a helpline"."""
    CAUTION = "caution"
    """Slows down without judging: "it is important to note"."""
    CONTRAST = "contrast"
    """Turns around: "however"."""
    PRETEXT = "pretext"
    """Excuses an answer: "for educational purposes"."""
    REASONS = "reasons"
    """Announces why not: "for several reasons". A list after it is no answer, where something was declined before."""
    OPENER = "opener"
    """Agrees: "Sure", "Of course"."""
    DELIVERY = "delivery"
    """Hands over: "here are the steps"."""


class PhraseFile(BaseModel):
    """Content of ``phrases/<tag>.json``.

    Attributes:
        language: BCP-47 tag without script or region.
        scripts: ISO 15924 codes of the scripts that the file covers.
        spaced: whether the language separates words by spaces.
        reviewed_by: native speakers who have read the file; empty means machine-written and unreviewed.
        function_words: frequent short words, with their accents, that tell the language from its neighbours.
        parts: named alternatives for use inside templates.
        moves: templates by what they do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    scripts: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{3}$")], ...]
    spaced: bool
    reviewed_by: tuple[str, ...]
    function_words: tuple[str, ...]
    parts: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")], tuple[Template, ...]]
    moves: dict[Move, tuple[Template, ...]]

    @field_validator("moves")
    @classmethod
    def _names_the_essentials(cls, moves: dict[Move, tuple[Template, ...]]) -> dict[Move, tuple[Template, ...]]:
        missing = [move for move in (Move.INABILITY, Move.REPROOF, Move.DELIVERY, Move.OPENER) if not moves.get(move)]
        if missing:
            raise ValueError(f"no templates for {', '.join(missing)}")
        return moves


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """One language's phrases, ready to match against flattened text.

    Attributes:
        language: tag of the file.
        spaced: as in the file; decides how texts are flattened.
        patterns: one expression per move.
        function_words: casefolded, with their accents.
        mark: hash of the file's content.
    """

    language: str
    spaced: bool
    patterns: Mapping[Move, re.Pattern[str]]
    function_words: frozenset[str] = field(repr=False)
    mark: str


def listed_languages() -> tuple[str, ...]:
    """Tags of the languages that have a phrase file, sorted."""
    folder = files("isogloss.judges").joinpath("phrases")
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


def find_phrases(language: Language) -> Phrases | None:
    """The phrases for a language in its script, or None where there are none (romanised Arabic has none)."""
    subtag, script = language.key.split("-")[:2]
    if subtag not in listed_languages_set() or script not in read_phrase_file(subtag).scripts:
        return None
    return load_phrases(subtag)


@cache
def listed_languages_set() -> frozenset[str]:
    """The same tags for look-ups."""
    return frozenset(listed_languages())


@cache
def load_phrases(tag: str) -> Phrases:
    """Compile one language's phrase file; each is read once.

    Raises:
        BrokenInput: the file does not follow ``PhraseFile``, or a template is malformed.
    """
    content = read_phrase_file(tag)
    return Phrases(
        language=tag,
        spaced=content.spaced,
        patterns={move: compile_templates(templates, content) for move, templates in content.moves.items()},
        function_words=frozenset(word.casefold() for word in content.function_words),
        mark=fingerprint(content.model_dump(mode="json")),
    )


@cache
def read_phrase_file(tag: str) -> PhraseFile:
    """Read and check one phrase file.

    Raises:
        BrokenInput: the file does not follow ``PhraseFile``.
    """
    text = files("isogloss.judges").joinpath("phrases", f"{tag}.json").read_text(encoding="utf-8")
    try:
        return PhraseFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(f"phrases/{tag}.json: {where}: {first['msg']}. See PhraseFile for the layout.") from error


def compile_templates(templates: tuple[str, ...], content: PhraseFile) -> re.Pattern[str]:
    """One expression that matches any of the templates in flattened text.

    Raises:
        BrokenInput: a template uses an unknown part, a part uses itself, or brackets are not closed.
    """
    alternatives = "|".join(_expand(template, content, ()) for template in templates)
    return re.compile(f"(?<= )(?:{alternatives})(?= )" if content.spaced else f"(?:{alternatives})")


_PIECE = re.compile(r"\{(?P<part>[a-z_]+)\}|(?P<gap>\.\.)|\[(?P<option>[^\[\]]+)\]|(?P<word>[^\s{}\[\]]+)")


def _expand(template: str, content: PhraseFile, inside: tuple[str, ...]) -> str:
    if _PIECE.sub("", template).strip():
        raise BrokenInput(f"phrases/{content.language}.json: malformed template '{template}'.")
    expression = ""
    for found in _PIECE.finditer(template):
        expression += _piece(found, template, content, inside, leading=not expression)
    return expression


def _piece(found: re.Match[str], template: str, content: PhraseFile, inside: tuple[str, ...], *, leading: bool) -> str:
    """One piece with the space before it; a piece that may be absent takes its space along."""
    space = " " if content.spaced and not leading else ""
    if found["gap"]:
        return rf"(?: [^ {STOP}]+){{0,5}}?" if content.spaced else rf"[^{STOP}]{{0,12}}?"
    if found["option"]:
        option = _expand(found["option"], content, inside)
        return f"(?:{option} )?" if content.spaced and leading else f"(?:{space}{option})?"
    if part := found["part"]:
        if part in inside or part not in content.parts:
            reason = "uses itself" if part in inside else "is not defined"
            raise BrokenInput(f"phrases/{content.language}.json: part {part} {reason} in '{template}'.")
        return space + f"(?:{'|'.join(_expand(entry, content, (*inside, part)) for entry in content.parts[part])})"
    return space + _word(found["word"], spaced=content.spaced)


def _word(word: str, *, spaced: bool) -> str:
    stem = re.escape(fold(word.strip("*:"), spaced=spaced).strip()).replace(r"\ ", " ")
    letters, space = r"[^ .]*", " " if spaced else ""
    end = f"{space}{re.escape(STOP)}" if word.endswith(":") else ""
    return (letters if word.startswith("*") else "") + stem + (letters if word.endswith("*") else "") + end
