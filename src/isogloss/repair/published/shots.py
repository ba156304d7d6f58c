"""Which labelled examples the published method uses, and how many of them become one batch of fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ShotBatch:
    """The target examples of many fits, padded to the same count.

    Attributes:
        features: float [fit, shot, feature].
        harmful: bool [fit, shot].
        held: bool [fit, shot]; False marks padding. A fit may hold none.
    """

    features: Floats
    harmful: Bools
    held: Bools

    @classmethod
    def stack(cls, parts: Sequence[tuple[Floats, Bools]]) -> "ShotBatch":
        """Put the examples of several fits side by side: features [shot, feature] and labels [shot] of each."""
        most = max((len(labels) for _, labels in parts), default=0)
        width = parts[0][0].shape[1] if parts else 0
        features = np.zeros((len(parts), most, width))
        harmful, held = np.zeros((len(parts), most), bool), np.zeros((len(parts), most), bool)
        for number, (rows, labels) in enumerate(parts):
            features[number, : len(labels)] = rows
            harmful[number, : len(labels)] = labels
            held[number, : len(labels)] = True
        return cls(features, harmful, held)

    @classmethod
    def none(cls, fits: int, width: int) -> "ShotBatch":
        """No target examples for any of ``fits`` fits: zero shots."""
        return cls(np.zeros((fits, 0, width)), np.zeros((fits, 0), bool), np.zeros((fits, 0), bool))

    def __len__(self) -> int:
        return len(self.held)

    def part(self, start: int, stop: int) -> "ShotBatch":
        """The examples of some consecutive fits."""
        return ShotBatch(self.features[start:stop], self.harmful[start:stop], self.held[start:stop])


def draw_published_shots(harmful: Bools, shots: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Row numbers of ``shots`` examples per class, drawn without replacement, harmful ones first.

    Two draws of different sizes share no order, so a curve over shots mixes the effect of more examples with the luck
    of new ones; ``repair.thresholds`` draws nested sets of different ideas instead.

    Args:
        harmful: label of each row of one language, bool [row].
        shots: per class.
        seed: see ``published_seed``.

    Raises:
        TooFewPrompts: a class has fewer rows than shots.

    Source: arXiv 2606.01196: a seeded random permutation per class. Its own stream of random numbers is not repeated.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for kind, rows in (("harmful", np.flatnonzero(harmful)), ("harmless", np.flatnonzero(~harmful))):
        if len(rows) < shots:
            raise TooFewPrompts(f"{len(rows)} {kind} rows to draw {shots} shots from. Ask for {len(rows)} or fewer.")
        drawn.append(rows[torch.randperm(len(rows), generator=generator).numpy()[:shots]])
    return np.concatenate(drawn).astype(np.int64)


def published_seed(seed: int, model: str, language: str, shots: int, rank: int, tag: str) -> int:
    """The seed of one draw or one fit, from everything that tells it from another one.

    Args:
        seed: of the whole run.
        model: its name.
        language: key of the target language.
        shots: per class.
        rank: of the basis.
        tag: what is drawn: "shots", "probe".
    """
    return derive_seed(seed, model, language, shots, rank, tag)
