"""Chat spelling back to Arabic letters: a check on the writer, since many letters share a spelling."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log

from isogloss.prompts.perturb.arabizi import is_arabic
from isogloss.prompts.perturb.arabizi_profiles import Profile

_FOLD = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه"})
_WORD = re.compile(r"[A-Za-z0-9'’]+")
_EDGE = "^"
_KEEP_BEST = 60  # readings of a word that are followed
_DROPPED_VOWEL = 0.9  # cost of reading a short vowel as nothing
_KNOWN_WORD = 4.0  # what a reading gains that is a word of the text learned from
_OTHER_SPELLING = 1.5  # cost of a spelling that is not the usual one


def fold_arabic(text: str) -> str:
    """Arabic text without vowel signs and without the differences that writers themselves neglect.

    Forms of alef become one, final yeh loses the difference of its dots, the feminine ending becomes heh.
    """
    bare = "".join(letter for letter in text if not ("\u064b" <= letter <= "\u065f" or letter in "\u0670\u0640"))
    return bare.translate(_FOLD)


@dataclass(frozen=True, slots=True)
class ArabiziReader:
    """Reads a profile's spelling as Arabic letters, with letter triples of Arabic text to choose between readings.

    Attributes:
        spellings: by written letters (``^`` marks the edge of a word), the Arabic that they may stand
            for and what each reading costs.
        triples: counts of three letters in a row, with edges.
        pairs: counts of the first two of them.
        words: that occurred in the text.
    """

    spellings: dict[str, tuple[tuple[str, float], ...]]
    triples: Counter[str]
    pairs: Counter[str]
    words: frozenset[str]

    def read(self, text: str) -> str:
        """The text in folded Arabic letters; what is no chat spelling stays."""
        return _WORD.sub(lambda match: self._read_word(match.group().casefold()), text)

    def _read_word(self, word: str) -> str:
        longest = max(map(len, self.spellings))
        best: list[dict[str, float]] = [{} for _ in range(len(word) + 1)]
        best[0][""] = 0.0
        for place in range(len(word)):
            leading = sorted(best[place].items(), key=lambda entry: (entry[1], entry[0]))[:_KEEP_BEST]
            for length in range(1, 1 + min(longest, len(word) - place)):
                for arabic, cost in self._list_options(word, place, length):
                    for read, so_far in leading:
                        total = so_far + cost + self._cost(read, arabic)
                        reading = read + arabic
                        if total < best[place + length].get(reading, float("inf")):
                            best[place + length][reading] = total
        readings = {
            read: cost + self._cost(read, _EDGE) - _KNOWN_WORD * (read in self.words)
            for read, cost in best[-1].items()
            if read
        }
        return min(readings, key=lambda read: (readings[read], read)) if readings else word

    def _list_options(self, word: str, place: int, length: int) -> tuple[tuple[str, float], ...]:
        written = word[place : place + length]
        options = self.spellings.get(written, ())
        if place == 0:
            options += self.spellings.get(_EDGE + written, ())
            if length == len(word):
                options += self.spellings.get(_EDGE + written + _EDGE, ())
        return options

    def _cost(self, read: str, more: str) -> float:
        context, total = (_EDGE * 2 + read)[-2:], 0.0
        for letter in more:
            seen, among = self.triples[context + letter], self.pairs[context]
            total -= log((seen + 0.1) / (among + 4))
            context = context[1:] + letter
        return total


def fit_reader(profile: Profile, texts: Iterable[str]) -> ArabiziReader:
    """Learn to read a profile's spelling.

    Args:
        profile: as used for writing.
        texts: Arabic texts; a few dozen sentences are enough to prefer likely letters, more give whole words.
    """
    triples: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    words: set[str] = set()
    for text in texts:
        folded = "".join(letter if is_arabic(letter) else " " for letter in fold_arabic(text))
        words.update(folded.split())
        for word in folded.split():
            padded = _EDGE * 2 + word + _EDGE
            triples.update(padded[place : place + 3] for place in range(len(padded) - 2))
            pairs.update(padded[place : place + 2] for place in range(len(padded) - 2))
    return ArabiziReader(_invert(profile), triples, pairs, frozenset(words))


def _invert(profile: Profile) -> dict[str, tuple[tuple[str, float], ...]]:
    readings: dict[str, dict[str, float]] = {}
    for written, arabic, cost in _list_readings(profile):
        options = readings.setdefault(written, {})
        options[arabic] = min(cost, options.get(arabic, cost))
    return {written: tuple(sorted(options.items())) for written, options in readings.items()}


def _list_readings(profile: Profile) -> Iterator[tuple[str, str, float]]:
    tables = (*profile.letters.items(), *profile.long_vowels.items(), ("ة", profile.ta_marbuta))
    for letter, spellings in tables:
        for rank, written in enumerate(spellings):
            yield written, fold_arabic(letter), _OTHER_SPELLING * (rank > 0)
    for word, spellings in profile.words.items():
        for written in spellings:
            yield _EDGE + written + _EDGE, fold_arabic(word), -_OTHER_SPELLING
    for article in profile.article:
        for prefix, arabic in (("", ""), ("w", "و"), ("b", "ب"), ("f", "ف"), ("k", "ك")):
            yield _EDGE + prefix + (article if not prefix else article[-2:]), f"{arabic}ال", 0.0
        yield f"{_EDGE}l{article}", "لل", 0.0
    for vowel in {*profile.short_vowels, "a", "i", "o"}:
        yield vowel, "", _DROPPED_VOWEL
    yield "an", "ا", _OTHER_SPELLING
