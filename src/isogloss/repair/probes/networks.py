"""Small neural probes: training by mini-batches, and the detector that reads them."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isogloss.core import Language
from isogloss.repair.probes.detector import Pooling, Scorer, find_entry
from isogloss.repair.published.readout import SMALLEST_SCALE
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.thresholds import Objective, fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """How a network is trained: AdamW on a balanced logistic loss.

    Attributes:
        epochs: passes over the rows.
        batch_size: rows of one step; None takes all of them.
        learning_rate: constant.
        decay: decoupled weight decay.
    """

    epochs: int
    batch_size: int | None
    learning_rate: float
    decay: float


class Standardise(nn.Module):
    """First stage of every network: subtract the mean of its training rows, divide by their standard deviation.

    Attributes:
        centre: float32 [hidden].
        scale: float32 [hidden], population standard deviation, at least 1e-6.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, hidden: Floats) -> None:
        """Take both from states [row, hidden]."""
        super().__init__()
        rows = np.asarray(hidden, np.float64)
        scale = np.maximum(rows.std(axis=0), SMALLEST_SCALE)
        self.register_buffer("centre", torch.from_numpy(rows.mean(axis=0)).float())
        self.register_buffer("scale", torch.from_numpy(scale).float())

    def forward(self, states: Tensor) -> Tensor:
        """Standardised states [row, hidden]."""
        return (states - self.centre) / self.scale


@dataclass(frozen=True, eq=False)
class NetworkDetector:
    """A neural readout, shared or one per language, with a threshold per language.

    Attributes:
        layer: the block whose output is read.
        fallback: network from plain states [row, hidden] to logits [row, 1], for a language without one of its own.
        fallback_threshold: of a language without one of its own.
        networks: by ``Language.key``.
        thresholds: by ``Language.key``.
        pooling: what of the prompt is read.
    """

    layer: int
    fallback: nn.Module
    fallback_threshold: float
    networks: Mapping[str, nn.Module] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    pooling: Pooling = Pooling.TOKEN

    def score(self, hidden: Floats, language: Language | None) -> Floats:
        """Logits, float64 [prompt], of states [prompt, hidden]."""
        states = torch.from_numpy(np.array(hidden, np.float32))
        scores = self.prepare([language] * len(states), torch.device("cpu"))(states)
        return np.asarray(scores.double().numpy())

    def threshold(self, language: Language | None) -> float:
        """The language's threshold; of the language without its region; else the fallback."""
        return find_entry(self.thresholds, language, self.fallback_threshold)

    def prepare(self, languages: Sequence[Language | None], device: torch.device) -> Scorer:
        """See ``TensorDetector``; each network runs on the rows of its own languages."""
        chosen = [find_entry(self.networks, language, self.fallback) for language in languages]
        distinct = list(dict.fromkeys(chosen))
        parts = [
            (
                network if next(network.parameters()).device == device else deepcopy(network).to(device),
                torch.tensor([row for row, one in enumerate(chosen) if one is network], device=device),
            )
            for network in distinct
        ]

        def score(states: Tensor) -> Tensor:
            scores = states.new_zeros(len(states))
            with torch.no_grad():
                for network, rows in parts:
                    scores = scores.index_copy(0, rows, network(states[rows])[:, 0])
            return scores

        return score


def build_network(make: Callable[[], nn.Module], *, seed: int) -> nn.Module:
    """A network whose start weights depend on the seed alone, not on what was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def train_network(
    network: nn.Module,
    rows: Rows,
    recipe: TrainingRecipe,
    *,
    seed: int,
    balanced: bool = True,
) -> nn.Module:
    """A trained copy, in evaluation mode; the network given stays as it is.

    Args:
        network: from states [row, hidden] to logits [row, 1].
        rows: labelled; both kinds.
        recipe: of the optimiser.
        seed: of the order of rows and of dropout.
        balanced: harmful rows weigh ``n_harmless / n_harmful``.
    """
    trained = deepcopy(network).train()
    states = torch.from_numpy(np.array(rows.hidden, np.float32))
    labels = torch.from_numpy(rows.harmful.astype(np.float32))
    above = float(labels.sum())
    weight = torch.tensor((len(labels) - above) / above if balanced else 1.0)
    loss_of = nn.BCEWithLogitsLoss(pos_weight=weight)
    optimiser = torch.optim.AdamW(trained.parameters(), lr=recipe.learning_rate, weight_decay=recipe.decay)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        for _ in range(recipe.epochs):
            order = torch.randperm(len(labels))
            for part in torch.split(order, recipe.batch_size or len(labels)):
                optimiser.zero_grad()
                loss_of(trained(states[part])[:, 0], labels[part]).backward()
                optimiser.step()
    return trained.eval()


def cut_logits(network: nn.Module, rows: Rows, objective: Objective) -> float:
    """The published threshold on a network's own logits of some rows."""
    with torch.no_grad():
        logits = network(torch.from_numpy(np.array(rows.hidden, np.float32)))[:, 0]
    return float(fit_f1_thresholds(logits.double().numpy()[None], rows.harmful, objective=objective)[0][0])
