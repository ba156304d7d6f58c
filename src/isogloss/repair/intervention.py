"""The edit of a running model: hooks on a few blocks that read the prompts and move every row in one prefill.

A router reads blocks at the prompt and gives every row its coefficients; moves then change blocks' outputs, row by
row. Where nothing is read above the lowest block that is moved, both happen in the same prefill; else the prompts
are read in a plain pass of their own first. What the next pass is (prompt or generated tokens) is state set by
``begin`` and by the prefill, never guessed from tensor lengths, and nothing in the hooks looks at a tensor's values,
so they can be traced by ``torch.compile``.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from isogloss.core import GateReading
from isogloss.core.errors import UnknownName
from isogloss.models.batches import PromptBatch
from isogloss.models.layers import BlockHook, device_of, hidden_of, hooked, with_hidden
from isogloss.models.open_model import OpenModel
from isogloss.models.steering import Steering
from isogloss.repair.gate import Gate
from isogloss.repair.moves import Edit, Floats, HarmfulEdit, HarmlessEdit, Move, Operation, Span
from isogloss.repair.routers import ConstantRouter, GateRouter, Router

# Spans that reach positions before the last prompt token.
_EARLY = (Span.EVERYWHERE, Span.PROMPT)


class _Phase(StrEnum):
    """What a block's next pass brings."""

    UNANNOUNCED = "unannounced"
    READING = "reading"
    PROMPT = "prompt"
    GENERATED = "generated"


class RoutedSteering:
    """A context in which an open model is moved at any number of blocks; leaving it restores the model bit for bit.

    Every batch must be announced by ``begin``; ``OpenModel`` does so for what it runs itself. To call
    ``model.model.generate`` or ``model.model`` on your own, announce the batch and pass what you like::

        with RoutedSteering(model, moves, router) as steering:
            steering.begin(batch, use_cache=True, copies=4)
            model.model.generate(batch.input_ids, attention_mask=batch.attention_mask, num_beams=4)

    Moves of one block all read the block's output as it was before any of them, and so does the router. The residual
    stream is never changed in place. A row whose coefficients are 0 keeps its states bit for bit.

    Prompts may come in several passes (chunked prefill) where the router needs the last position alone and no move
    acts on earlier ones, or where nothing is read, or with ``reads_apart``.

    Args:
        model: the model to steer.
        moves: what is done; none at all leaves a router that only reads.
        router: who is steered, and how much.
        reads_apart: read in a plain pass of its own even where the prefill could be shared, so that the coefficients
            are there before the first prompt token is. It costs a prefill up to the deepest layer read.

    Raises:
        UnknownName: the model has no such layer, or a vector has another width.
        RuntimeError: on entry, when another intervention is in force; in a pass that was not announced, or has other
            rows or fewer positions than announced, or comes in chunks where that cannot work.
    """

    def __init__(self, model: OpenModel, moves: Sequence[Move], router: Router, *, reads_apart: bool = False) -> None:
        for move in moves:
            _check_move(model, move)
        _check_layers(model, router)
        self.moves = tuple(moves)
        self._model = model
        self._router = router
        moved = sorted({move.layer for move in moves})
        apart = reads_apart or bool(moved and router.layers and router.layers[-1] > moved[0])
        self._read_ahead = apart or not router.layers
        touched = moved if self._read_ahead else sorted({*moved, *router.layers})
        self._sites = [_Site(layer, [_Prepared(move) for move in moves if move.layer == layer]) for layer in touched]
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._reader_device = torch.device("cpu")
        self._mask = torch.empty(0)
        self._width = self._copies = self._rows = 0
        self._use_cache = self._routed = False

    def __enter__(self) -> Self:
        if self._model.steering is not None:
            raise RuntimeError("another intervention is in force on this model; leave its context first")
        for site in self._sites:
            block = self._model.blocks[site.layer]
            self._handles.append(block.register_forward_hook(self._make_hook(site)))
        steering: Steering = self
        self._model.steering = steering
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._model.steering is not self:
            return
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._model.steering = None
        self._set_phase(_Phase.UNANNOUNCED)

    def begin(self, batch: PromptBatch, *, use_cache: bool, copies: int = 1) -> None:
        """Announce the rows of the next prefill (see ``isogloss.models.steering.Steering``).

        Args:
            batch: rows as the model will see them.
            use_cache: True where each later pass brings new positions only; False where every pass starts again at
                the first position, as often as it likes.
            copies: how often the model sees each row, copies of a row side by side: ``num_beams`` or
                ``num_return_sequences`` of ``generate``, whichever is larger.
        """
        if copies < 1:
            raise RuntimeError(f"copies={copies}: every row is seen at least once")
        self._width, self._rows, self._copies = batch.width, len(batch) * copies, copies
        self._use_cache, self._routed = use_cache, False
        self._reader_device = self._choose_reader_device()
        self._mask = batch.attention_mask.to(self._reader_device)
        for site in self._sites:
            device = device_of(self._model.blocks[site.layer])
            for one in site.prepared:
                one.get_ready(device, self._rows)
        # What a router keeps from batch to batch could not be written to again, had it been made in inference mode.
        with torch.inference_mode(False):
            self._router.begin(batch, self._reader_device)
        if self._read_ahead:
            self._read_apart(batch)
            self._keep_routes()
        self._set_phase(_Phase.PROMPT)

    def readings(self) -> list[GateReading] | None:
        """What the gate said about each row of the batch just answered, in row order; None without a gate."""
        return self._router.readings()

    # ---- reading

    def _choose_reader_device(self) -> torch.device:
        layers = [*self._router.layers[-1:], *(site.layer for site in self._sites)]
        return device_of(self._model.blocks[layers[0]]) if layers else self._model.device

    def _read_apart(self, batch: PromptBatch) -> None:
        """Read the plain model in a pass that ends after the deepest layer read."""
        if not self._router.layers:
            return
        self._set_phase(_Phase.READING)
        with ExitStack() as hooks:
            for layer in self._router.layers:
                hooks.enter_context(hooked(self._model.blocks[layer], self._make_reader(layer, batch.width - 1)))
            self._model.run_blocks(batch, last_layer=self._router.layers[-1])

    def _make_reader(self, layer: int, last: int) -> BlockHook:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self._read(layer, hidden_of(output), last)

        return hook

    def _read(self, layer: int, hidden: Tensor, last: int) -> None:
        whole = self._router.reads_whole_prompt
        states = hidden[:, : last + 1] if whole else hidden[:, last : last + 1]
        mask = self._mask if whole else self._mask[:, -1:]
        self._router.read(layer, states.to(self._reader_device), mask)

    def _keep_routes(self) -> None:
        """Write the coefficients into every block's own buffers, once per copy of a row."""
        routes = self._router.routes()
        for site in self._sites:
            site.keep(routes, self._copies)
        self._routed = True

    # ---- moving

    def _make_hook(self, site: "_Site") -> BlockHook:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            return self._pass(site, output)

        return hook

    def _pass(self, site: "_Site", output: Any) -> Any:
        """One block's output in one pass: read if it is to be read, then moved."""
        if site.phase == _Phase.READING:
            return output
        hidden = hidden_of(output)
        self._check_pass(site, hidden)
        last = -1 if site.phase == _Phase.GENERATED else self._step(site, hidden.shape[1])
        if not self._routed and last < hidden.shape[1] and site.layer in self._router.layers:
            # The copies of a row are alike up to the end of the prompt.
            self._read(site.layer, hidden[:: self._copies], last)
            if site.layer == self._router.layers[-1]:
                self._keep_routes()
        if not site.prepared or not self._routed:
            return output
        return with_hidden(output, site.apply(hidden, last))

    def _step(self, site: "_Site", length: int) -> int:
        """Where the last prompt token is inside this pass, at or above its length where it is yet to come."""
        last = self._width - 1 - site.seen
        ends = last < length
        if not ends:
            self._check_chunk(site, length)
        if self._use_cache:
            site.seen += length
            if ends:
                site.phase = _Phase.GENERATED
        return last

    def _check_pass(self, site: "_Site", hidden: Tensor) -> None:
        if site.phase == _Phase.UNANNOUNCED:
            raise RuntimeError("a pass without begin(): announce every batch to the intervention first")
        if hidden.shape[0] != self._rows:
            raise RuntimeError(
                f"a pass of {hidden.shape[0]} rows, where begin() announced {self._rows // self._copies} rows with "
                f"copies={self._copies}; set copies to num_beams or num_return_sequences, whichever is larger"
            )

    def _check_chunk(self, site: "_Site", length: int) -> None:
        if not self._use_cache:
            raise RuntimeError(
                f"a pass of {length} positions, where begin() announced prompts of {self._width} and use_cache=False"
            )
        if self._routed:
            return
        early = any(one.move.span in _EARLY for one in site.prepared)
        if early or (self._router.reads_whole_prompt and site.layer in self._router.layers):
            raise RuntimeError(
                "the prompt came in several passes, but the router must be asked before its first position is moved. "
                "Send the prompt in one pass, use reads_apart=True, or leave earlier positions alone "
                "(harmless='leave', Span.ONWARD or Span.GENERATED)."
            )

    def _set_phase(self, phase: _Phase) -> None:
        for site in self._sites:
            site.phase, site.seen = phase, 0


class BlockSteering(RoutedSteering):
    """The one-block case: what an ``Edit`` does, gated at any block up to its own in the same prefill.

    With strength 0, ``add`` and ``leave`` nothing changes, bit for bit; with ``ablate`` strength 0 still ablates the
    rows that do not fire.
    """

    def __init__(self, model: OpenModel, edit: Edit, router: Router) -> None:
        super().__init__(model, edit.moves(), router)
        self.edit = edit


class _Prepared:
    """A move with its numbers as tensors on the block's device; compiled code then serves any vector and strength.

    Attributes:
        move: as plain data.
        vector: float32 [hidden].
        strength: a tensor without dimensions.
        rows: the vector times every row's coefficient (for ``add`` times the strength too, for ``remove`` negative),
            [row, 1, hidden]; kept from batch to batch while its size stays the same.
    """

    def __init__(self, move: Move) -> None:
        self.move = move
        self.vector = torch.from_numpy(np.array(move.vector, np.float32))
        self.strength = torch.tensor(move.strength, dtype=torch.float32)
        self.rows = torch.empty(0, 1, len(self.vector))

    def get_ready(self, device: torch.device, rows: int) -> None:
        """Move the numbers to where the block computes, and make room for so many rows."""
        self.vector, self.strength = self.vector.to(device), self.strength.to(device)
        if len(self.rows) != rows or self.rows.device != device:
            # A tensor made in inference mode could not be written to outside it.
            with torch.inference_mode(False):
                self.rows = torch.zeros(rows, 1, len(self.vector), device=device)

    def keep(self, coefficients: Tensor) -> None:
        """Take over the rows' coefficients, float [row]."""
        scaled = coefficients.to(self.vector.device, torch.float32)[:, None, None] * self.vector
        if self.move.operation == Operation.ADD:
            scaled = scaled * self.strength
        self.rows.copy_(-scaled if self.move.operation == Operation.REMOVE else scaled)

    def change(self, hidden: Tensor) -> Tensor:
        """What is to be added to the states [row, position, hidden], float32 [row, position or 1, hidden]."""
        if self.move.operation == Operation.ADD:
            return self.rows
        along = hidden.float() @ self.vector
        if self.move.operation == Operation.LIFT:
            along = (self.strength - along).clamp(min=0)
        return along[..., None] * self.rows

    def share(self, start: int, stop: int, last: int, device: torch.device) -> Tensor | float:
        """How much of the change each position from start to stop gets: generated ones get the persistence."""
        kept = 1.0 if self.move.operation == Operation.REMOVE else self.move.persistence
        if kept == 1.0 or stop <= last + 1:
            return 1.0
        if start > last:
            return kept
        generated = (torch.arange(start, stop, device=device) > last).float()
        return (1.0 - (1.0 - kept) * generated)[:, None]


@dataclass(eq=False)
class _Site:
    """One block that is read or moved: its moves, and what its next pass brings.

    Attributes:
        layer: which block.
        prepared: its moves.
        phase: what the next pass brings.
        seen: prompt positions that earlier passes brought.
    """

    layer: int
    prepared: list[_Prepared]
    phase: _Phase = _Phase.UNANNOUNCED
    seen: int = 0

    def keep(self, routes: Mapping[str, Tensor], copies: int) -> None:
        """Take over the coefficients of the rows, once per copy of a row."""
        for one in self.prepared:
            if one.move.rows not in routes:
                raise UnknownName(
                    f"The router has no coefficients '{one.move.rows}'; it gives {', '.join(sorted(routes))}."
                )
            one.keep(routes[one.move.rows].repeat_interleave(copies))

    def apply(self, hidden: Tensor, last: int) -> Tensor:
        """The states [row, position, hidden] with every move made; ``last`` is the last prompt token, -1 if behind."""
        edited, length = hidden, hidden.shape[1]
        for one in self.prepared:
            start, stop = _bounds(one.move.span, last, length)
            if start >= stop:
                continue
            whole = start == 0 and stop == length
            change = one.change(hidden if whole else hidden[:, start:stop])
            share = one.share(start, stop, last, hidden.device)
            if not isinstance(share, float) or share != 1.0:
                change = change * share
            edited = _add(edited, change) if whole else _add_between(edited, change, start, stop)
        return edited


def _bounds(span: Span, last: int, length: int) -> tuple[int, int]:
    """First position of a pass that a span covers, and the one after its last."""
    if span == Span.PROMPT:
        return 0, min(last + 1, length)
    if span == Span.GENERATED:
        return min(last + 1, length), length
    if span == Span.ONWARD:
        return min(max(last, 0), length), length
    return 0, length


def _add(hidden: Tensor, change: Tensor) -> Tensor:
    """States with a change added, in float32 and rounded once."""
    return (hidden.float() + change).to(hidden.dtype)


def _add_between(hidden: Tensor, change: Tensor, start: int, stop: int) -> Tensor:
    return torch.cat([hidden[:, :start], _add(hidden[:, start:stop], change), hidden[:, stop:]], dim=1)


def _check_move(model: OpenModel, move: Move) -> None:
    if not 0 <= move.layer < model.layer_count or move.vector.shape != (model.hidden_size,):
        raise UnknownName(
            f"{model.name} has layers 0 to {model.layer_count - 1} of width {model.hidden_size}; the edit is for "
            f"layer {move.layer} and width {' x '.join(map(str, move.vector.shape))}."
        )


def _check_layers(model: OpenModel, router: Router) -> None:
    wrong = [layer for layer in router.layers if not 0 <= layer < model.layer_count]
    if wrong:
        raise UnknownName(f"{model.name} has layers 0 to {model.layer_count - 1}; the router reads layer {wrong[0]}.")


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
