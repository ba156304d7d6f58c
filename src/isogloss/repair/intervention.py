"""The edit of a running model: one hook on one block that gates and steers every row in its own prefill.

The gate reads the block's output at the last prompt token, and the edit acts on that same output, so one pass does
both. Where a pass starts and which rows fire is state set by ``begin`` and by the prefill, never guessed from tensor
lengths; nothing in the hook looks at a tensor's values, so it can be traced.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isogloss.core import GateReading
from isogloss.core.errors import UnknownName
from isogloss.models.batches import PromptBatch
from isogloss.models.layers import hidden_of, with_hidden
from isogloss.models.open_model import OpenModel
from isogloss.models.steering import Steering
from isogloss.repair.gate import Gate
from isogloss.repair.moves import HARMFUL, HARMLESS, Edit, HarmfulEdit, HarmlessEdit
from isogloss.repair.routers import ConstantRouter, GateRouter, Router

Floats = npt.NDArray[np.floating[Any]]


class BlockSteering:
    """A context in which an open model is steered at one block; leaving it restores the model bit for bit.

    Inside the context every batch must be announced by ``begin``; ``OpenModel`` does so. The residual stream is
    never changed in place. With strength 0, ``add`` and ``leave`` nothing changes, bit for bit; with ``ablate``
    strength 0 still ablates the rows that do not fire.

    Raises:
        UnknownName: the model has no such layer, or the vector has another width.
        RuntimeError: on entry, when another intervention is in force; in a pass that was not announced.
    """

    def __init__(self, model: OpenModel, edit: Edit, router: Router) -> None:
        if not 0 <= edit.layer < model.layer_count or edit.vector.shape != (model.hidden_size,):
            raise UnknownName(
                f"{model.name} has layers 0 to {model.layer_count - 1} of width {model.hidden_size}; the edit is for "
                f"layer {edit.layer} and width {edit.vector.shape[0]}."
            )
        self.edit = edit
        self._model = model
        self._router = router
        self._vector = torch.from_numpy(np.asarray(edit.vector, np.float32))
        self._handle: torch.utils.hooks.RemovableHandle | None = None
        self._width: int | None = None
        self._seen = 0
        self._use_cache = False
        self._rows: _Rows | None = None

    def __enter__(self) -> Self:
        if self._model.steering is not None:
            raise RuntimeError("another intervention is in force on this model; leave its context first")
        self._handle = self._model.blocks[self.edit.layer].register_forward_hook(self._hook)
        steering: Steering = self
        self._model.steering = steering
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
            self._model.steering = None

    def begin(self, batch: PromptBatch, *, use_cache: bool) -> None:
        """Announce the rows of the next prefill (see ``isogloss.models.steering.Steering``).

        Args:
            batch: rows as the model will see them.
            use_cache: True where each later pass brings new positions only; False where every pass starts again at
                the first position, as often as it likes.
        """
        device = next(self._model.blocks[self.edit.layer].parameters()).device
        self._width, self._seen, self._use_cache, self._rows = batch.width, 0, use_cache, None
        self._vector = self._vector.to(device)
        self._router.begin(batch, device)

    def readings(self) -> list[GateReading] | None:
        """What the gate said about each row of the batch just answered, in row order; None without a gate."""
        return self._router.readings()

    def _hook(self, _module: nn.Module, _inputs: Any, output: Any) -> Any:
        hidden = hidden_of(output)
        if self._width is None:
            raise RuntimeError("a pass without begin(): announce every batch to the intervention first")
        length = hidden.shape[1]
        start = self._seen if self._use_cache else 0
        self._seen = start + length
        # Where the last prompt token is inside this pass; below 0 once it lies behind.
        last = self._width - 1 - start
        if self._rows is None:
            if last >= length:
                return self._pass_chunk(output)
            self._rows = self._route(hidden[:, last])
        return with_hidden(output, self._apply(hidden, self._rows, last))

    def _route(self, last: Tensor) -> "_Rows":
        mask = torch.ones(len(last), 1, device=last.device)
        for layer in self._router.layers:
            self._router.read(layer, last[:, None], mask)
        routes = self._router.routes()
        fires = routes[HARMFUL][:, None, None]
        ablates = self.edit.harmless == HarmlessEdit.ABLATE
        spared = routes[HARMLESS][:, None, None] if ablates else torch.zeros_like(fires)
        return _Rows(fires * self._vector, fires * self.edit.strength * self._vector, spared * self._vector)

    def _apply(self, hidden: Tensor, rows: "_Rows", last: int) -> Tensor:
        """Hidden states with every row's own edit; rows that fire are pushed from the last prompt token on."""
        tail, edited = max(last, 0), hidden
        if self.edit.harmless == HarmlessEdit.ABLATE:
            along = (hidden.float() @ self._vector)[..., None]
            edited = hidden - (along * rows.wipe).to(hidden.dtype)
        push = self._push(hidden[:, tail:], rows) * self._share(hidden, last)
        pushed = edited[:, tail:] + push.to(hidden.dtype)
        return pushed if tail == 0 else torch.cat([edited[:, :tail], pushed], dim=1)

    def _share(self, hidden: Tensor, last: int) -> Tensor | float:
        """How much of the push each position gets: all of it at the last prompt token, then the persistence."""
        count = hidden.shape[1] - max(last, 0)
        if last < 0:
            return self.edit.persistence
        if count == 1:
            return 1.0
        shares = hidden.new_full((count, 1), self.edit.persistence, dtype=torch.float32)
        shares[0] = 1.0
        return shares

    def _push(self, hidden: Tensor, rows: "_Rows") -> Tensor:
        if self.edit.harmful == HarmfulEdit.ADD:
            return rows.push
        missing = (self.edit.strength - hidden.float() @ self._vector).clamp(min=0)
        return missing[..., None] * rows.unit

    def _pass_chunk(self, output: Any) -> Any:
        if self.edit.harmless == HarmlessEdit.LEAVE:
            return output
        raise RuntimeError(
            "the prompt came in several passes; to ablate it, the gate must be read in the first. Use harmless='leave'."
        )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The verdicts of a batch as vectors [row, 1, hidden], zero in the rows that they do not concern.

    Attributes:
        unit: the direction, in rows that fire.
        push: the direction times the strength, in rows that fire.
        wipe: the direction, in rows that are ablated.
    """

    unit: Tensor
    push: Tensor
    wipe: Tensor


def add_direction(
    model: OpenModel, vector: Floats, *, layer: int, strength: float, mode: HarmfulEdit = HarmfulEdit.ADD
) -> BlockSteering:
    """Steer every row, gate or no gate."""
    edit = Edit(vector, layer, strength, harmful=mode, harmless=HarmlessEdit.LEAVE)
    return BlockSteering(model, edit, ConstantRouter(fires=True))


def ablate_direction(model: OpenModel, vector: Floats, *, layer: int) -> BlockSteering:
    """Remove the direction from every row at every position."""
    edit = Edit(vector, layer, 0.0, harmless=HarmlessEdit.ABLATE)
    return BlockSteering(model, edit, ConstantRouter(fires=False))


def routed_steering(model: OpenModel, edit: Edit, gate: Gate) -> BlockSteering:
    """Steer the rows that the gate calls harmful, and treat the others as the edit says.

    Source: arXiv 2606.01196, "conditional" steering; there prompts run twice, once for the gate.
    """
    return BlockSteering(model, edit, GateRouter(gate, edit.layer))
