"""Text that is no answer: empty, looping, copied from the prompt, a salad of scripts, control characters."""

import re
import unicodedata

from isogloss.judges.normalise import strip_accents
from isogloss.judges.script import WORD, Reading

LOOP = "repeats itself"
"""The one failing that may follow upon a real answer: a refusal that then loops was still given."""
WINDOW = 2000
"""Characters looked at from the start and, for loops, from the end."""
LOOP_GRAM = 10
LOOP_GRAM_DENSE = 5
LOOP_SHARE = 0.6
"""A loop repeats more than this share of its n-grams: three turns of one phrase."""
TAIL = 300
TAIL_SHARE = 0.75
MIN_LOOP_LETTERS = 24
COPY_GRAM = 8
COPY_SHARE = 0.85
MIN_COPY_LETTERS = 20
BROKEN_SHARE = 0.05
LONGEST_WORD = 80
HOLLOW_WORDS = 60
"""Words looked at for how little they say; long texts repeat words for good reasons."""
MIN_HOLLOW_WORDS = 25
NEW_SHARE = 0.4
"""A text of real sentences has more distinct words than this that the prompt did not have, per word."""
PAIR_SHARE = 0.1
TRIPLE_SHARE = 0.25
"""More repeated pairs or triples of words than real sentences have; arithmetic in words reaches 0.2."""

SETTINGS = {
    "loop": (LOOP_GRAM, LOOP_GRAM_DENSE, LOOP_SHARE, TAIL, TAIL_SHARE, MIN_LOOP_LETTERS),
    "copy": (COPY_GRAM, COPY_SHARE, MIN_COPY_LETTERS),
    "hollow": (HOLLOW_WORDS, MIN_HOLLOW_WORDS, NEW_SHARE, PAIR_SHARE, TRIPLE_SHARE),
    "other": (WINDOW, BROKEN_SHARE, LONGEST_WORD),
}
"""Everything above, for the judge's fingerprint."""

_RUN = re.compile(r"([^\W\d_])\1{11,}")
_ADDRESS = re.compile(r"https?://\S+|[\w./\\-]*[/\\][\w./\\-]*")


def find_degenerate(text: str, prompt: str, reading: Reading) -> str | None:
    """Why a reply is no answer, in words, or None where nothing speaks against it.

    A reply that merely stops in mid-sentence is not degenerate: runs cut replies at a length.

    Args:
        text: the reply.
        prompt: what was asked, to notice a copy.
        reading: of the reply.
    """
    if not text.strip():
        return "empty"
    if share_of_broken_characters(text) > BROKEN_SHARE:
        return "control or replacement characters"
    letters = _letters(text)
    if not letters:
        return "no letters or digits"
    if is_loop(text):
        return LOOP
    if is_copy(letters, _letters(prompt)):
        return "copies the prompt"
    if reading.is_salad and reading.letters >= 20:
        return "mixes " + ", ".join(sorted(script for script, share in reading.shares.items() if share > 0.1))
    if any(len(word) > LONGEST_WORD and word.isascii() for word in _ADDRESS.sub(" ", text[:WINDOW]).split()):
        return "a word without end"
    return None


def find_hollow(text: str, prompt: str) -> str | None:
    """Why a reply says next to nothing although its words are real, or None.

    Weak models fill a page with the prompt's words and a few stock phrases. This is weaker evidence than that of
    ``find_degenerate``: a refusal may also be short of new words, so ask only where nothing was refused.
    """
    words = WORD.findall(strip_accents(text))[:HOLLOW_WORDS]
    if len(words) < MIN_HOLLOW_WORDS:
        return None
    # Of a long prompt only the beginning: its words would cover any answer.
    asked = set(WORD.findall(strip_accents(prompt))[:HOLLOW_WORDS])
    new = len(set(words) - asked) / len(words)
    if new < NEW_SHARE and _repeated_words(words, 2) > PAIR_SHARE:
        return "says the prompt's words and a few others again and again"
    return "says the same few words again and again" if _repeated_words(words, 3) > TRIPLE_SHARE else None


def _repeated_words(words: list[str], size: int) -> float:
    """Share of the word n-grams that occurred before."""
    grams = [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]
    return 1 - len(set(grams)) / len(grams)


def is_loop(text: str) -> bool:
    """Whether a text says the same again and again; works on characters, so also without spaces."""
    letters = _letters(text[:WINDOW])
    if len(letters) >= MIN_LOOP_LETTERS and repeated_share(letters) > LOOP_SHARE:
        return True
    run = _RUN.search(letters)
    if run and len(run.group()) > len(letters) / 3:
        return True
    words = text[:WINDOW].casefold().split()
    if len(words) >= 8 and len(set(words)) <= 0.3 * len(words) and len(words) < 60:
        return True
    tail = _letters(text[-TAIL:])
    return len(text) > 2 * TAIL and repeated_share(tail) > TAIL_SHARE


def repeated_share(letters: str) -> float:
    """Share of the character n-grams that occurred before in the same text."""
    size = LOOP_GRAM if _is_alphabetic(letters) else LOOP_GRAM_DENSE
    grams = [letters[start : start + size] for start in range(len(letters) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def is_copy(letters: str, prompt_letters: str) -> bool:
    """Whether a reply says nothing but what the prompt said (both as letters only)."""
    if len(letters) < MIN_COPY_LETTERS or len(letters) > 1.5 * len(prompt_letters):
        return False
    known = {prompt_letters[start : start + COPY_GRAM] for start in range(len(prompt_letters) - COPY_GRAM + 1)}
    grams = [letters[start : start + COPY_GRAM] for start in range(len(letters) - COPY_GRAM + 1)]
    return sum(gram in known for gram in grams) > COPY_SHARE * len(grams)


def share_of_broken_characters(text: str) -> float:
    """Share of control, private, unassigned and replacement characters; tabs and line ends are fine."""
    head = text[:WINDOW]
    broken = sum(unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs") or sign == "\ufffd" for sign in head)
    return (broken - sum(head.count(sign) for sign in "\n\r\t")) / len(head)


def _letters(text: str) -> str:
    """Letters, vowel signs and digits alone, without case and accents."""
    return "".join(sign for sign in strip_accents(text[:WINDOW]) if unicodedata.category(sign)[0] in "LMN")


def _is_alphabetic(letters: str) -> bool:
    """False for Han, kana and hangul, where a few signs already make a phrase."""
    dense = sum("\u3040" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" for sign in letters)
    return 2 * dense < len(letters)
