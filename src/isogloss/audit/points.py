"""Shares as percentage points, for records and screens."""

from isogloss.stats.rates import Interval


def points(share: float | None) -> float | None:
    """A share as percentage points."""
    return None if share is None else 100 * share


def interval_points(interval: Interval | None) -> Interval | None:
    """An interval of shares as percentage points."""
    return None if interval is None else (100 * interval[0], 100 * interval[1])
