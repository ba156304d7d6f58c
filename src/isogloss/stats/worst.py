"""The worst language, or the worst category in a language, with limits that stay valid although it was looked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik, betainc, betaincinv

from isogloss.stats.bootstrap import BLOCK
from isogloss.stats.cells import Cell, tabulate_clusters
from isogloss.stats.rates import Floats, Interval, Rate, clopper_pearson_interval

Name = TypeVar("Name", bound=str | tuple[Any, ...])

# The part of the upper limit's error spent on finding out which cells are surely better than the worst one. Romano,
# Shaikh and Wolf 2014 recommend a tenth.
SCREENING = 0.1


@dataclass(frozen=True, slots=True)
class Worst(Generic[Name]):
    """The lowest rate over several languages or cells.

    Attributes:
        name: the cell with the lowest observed rate; ties go to the one with more prompts, then by name.
        value: that rate. Being a minimum of noisy numbers it is biased downwards; `split_worst` is the antidote.
        interval: covers the lowest *true* rate, whichever cell has it.
        candidates: every cell that may be the worst, given the data; the named one comes first. Interval and
            candidates hold together, at the one confidence.
    """

    name: Name
    value: float
    interval: Interval
    candidates: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class SplitWorst(Generic[Name]):
    """The worst cell chosen on one half of the prompts and measured on the other.

    Attributes:
        value: mean rate on the unseen halves. It estimates the rate of the cell that half the data would pick,
            hence lies above the lowest true rate on average, as the plain minimum lies below it. None where no
            split could be made.
        chosen: how often each cell was picked, as a share of the picks, most frequent first.
        splits: number of splits; each was used in both directions.
        seed: of the splits.
    """

    value: float | None
    chosen: dict[Name, float]
    splits: int
    seed: int


def find_worst(rates: Mapping[Name, Rate], *, confidence: float = 0.95) -> Worst[Name] | None:
    """Find the lowest rate and say how sure that is; None where no rate is defined.

    An interval around the observed minimum undercovers badly when languages are close, because the minimum was
    picked for being low. With ``tail = (1 - confidence) / 2``:

    - The lower limit is the smallest of the exact lower limits at ``tail``. It needs no correction: it lies below
      the limit of the truly worst cell, whichever that is.
    - The upper limit is the largest t that survives this test of "every rate is at least t": take the smallest of
      the exact binomial p-values, and add up over the cells the chance of a p-value that small. A cell counts
      with the rate t, or with its own (simultaneous) lower limit where that is higher, so that languages which
      are clearly better cost nothing. With one bad language among many this is about a sixth narrower than
      Bonferroni limits; with equal languages it is the same.
    - A cell may be the worst unless its exact lower limit at ``tail`` lies above that upper limit.

    For independent prompts all of this holds in finite samples, however the cells depend on each other (they
    share prompts); with clustered prompts it is approximate, through the effective n.

    Args:
        rates: by language, or by any tuple such as ``(category, language)``.
        confidence: two-sided.

    Source: intersection-union argument (Berger 1982) below; above, the two-step test of many inequalities of
    Romano, Shaikh and Wolf 2014 with exact binomial tails in place of their bootstrap. Simultaneous Wilson limits
    err up to twice as often as they should at 100 prompts and rates near 1, a joint max-t bootstrap errs at rates
    near 0, and both are narrower by a tenth at most (``benchmarks/worst_language_coverage.py``).
    """
    defined = {name: rate for name, rate in rates.items() if rate.value is not None}
    if not defined:
        return None
    values = {name: rate.value or 0.0 for name, rate in defined.items()}
    names = sorted(defined, key=lambda name: (values[name], -defined[name].n, name))
    lows = {
        name: clopper_pearson_interval(values[name], defined[name].effective_n, confidence=confidence)[0]
        for name in names
    }
    trials = np.array([defined[name].effective_n for name in names])
    upper = upper_limit_of_minimum(np.array([values[name] for name in names]), trials, tail=(1 - confidence) / 2)
    return Worst(
        name=names[0],
        value=values[names[0]],
        interval=(min(lows.values()), upper),
        candidates=tuple(name for name in names if lows[name] <= upper),
    )


def upper_limit_of_minimum(values: Floats, trials: Floats, *, tail: float) -> float:
    """A limit that lies below the lowest true rate with probability ``tail`` at most; see `find_worst`.

    Args:
        values: ``[cells]`` observed rates.
        trials: ``[cells]`` effective numbers of prompts, positive.
        tail: one-sided error.
    """
    hits = values * trials
    cells = len(values)
    screening = SCREENING * tail if cells > 1 else 0.0
    level = tail - screening
    floors = _lower_limits(hits, trials, screening / cells) if cells > 1 else np.zeros(1)
    # One cell alone rejects from `low` on, all cells together (Bonferroni) from `high` on.
    low, high = _upper_limits(hits, trials, level).min(), _upper_limits(hits, trials, level / cells).min()
    for _ in range(30 if cells > 1 else 0):
        middle = (low + high) / 2
        smallest = _at_most(hits, trials, middle).min()
        reached = _largest_count(smallest, trials, middle)
        if _at_most(reached, trials, np.maximum(floors, middle)).sum() <= level:
            high = middle
        else:
            low = middle
    return float(high)


def split_worst(cells: Mapping[Name, Cell], *, seed: int, splits: int = 200) -> SplitWorst[Name]:
    """Choose the worst cell on a random half of the ideas, measure it on the other half, and average.

    The number to show beside the plain minimum: free of the optimism (here: pessimism) of choosing and measuring
    on the same prompts, at the price of choosing with half of them. It is no interval; `find_worst` gives that.

    Args:
        cells: answers by cell; ideas that cells share fall into the same half for all of them.
        seed: of the splits.
        splits: random halvings, each used both ways.
    """
    table = tabulate_clusters(cells)
    generator = np.random.default_rng(seed)
    measured: list[Floats] = []
    picks = np.zeros(len(table.names))
    block = max(1, BLOCK // max(1, table.clusters))
    for start in range(0, splits if table.clusters > 1 else 0, block):
        order = generator.random((min(block, splits - start), table.clusters)).argsort(axis=1)
        half = (order < table.clusters // 2).astype(np.float64)
        halves = table.rates(half), table.rates(1 - half)
        for chosen_on, measured_on in (halves, halves[::-1]):
            values, picked = _measure_chosen(chosen_on, measured_on)
            measured.append(values)
            picks += np.bincount(picked, minlength=len(picks))
    if not picks.sum():
        return SplitWorst(None, {}, splits, seed)
    ranked = sorted(zip(table.names, picks / picks.sum(), strict=True), key=lambda pair: -pair[1])
    chosen = {name: float(share) for name, share in ranked if share}
    return SplitWorst(float(np.concatenate(measured).mean()), chosen, splits, seed)


def _measure_chosen(chosen_on: Floats, measured_on: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Per split, the unseen half's rate of the cell that is lowest on the seen half, and which cell that is."""
    usable = ~(np.isnan(chosen_on) | np.isnan(measured_on))
    rows = np.flatnonzero(usable.any(axis=1))
    picked = np.where(usable, chosen_on, np.inf)[rows].argmin(axis=1)
    return measured_on[rows, picked], picked.astype(np.int64)


def _lower_limits(hits: Floats, trials: Floats, tail: float) -> Floats:
    safe = np.where(hits > 0, hits, 1.0)
    return np.where(hits > 0, betaincinv(safe, np.maximum(trials - hits, 0.0) + 1, tail), 0.0)


def _upper_limits(hits: Floats, trials: Floats, tail: float) -> Floats:
    misses = trials - hits
    some = misses > 1e-9
    return np.where(some, betaincinv(hits + 1, np.where(some, misses, 1.0), 1 - tail), 1.0)


def _at_most(count: Floats, trials: Floats, rate: float | Floats) -> NDArray[np.float64]:
    """Chance of at most ``count`` hits, continued smoothly between whole numbers."""
    misses = trials - count
    inside = (count > -1e-9) & (misses > 1e-9)
    tails = betainc(np.where(inside, misses, 1.0), np.where(inside, np.maximum(count, 0.0) + 1, 1.0), 1 - rate)
    return np.where(inside, tails, np.where(count > -1e-9, 1.0, 0.0))


def _largest_count(tail: float, trials: Floats, rate: float) -> Floats:
    """The largest count that a rate exceeds with at most ``tail``: whole where the trials are; -1 where none is."""
    count = np.nan_to_num(np.asarray(bdtrik(tail, trials, rate), dtype=np.float64), nan=-1.0)
    whole = np.floor(count + 1e-7)
    count = np.where(trials == np.floor(trials), whole, count)
    fits = _at_most(count, trials, rate) <= tail * (1 + 1e-9)
    return np.where(fits, count, np.where(trials == np.floor(trials), count - 1, np.where(count > 0, count, -1.0)))
