"""Words, with their places in the text: from spaces where a script has them, learned from the set where not."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from isogloss.core import Language

UNSPACED_SCRIPTS = frozenset({"Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
_MERGES_A_PASS = 20
_JOINERS = frozenset("'’ʼ-‐\u200c\u200d·")
_LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")  # written before the consonant that they belong to
_STACKERS = frozenset("\u17d2\u1039")  # the next consonant goes under the one before: Khmer, Burmese
_FINALS = frozenset("\u103a\u17cd\u0e4c")  # close the syllable before: Burmese asat, Khmer and Thai silencers


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands; offsets count characters, end exclusive."""

    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """The word without differences of case and composition, and without an English possessive."""
        return re.sub("['’]s$", "", unicodedata.normalize("NFC", self.text).casefold())


Splitter = Callable[[str], tuple[Word, ...]]


def is_letter(character: str) -> bool:
    """Whether a character is part of a word: a letter, a mark on one, or a digit."""
    return unicodedata.category(character)[0] in "LMN"


def split_spaced(text: str) -> tuple[Word, ...]:
    """Words of a text in a script that separates them; marks belong to words, joiners inside one do too."""
    words: list[Word] = []
    start: int | None = None
    for place, character in enumerate(text):
        inside = is_letter(character) or (
            character in _JOINERS and start is not None and place + 1 < len(text) and is_letter(text[place + 1])
        )
        if inside and start is None:
            start = place
        elif not inside and start is not None:
            words.append(Word(text[start:place], start, place))
            start = None
    if start is not None:
        words.append(Word(text[start:], start, len(text)))
    return tuple(words)


def split_clusters(text: str) -> tuple[Word, ...]:
    """What a reader sees as one written unit: a base with its marks, a Thai syllable head, a Khmer stack.

    Runs of letters of spaced scripts and of digits stay whole; spaces and punctuation are left out.
    """
    clusters: list[Word] = []
    for run in split_spaced(text):
        clusters += _split_run(run)
    return tuple(clusters)


def fit_splitter(language: Language, texts: Iterable[str], *, merges: int = 400, least: int = 3) -> Splitter:
    """Choose how a language's texts are cut into words.

    Scripts with spaces are cut at them. For Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan the units are
    learned: neighbouring clusters that go together far more often than chance are merged, most telling first. The
    units are reproducible and need no dictionary; with a few hundred sentences they are often shorter than words.

    Args:
        language: decides by its script.
        texts: in that language; only read where units are learned.
        merges: the most merges to learn.
        least: how often two neighbours must stand together.
    """
    if language.script not in UNSPACED_SCRIPTS:
        return split_spaced
    order = _learn_merges([_cluster_runs(text) for text in texts], merges=merges, least=least)

    def split(text: str) -> tuple[Word, ...]:
        return tuple(word for run in _cluster_runs(text) for word in _apply_merges(run, order))

    return split


def _split_run(run: Word) -> list[Word]:
    if not any(_writes_unspaced(character) for character in run.text):
        return [run]
    starts = [place for place in range(len(run.text)) if _starts_cluster(run.text, place)]
    ends = [*starts[1:], len(run.text)]
    return [
        Word(run.text[start:end], run.start + start, run.start + end)
        for start, end in zip(starts, ends, strict=True)
        if is_letter(run.text[start])
    ]


def _starts_cluster(text: str, place: int) -> bool:
    if place == 0:
        return True
    here, before = text[place], text[place - 1]
    if unicodedata.category(here)[0] == "M" or before in _LEADING_VOWELS or before in _STACKERS:
        return False
    if here == "ะ" or here == "ำ" or here in "าๅ":  # Thai vowels that are letters by category but never start
        return False
    if _closes_syllable(text, place):
        return False
    spaced = not _writes_unspaced(here) and not _writes_unspaced(before)
    small_kana = here in "ぁぃぅぇぉっゃゅょァィゥェォャュョー々"
    return not (spaced or small_kana)


def _closes_syllable(text: str, place: int) -> bool:
    for mark in text[place + 1 :]:
        if unicodedata.category(mark)[0] != "M":
            return False
        if mark in _FINALS:
            return True
    return False


def _writes_unspaced(character: str) -> bool:
    code = ord(character)
    return (
        0x0E00 <= code <= 0x0FFF  # Thai, Lao, Tibetan
        or 0x1000 <= code <= 0x109F  # Burmese
        or 0x1780 <= code <= 0x17FF  # Khmer
        or 0x3005 <= code <= 0x30FF  # kana
        or _writes_han(character)
    )


def _writes_han(character: str) -> bool:
    code = ord(character)
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF


def _kind(cluster: str) -> str:
    """Units never span kinds: kanji with the kana after it would glue a verb to its endings."""
    code = ord(cluster[0])
    if 0x3040 <= code <= 0x309F:
        return "hiragana"
    if 0x30A0 <= code <= 0x30FF:
        return "katakana"
    return "han" if _writes_han(cluster[0]) else "other"


def _cluster_runs(text: str) -> list[list[Word]]:
    """Clusters, broken where something stands between them; katakana between two breaks is one word as it is."""
    runs: list[list[Word]] = []
    for cluster in split_clusters(text):
        last = runs[-1][-1] if runs else None
        if last is None or last.end != cluster.start or _kind(last.text) != _kind(cluster.text):
            runs.append([cluster])
        elif _kind(cluster.text) == "katakana":
            runs[-1][-1] = Word(last.text + cluster.text, last.start, cluster.end)
        else:
            runs[-1].append(cluster)
    return runs


def _learn_merges(texts: Sequence[list[list[Word]]], *, merges: int, least: int) -> dict[tuple[str, str], int]:
    """Pairs in the order of merging: count above chance, so that two frequent particles are not glued together.

    The best pairs that share no unit are merged in one pass, because counting anew after each would take minutes.
    """
    runs = Counter(tuple(word.text for word in run) for text in texts for run in text)
    rows = [(list(run), count) for run, count in sorted(runs.items())]
    order: dict[tuple[str, str], int] = {}
    while len(order) < merges:
        chosen = _choose_merges(rows, least=least)
        for pair in chosen:
            order.setdefault(pair, len(order))
        if not chosen:
            break
        wanted = frozenset(chosen)
        rows = [(_merge_pairs(run, wanted), count) for run, count in rows]
    return order


def _choose_merges(rows: Sequence[tuple[list[str], int]], *, least: int) -> list[tuple[str, str]]:
    units: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for run, count in rows:
        for unit in run:
            units[unit] += count
        for pair in pairwise(run):
            pairs[pair] += count
    scored = [(_score(pair, count, units), pair) for pair, count in pairs.items() if count >= least]
    taken: set[str] = set()
    chosen: list[tuple[str, str]] = []
    for score, pair in sorted(scored, reverse=True)[:_MERGES_A_PASS]:
        if score > 0 and taken.isdisjoint(pair):
            taken.update(pair)
            chosen.append(pair)
    return chosen


def _score(pair: tuple[str, str], count: int, units: Counter[str]) -> float:
    """How far the pair's count lies above half of what its rarer member allows."""
    return count / min(units[pair[0]], units[pair[1]]) - 0.5 if len("".join(pair)) <= 12 else 0.0


def _merge_pairs(run: list[str], pairs: frozenset[tuple[str, str]]) -> list[str]:
    merged: list[str] = []
    for unit in run:
        if merged and (merged[-1], unit) in pairs:
            merged[-1] += unit
        else:
            merged.append(unit)
    return merged


def _apply_merges(run: list[Word], order: dict[tuple[str, str], int]) -> list[Word]:
    words = list(run)
    while len(words) > 1:
        ranked = [
            (order[(left.text, right.text)], place)
            for place, (left, right) in enumerate(pairwise(words))
            if (left.text, right.text) in order
        ]
        if not ranked:
            break
        place = min(ranked)[1]
        left, right = words[place], words[place + 1]
        words[place : place + 2] = [Word(left.text + right.text, left.start, right.end)]
    return words


_SENTENCE = re.compile(r"[^.!?。！？؟።…၊။។]+(?:[.!?。！？؟።…။។]+[\"'”’»」』)]*)?\s*", re.DOTALL)
_THAI_GAP = re.compile(r"(?<=[\u0e00-\u0eff]) +(?=[\u0e00-\u0eff])")


def split_sentences(text: str, language: Language) -> tuple[Word, ...]:
    """Sentences with the space after them; together they are the text.

    Thai and Lao end sentences with a space that also stands elsewhere, so there a space counts as an end. A stop
    inside a number or an abbreviation without a space after it ends nothing.
    """
    ends = [match.end() for match in _SENTENCE.finditer(text) if _ends_sentence(text, match.end())]
    if language.script in ("Thai", "Laoo"):
        ends += [match.end() for match in _THAI_GAP.finditer(text)]
    cuts = sorted({0, *ends, len(text)})
    return tuple(Word(text[a:b], a, b) for a, b in pairwise(cuts))


def _ends_sentence(text: str, place: int) -> bool:
    if place >= len(text) or text[place - 1].isspace():
        return True
    return text[place - 1] in "。！？።။។」』"
