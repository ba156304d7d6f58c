"""Arabic as it is typed in chats: Latin letters and digits, by region, with vowels and variation where asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from isogloss.core import Language, Prompt
from isogloss.core.errors import NothingToDo
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.arabizi_profiles import Profile, Spellings
from isogloss.prompts.perturb.perturbation import Writer
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Piece, assemble, keep, measure_rate, protect
from isogloss.prompts.perturb.protection import Guarded, find_protected
from isogloss.prompts.promptset import PromptSet

ARABIC_CODES = frozenset({"ar", "arz", "apc", "ajp", "ary", "arq", "aeb", "afb", "acm", "ars", "ayl"})
DEFAULT_VARIATION = 0.1
_SIGNS = {"َ": "a", "ِ": "i", "ُ": "u", "ً": "an", "ٍ": "in", "ٌ": "on", "ْ": "", "ّ": "", "ٰ": "a", "ـ": ""}
_SHADDA = "ّ"
_PUNCTUATION = {"؟": "?", "،": ",", "؛": ";"}
_VOWELS = frozenset("اآأإىٱ")
_GLIDES = frozenset("وي")
_LONG = _GLIDES | {"ا", "آ"}  # after these no two consonants end a word
_SOUNDING = _VOWELS | _GLIDES | {"ة"}  # a glide before one of these is a consonant


@dataclass(frozen=True, slots=True)
class Arabizi:
    """Write Arabic prompts in chat spelling.

    The letters of the standard text are respelled; words are not replaced by those of a dialect, except for a few
    function words that have one spelling each. Short vowels, which Arabic leaves out, are put in by a rule of thumb
    about syllables and are often not the right ones.

    Attributes:
        profile: whose habits.
        vowels: whether short vowels are put in; None leaves it to the profile.
        variation: how often a letter takes another usual spelling than the first, 0 to 1.
    """

    profile: Profile
    vowels: bool | None = None
    variation: float = DEFAULT_VARIATION

    def __post_init__(self) -> None:
        if not 0 <= self.variation <= 1:
            raise NothingToDo(f"A spelling variation of {self.variation} is no share; choose one from 0 to 1.")

    @property
    def name(self) -> str:
        """Such as ``arabizi:egyptian`` or ``arabizi:gulf:skeleton``."""
        style = "" if self.vowels in (None, self.profile.vowelled) else ":vowels" if self.vowels else ":skeleton"
        variation = "" if self.variation == DEFAULT_VARIATION else f":{self.variation:g}"
        return f"arabizi:{self.profile.name}{style}{variation}"

    @property
    def failure_mode(self) -> FailureMode:
        """Bypass by transliteration."""
        return FailureMode.BYPASS_BY_MIXING

    def takes(self, language: Language) -> bool:
        """Prompts in Arabic script and in Arabic or one of its spoken forms."""
        return language.script == "Arab" and language.key.split("-")[0] in ARABIC_CODES

    def fit(self, _prompts: PromptSet, /) -> Writer:
        """Nothing is learned."""
        return lambda prompt, seed: self.write(prompt, seed=seed)

    def write(self, prompt: Prompt, *, seed: int) -> Perturbed:
        """Write one prompt; the language becomes its own in Latin letters."""
        guarded = find_protected(prompt.text, prompt.language, guess_names=False)
        pieces = list(self._respell(prompt.text, guarded, Random(seed)))
        written = sum(len(piece.source) for piece in pieces if piece.operation is Operation.TRANSLITERATE)
        kept = "".join(piece.source for piece in pieces if piece.operation is Operation.KEEP)
        left = sum(map(is_arabic, kept))
        code = prompt.language.key.split("-")[0]
        return assemble(
            pieces,
            name=self.name,
            languages=(Language.parse(f"{code}-Latn"),),
            realised_rate=measure_rate(written, written + left),
        )

    def _respell(self, text: str, guarded: Sequence[Guarded], random: Random) -> Iterator[Piece]:
        place = 0
        for part in (*guarded, Guarded(len(text), len(text))):
            yield from self._respell_free(text[place : part.start], random)
            yield protect(text[part.start : part.end])
            place = part.end

    def _respell_free(self, text: str, random: Random) -> Iterator[Piece]:
        place = 0
        while place < len(text):
            end = place
            while end < len(text) and is_arabic(text[end]):
                end += 1
            if end > place:
                yield from self._respell_word(text[place:end], random)
            else:
                end = place + 1
                sign = text[place]
                yield Piece(sign, _PUNCTUATION[sign], Operation.CHANGE) if sign in _PUNCTUATION else keep(sign)
            place = end

    def _respell_word(self, word: str, random: Random) -> Iterator[Piece]:
        if word in self.profile.words:
            yield Piece(word, self._draw(self.profile.words[word], random), Operation.TRANSLITERATE)
            return
        place = 0
        if word[0] in "وفبك" and word[1:3] == "ال" and len(word) > 4:
            yield Piece(word[0], self.profile.letters[word[0]][0], Operation.TRANSLITERATE)
            place = 1
        if word[:2] == "لل" and len(word) > 3:
            article = self.profile.article[0] if self.profile.vowelled else "l"
            yield Piece("لل", f"l{article}", Operation.TRANSLITERATE)
            place = 2
        elif word[place : place + 2] == "ال" and len(word) > place + 3:
            article = self._draw(self.profile.article, random)
            yield Piece("ال", article if place == 0 else article[-2:], Operation.TRANSLITERATE)
            place += 2
        yield from self._respell_stem(word[place:], random)

    def _respell_stem(self, stem: str, random: Random) -> Iterator[Piece]:
        vowels = self.profile.vowelled if self.vowels is None else self.vowels
        since_vowel, drawn_out, before, spelled = 0, False, "", ""
        for place, letter in enumerate(stem):
            after = stem[place + 1] if place + 1 < len(stem) else ""
            spelling, is_vowel = self._spell(letter, before, after, since_vowel, random)
            if letter == _SHADDA and vowels:
                spelling = spelled[-1:]
            closed = since_vowel >= 2 or (since_vowel == 1 and (place == 1 or (drawn_out and not after)))
            if vowels and letter not in _SIGNS and not is_vowel and closed:
                spelling = self._draw(self.profile.short_vowels, random) + spelling
                since_vowel = 0
            yield Piece(letter, spelling, Operation.TRANSLITERATE)
            since_vowel = 0 if is_vowel else since_vowel + (letter not in _SIGNS)
            drawn_out = letter in _LONG if is_vowel else drawn_out
            before, spelled = letter, spelling

    def _spell(self, letter: str, before: str, after: str, since_vowel: int, random: Random) -> tuple[str, bool]:
        """The spelling of a letter in its place, and whether it sounds as a vowel."""
        if letter in _SIGNS:
            return _SIGNS[letter], bool(_SIGNS[letter])
        if letter == "ة":
            return self._draw(self.profile.ta_marbuta, random), True
        if letter == "ا" and "ً" in (before, after):  # carries the ending -an, which the sign spells
            return "", False
        if letter in _GLIDES and before and before not in _VOWELS and after not in _SOUNDING and since_vowel:
            return self._draw(self.profile.long_vowels[letter], random), True
        if letter in self.profile.letters:
            return self._draw(self.profile.letters[letter], random), letter in _VOWELS
        return letter, False

    def _draw(self, spellings: Spellings, random: Random) -> str:
        if len(spellings) == 1 or random.random() >= self.variation:
            return spellings[0]
        return random.choice(spellings[1:])


def is_arabic(character: str) -> bool:
    """Whether a character is an Arabic letter or a sign on one; digits and punctuation are not."""
    return "\u0620" <= character <= "\u065f" or character in "\u0670ٱپچڤگکی"
