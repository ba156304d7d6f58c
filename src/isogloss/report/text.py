"""Small pieces of text: numbers as people read them, and characters that must not act on the page."""

import re

Interval = tuple[float, float]
DASH = "—"
THIN = "\u202f"
MINUS = "\u2212"

# Overrides, embeddings and isolates reorder what stands around them; controls and lone surrogates cannot be written.
_ACTING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def make_visible(text: str) -> str:
    """Replace what would act on the page (bidi overrides, control characters) by its code, as ``[U+202E]``."""
    return _ACTING.sub(lambda match: f"[U+{ord(match.group()):04X}]", text)


def cut(text: str, length: int) -> str:
    """At most ``length`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def percent(share: float | None, *, decimals: int = 0) -> str:
    """A share (0 to 1) in per cent. A share that is not quite 0 or 1 is never rounded to 0 or 100."""
    return DASH if share is None else f"{number(100 * share, decimals=decimals, ceiling=100)}{THIN}%"


def number(value: float | None, *, decimals: int = 0, ceiling: float | None = None) -> str:
    """A number with a fixed count of decimals, one more where rounding would reach 0 or the ceiling."""
    if value is None:
        return DASH
    for places in (decimals, decimals + 1):
        shown = f"{value:.{places}f}"
        reaches_end = float(shown) == 0 or (ceiling is not None and float(shown) == ceiling)
        if not reaches_end or float(shown) == value:
            break
    if float(shown) == 0:
        shown = shown.lstrip("-")
    return shown.replace("-", MINUS)


def points(value: float | None, *, decimals: int = 0) -> str:
    """A difference in percentage points, with its sign."""
    if value is None:
        return DASH
    shown = number(value, decimals=decimals)
    return f"+{shown}" if value > 0 and float(shown) != 0 else shown


def interval(bounds: Interval | None, *, scale: float = 1.0, signed: bool = False, decimals: int = 0) -> str:
    """An interval as ``[12, 38]``; empty where there is none.

    Args:
        bounds: lower and upper limit.
        scale: factor to the shown unit, 100 for shares.
        signed: show a plus sign, for differences.
        decimals: digits after the point.
    """
    if bounds is None:
        return ""
    low, high = (value * scale for value in bounds)
    if signed:
        return f"[{points(low, decimals=decimals)}, {points(high, decimals=decimals)}]"
    return f"[{number(low, decimals=decimals)}, {number(high, decimals=decimals)}]"


def p_value(value: float | None) -> str:
    """A p-value as ``0.02``, ``0.0041`` or ``< 0.0001``; two digits that mean something, and none that do not."""
    if value is None:
        return DASH
    if value < 0.0001:
        return "< 0.0001"
    if value >= 0.995:
        return "1"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def join(parts: list[str], *, last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """ "1 prompt", "1,200 prompts"."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
