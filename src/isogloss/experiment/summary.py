"""Averages over languages and draws, from the records alone: what tables and curves show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import TIERS
from isogloss.experiment.record import DetectionRecord, Limits, StudyRecord
from isogloss.experiment.scoring import percentile_interval

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Point:
    """One average of a detection grid.

    Attributes:
        value: mean over languages and draws; None where nothing was fitted.
        interval: the middle share of the draws' means over languages; None for a single draw.
        languages: how many languages are in it.
    """

    method: str
    shots: int
    rank: int
    value: float | None
    interval: Limits | None
    languages: int


class DetectionTable:
    """A detection record as arrays."""

    def __init__(self, record: DetectionRecord, *, confidence: float) -> None:
        self.record = record
        self._confidence = confidence
        self._columns = {
            name: np.asarray(getattr(record, name))
            for name in (
                "method",
                "language",
                "shots",
                "rank",
                "seed",
                "balanced_accuracy",
                "f1",
                "auroc",
                "tpr",
                "fpr",
            )
        }

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods, in the order fitted."""
        return tuple(dict.fromkeys(self.record.method))

    @property
    def shots(self) -> tuple[int, ...]:
        """Budgets, ascending."""
        return tuple(sorted(set(self.record.shots)))

    def ranks(self, method: str) -> tuple[int, ...]:
        """Ranks of a method, ascending; (0,) for a method of one dimension."""
        return tuple(sorted(set(self._columns["rank"][self._columns["method"] == method].tolist())))

    def average(
        self,
        method: str,
        shots: int,
        languages: Sequence[str],
        *,
        rank: int | None = None,
        measure: str = "balanced_accuracy",
    ) -> Point:
        """The mean over languages of each draw, and over draws.

        Args:
            method: one of ``methods``.
            shots: a budget.
            languages: tags; those without this budget are left out, and the count says how many are in.
            rank: None takes the method's highest.
            measure: a column of the record.
        """
        width = max(self.ranks(method), default=0) if rank is None else rank
        columns = self._columns
        rows = (columns["method"] == method) & (columns["shots"] == shots) & (columns["rank"] == width)
        rows &= np.isin(columns["language"], list(languages))
        if not rows.any():
            return Point(method, shots, width, None, None, 0)
        seeds, values = columns["seed"][rows], columns[measure][rows]
        means = [float(values[seeds == seed].mean()) for seed in np.unique(seeds)]
        return Point(
            method,
            shots,
            width,
            float(np.mean(means)),
            percentile_interval(means, confidence=self._confidence),
            len(set(columns["language"][rows].tolist())),
        )


def group_languages(study: StudyRecord) -> dict[str, tuple[str, ...]]:
    """Language tags by tier (``unknown`` last), in the study's order; empty tiers are left out."""
    found = {
        tier: tuple(tag for tag, facts in study.languages.items() if (facts.tier or "unknown") == tier)
        for tier in (*TIERS, "unknown")
    }
    return {tier: tags for tier, tags in found.items() if tags}


def hardest_group(study: StudyRecord) -> tuple[str, tuple[str, ...]]:
    """What headline averages are over: the target languages of the low tier, or all targets where there are none."""
    low = tuple(tag for tag in study.target if study.languages[tag].tier == "low")
    return ("low-resource target languages", low) if low else ("target languages", study.target)
