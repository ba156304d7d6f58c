"""Orthographic noise: left-out accents, slips of the finger, variant letters."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from isogloss.core import Language, Prompt
from isogloss.core.errors import NothingToDo, UnknownName, say_unknown
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.keyboards import find_layout, list_neighbours
from isogloss.prompts.perturb.perturbation import Writer
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Piece, assemble, keep, measure_rate, protect
from isogloss.prompts.perturb.protection import Guarded, find_protected
from isogloss.prompts.perturb.script_variants import KINDS, OTHER_SCRIPT, STROKES, Variants, find_variants
from isogloss.prompts.promptset import PromptSet

DEFAULT_RATES = {"diacritics": 1.0, "keyboard": 0.1, "look-alike": 0.3} | {
    kind: 1.0 for kind in KINDS if kind != "look-alike"
}
"""By kind: the share of letters that could change and do, unless asked otherwise."""

NOISES = tuple(sorted(DEFAULT_RATES))
_DISGUISES = frozenset(KINDS)

Change = Callable[[str, Random], str]
"""What a letter becomes; the same letter where this kind of noise leaves it alone."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Change single letters at random.

    Attributes:
        kind: ``diacritics`` (accents and tone marks left out; Arabic and Hebrew vowel signs too), ``keyboard``
            (a neighbouring key, by the language's layout), ``script-variant`` (what suits the language),
            ``look-alike`` (Latin and Cyrillic letters for one another), ``full-width``, ``other-script`` (Serbian,
            Uzbek, Kazakh in their other alphabet).
        rate: the share of letters that could change and do; None takes ``DEFAULT_RATES``.
        names: further stretches that must stay as they are.

    Raises:
        UnknownName: there is no such kind.
        NothingToDo: a rate outside 0 to 1.
    """

    kind: str
    rate: float | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in DEFAULT_RATES:
            raise UnknownName(say_unknown("noise", self.kind, NOISES))
        if self.rate is not None and not 0 < self.rate <= 1:
            raise NothingToDo(f"A noise rate of {self.rate} leaves nothing to do; choose one above 0, up to 1.")

    @property
    def name(self) -> str:
        """Such as ``noise:keyboard``; a rate other than the default is added."""
        usual = self.rate in (None, DEFAULT_RATES[self.kind])
        return f"noise:{self.kind}" if usual else f"noise:{self.kind}:{self.rate:g}"

    @property
    def failure_mode(self) -> FailureMode | None:
        """Bypass where letters are disguised; slips and left-out accents keep the mode of the plain prompt."""
        return FailureMode.BYPASS_BY_MIXING if self.kind in _DISGUISES else None

    def takes(self, language: Language) -> bool:
        """Whether this kind of noise exists in the language's script."""
        return self._find_change(language) is not None

    def fit(self, _prompts: PromptSet, /) -> Writer:
        """Nothing is learned."""
        return lambda prompt, seed: self.write(prompt, seed=seed)

    def write(self, prompt: Prompt, *, seed: int) -> Perturbed:
        """Write one prompt.

        Raises:
            UnknownName: the kind does not apply to the prompt's language.
        """
        change = self._find_change(prompt.language)
        if change is None:
            raise UnknownName(f"noise:{self.kind} does not apply to {prompt.language.name}. Leave the language out.")
        # A name in another alphabet, or without its accents, is still that name; a mistyped one is not.
        guarded = find_protected(
            prompt.text, prompt.language, names=self.names, guess_names=self.kind in ("keyboard", "look-alike")
        )
        units = list(_cut(prompt.text, guarded, self._find_longest(prompt.language)))
        random = Random(seed)
        changed = {place: change(text, random) for place, (text, free) in enumerate(units) if free}
        eligible = [place for place, target in changed.items() if target != units[place][0]]
        chosen = _choose(eligible, self._rate, random)
        pieces = [
            Piece(text, changed[place], Operation.CHANGE)
            if place in chosen
            else (keep(text) if free else protect(text))
            for place, (text, free) in enumerate(units)
        ]
        return assemble(
            pieces,
            name=self.name,
            languages=(self._find_language(prompt.language),),
            realised_rate=measure_rate(len(chosen), len(eligible)),
        )

    @property
    def _rate(self) -> float:
        return DEFAULT_RATES[self.kind] if self.rate is None else self.rate

    def _find_change(self, language: Language) -> Change | None:
        if self.kind == "diacritics":
            return _DROPPERS.get(language.script)
        if self.kind == "keyboard":
            layout = find_layout(language)
            return _slip(list_neighbours(layout)) if layout else None
        table = find_variants(self.kind, language)
        return (lambda letter, _: table.get(letter, letter)) if table else None

    def _find_longest(self, language: Language) -> Variants:
        """Variants of more than one letter, which have to be found before single ones."""
        return {} if self.kind in ("diacritics", "keyboard") else find_variants(self.kind, language) or {}

    def _find_language(self, language: Language) -> Language:
        entry = OTHER_SCRIPT.get((language.key.split("-")[0], language.script))
        other = entry and self.kind in ("other-script", "script-variant") and self._rate == 1
        return Language.parse(entry[0]) if entry and other else language


def _choose(eligible: Sequence[int], rate: float, random: Random) -> frozenset[int]:
    """As many places as the rate asks for; what is left of a place is drawn, so that the mean comes out right."""
    exact = rate * len(eligible)
    count = int(exact) + (random.random() < exact - int(exact))
    return frozenset(random.sample(list(eligible), max(count, 1))) if eligible else frozenset()


def _cut(text: str, guarded: Sequence[Guarded], variants: Variants) -> Iterator[tuple[str, bool]]:
    """Letters with the marks on them, and whether they may change."""
    place = 0
    for part in (*guarded, Guarded(len(text), len(text))):
        while place < part.start:
            length = _measure_unit(text, place, part.start, variants)
            yield text[place : place + length], True
            place += length
        if part.end > part.start:
            yield text[part.start : part.end], False
            place = part.end


def _measure_unit(text: str, place: int, end: int, variants: Variants) -> int:
    for length in (3, 2):
        if place + length <= end and text[place : place + length] in variants:
            return length
    length = 1
    while not variants and place + length < end and unicodedata.category(text[place + length]) == "Mn":
        length += 1
    return length


def _drop_accents(letter: str, _: Random) -> str:
    if letter[0] in STROKES:
        return STROKES[letter[0]]
    apart = unicodedata.normalize("NFD", letter)
    return "".join(part for part in apart if unicodedata.category(part) != "Mn") or letter


def _drop_dots(letter: str, _: Random) -> str:
    """Russian leaves out the dots of yo, and no other mark of its alphabet."""
    return {"ё": "е", "Ё": "Е"}.get(letter, letter)


def _drop_signs(letter: str, _: Random) -> str:
    """Vowel signs stand after their letter; hamza and dots are part of it."""
    return letter[0]


_DROPPERS: dict[str, Change] = {
    "Latn": _drop_accents,
    "Grek": _drop_accents,
    "Cyrl": _drop_dots,
    "Arab": _drop_signs,
    "Hebr": _drop_signs,
}


def _slip(neighbours: dict[str, str]) -> Change:
    def change(letter: str, random: Random) -> str:
        marks = letter[1:]
        near = neighbours.get(letter[0].lower(), "")
        same_kind = [key for key in near if unicodedata.category(key)[0] == unicodedata.category(letter[0])[0]]
        if not same_kind:
            return letter
        key = random.choice(same_kind)
        return (key.upper() if letter[0].isupper() else key) + marks

    return change
