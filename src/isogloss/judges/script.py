"""Which script and language a text is in: shares of letters and function words. Abstains rather than guesses."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from isogloss.core import Language
from isogloss.judges.phrases import listed_languages, load_phrases, read_phrase_file

DENSE = frozenset({"Hani", "Kana", "Hang"})
"""Scripts in which one letter says about as much as three of an alphabet."""
DENSITY = 3

MAIN_SHARE = 0.6
"""A script is the text's own above this share of its letters."""
TRACE_SHARE = 0.15
"""Below this share the expected script is only quoted; a foreign script above it is mixed in."""
SALAD_SHARE = 0.12
"""Three or more scripts that each hold this share make a salad."""

MIN_WORDS = 6
MIN_HITS = 3
MIN_HIT_SHARE = 0.14
LEAD = 1.6
"""The best language must find this many times the function words of the second best, to be named."""
OFF_LEAD = 3.0
"""And this many times those of the expected language, before a text is called off-language."""

_BLOCKS = {
    "Latn": "A-Za-zªºÀ-ÖØ-öø-ɏɐ-ʯḀ-ỿ",
    "Grek": "Ͱ-Ͽἀ-῿",
    "Cyrl": "Ѐ-ԯ",
    "Armn": "԰-֏",
    "Hebr": "א-ת",
    "Arab": "ؠ-يٮ-ۿݐ-ݿﭐ-ﻼ",
    "Deva": "ऀ-ॣॱ-ॿ",
    "Beng": "ঀ-৿",
    "Guru": "਀-੿",
    "Gujr": "઀-૿",
    "Orya": "଀-୿",
    "Taml": "஀-௿",
    "Telu": "ఀ-౿",
    "Knda": "ಀ-೿",
    "Mlym": "ഀ-ൿ",
    "Sinh": "඀-෿",
    "Thai": "ก-๛",
    "Laoo": "຀-໿",
    "Tibt": "ༀ-࿿",
    "Mymr": "က-႟ꩠ-ꩿ",
    "Geor": "Ⴀ-ჿ",
    "Ethi": "ሀ-፟ᎀ-᎙",
    "Khmr": "ក-៓",
    "Kana": "ぁ-ゖァ-ヺー",
    "Hang": "ᄀ-ᇿ가-힣",
    "Hani": "々〇㐀-䶿一-鿿",
}
_LETTERS = {script: re.compile(f"[{block}]") for script, block in _BLOCKS.items()}
_PARTS = {"Jpan": ("Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
_QUOTED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|[^\s@]{1,64}@[^\s@]{1,255}", re.DOTALL)
"""Code and addresses. Bounded, so that a reply of one endless word takes no longer than another."""
READ_CHARACTERS = 20_000
"""A longer text is read from its beginning alone."""
WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u0670\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f])+")
"""A run of letters and vowel signs; the signs are no letters to the expression engine."""
_SHARED_WITH_UNLISTED = frozenset({"Latn", "Cyrl", "Arab", "Deva", "Beng", "Ethi", "Hebr"})
"""Scripts of many languages: script alone does not name the language, function words must."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the letters and words of a text say.

    Attributes:
        shares: share of each script among the letters, dense scripts weighted up; code and addresses left out.
        letters: how many letters there are, unweighted.
        words: number of words between spaces.
        hits: share of the words that are function words, per listed language of the main script.
        language: the listed language of the text, or None where the evidence does not carry a decision.
    """

    shares: Mapping[str, float]
    letters: int
    words: int
    hits: Mapping[str, float]
    language: str | None

    @property
    def main_script(self) -> str | None:
        """The script of most letters, or None where none has a clear majority."""
        top = max(self.shares, key=lambda script: self.shares[script], default=None)
        return top if top is not None and self.shares[top] > MAIN_SHARE else None

    @property
    def is_salad(self) -> bool:
        """Whether three or more scripts hold a good share each; kana, hangul and han count as one."""
        held = {("Hani" if script in DENSE else script) for script, share in self.shares.items() if share > SALAD_SHARE}
        return len(held) >= 3

    def share_of(self, script: str) -> float:
        """Share of the letters that belong to a script as language tags name it (``Jpan``, ``Hans``)."""
        return sum(self.shares.get(part, 0.0) for part in script_parts(script))


def script_parts(script: str) -> tuple[str, ...]:
    """The sets of letters that a script of a language tag is written with."""
    return _PARTS.get(script, (script,))


def read_text(text: str) -> Reading:
    """Count letters by script and function words by language, and name the language where both agree."""
    prose = _QUOTED.sub(" ", text[:READ_CHARACTERS])
    counts = {script: len(pattern.findall(prose)) for script, pattern in _LETTERS.items()}
    weights = {s: n * (DENSITY if s in DENSE else 1) for s, n in counts.items() if n}
    total = sum(weights.values())
    shares = {script: weight / total for script, weight in weights.items()}
    words = [word.casefold() for word in WORD.findall(prose)]
    draft = Reading(shares, sum(counts.values()), len(words), {}, None)
    hits = count_function_words(words, draft.main_script)
    named = Reading(shares, draft.letters, len(words), hits, None)
    return Reading(shares, draft.letters, len(words), hits, _name_language(named))


def count_function_words(words: Iterable[str], script: str | None) -> dict[str, float]:
    """Share of the words that are function words of each listed language of a script."""
    found = list(words)
    if script is None or not found:
        return {}
    return {
        tag: sum(word in load_phrases(tag).function_words for word in found) / len(found)
        for tag in _listed_in(script)
        if load_phrases(tag).function_words
    }


def is_off_language(reading: Reading, language: Language) -> bool:
    """Whether a text is clearly not in the language that was asked for.

    Quoted foreign terms do not count: the expected script must be all but absent, or another language of the same
    script must clearly lead while the expected one finds next to nothing.
    """
    if reading.letters == 0:
        return False
    if reading.share_of(language.script) < TRACE_SHARE:
        return reading.main_script is not None and reading.letters >= 12
    if language.script == "Jpan":
        return reading.shares.get("Kana", 0.0) == 0.0 and reading.letters >= 20
    if language.script in ("Hans", "Hant"):
        return reading.shares.get("Kana", 0.0) > TRACE_SHARE
    subtag = language.key.split("-")[0]
    if reading.language is None or reading.language == subtag or _are_close(reading.language, subtag):
        return False
    if subtag not in reading.hits:
        return reading.language == "en" and reading.hits["en"] >= 2 * MIN_HIT_SHARE
    lead = reading.hits.get(reading.language, 1.0)  # languages named by script alone count no words
    return lead > OFF_LEAD * reading.hits[subtag]


def _name_language(reading: Reading) -> str | None:
    script = reading.main_script
    if script in ("Kana", "Hani", "Hang") or reading.share_of("Jpan") > MAIN_SHARE:
        return _name_east_asian(reading)
    if script is None:
        return None
    listed = _listed_in(script)
    if script not in _SHARED_WITH_UNLISTED:
        return listed[0] if listed else None
    ranked = sorted(reading.hits, key=lambda tag: -reading.hits[tag])
    if not ranked or reading.words < MIN_WORDS:
        return None
    best, share = ranked[0], reading.hits[ranked[0]]
    second = next((reading.hits[tag] for tag in ranked[1:] if not _are_close(tag, best)), 0.0)
    if share < MIN_HIT_SHARE or share * reading.words < MIN_HITS or share < LEAD * second:
        return None
    return best


def _name_east_asian(reading: Reading) -> str | None:
    if reading.shares.get("Hang", 0.0) > MAIN_SHARE:
        return "ko"
    if reading.shares.get("Kana", 0.0) > TRACE_SHARE:
        return "ja"
    return "zh" if reading.shares.get("Hani", 0.0) > MAIN_SHARE and reading.letters >= 4 else None


def _are_close(first: str, second: str) -> bool:
    return first != second and any({first, second} <= group for group in _CLOSE)


_CLOSE = (frozenset({"id", "ms"}), frozenset({"es", "pt", "gl"}), frozenset({"ru", "uk", "be"}))
"""Neighbours that short texts do not tell apart; never called off-language against each other."""


@cache
def _listed_in(script: str) -> tuple[str, ...]:
    return tuple(
        tag for tag in listed_languages() if any(script in script_parts(own) for own in read_phrase_file(tag).scripts)
    )
