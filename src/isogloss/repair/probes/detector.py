"""What every probe is in the end: a score and a threshold per language, and the router that makes it act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isogloss.core import GateReading, Language
from isogloss.core.errors import TooFewPrompts
from isogloss.models.batches import PromptBatch
from isogloss.repair.moves import HARMFUL, HARMLESS
from isogloss.repair.probes.pooling import masked_mean

Floats = npt.NDArray[np.floating[Any]]
Scorer = Callable[[Tensor], Tensor]
Entry = TypeVar("Entry")


class Pooling(StrEnum):
    """What of a prompt a detector looks at: one token, or the mean over all of them."""

    TOKEN = "token"
    MEAN = "mean"


class Detector(Protocol):
    """Tells how harmful a prompt looks, from one hidden state of it."""

    @property
    def layer(self) -> int:
        """The block whose output is read."""

    def score(self, hidden: Floats, language: Language | None) -> Floats:
        """Scores [prompt] of states [prompt, hidden], all in one language; larger means more harmful."""

    def threshold(self, language: Language | None) -> float:
        """The score at or above which a prompt of that language counts as harmful."""


class TensorDetector(Detector, Protocol):
    """A detector that can also be read inside a running model."""

    @property
    def pooling(self) -> Pooling:
        """What of the prompt it looks at."""

    def prepare(self, languages: Sequence[Language | None], device: torch.device) -> Scorer:
        """A function from float32 states [row, hidden] to scores [row], for rows in these languages.

        Everything that depends on the languages is looked up here, so that the function is tensor arithmetic alone.
        """


@dataclass(frozen=True, eq=False)
class Readout:
    """An affine score: ``hidden @ vector + offset``.

    Attributes:
        vector: float64 [hidden].
        offset: added.
    """

    vector: Floats
    offset: float


@dataclass(frozen=True, eq=False)
class LinearDetector:
    """One affine readout and one threshold per language.

    Attributes:
        layer: the block whose output is read.
        fallback: for a language without a readout of its own, and for prompts whose language nobody stated.
        fallback_threshold: of those.
        readouts: by ``Language.key``.
        thresholds: by ``Language.key``; a language may have one without having a readout.
        pooling: what of the prompt is read.
    """

    layer: int
    fallback: Readout
    fallback_threshold: float
    readouts: Mapping[str, Readout] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    pooling: Pooling = Pooling.TOKEN

    def readout(self, language: Language | None) -> Readout:
        """The readout that prompts of a language are scored with."""
        return find_entry(self.readouts, language, self.fallback)

    def score(self, hidden: Floats, language: Language | None) -> Floats:
        """Scores, float64 [prompt], of states [prompt, hidden]."""
        readout = self.readout(language)
        return np.asarray(np.asarray(hidden, np.float64) @ readout.vector + readout.offset)

    def threshold(self, language: Language | None) -> float:
        """The language's threshold; of the language without its region; else the fallback."""
        return find_entry(self.thresholds, language, self.fallback_threshold)

    def prepare(self, languages: Sequence[Language | None], device: torch.device) -> Scorer:
        """See ``TensorDetector``."""
        chosen = [self.readout(language) for language in languages]
        vectors = torch.tensor(np.stack([one.vector for one in chosen]), dtype=torch.float32, device=device)
        offsets = torch.tensor([one.offset for one in chosen], dtype=torch.float32, device=device)
        return lambda states: (states * vectors).sum(dim=1) + offsets


class DetectorRouter:
    """Fires the rows whose score reaches the threshold of their own language (see ``repair.routers.Router``)."""

    def __init__(self, detector: TensorDetector, *, position: int = -1) -> None:
        """Wrap a detector.

        Args:
            detector: what decides.
            position: token that is read, negative, from the end of the rendered prompt; unused by a detector that
                reads the mean. ``begin`` raises TooFewPrompts where a prompt does not reach back that far.
        """
        self._detector = detector
        self._position = position
        self._score: Scorer | None = None
        self._thresholds = torch.empty(0)
        self._scores: Tensor | None = None

    @property
    def layers(self) -> tuple[int, ...]:
        return (self._detector.layer,)

    @property
    def reads_whole_prompt(self) -> bool:
        return self._detector.pooling == Pooling.MEAN or self._position != -1

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        languages: Sequence[Language | None] = batch.languages or [None] * len(batch)
        limits = [self._detector.threshold(language) for language in languages]
        self._thresholds = torch.tensor(limits, dtype=torch.float32, device=device)
        self._score = self._detector.prepare(languages, device)
        self._scores = None
        if self._position != -1 and min(batch.lengths) < -self._position:
            raise TooFewPrompts(
                f"A prompt has {min(batch.lengths)} tokens, so there is none at position {self._position}."
            )

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        if self._score is None:
            raise RuntimeError("a prompt was read before begin()")
        whole = self._detector.pooling == Pooling.MEAN
        self._scores = self._score(masked_mean(hidden, mask) if whole else hidden[:, self._position].float())

    def routes(self) -> Mapping[str, Tensor]:
        if self._scores is None:
            raise RuntimeError("the detector was asked before it read a prompt")
        fires = (self._scores >= self._thresholds).float()
        return {HARMFUL: fires, HARMLESS: 1 - fires}

    def readings(self) -> list[GateReading] | None:
        if self._scores is None:
            return None
        pairs = zip(self._scores.tolist(), self._thresholds.tolist(), strict=True)
        return [GateReading(score, threshold, score >= threshold) for score, threshold in pairs]


def find_entry(entries: Mapping[str, Entry], language: Language | None, fallback: Entry) -> Entry:
    """The entry of a language; of the language without its region; else the fallback."""
    if language is None:
        return fallback
    without_region = "-".join(language.key.split("-")[:2])
    return entries.get(language.key, entries.get(without_region, fallback))
