"""Resampling of prompt ideas: all languages and conditions of an idea are drawn together."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from isogloss.stats.cells import Cell, ClusterTable, Name, tabulate_clusters
from isogloss.stats.paired import UNDEFINED, Estimate
from isogloss.stats.rates import Floats

Statistic = Callable[[Floats], Floats]

# Draws are made in blocks of about this many weights (32 MB), so that a million answers need no more memory.
BLOCK = 4_000_000


def bootstrap_estimate(
    cells: Mapping[Name, Cell],
    statistic: Statistic,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Any statistic of several rates, with the standard deviation and the percentiles of its resampled values.

    For averages and differences prefer `isogloss.stats.paired.estimate_linear`: it needs no resampling. Never use
    this for a minimum or a maximum: the percentile interval of the lowest rate covers almost never (see
    `isogloss.stats.worst`).

    Args:
        cells: the answers by cell.
        statistic: maps ``[draws, cells]`` rates, cells in the order given, to ``[draws]`` numbers.
        seed: of the draws.
        resamples: number of draws. More of them make the interval steadier, not narrower.
        confidence: two-sided.

    Returns:
        The estimate; its standard error is the standard deviation over the draws itself. Dividing that by the
        square root of the number of draws, as some published tables do, measures the patience of the computer.
        Undefined where a cell is empty; without interval where there are fewer than two clusters.

    Source: Efron 1979, percentile interval; clusters drawn jointly over cells as in Miller 2024 (arXiv 2411.00640).
    """
    table = tabulate_clusters(cells)
    if not cells or len(table.names) < len(cells):
        return UNDEFINED
    value = float(statistic(table.rates(np.ones((1, table.clusters))))[0])
    if table.clusters < 2:
        return Estimate(value, None, None, table.clusters)
    drawn = np.concatenate([statistic(rates) for rates in iterate_resamples(table, resamples=resamples, seed=seed)])
    drawn = drawn[~np.isnan(drawn)]
    if drawn.size < 2:
        return Estimate(value, None, None, table.clusters)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value, (float(low), float(high)), float(drawn.std(ddof=1)), table.clusters)


def iterate_resamples(table: ClusterTable[Name], *, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks of ``[draws, cells]`` rates; NaN where a draw holds no answer of a cell."""
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // max(1, table.clusters))
    shares = np.full(table.clusters, 1 / table.clusters)
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        yield table.rates(generator.multinomial(table.clusters, shares, size=draws).astype(np.float64))
