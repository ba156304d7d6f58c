"""LaTeX as bibliographies hold it, turned into plain text: accents, special letters, dashes, quotes, braces."""

import re
import unicodedata

# Accents of LaTeX as combining characters of Unicode.
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł",
    "L": "Ł", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ",
    "NG": "Ŋ", "textendash": "–", "textemdash": "—", "textquoteright": "’", "textquoteleft": "‘",
    "textquotedblleft": "“", "textquotedblright": "”", "textasciitilde": "~", "textasciicircum": "^",
    "textbackslash": "\\", "textunderscore": "_", "textbar": "|", "textless": "<", "textgreater": ">",
    "ldots": "…", "dots": "…", "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "euro": "€", "textdegree": "°",
    "textquotesingle": "'", "LaTeX": "LaTeX", "TeX": "TeX",
}  # fmt: skip
_MATH = re.compile(r"(?<!\\)\$(?:[^$\\]|\\.)*\$")
_SYMBOL_ACCENT = re.compile(r"\\([`'^~=.\"])\s*(?:\{\s*(\\?[^\W\d_]|)\s*\}|(\\?[^\W\d_]))")
_LETTER_ACCENT = re.compile(r"\\([uvHcdbkr])(?:\s*\{\s*(\\?[^\W\d_]|)\s*\}|\s+(\\?[^\W\d_])(?![^\W\d_]))")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?\s*(?:\{\})?")
_ESCAPED = re.compile(r"\\([&%$#_{}])")
_SPACE = re.compile(r"\\[ ,;:!]|(?<!\\)~|\\\\")
_HELD = "\ue000"  # Of the private use area: holds the place of an escaped brace while braces are removed.
_HELD_END = "\ue001"


def latex_to_text(source: str) -> str:
    """Plain text of a LaTeX field.

    Accents become letters with them (in Unicode's composed form), formatting commands leave their text, unknown
    commands vanish, braces go, dashes and quotes become typographic. Formulas between dollar signs stay as written.

    Args:
        source: the content of a field, without the braces or quotes that delimit it.
    """
    if "\\" not in source and "$" not in source:
        return _tidy(source.translate(_NO_BRACES))
    parts: list[str] = []
    end = 0
    for formula in _MATH.finditer(source):
        parts += [_convert(source[end : formula.start()]), formula.group()]
        end = formula.end()
    parts.append(_convert(source[end:]))
    return _tidy("".join(parts))


_NO_BRACES = str.maketrans("", "", "{}")


def _convert(text: str) -> str:
    # Twice, for a letter with two accents: the inner one first, then the one around it.
    for _ in range(2):
        text = _LETTER_ACCENT.sub(_accent, _SYMBOL_ACCENT.sub(_accent, text))
    text = _ESCAPED.sub(_hold, text)
    text = _SPACE.sub(" ", text)
    text = _COMMAND.sub(_command, text)
    text = text.translate(_NO_BRACES)
    return text.replace(_HELD, "{").replace(_HELD_END, "}")


def _accent(match: re.Match[str]) -> str:
    letter = match.group(2) if match.group(2) is not None else match.group(3)
    # Under an accent, \i and \j are the letters without their dots, which the accent replaces anyway.
    return unicodedata.normalize("NFC", (letter.lstrip("\\") or " ") + _ACCENTS[match.group(1)])


def _hold(match: re.Match[str]) -> str:
    return {"{": _HELD, "}": _HELD_END}.get(match.group(1), match.group(1))


def _command(match: re.Match[str]) -> str:
    name = match.group(1)
    if name in _LETTERS:
        # The space that ends a command is not part of the text, unless the command was closed by {}.
        return _LETTERS[name] + (" " if match.group().endswith(" {}") else "")
    return ""


def _tidy(text: str) -> str:
    text = text.replace("---", "—").replace("--", "–").replace("``", "“").replace("''", "”")
    return unicodedata.normalize("NFC", " ".join(text.replace("~", " ").split()))
