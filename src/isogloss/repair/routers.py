"""Who is steered: a router reads the prompts of a batch once and gives every row its coefficients."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isogloss.core import GateReading, Language
from isogloss.models.batches import PromptBatch
from isogloss.repair.gate import Gate
from isogloss.repair.moves import HARMFUL, HARMLESS


class Router(Protocol):
    """Decides, once per batch, how much each row is moved.

    The intervention calls ``begin`` before the prefill, ``read`` once for each of ``layers`` in ascending order, and
    then ``routes``. If a layer that is read lies above a layer that is moved, the intervention reads in a plain pass
    of its own before the prefill; else reading and moving share the prefill. Nothing here may look at a tensor's
    values (no ``.item()``, no branch on them): the calls may be traced.

    Attributes:
        layers: blocks whose outputs are read, ascending; empty where none is.
        reads_whole_prompt: True where ``read`` needs every prompt position, False where the last one is enough.
    """

    @property
    def layers(self) -> tuple[int, ...]: ...

    @property
    def reads_whole_prompt(self) -> bool: ...

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        """Forget the last batch and get ready for the rows of this one."""

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        """Take in a block's output before any move at that block.

        Args:
            layer: which block.
            hidden: [row, position, hidden] over the whole prompt, padded on the left; of one position, the last,
                where ``reads_whole_prompt`` is False.
            mask: [row, position], 1 for a token, 0 for padding.
        """

    def routes(self) -> Mapping[str, Tensor]:
        """Coefficients by name (``Move.rows``), float [row]; 0 leaves a row alone."""

    def readings(self) -> list[GateReading] | None:
        """What was read of each row; None where nothing is read."""


class GateRouter:
    """Fires the rows whose logit reaches their own language's threshold."""

    reads_whole_prompt = False

    def __init__(self, gate: Gate, layer: int) -> None:
        self._gate = gate
        self._layer = layer
        vector, self._offset = gate.readout()
        self._vector = torch.from_numpy(np.asarray(vector, np.float32))
        self._thresholds = torch.empty(0)
        self._scores: Tensor | None = None

    @property
    def layers(self) -> tuple[int, ...]:
        return (self._layer,)

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        languages: Sequence[Language | None] = batch.languages or [None] * len(batch)
        limits = [self._gate.threshold(language) for language in languages]
        self._vector = self._vector.to(device)
        self._thresholds = torch.tensor(limits, dtype=torch.float32, device=device)
        self._scores = None

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        self._scores = hidden[:, -1].float() @ self._vector + self._offset

    def routes(self) -> Mapping[str, Tensor]:
        if self._scores is None:
            raise RuntimeError("the gate was asked before it read a prompt")
        fires = (self._scores >= self._thresholds).float()
        return {HARMFUL: fires, HARMLESS: 1 - fires}

    def readings(self) -> list[GateReading] | None:
        if self._scores is None:
            return None
        pairs = zip(self._scores.tolist(), self._thresholds.tolist(), strict=True)
        return [GateReading(score, threshold, score >= threshold) for score, threshold in pairs]


class ConstantRouter:
    """Fires every row, or none: plain addition and plain ablation, for experiments and for choosing a strength."""

    layers: tuple[int, ...] = ()
    reads_whole_prompt = False

    def __init__(self, *, fires: bool) -> None:
        self._fires = fires
        self._rows = 0
        self._device = torch.device("cpu")

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        self._rows, self._device = len(batch), device

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        """Nothing is read, because every row is treated alike."""

    def routes(self) -> Mapping[str, Tensor]:
        fires = torch.full((self._rows,), float(self._fires), device=self._device)
        return {HARMFUL: fires, HARMLESS: 1 - fires}

    def readings(self) -> list[GateReading] | None:
        return None
