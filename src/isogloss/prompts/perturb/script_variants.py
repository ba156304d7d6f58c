"""Letters that writers, or evaders, use for one another: tables by kind of variant."""

from collections.abc import Callable, Mapping

from isogloss.core import Language

Variants = Mapping[str, str]
"""By letter, what may stand in its place."""

ARABIC_LETTERS: Variants = {"أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي", "ي": "ی", "ك": "ک", "ؤ": "و", "ئ": "ی"}
PERSIAN_LETTERS: Variants = {"ی": "ي", "ک": "ك", "آ": "ا", "ۀ": "ه"}

# Latin letters and the Cyrillic ones that look like them.
_LATIN_TO_CYRILLIC = dict(zip("aceopxyisjABCEHIJKMOPSTXY", "асеорхуіѕјАВСЕНІЈКМОРЅТХУ", strict=True))
LOOK_ALIKES: Mapping[str, Variants] = {
    "Latn": _LATIN_TO_CYRILLIC,
    "Cyrl": {cyrillic: latin for latin, cyrillic in _LATIN_TO_CYRILLIC.items()},
    "Grek": {"ο": "o", "ν": "v", "Α": "A", "Β": "B", "Ε": "E", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N",
             "Ο": "O", "Ρ": "P", "Τ": "T", "Χ": "X", "Ζ": "Z", "Υ": "Y"},
}  # fmt: skip

FULL_WIDTH: Variants = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
KATAKANA: Variants = {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}
NUKTA: Variants = {"क़": "क", "ख़": "ख", "ग़": "ग", "ज़": "ज", "फ़": "फ", "ड़": "ड", "ढ़": "ढ", "ँ": "ं", "़": ""}

_HOMOPHONES = (("ሀ", "ሐ"), ("ሰ", "ሠ"), ("አ", "ዐ"), ("ጸ", "ፀ"))
AMHARIC_HOMOPHONES: Variants = {
    chr(ord(first) + order): chr(ord(second) + order)
    for one, other in _HOMOPHONES
    for first, second in ((one, other), (other, one))
    for order in range(7)
}
"""Amharic has several letters for one sound; which one is written is a matter of habit."""


def _with_capitals(table: Mapping[str, str]) -> dict[str, str]:
    return {**{key.capitalize(): value.capitalize() for key, value in table.items()}, **table}


_SERBIAN = _with_capitals(
    dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True))
    | {"љ": "lj", "њ": "nj", "џ": "dž"}
)
_UZBEK = _with_capitals(
    dict(zip("абвгдежзийклмнопрстуфхқъэ", "abvgdejziyklmnoprstufxqʼe", strict=True))
    | {"ё": "yo", "ц": "ts", "ч": "ch", "ш": "sh", "ю": "yu", "я": "ya", "ў": "oʻ", "ғ": "gʻ", "ҳ": "h", "ь": ""}
)
_KAZAKH = _with_capitals(
    dict(zip("аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшыіэ", "aäbvgğdejziikqlmnñoöprstuūüfhhcçşyıe", strict=True))
    | {"ё": "io", "щ": "şç", "ю": "iu", "я": "ia", "ъ": "", "ь": ""}
)


def _invert(table: Mapping[str, str]) -> dict[str, str]:
    """From Latin back; where two letters share a spelling, the first one listed is meant."""
    back: dict[str, str] = {}
    for cyrillic, latin in table.items():
        if latin:
            back.setdefault(latin, cyrillic)
    return back


OTHER_SCRIPT: Mapping[tuple[str, str], tuple[str, Variants]] = {
    ("sr", "Cyrl"): ("sr-Latn", _SERBIAN),
    ("sr", "Latn"): ("sr-Cyrl", _invert(_SERBIAN)),
    ("uz", "Cyrl"): ("uz-Latn", _UZBEK),
    ("uz", "Latn"): ("uz-Cyrl", _invert(_UZBEK)),
    ("kk", "Cyrl"): ("kk-Latn", _KAZAKH),
}
"""By language and script: the language's other script, and the letters in it (Kazakh: the 2021 draft alphabet)."""

# Decomposed letters that do not fall apart into a base and a mark.
_STROKES = str.maketrans("ıİłŁđĐøØħĦæÆœŒßẞ", "iIlLdDoOhHaAoOsS")
STROKES: Variants = {chr(code): str(plain) for code, plain in _STROKES.items() if isinstance(plain, str)} | {
    chr(code): chr(plain) for code, plain in _STROKES.items() if isinstance(plain, int)
}


def find_variants(kind: str, language: Language) -> Variants | None:
    """The table of one kind of variant for a language, or None where the kind does not apply to it.

    Args:
        kind: a key of ``KINDS``.
        language: of the prompts.
    """
    return KINDS[kind](language)


def _natural(language: Language) -> Variants | None:
    subtag = language.key.split("-")[0]
    if (subtag, language.script) in OTHER_SCRIPT:
        return OTHER_SCRIPT[subtag, language.script][1]
    if language.script == "Arab":
        return PERSIAN_LETTERS if subtag in ("fa", "ur", "ps") else ARABIC_LETTERS
    by_script = {"Jpan": KATAKANA, "Deva": NUKTA, "Ethi": AMHARIC_HOMOPHONES if subtag == "am" else None}
    return by_script.get(language.script) or LOOK_ALIKES.get(language.script)


def _other_script(language: Language) -> Variants | None:
    entry = OTHER_SCRIPT.get((language.key.split("-")[0], language.script))
    return entry[1] if entry else None


KINDS: Mapping[str, Callable[[Language], Variants | None]] = {
    "script-variant": _natural,
    "look-alike": lambda language: LOOK_ALIKES.get(language.script),
    "full-width": lambda language: FULL_WIDTH if language.script == "Latn" else None,
    "other-script": _other_script,
}
"""``script-variant`` is what suits the language: its neglected spellings, its other script, else look-alikes."""
