"""What no perturbation may touch: addresses, placeholders, numbers, names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.core import Language

# The order decides which pattern claims a stretch that two of them fit.
_TECHNICAL = re.compile(
    r"""
      (?:https?://|www\.)[^\s<>"'\u3000-\u303f\uff00-\uffef]*[\w/=&\#-]      # web addresses, not the full stop after
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                                # e-mail addresses
    | \{\{[^{}]+\}\} | \$?\{[^{}\s][^{}]*\}                         # {{ name }}, {name}, ${name}
    | <[A-Za-z/][^<>]*>                                           # <name>
    | \[[A-Z][A-Z0-9_ ]*\]                                        # [NAME]
    | %\([a-z_]+\)[sdf] | %[sdf]\b                                # %s, %(name)s
    | (?<!\w)[@\#]\w+                                             # @handle, #tag
    | (?<!\w)[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|info)\b(?:/\S*\w)?   # bare domains
    | [+-]?\d+(?:[.,:/\u066b\u066c\u2009\u202f-]\d+)*%?           # numbers, dates, times
    """,
    re.VERBOSE,
)
_ACRONYM = re.compile(r"\b[A-Z][A-Z0-9]+\b")
_CAPITALISED = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = '.!?…:;¿¡"“”„«»‘(\n—–'
# German writes every noun with a capital letter, so a capital says nothing about names.
_CAPITALS_MEAN_NAMES = frozenset({"Latn", "Cyrl", "Grek", "Armn"})
_CAPITALS_MEAN_NOUNS = frozenset({"de", "lb"})


@dataclass(frozen=True, slots=True, order=True)
class Guarded:
    """A stretch of text to leave alone: character offsets, end exclusive."""

    start: int
    end: int


def find_protected(
    text: str, language: Language, *, names: Sequence[str] = (), guess_names: bool = True
) -> tuple[Guarded, ...]:
    """Find what must survive a change of writing, in order and without overlap.

    Addresses, placeholders, handles and numbers are found in every script. Names are guessed by a capital letter
    inside a sentence and by all-capital words, which works in scripts with capitals and not in German; a name in
    any other language has to be given.

    Args:
        text: a prompt.
        language: the one it is written in.
        names: further stretches to protect wherever they occur, written as in the text.
        guess_names: look for names; transliterations don't, because a name in other letters is still that name.
    """
    found = [Guarded(*match.span()) for match in _TECHNICAL.finditer(text)]
    for name in names:
        found += [Guarded(*match.span()) for match in re.finditer(re.escape(name), text)]
    if guess_names:
        found += [Guarded(*match.span()) for match in _ACRONYM.finditer(text)]
        if language.script in _CAPITALS_MEAN_NAMES and language.key.split("-")[0] not in _CAPITALS_MEAN_NOUNS:
            found += [Guarded(*match.span()) for match in _CAPITALISED.finditer(text) if _looks_like_name(text, match)]
    return _merge(found)


def overlaps(guarded: Sequence[Guarded], start: int, end: int) -> bool:
    """Whether a stretch touches any protected one."""
    return any(part.start < end and start < part.end for part in guarded)


def _looks_like_name(text: str, word: re.Match[str]) -> bool:
    letters = word.group()
    clipped = letters[1:2] in ("'", "’") and not letters[2:3].isupper()  # I'm, but not O'Neil
    if len(letters) < 2 or not letters[0].isupper() or clipped:
        return False
    before = text[: word.start()].rstrip()
    return bool(before) and before[-1] not in _SENTENCE_END


def _merge(found: Sequence[Guarded]) -> tuple[Guarded, ...]:
    merged: list[Guarded] = []
    for part in sorted(found):
        if merged and part.start < merged[-1].end:
            merged[-1] = Guarded(merged[-1].start, max(merged[-1].end, part.end))
        else:
            merged.append(part)
    return tuple(part for part in merged if part.start < part.end)
