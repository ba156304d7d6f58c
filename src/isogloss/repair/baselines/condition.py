"""CAST's condition: does a prompt's mean state resemble a vector? As a similarity, a decision and a router."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isogloss.core import GateReading, Language
from isogloss.models.batches import PromptBatch
from isogloss.repair.moves import HARMFUL, HARMLESS
from isogloss.repair.probes.pooling import masked_mean

Floats = npt.NDArray[np.floating[Any]]


class Pooling(StrEnum):
    """Which positions the condition averages, and whose verdict it is.

    ``tokens``: each row's own tokens (corrected). ``positions``: each row's positions, padding included, so that a
    verdict depends on how long the longest prompt of the batch is (the reference port of arXiv 2606.01196).
    ``first_row``: positions of the batch's first row; that row alone is ever steered (IBM's own code), the others run
    plain without a warning.
    """

    TOKENS = "tokens"
    POSITIONS = "positions"
    FIRST_ROW = "first_row"


class Comparator(StrEnum):
    """On which side of the threshold a prompt counts as harmful. IBM's words are the other way round: its "larger"
    means that the threshold is larger."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a condition is read and what it is compared with.

    Attributes:
        layer: 0-based decoder block.
        comparator: side of the threshold on which a prompt counts as harmful.
        threshold: a similarity.
    """

    layer: int
    comparator: Comparator
    threshold: float


@dataclass(frozen=True, eq=False)
class Condition:
    """When CAST steers.

    Attributes:
        vectors: float32 [hidden], unit length, by layer; every layer that a point reads.
        fallback: the point of a language without its own.
        points: by ``Language.key``.
    """

    vectors: Mapping[int, Floats]
    fallback: Point
    points: Mapping[str, Point] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers that are read for some language, ascending."""
        return tuple(sorted({point.layer for point in (self.fallback, *self.points.values())}))

    def point(self, language: Language | None) -> Point:
        """The point of a language, else the fallback."""
        return self.fallback if language is None else self.points.get(language.key, self.fallback)


def measure_similarity(hidden: Floats, vector: Floats) -> Floats:
    """``cos(h, tanh(proj_c h))`` of states [prompt, hidden], float64 [prompt].

    The projection of ``h`` on ``c`` takes its sign from ``h`` itself, so the similarity is about ``|cos(h, c)|``: it
    says how much of a state lies along the vector, not in which direction. That is why both comparators are tried.

    Source: CAST (Lee et al., ICLR 2025).
    """
    found = _similarity(
        torch.from_numpy(np.asarray(hidden, np.float64)), torch.from_numpy(np.asarray(vector, np.float64))
    )
    return np.asarray(found.numpy())


def _similarity(hidden: Tensor, vector: Tensor) -> Tensor:
    projected = torch.tanh((hidden @ vector)[:, None] * vector)
    return torch.nn.functional.cosine_similarity(hidden, projected, dim=-1)


class ConditionRouter:
    """Fires the rows whose similarity is on the harmful side of their own language's threshold."""

    reads_whole_prompt = True

    def __init__(self, condition: Condition, pooling: Pooling = Pooling.TOKENS) -> None:
        self._condition = condition
        self._pooling = pooling
        self._vectors = {
            layer: torch.from_numpy(np.array(condition.vectors[layer], np.float32)) for layer in condition.layers
        }
        self._layers = self._thresholds = self._above = self._steered = self._scores = torch.empty(0)

    @property
    def layers(self) -> tuple[int, ...]:
        return self._condition.layers

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        languages: Sequence[Language | None] = batch.languages or [None] * len(batch)
        points = [self._condition.point(language) for language in languages]
        others = float(self._pooling != Pooling.FIRST_ROW)
        self._layers = torch.tensor([point.layer for point in points], device=device)
        self._thresholds = torch.tensor([point.threshold for point in points], dtype=torch.float32, device=device)
        self._above = torch.tensor([point.comparator == Comparator.ABOVE for point in points], device=device)
        self._steered = torch.tensor([1.0] + [others] * (len(batch) - 1), device=device) > 0
        self._scores = torch.zeros(len(batch), device=device)
        self._vectors = {layer: vector.to(device) for layer, vector in self._vectors.items()}

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        mean = masked_mean(hidden, mask) if self._pooling == Pooling.TOKENS else hidden.float().mean(dim=1)
        found = _similarity(mean, self._vectors[layer])
        self._scores = torch.where(self._layers == layer, found, self._scores)

    def routes(self) -> Mapping[str, Tensor]:
        fires = self._fires().float()
        return {HARMFUL: fires, HARMLESS: 1 - fires}

    def readings(self) -> list[GateReading] | None:
        rows = zip(self._scores.tolist(), self._thresholds.tolist(), self._fires().tolist(), strict=True)
        return [GateReading(score, threshold, fires) for score, threshold, fires in rows]

    def _fires(self) -> Tensor:
        return ((self._scores >= self._thresholds) == self._above) & self._steered
