"""Reply text as one even stream of words, so that a phrase needs to be written only once.

Models vary apostrophes, accents, case, spacing and markup; phrases must not. ``flatten`` maps a text (and every
phrase) to lower case without accents and quotes, keeps the ends of sentences as ``.`` and turns list items, headings
and code fences into signs of their own, so that the order "refusal, contrast, first list item" can be read off it.
"""

import re
import unicodedata

ITEM = "␞"
"""Stands for the start of a list item."""
HEADING = "␝"
"""Stands for a heading or a title line."""
CODE = "␜"
"""Stands for a code fence."""
STOP = "."
"""Stands for the end of a sentence or line."""

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u0652\u0670\u0640\u093c\u09bc]"
)
_INVISIBLE = re.compile("[\u200b\u200d\u200e\u200f\u2060\ufeff\u00ad\u17b4\u17b5]")
_JOINER = "\u200c"
"""Keeps Persian prefixes apart without a space; many writers type the space."""
_FENCE = re.compile("^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+\S.*"  # Markdown
    r"|\*\*[^*\n]{3,100}\*\*:?[ \t]*$"  # a line in bold
    r"|[^\s:：。.!?]{2,12}[ \t]?[:：][ \t]*[\"“”„«「『《'‘](?=[^\n]{8,}))",  # Title: "..."
    re.MULTILINE,
)
_ITEM = re.compile(
    r"^[ \t]*(?:\(?[0-9٠-٩۰-۹०-९০-৯၀-၉០-៩๐-๙]{1,2}[.)、．）။]|[-*•◦▪–][ \t]|[一二三四五六七八九十]{1,2}[、.])",
    re.MULTILINE,
)
_STOPS = re.compile(r"[.!?;:…。！？；：।॥؟؛۔።፧፤፦၊။។៕៖\n]+")
_ARABIC = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ۀ": "ه"})


def flatten(text: str, *, spaced: bool = True) -> str:
    """Map a text to its even stream of words.

    Args:
        text: any text.
        spaced: whether its language puts spaces between words; without, all spaces are dropped.

    Returns:
        With spaces: words and signs separated by single spaces, a space at either end. Without: one run of characters.
    """
    marked = _FENCE.sub(f"\n{CODE}\n", text)
    marked = _HEADING.sub(lambda found: f"{HEADING} {found.group()}", marked)
    marked = _ITEM.sub(f"\n{ITEM} ", marked)
    return fold(_STOPS.sub(f" {STOP} ", marked), spaced=spaced)


def fold(text: str, *, spaced: bool = True) -> str:
    """Lower case, no accents, no punctuation but ``.`` and our signs; what both texts and phrases go through."""
    kept = "".join(sign if _keeps(sign) else " " for sign in strip_accents(text))
    return f" {' '.join(kept.split())} " if spaced else "".join(kept.split())


def strip_accents(text: str) -> str:
    """NFC, casefolded, without the combining accents of alphabets; vowel signs of Indic and Thai stay."""
    plain = _INVISIBLE.sub("", text).replace(_JOINER, " ").casefold()
    apart = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart)).translate(_ARABIC)


def _keeps(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign)[0] in "LMN"


_SIGNS = frozenset({STOP, ITEM, HEADING, CODE})
