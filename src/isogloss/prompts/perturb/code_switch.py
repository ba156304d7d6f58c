"""Code-switching: parts of a prompt in other languages, taken from its own translations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from isogloss.core import Language, Prompt
from isogloss.core.errors import NothingToDo
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.lexicon import Bitext, Dictionary, Swap, fit_bitext
from isogloss.prompts.perturb.perturbation import Writer
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Piece, assemble, keep, measure_rate, protect
from isogloss.prompts.perturb.protection import Guarded, find_protected, overlaps
from isogloss.prompts.perturb.words import UNSPACED_SCRIPTS, is_letter
from isogloss.prompts.promptset import PromptSet


class Level(StrEnum):
    """How large the switched parts are."""

    SENTENCE = "sentence"
    PHRASE = "phrase"
    KEYWORD = "keyword"


DEFAULT_RATE = 0.5
LONGEST_PHRASE = 5


@dataclass(frozen=True, slots=True)
class CodeSwitch:
    """Mix languages: the first is the matrix language, parts of which are replaced by the others in turn.

    Report more than one level: models that withstand switched keywords often fail on switched sentences.

    Attributes:
        languages: two or more, the matrix language first.
        level: whole sentences (or halves of a text that is one sentence), phrases of 2 to 5 words, or content words.
        rate: the share of words to switch; at keyword level, of content words. Small texts realise it roughly.
        dictionaries: bilingual dictionaries that come before what the set itself teaches.
        names: further stretches that must stay as they are.

    Raises:
        NothingToDo: fewer than two different languages, or a rate outside 0 to 1.
    """

    languages: tuple[Language, ...]
    level: Level = Level.PHRASE
    rate: float = DEFAULT_RATE
    dictionaries: tuple[Dictionary, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.languages)) < 2 or len(set(self.languages)) < len(self.languages):
            tags = "+".join(language.tag for language in self.languages)
            raise NothingToDo(f"Code-switching needs two or more different languages, not '{tags}'. Write en+sw.")
        if not 0 < self.rate <= 1:
            raise NothingToDo(f"A switching rate of {self.rate} leaves nothing to do; choose one above 0, up to 1.")

    @property
    def name(self) -> str:
        """Such as ``code-switch:en+sw:phrase``; a rate other than the default is added."""
        rate = "" if self.rate == DEFAULT_RATE else f":{self.rate:g}"
        return f"code-switch:{'+'.join(language.tag for language in self.languages)}:{self.level}{rate}"

    @property
    def failure_mode(self) -> FailureMode:
        """Bypass by mixing."""
        return FailureMode.BYPASS_BY_MIXING

    def takes(self, language: Language) -> bool:
        """Prompts in the matrix language."""
        return language == self.languages[0]

    def fit(self, prompts: PromptSet, /) -> Writer:
        """Align the matrix language with every other one.

        Raises:
            UnknownLanguage: the set does not hold one of the languages.
        """
        bitexts = [fit_bitext(prompts, self.languages[0], other) for other in self.languages[1:]]
        return lambda prompt, seed: self._write(prompt, bitexts, Random(seed))

    def _write(self, prompt: Prompt, bitexts: Sequence[Bitext], random: Random) -> Perturbed:
        guarded = find_protected(prompt.text, prompt.language, names=self.names)
        units = _count_units(prompt, bitexts[0], guarded, self.level)
        offers = [self._offer(prompt, bitext, guarded, random) for bitext in bitexts]
        random.shuffle(offers)
        chosen = _choose(offers, wanted=self.rate * units, whole=self.level is Level.SENTENCE)
        pieces = _write_pieces(prompt.text, chosen, guarded, prompt.language)
        present = dict.fromkeys(swap.language for swap in chosen)
        return assemble(
            pieces,
            name=self.name,
            languages=(self.languages[0], *present),
            realised_rate=measure_rate(sum(swap.words for swap in chosen), units),
        )

    def _offer(self, prompt: Prompt, bitext: Bitext, guarded: Sequence[Guarded], random: Random) -> list[Swap]:
        """What could be switched into one language, in an order drawn at random; the dictionary's offers first."""
        entries = self._find_entries(bitext)
        found = _find_swaps(self.level, bitext, prompt, entries)
        first = list(bitext.find_entries(prompt, entries)) if self.level is Level.PHRASE else []
        random.shuffle(found)
        return [
            swap
            for swap in (*first, *found)
            if swap.text.casefold() != prompt.text[swap.start : swap.end].casefold()
            and swap.words
            and self._spares(swap, guarded, prompt.text)
        ]

    def _spares(self, swap: Swap, guarded: Sequence[Guarded], text: str) -> bool:
        """Nothing protected is touched; a sentence may be switched when its counterpart holds the same names."""
        inside = [text[part.start : part.end] for part in guarded if part.start < swap.end and swap.start < part.end]
        return not inside or (self.level is Level.SENTENCE and all(name in swap.text for name in inside))

    def _find_entries(self, bitext: Bitext) -> Mapping[str, str]:
        entries: dict[str, str] = {}
        for dictionary in self.dictionaries:
            entries |= dictionary.between(bitext.matrix, bitext.embedded)
        return entries


def _find_swaps(level: Level, bitext: Bitext, prompt: Prompt, entries: Mapping[str, str]) -> list[Swap]:
    if level is Level.SENTENCE:
        return list(bitext.find_parts(prompt))
    if level is Level.PHRASE:
        return list(bitext.find_phrases(prompt, shortest=2, longest=LONGEST_PHRASE))
    return list(bitext.find_keywords(prompt, entries))


def _count_units(prompt: Prompt, bitext: Bitext, guarded: Sequence[Guarded], level: Level) -> int:
    words = bitext.split(prompt.text)
    if level is Level.SENTENCE:
        return len(words)
    free = [word for word in words if not overlaps(guarded, word.start, word.end)]
    return len([word for word in free if bitext.is_content(word)]) if level is Level.KEYWORD else len(free)


def _choose(offers: Sequence[Sequence[Swap]], *, wanted: float, whole: bool) -> list[Swap]:
    """Take from each language in turn until the wanted number of words is reached as nearly as can be.

    One part is always taken if there is one; of whole sentences one is always left, or it would be a translation.
    """
    waiting = [list(offer) for offer in offers]
    longest = len({swap.start for offer in offers for swap in offer}) - 1 if whole else None
    chosen: list[Swap] = []
    while any(waiting):
        for offer in waiting:
            done = sum(swap.words for swap in chosen)
            fitting = [
                swap
                for swap in offer
                if all(swap.end <= other.start or other.end <= swap.start for other in chosen)
                and (not chosen or done + swap.words / 2 <= wanted)
                and (longest is None or len(chosen) < max(longest, 1))
            ]
            offer.clear()
            if fitting:
                chosen.append(fitting[0])
                offer += fitting[1:]
    return sorted(chosen, key=lambda swap: swap.start)


def _write_pieces(text: str, chosen: Sequence[Swap], guarded: Sequence[Guarded], matrix: Language) -> Iterator[Piece]:
    place = 0
    for swap in chosen:
        yield from _leave(text, place, swap.start, guarded)
        joined = 0 < swap.start == place
        yield Piece(text[swap.start : swap.end], _space(text, swap, matrix, joined), Operation.SWITCH, swap.language)
        place = swap.end
    yield from _leave(text, place, len(text), guarded)


def _leave(text: str, start: int, end: int, guarded: Sequence[Guarded]) -> Iterator[Piece]:
    """What stays between two swaps, with its protected stretches marked."""
    for part in guarded:
        if start <= part.start and part.end <= end:
            yield keep(text[start : part.start])
            yield protect(text[part.start : part.end])
            start = part.end
    yield keep(text[start:end])


def _space(text: str, swap: Swap, matrix: Language, joined: bool) -> str:
    """Set words of a spaced language off from letters of an unspaced one; a swap right before has seen to it."""
    if matrix.script not in UNSPACED_SCRIPTS or swap.language.script in UNSPACED_SCRIPTS:
        return swap.text
    before = " " if swap.start > 0 and not joined and is_letter(text[swap.start - 1]) else ""
    after = " " if swap.end < len(text) and is_letter(text[swap.end]) else ""
    return before + swap.text + after
