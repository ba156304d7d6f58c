"""Which keys lie beside each other, by layout; unshifted letters only."""

from functools import cache

from isogloss.core import Language

LAYOUTS: dict[str, tuple[str, str, str]] = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "qwertz": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "azerty": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "turkish": ("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),
    "russian": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "ukrainian": ("йцукенгшщзхї", "фівапролджє", "ячсмитьбю"),
    "arabic": ("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤرىةوزظ"),
    "persian": ("ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو"),
    "greek": ("ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    "hebrew": ("קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),
    "thai": ("ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
    "devanagari": ("ौैाीूबहगदजड", "ोे्िुपरकतचट", "ॆंमनवलसय"),
}
"""Rows of keys from top to bottom; a row lies half a key to the right of the one above it."""

_BY_LANGUAGE = {
    "de": "qwertz", "cs": "qwertz", "sk": "qwertz", "hu": "qwertz", "sl": "qwertz", "hr": "qwertz", "sr": "qwertz",
    "fr": "azerty", "tr": "turkish", "az": "turkish", "uk": "ukrainian", "fa": "persian", "ur": "persian",
}  # fmt: skip
_BY_SCRIPT = {
    "Latn": "qwerty", "Cyrl": "russian", "Arab": "arabic", "Grek": "greek", "Hebr": "hebrew", "Thai": "thai",
    "Deva": "devanagari",
}  # fmt: skip
_VARIANT_OF = {
    "qwertz": "qwerty",
    "azerty": "qwerty",
    "turkish": "qwerty",
    "ukrainian": "russian",
    "persian": "arabic",
}
# The InScript layouts of India put the same letter on the same key, and Unicode lists the scripts in parallel.
_INSCRIPT = {"Beng": 0x0980, "Guru": 0x0A00, "Gujr": 0x0A80, "Orya": 0x0B00, "Taml": 0x0B80, "Telu": 0x0C00,
             "Knda": 0x0C80, "Mlym": 0x0D00}  # fmt: skip


def find_layout(language: Language) -> str | None:
    """The name of the layout that a language is mostly typed on, or None where we have none.

    Chinese, Japanese and Korean are typed through conversion, where a slip gives another word, not another letter.
    """
    named = _BY_LANGUAGE.get(language.key.split("-")[0])
    by_script = _BY_SCRIPT.get(language.script) or (language.script if language.script in _INSCRIPT else None)
    return named if named and _fits(named, language.script) else by_script


@cache
def list_neighbours(layout: str) -> dict[str, str]:
    """By letter, the letters on the keys beside it; ``layout`` as ``find_layout`` names it."""
    rows = LAYOUTS[layout] if layout in LAYOUTS else _shift_inscript(_INSCRIPT[layout])
    places = {letter: (row, column + row / 2) for row, keys in enumerate(rows) for column, letter in enumerate(keys)}
    return {
        letter: "".join(
            other
            for other, (other_row, other_column) in places.items()
            if other != letter and abs(row - other_row) <= 1 and abs(column - other_column) <= 1
        )
        for letter, (row, column) in places.items()
    }


def _fits(layout: str, script: str) -> bool:
    return _VARIANT_OF[layout] == _BY_SCRIPT.get(script)


def _shift_inscript(start: int) -> tuple[str, ...]:
    return tuple("".join(chr(ord(letter) - 0x0900 + start) for letter in row) for row in LAYOUTS["devanagari"])
