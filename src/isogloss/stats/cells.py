"""A verdict table cut into cells (a language, or a category in a language), with the prompts that cells share.

Rows are answers, in parallel columns. A cell keeps its outcomes and the cluster of every prompt; the cluster table
turns all cells into sums per cluster, which is what resampling and splitting need.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.sparse import csr_array

from isogloss.stats.rates import Floats

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Cell:
    """The scored answers of one cell.

    Attributes:
        outcomes: 0 or 1 per scored prompt.
        clusters: one label per prompt; equal labels, in this cell or another, are the same idea.
    """

    outcomes: Sequence[int]
    clusters: Sequence[str]


@dataclass(frozen=True, slots=True)
class ClusterTable(Generic[Name]):
    """Sums and counts per cluster.

    Attributes:
        names: of the cells that hold at least one outcome.
        clusters: how many ideas there are.
        sums: ``[clusters, cells]`` ones among the outcomes, sparse.
        counts: ``[clusters, cells]`` outcomes, sparse.
    """

    names: tuple[Name, ...]
    clusters: int
    sums: csr_array
    counts: csr_array

    def rates(self, weights: Floats) -> Floats:
        """``[draws, cells]`` rates when clusters count ``weights`` ``[draws, clusters]`` times; NaN where none does."""
        ones = np.asarray((self.sums.T @ weights.T).T, dtype=np.float64)
        answers = np.asarray((self.counts.T @ weights.T).T, dtype=np.float64)
        return np.divide(ones, answers, out=np.full_like(ones, np.nan), where=answers > 0)


def gather_cells(names: Sequence[Name], outcomes: Sequence[int], clusters: Sequence[str]) -> dict[Name, Cell]:
    """Cut a verdict table into cells.

    Args:
        names: the cell of each row: a language, or a tuple such as ``(category, language)``.
        outcomes: 0 or 1 per row; leave unscored rows out.
        clusters: the idea behind each row's prompt; a prompt that occurs twice is one idea.

    Raises:
        ValueError: the columns differ in length.
    """
    if not len(names) == len(outcomes) == len(clusters):
        raise ValueError(f"columns of {len(names)}, {len(outcomes)} and {len(clusters)} rows; they must be equal")
    rows: dict[Name, tuple[list[int], list[str]]] = {}
    for name, outcome, cluster in zip(names, outcomes, clusters, strict=True):
        ones, labels = rows.setdefault(name, ([], []))
        ones.append(outcome)
        labels.append(cluster)
    return {name: Cell(ones, labels) for name, (ones, labels) in rows.items()}


def tabulate_clusters(cells: Mapping[Name, Cell]) -> ClusterTable[Name]:
    """Sum the outcomes of every cell by cluster; empty cells are left out.

    Raises:
        ValueError: a cell has not one cluster label per outcome.
    """
    kept = {name: cell for name, cell in cells.items() if len(cell.outcomes)}
    for name, cell in kept.items():
        if len(cell.outcomes) != len(cell.clusters):
            raise ValueError(f"{name}: {len(cell.outcomes)} outcomes but {len(cell.clusters)} cluster labels")
    labels = sorted({label for cell in kept.values() for label in cell.clusters})
    position = {label: index for index, label in enumerate(labels)}
    rows = np.array([position[label] for cell in kept.values() for label in cell.clusters], dtype=np.int64)
    columns = np.repeat(np.arange(len(kept)), [len(cell.outcomes) for cell in kept.values()])
    values = np.array([outcome for cell in kept.values() for outcome in cell.outcomes], dtype=np.float64)
    shape = (len(labels), len(kept))
    return ClusterTable(
        names=tuple(kept),
        clusters=len(labels),
        sums=csr_array((values, (rows, columns)), shape=shape),
        counts=csr_array((np.ones_like(values), (rows, columns)), shape=shape),
    )
