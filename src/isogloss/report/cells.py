"""One cell of a table: a number as it is shown, with its interval, or a dash with the reason why there is none."""

from dataclasses import dataclass

from isogloss.report.text import THIN, Interval, interval, number, percent, points


@dataclass(frozen=True, slots=True)
class Number:
    """One cell: what is shown, its interval, the value to sort by, and why it is undefined."""

    shown: str
    bounds: str = ""
    sort: float | None = None
    reason: str = ""


def share_cell(value: float | None, bounds: Interval | None, reason: str) -> Number:
    """A share (0 to 1) in per cent, without the sign: the column's heading has it."""
    shown = percent(value, decimals=1).removesuffix(f"{THIN}%")
    return Number(shown, interval(bounds, scale=100), value, reason if value is None else "")


def points_cell(value: float | None, bounds: Interval | None, reason: str) -> Number:
    """A difference in percentage points, with its sign."""
    shown = points(value, decimals=1)
    return Number(shown, interval(bounds, signed=True), value, reason if value is None else "")


def plain_cell(value: float | None, bounds: Interval | None, reason: str) -> Number:
    """A measure between 0 and 1 as it is."""
    shown = number(value, decimals=2, ceiling=1)
    return Number(shown, interval(bounds, decimals=2), value, reason if value is None else "")
