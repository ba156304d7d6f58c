"""Who is steered: a router reads the prompts of a batch once and gives every row its coefficients."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isogloss.core import UNKNOWN_LANGUAGE, GateReading, Language
from isogloss.models.batches import PromptBatch
from isogloss.repair.gate import Floats, Gate, read_score
from isogloss.repair.locator import Far, Locator
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
    """Fires the rows whose logit reaches their threshold, spares those below the lower one, leaves the rest alone.

    A row's limits come from its label, or from its state where the gate has a locator and the row no label (or the gate
    disregards labels). ``gate.limits`` is the same in plain numbers.
    """

    reads_whole_prompt = False

    def __init__(self, gate: Gate, layer: int) -> None:
        self._gate = gate
        self._layer = layer
        vector, self._offset = gate.readout()
        self._vector = torch.from_numpy(np.asarray(vector, np.float32))
        self._leaning = None if gate.locator is None else _Leaning(gate, gate.locator)
        # Limits by label, and 1 where the state decides; kept between batches of equal size, so that their storage
        # stays the same for a captured graph.
        self._labelled = torch.empty(3, 0)
        self._scores: Tensor | None = None
        self._upper = self._lower = self._leaned = self._acts = torch.empty(0)

    @property
    def layers(self) -> tuple[int, ...]:
        return (self._layer,)

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        labels: Sequence[Language | None] = batch.languages or [None] * len(batch)
        self._vector = self._vector.to(device)
        if self._leaning is not None:
            self._leaning.move(device)
        table = torch.tensor(
            [
                [self._gate.threshold(label) for label in labels],
                [self._gate.lower_threshold(label) for label in labels],
                [float(self._gate.needs_locating(label)) for label in labels],
            ]
        )
        if self._labelled.shape != table.shape or self._labelled.device != device:
            self._labelled = torch.empty_like(table, device=device)
        self._labelled.copy_(table)
        self._scores = None

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        last = hidden[:, -1].float()
        self._scores = last @ self._vector + self._offset
        self._upper, self._lower, unnamed = self._labelled
        self._acts = torch.ones_like(unnamed)
        if self._leaning is None:
            return
        upper, lower, leaned, acts = self._leaning.measure(last)
        self._upper = torch.where(unnamed > 0, upper, self._upper)
        self._lower = torch.where(unnamed > 0, lower, self._lower)
        self._leaned = torch.where(unnamed > 0, leaned, torch.full_like(leaned, _BY_LABEL))
        self._acts = torch.where(unnamed > 0, acts, self._acts)

    def routes(self) -> Mapping[str, Tensor]:
        if self._scores is None:
            raise RuntimeError("the gate was asked before it read a prompt")
        fires, spares = self._scores >= self._upper, self._scores < self._lower
        return {HARMFUL: fires * self._acts, HARMLESS: spares * self._acts}

    def readings(self) -> list[GateReading] | None:
        if self._scores is None:
            return None
        leaned = [None] * len(self._scores) if self._leaning is None else self._leaning.name(self._leaned)
        scores, upper, lower = self._scores.tolist(), self._upper.tolist(), self._lower.tolist()
        acts = (self._acts > 0).tolist()
        return [read_score(*row) for row in zip(scores, upper, lower, leaned, acts, strict=True)]


# In place of a language's number: a state far from all, and a row whose label decides.
_UNKNOWN, _BY_LABEL = -1, -2


class _Leaning:
    """A locator's arithmetic on tensors: float32, no branch on a value."""

    def __init__(self, gate: Gate, locator: Locator) -> None:
        self._languages = locator.languages
        self._far = locator.far
        self._reach = locator.reach
        self._fallback, self._lower_fallback = gate.fallback, gate.lower_threshold(None)
        shrink = locator.counts / (locator.counts + 1)
        flatten = 2 * locator.temperature
        self._centre = _float32(locator.centre)
        self._axes = _float32(locator.axes)
        self._centroids = _float32(locator.centroids)
        self._shrink = _float32(shrink)
        self._bonus = _float32(locator.axes.shape[1] * np.log(shrink) / flatten)
        self._flatten = flatten
        limits = [(gate.threshold(language), gate.lower_threshold(language)) for language in locator.languages]
        self._limits = _float32(np.array(limits))

    def move(self, device: torch.device) -> None:
        for name in ("_centre", "_axes", "_centroids", "_shrink", "_bonus", "_limits"):
            setattr(self, name, getattr(self, name).to(device))

    def measure(self, last: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Upper and lower limit, the number of the language leaned to, and 0 where nothing may be done, [row] each."""
        places = (last - self._centre) @ self._axes
        distances = (places[:, None] - self._centroids).square().sum(dim=2) * self._shrink
        logits = self._bonus - distances / self._flatten
        upper, lower = (torch.softmax(logits, dim=1) @ self._limits).unbind(dim=1)
        leaned, acts = logits.argmax(dim=1), torch.ones_like(upper)
        if self._far != Far.LEAN:
            far = distances.amin(dim=1) > self._reach
            upper = torch.where(far, torch.full_like(upper, self._fallback), upper)
            lower = torch.where(far, lower.clamp(max=self._lower_fallback), lower)
            leaned = torch.where(far, torch.full_like(leaned, _UNKNOWN), leaned)
            acts = acts - far.float() if self._far == Far.LEAVE else acts
        return upper, torch.minimum(lower, upper), leaned, acts

    def name(self, leaned: Tensor) -> list[Language | None]:
        special = {_UNKNOWN: UNKNOWN_LANGUAGE, _BY_LABEL: None}
        return [special[number] if number < 0 else self._languages[number] for number in map(int, leaned.tolist())]


def _float32(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


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
