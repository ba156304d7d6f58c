"""Numbers in running text, in the digits of any script and with the separators of any language."""

import re
import unicodedata
from decimal import Decimal

from isogloss.core import Language

ARABIC_DECIMAL = "\u066b"
# Commas and points of other scripts, as the ASCII marks that they stand for inside a number.
_MARKS = {"\uff0c": ",", "\u060c": ",", "\uff0e": "."}
# What may stand between groups of three digits: comma, point, apostrophes, the Arabic thousands mark, spaces.
_GROUPING = ",.'\u2019\u066c \u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"""
    (?:(?<![\w)])(?<!\d\s)(?P<sign>[-\u2212\uff0d]))?    # a minus, not the one between "10 - 3" or "5-7"
    (?:[$€£¥₹฿]\s?)?
    (?<!\d)(?:
        (?P<grouped>
            [1-9]\d{{0,2}}(?P<mark>[{_GROUPING}])\d{{3}}(?:(?P=mark)\d{{3}})*   # 12,000 or 1.000.000
            | [1-9]\d?(?:,\d\d)+,\d{{3}}                                         # 1,14,200
        )(?!\d)(?P<rest>(?!(?P=mark))[.,{ARABIC_DECIMAL}]\d+)?
        | (?P<plain>\d+(?:[.,{ARABIC_DECIMAL}]\d+)?)
    )
    """,
    re.VERBOSE,
)
# Languages that write 1.000,5 where English writes 1,000.5.
_DECIMAL_COMMA = re.compile(
    "az|be|bg|bs|ca|cs|da|de|el|es|et|eu|fi|fr|gl|hr|hu|hy|id|is|it|ka|kk|lt|lv|mk|nb|nl|nn|no|pl|pt|ro|ru|sk|sl|sq|sr|"
    "sv|tr|uk|uz|vi"
)


def find_last_number(text: str, language: Language | None = None) -> Decimal | None:
    """The last number in a text, or None where there is none.

    Decimal digits of every script count (Bengali, Thai, Arabic-Indic, Devanagari, full-width and so on), also mixed.
    Digits may be grouped by comma, point, apostrophe or space, in thousands or in the Indian way. A single point
    before a single group of three is read in the language's own way: "70.000" is seventy thousand in German and
    seventy in English; a comma there always groups. Number words, Han numerals, Ethiopic numerals (which are no
    decimal digits) and fractions are not read.

    Args:
        text: such as the reply to a sum.
        language: of the text; None reads a lone point as a decimal mark.
    """
    found = None
    for found in _NUMBER.finditer(_to_ascii(text)):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    value = _read_grouped(found, language) if found["grouped"] else _read_plain(found["plain"])
    return -value if found["sign"] else value


def _to_ascii(text: str) -> str:
    return "".join(
        str(unicodedata.decimal(sign)) if unicodedata.category(sign) == "Nd" else _MARKS.get(sign, sign)
        for sign in text
    )


def _read_grouped(found: re.Match[str], language: Language | None) -> Decimal:
    figures, mark, rest = found["grouped"], found["mark"], found["rest"]
    alone = rest is None and figures.count(".") == 1
    if mark == "." and alone and not _writes_decimal_comma(language):
        return Decimal(figures)
    whole = "".join(sign for sign in figures if sign.isdigit())
    return Decimal(whole) if rest is None else Decimal(f"{whole}.{rest[1:]}")


def _read_plain(figures: str) -> Decimal:
    return Decimal(figures.replace(",", ".").replace(ARABIC_DECIMAL, "."))


def _writes_decimal_comma(language: Language | None) -> bool:
    return language is not None and _DECIMAL_COMMA.fullmatch(language.key.split("-")[0]) is not None
