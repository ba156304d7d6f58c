"""The published logistic readouts, with any number of fits side by side.

Fits of one source share their source rows: those are held once and standardised inside the arithmetic, so that a
grid of languages x shots x seeds costs matrix products and no copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isogloss.core.errors import TooFewPrompts
from isogloss.repair.published.shots import ShotBatch

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

SMALLEST_SCALE = 1e-6
BETAS = (0.9, 0.999)
EPSILON = 1e-8
# Logits of one chunk of fits; about what a core's cache holds.
CHUNK_LOGITS = 2**18


@dataclass(frozen=True, slots=True)
class LogisticRecipe:
    """How a logistic unit is trained, full batch, with Adam.

    Attributes:
        steps: of the optimiser.
        learning_rate: constant.
        decay: decoupled weight decay; it shrinks the bias too.
        penalty: adds ``penalty * |w|^2`` to the loss, weights only.
        balanced: the loss of harmful rows is multiplied by ``n_harmless / n_harmful``.
        random_start: Xavier-uniform weights from the fit's seed; else weights start at zero. The bias starts at zero.
    """

    steps: int
    learning_rate: float
    decay: float
    penalty: float
    balanced: bool
    random_start: bool


GATE_LOGISTIC = LogisticRecipe(80, 0.05, decay=0.01, penalty=0.0, balanced=True, random_start=True)
"""The readout of the published gate. Source: arXiv 2606.01196."""

FEW_SHOT_LOGISTIC = LogisticRecipe(40, 0.05, decay=0.0, penalty=0.01, balanced=False, random_start=False)
"""The other logistic of the same source, of its few-shot AUROC curves; our notes of it name neither optimiser nor
learning rate, so those are the gate's."""


@dataclass(frozen=True, eq=False)
class Readouts:
    """Logistic units of several fits, each with its own standardiser.

    Attributes:
        centre: float64 [fit, feature], means of the training rows.
        scale: float64 [fit, feature], their population standard deviations, at least 1e-6.
        weights: float64 [fit, feature], of the standardised features.
        bias: float64 [fit].
    """

    centre: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    def slopes(self) -> Floats:
        """Weights of the plain features, float64 [fit, feature]."""
        return np.asarray(self.weights / self.scale)

    def offsets(self) -> Floats:
        """What is added to the plain features' part of the logit, float64 [fit]."""
        return np.asarray(self.bias - (self.centre * self.slopes()).sum(axis=1))

    def score(self, features: Floats) -> Floats:
        """Logits, float64 [fit, row], of the same rows [row, feature] under every fit."""
        return np.asarray(self.slopes() @ np.asarray(features, np.float64).T + self.offsets()[:, None])

    def score_shots(self, shots: ShotBatch) -> Floats:
        """Logits, float64 [fit, shot], of every fit's own examples; padding scores too."""
        own = np.einsum("fsd,fd->fs", np.asarray(shots.features, np.float64), self.slopes())
        return np.asarray(own + self.offsets()[:, None])


def fit_readouts(
    features: Floats,
    harmful: Bools,
    shots: ShotBatch,
    *,
    seeds: Sequence[int],
    recipe: LogisticRecipe = GATE_LOGISTIC,
    dtype: torch.dtype = torch.float64,
) -> Readouts:
    """Fit one logistic unit per seed on the shared rows and each fit's own shots.

    Args:
        features: shared rows, float [row, feature], not standardised.
        harmful: their labels, bool [row].
        shots: of each fit; ``ShotBatch.none`` where there are none.
        seeds: of the start weights, one per fit.
        recipe: ``GATE_LOGISTIC`` or ``FEW_SHOT_LOGISTIC``.
        dtype: of the training; float32 is what the source uses and twice as fast, float64 repeats on any machine.

    Raises:
        TooFewPrompts: a fit lacks a class.
        ValueError: as many seeds as fits are needed.

    Source: arXiv 2606.01196. 80 steps do not converge, so the answer depends on the seed; ``repair.logistic`` solves
    the same kind of problem to its optimum.
    """
    if len(seeds) != len(shots):
        raise ValueError(f"{len(seeds)} seeds for {len(shots)} fits")
    features = np.asarray(features, np.float64)
    _check_classes(harmful, shots)
    centre, scale = _standardise(features, shots)
    # One standardiser for all keeps the shared rows well scaled; each fit's own differs from it by little.
    common = features.mean(axis=0) if len(features) else centre.mean(axis=0)
    spread = np.maximum(features.std(axis=0), SMALLEST_SCALE) if len(features) else np.ones(features.shape[1])
    order = np.argsort(~harmful, kind="stable")
    rows = torch.from_numpy(((features - common) / spread)[order]).to(dtype)
    size = max(1, CHUNK_LOGITS // max(1, len(features)))
    parts = []
    for start in range(0, len(shots), size):
        stop = min(start + size, len(shots))
        batch = _Batch(
            rows,
            int(harmful.sum()),
            stretch=torch.from_numpy(spread / scale[start:stop]).to(dtype),
            shift=torch.from_numpy((common - centre[start:stop]) / scale[start:stop]).to(dtype),
            shots=_standard_shots(shots.part(start, stop), centre[start:stop], scale[start:stop], dtype),
            labels=torch.from_numpy(shots.harmful[start:stop]).to(dtype),
            held=torch.from_numpy(shots.held[start:stop]).to(dtype),
        )
        parts.append(_train(batch, start_weights(seeds[start:stop], features.shape[1], recipe), recipe))
    weights = torch.cat(parts).double().numpy() if parts else np.zeros((0, features.shape[1] + 1))
    return Readouts(centre, scale, weights[:, :-1], weights[:, -1])


def start_weights(seeds: Sequence[int], width: int, recipe: LogisticRecipe) -> Tensor:
    """Weights before the first step, float32 [fit, feature]: uniform within ``sqrt(6 / (width + 1))``, or zero."""
    weights = torch.zeros(len(seeds), width)
    if recipe.random_start:
        for row, seed in zip(weights, seeds, strict=True):
            torch.nn.init.xavier_uniform_(row[None], generator=torch.Generator().manual_seed(seed))
    return weights


@dataclass(frozen=True, eq=False)
class _Batch:
    """The training rows of some fits: shared ones (harmful first) and their own."""

    rows: Tensor
    harmful: int
    stretch: Tensor
    shift: Tensor
    shots: Tensor
    labels: Tensor
    held: Tensor

    def harmful_weight(self) -> Tensor:
        """Harmless rows per harmful row, [fit, 1]."""
        above = self.harmful + (self.held * self.labels).sum(dim=1, keepdim=True)
        return (self.count() - above) / above

    def count(self) -> Tensor:
        """Rows of each fit, [fit, 1]."""
        return len(self.rows) + self.held.sum(dim=1, keepdim=True)

    def gradient(self, weights: Tensor, harmful_weight: Tensor) -> Tensor:
        """Gradient of the mean loss by weights and bias, [fit, feature + 1]."""
        slopes, bias = weights[:, :-1], weights[:, -1:]
        offsets = (self.shift * slopes).sum(dim=1, keepdim=True) + bias
        pull = torch.addmm(offsets, self.stretch * slopes, self.rows.T).sigmoid_()
        pull[:, : self.harmful].sub_(1).mul_(harmful_weight)
        total = pull.sum(dim=1, keepdim=True)
        by_slopes = self.stretch * (pull @ self.rows) + self.shift * total
        chance = torch.sigmoid((self.shots @ slopes[..., None])[..., 0] + bias)
        own = self.held * (chance * (1 - self.labels) - harmful_weight * self.labels * (1 - chance))
        by_slopes += (own[:, None] @ self.shots)[:, 0]
        return torch.cat([by_slopes, total + own.sum(dim=1, keepdim=True)], dim=1) / self.count()


def _train(batch: _Batch, start: Tensor, recipe: LogisticRecipe) -> Tensor:
    """Weights and bias [fit, feature + 1] after the recipe's steps of AdamW."""
    weights = torch.cat([start, torch.zeros(len(start), 1)], dim=1).to(batch.rows.dtype)
    first, second = torch.zeros_like(weights), torch.zeros_like(weights)
    harmful_weight = batch.harmful_weight() if recipe.balanced else torch.ones_like(weights[:, :1])
    for step in range(1, recipe.steps + 1):
        gradient = batch.gradient(weights, harmful_weight)
        gradient[:, :-1] += 2 * recipe.penalty * weights[:, :-1]
        weights = weights * (1 - recipe.learning_rate * recipe.decay)
        first = first + (1 - BETAS[0]) * (gradient - first)
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        size = (second / (1 - BETAS[1] ** step)).sqrt() + EPSILON
        weights = weights - recipe.learning_rate / (1 - BETAS[0] ** step) * first / size
    return weights


def _standardise(features: Floats, shots: ShotBatch) -> tuple[Floats, Floats]:
    """Mean and population standard deviation of each fit's rows, [fit, feature]."""
    common = features.mean(axis=0) if len(features) else np.zeros(features.shape[1])
    held = shots.held[..., None]
    away = np.where(held, shots.features - common, 0.0)
    count = len(features) + held.sum(axis=1)
    shift = away.sum(axis=1) / count
    squares = ((features - common) ** 2).sum(axis=0) + (away**2).sum(axis=1)
    variance = np.maximum(squares / count - shift**2, 0.0)
    return common + shift, np.maximum(np.sqrt(variance), SMALLEST_SCALE)


def _standard_shots(shots: ShotBatch, centre: Floats, scale: Floats, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy((shots.features - centre[:, None]) / scale[:, None]).to(dtype)


def _check_classes(harmful: Bools, shots: ShotBatch) -> None:
    above = harmful.sum() + (shots.held & shots.harmful).sum(axis=1)
    below = (~harmful).sum() + (shots.held & ~shots.harmful).sum(axis=1)
    if len(shots) and (above.min() == 0 or below.min() == 0):
        raise TooFewPrompts("A logistic readout needs training rows of both kinds; a fit has rows of one kind only.")
