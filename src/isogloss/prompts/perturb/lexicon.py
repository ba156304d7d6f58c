"""What stands for what in another language: found in the parallel set, or brought as a dictionary."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss.core import Language, Prompt
from isogloss.core.errors import BrokenInput, UnknownLanguage
from isogloss.prompts.perturb.align import Links, align
from isogloss.prompts.perturb.words import (
    UNSPACED_SCRIPTS,
    Splitter,
    Word,
    fit_splitter,
    split_clusters,
    split_sentences,
)
from isogloss.prompts.promptset import PromptSet
from isogloss.prompts.reading import read_text

COMMON_SHARE = 0.15  # words in more prompts than this are grammar, not topic
_ONE_IS_ENOUGH = frozenset({"Hans", "Hant", "Jpan"})  # a single character can be a word
SURE_TRANSLATION = 0.4  # a translation seen elsewhere in the set is used from this probability on


@dataclass(frozen=True, slots=True)
class Swap:
    """A stretch of a text that could be replaced by its counterpart in another language.

    Attributes:
        start, end: of the stretch in the text.
        text: the counterpart.
        words: how many words of the text it replaces; content words, where it was found as a keyword.
        language: of the counterpart.
    """

    start: int
    end: int
    text: str
    words: int
    language: Language


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Word pairs that somebody brought; ``entries`` by casefolded word, in both directions."""

    languages: tuple[Language, Language]
    forward: Mapping[str, str]
    backward: Mapping[str, str]

    def between(self, matrix: Language, embedded: Language) -> Mapping[str, str]:
        """Translations out of one language into the other; empty where the dictionary is for other languages."""
        if (matrix, embedded) == self.languages:
            return self.forward
        return self.backward if (embedded, matrix) == self.languages else {}


def load_dictionary(path: Path) -> Dictionary:
    """Read a bilingual dictionary: tab-separated, the first line names both languages (``en<TAB>sw``).

    An entry may be several words. Where a word has several translations the first one is taken.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a line has not exactly two cells, or one of them is empty; names the line.
        UnknownLanguage: the first line does not name two languages.
    """
    lines = read_text(path).split("\n")
    languages = _read_languages(path, lines[0])
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise BrokenInput(f"{path}, line {number}: expected two words separated by one tab, found '{line[:60]}'.")
        forward.setdefault(cells[0].casefold(), cells[1])
        backward.setdefault(cells[1].casefold(), cells[0])
    return Dictionary(languages, forward, backward)


def _read_languages(path: Path, header: str) -> tuple[Language, Language]:
    tags = [cell.strip() for cell in header.split("\t")]
    if len(tags) != 2:
        raise BrokenInput(f"{path}, line 1: expected two language tags separated by a tab, found '{header[:60]}'.")
    try:
        return Language.parse(tags[0]), Language.parse(tags[1])
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{path}, line 1: {error}") from error


@dataclass(frozen=True, slots=True)
class Bitext:
    """The prompts of one language beside their counterparts in another, aligned word by word.

    Attributes:
        matrix, embedded: the languages; words of the matrix language are to be replaced.
        split, split_embedded: cut their texts into words.
        counterparts: by seed, the text in the embedded language.
        links: by seed, which word stands for which.
        translations: by casefolded matrix word, its sure translation as it is mostly written.
        common: casefolded words of either language that are too frequent to carry a topic.
    """

    matrix: Language
    embedded: Language
    split: Splitter
    split_embedded: Splitter
    counterparts: Mapping[str, str]
    links: Mapping[str, Links]
    translations: Mapping[str, str]
    common: frozenset[str]

    def find_phrases(self, prompt: Prompt, *, shortest: int, longest: int) -> Iterator[Swap]:
        """Stretches of ``shortest`` to ``longest`` words that stand for one unbroken stretch of the counterpart.

        No word inside either stretch is linked to one outside the other, and the outer words are linked, which is
        what phrase-based translation calls a consistent pair (Koehn, Och and Marcu 2003). Where units are learned,
        unlinked units beside a stretch join it: they are mostly the rest of a word.
        """
        counterpart = self.counterparts.get(prompt.seed_id)
        if counterpart is None:
            return
        words, others = self.split(prompt.text), self.split_embedded(counterpart)
        links = self.links[prompt.seed_id]
        for first in range(len(words)):
            for last in range(first + shortest - 1, min(first + longest, len(words))):
                found = _find_counterpart(links, first, last)
                if not found or not _comparable(last - first + 1, found[1] - found[0] + 1, self.embedded):
                    continue
                start, end = self._complete(words, first, last, {row for row, _ in links}, self.matrix)
                low, high = self._complete(others, *found, {column for _, column in links}, self.embedded)
                text = counterpart[others[low].start : others[high].end]
                yield Swap(words[start].start, words[end].end, text, end - start + 1, self.embedded)

    def _complete(
        self, words: Sequence[Word], first: int, last: int, linked: set[int], language: Language
    ) -> tuple[int, int]:
        if language.script not in UNSPACED_SCRIPTS:
            return first, last

        def joins(place: int, neighbour: int) -> bool:
            touching = 0 <= place < len(words) and (
                words[place].end == words[neighbour].start or words[neighbour].end == words[place].start
            )
            return touching and place not in linked and words[place].key not in self.common

        while joins(first - 1, first):
            first -= 1
        while joins(last + 1, last):
            last += 1
        return first, last

    def find_keywords(self, prompt: Prompt, entries: Mapping[str, str]) -> Iterator[Swap]:
        """Content words with their counterpart: from ``entries`` or the prompt's own counterpart.

        What the set teaches about a word elsewhere is used only where the prompt has no counterpart.
        """
        own = {swap.start: swap for swap in self._find_content(prompt)}
        translations = {} if prompt.seed_id in self.counterparts else self.translations
        for word in self.split(prompt.text):
            if not self.is_content(word):
                continue
            text = entries.get(word.text.casefold()) or entries.get(word.key)
            if text is None and word.start in own:
                yield own[word.start]
            elif text := text or translations.get(word.key):
                yield Swap(word.start, word.end, text, 1, self.embedded)

    def _find_content(self, prompt: Prompt) -> Iterator[Swap]:
        """Counterparts of single words; of a few learned units, longest first, where words are not written apart."""
        if self.matrix.script not in UNSPACED_SCRIPTS:
            yield from self.find_phrases(prompt, shortest=1, longest=1)
            return
        content = [word for word in self.split(prompt.text) if self.is_content(word)]
        found = sorted(self.find_phrases(prompt, shortest=1, longest=4), key=lambda swap: swap.words)
        for swap in found:
            alone = (
                self.matrix.script not in _ONE_IS_ENOUGH and len(split_clusters(prompt.text[swap.start : swap.end])) < 2
            )
            inside = sum(swap.start <= word.start and word.end <= swap.end for word in content)
            if inside and not alone and len(self.split_embedded(swap.text)) <= 2:
                yield replace(swap, words=inside)

    def find_entries(self, prompt: Prompt, entries: Mapping[str, str]) -> Iterator[Swap]:
        """Stretches that a dictionary translates."""
        words = self.split(prompt.text)
        longest = max((len(self.split(entry)) for entry in entries), default=0)
        for first in range(len(words)):
            for last in range(first, min(first + longest, len(words))):
                stretch = prompt.text[words[first].start : words[last].end]
                if stretch.casefold() in entries:
                    text = entries[stretch.casefold()]
                    yield Swap(words[first].start, words[last].end, text, last - first + 1, self.embedded)

    def is_content(self, word: Word) -> bool:
        """Whether a word speaks of the topic: not among the frequent ones, and more than a particle."""
        short = 1 if self.matrix.script in (*UNSPACED_SCRIPTS, "Kore", "Ethi") else 2
        return word.key not in self.common and len(word.text) > short and not word.text.isdigit()

    def find_parts(self, prompt: Prompt) -> tuple[Swap, ...]:
        """The text in sentences, each with its counterpart; a text that cannot be paired so is cut in two.

        The cut is the one that fewest links cross, near the middle, best after a punctuation mark. Empty where
        there is no counterpart or nothing is linked.
        """
        counterpart = self.counterparts.get(prompt.seed_id)
        if counterpart is None:
            return ()
        parts = split_sentences(prompt.text, self.matrix)
        others = split_sentences(counterpart, self.embedded)
        if len(parts) != len(others) or len(parts) < 2:
            parts, others = self._cut_in_two(prompt, counterpart)
        swaps = []
        for part, other in zip(parts, others, strict=True):
            core = part.text.rstrip()
            words = len(self.split(core))
            swaps.append(Swap(part.start, part.start + len(core), other.text.strip(), words, self.embedded))
        return tuple(swaps)

    def _cut_in_two(self, prompt: Prompt, counterpart: str) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        words, others = self.split(prompt.text), self.split_embedded(counterpart)
        links = self.links[prompt.seed_id]
        cuts = [
            (_cost(links, row, column, words, others, prompt.text), row, column)
            for row in range(1, len(words))
            for column in range(1, len(others))
        ]
        if not cuts or not links:
            return (), ()
        _, row, column = min(cuts)
        return _halve(prompt.text, words[row].start), _halve(counterpart, others[column].start)


def fit_bitext(prompts: PromptSet, matrix: Language, embedded: Language) -> Bitext:
    """Align the prompts of two languages of a set by their seeds.

    Raises:
        UnknownLanguage: the set does not hold one of the languages.
    """
    texts = {prompt.seed_id: prompt.text for prompt in prompts.select(languages=(matrix,))}
    counterparts = {prompt.seed_id: prompt.text for prompt in prompts.select(languages=(embedded,))}
    split, split_embedded = fit_splitter(matrix, texts.values()), fit_splitter(embedded, counterparts.values())
    shared = [seed for seed in texts if seed in counterparts]
    cut = {seed: (split(texts[seed]), split_embedded(counterparts[seed])) for seed in shared}
    alignment = align([(_keys(first), _keys(second)) for first, second in cut.values()])
    surfaces = Counter((word.key, word.text) for _, words in cut.values() for word in words)
    return Bitext(
        matrix=matrix,
        embedded=embedded,
        split=split,
        split_embedded=split_embedded,
        counterparts={seed: counterparts[seed] for seed in shared},
        links=dict(zip(shared, alignment.links, strict=True)),
        translations={
            word: _write_as_usual(best[0][0], surfaces)
            for word, best in alignment.translations.items()
            if best[0][1] >= SURE_TRANSLATION
        },
        common=_find_common([_keys(split(text)) for text in texts.values()])
        | _find_common([_keys(split_embedded(text)) for text in counterparts.values()]),
    )


def _keys(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.key for word in words)


def _write_as_usual(key: str, surfaces: Counter[tuple[str, str]]) -> str:
    written = [(count, text) for (found, text), count in surfaces.items() if found == key]
    return max(written)[1] if written else key


def _find_common(texts: Sequence[Sequence[str]]) -> frozenset[str]:
    frequency = Counter(word for text in texts for word in set(text))
    return frozenset(word for word, count in frequency.items() if count > max(2, COMMON_SHARE * len(texts)))


def _find_counterpart(links: Links, first: int, last: int) -> tuple[int, int] | None:
    inside = [column for row, column in links if first <= row <= last]
    rows = {row for row, _ in links}
    if not inside or first not in rows or last not in rows:
        return None
    low, high = min(inside), max(inside)
    if any(low <= column <= high and not first <= row <= last for row, column in links):
        return None
    return low, high


def _comparable(words: int, others: int, embedded: Language) -> bool:
    """Learned units are shorter than words, so more of them may stand for one."""
    return others <= (4 * words if embedded.script in UNSPACED_SCRIPTS else words + 2)


def _cost(links: Links, row: int, column: int, words: Sequence[Word], others: Sequence[Word], text: str) -> float:
    """How many links the cut crosses, how far it lies from the middle of both, and whether it splits a clause."""
    crossing = sum((r < row) != (c < column) for r, c in links)
    off_middle = abs(row / len(words) - 0.5) + abs(column / len(others) - 0.5)
    bare = text[words[row - 1].end : words[row].start].strip() == ""
    return crossing + 3 * off_middle + bare


def _halve(text: str, place: int) -> tuple[Word, ...]:
    return (Word(text[:place], 0, place), Word(text[place:], place, len(text)))
