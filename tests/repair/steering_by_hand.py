"""Routed steering written a second time, row by row and position by position, to compare the engine with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.core import GateReading
from isogloss.models.batches import PromptBatch
from isogloss.models.layers import hooked
from isogloss.models.open_model import OpenModel
from isogloss.repair.moves import Move, Operation, Span

STEPS = 5
# What the router below gives a row whose score is s: two coefficients that are neither 0 nor 1, and one that is.
NAMES = ("some", "rest", "fires")


class ProjectionRouter:
    """Adds up the projections of several blocks on a vector each, at the last prompt token or over the whole prompt."""

    def __init__(self, layers: tuple[int, ...], hidden_size: int, *, whole: bool = False) -> None:
        self.layers = layers
        self.reads_whole_prompt = whole
        self.vectors = {layer: torch.from_numpy(unit(hidden_size, 100 + layer)) for layer in layers}
        self.asked: list[int] = []
        self.score = torch.empty(0)

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        self.asked = []
        self.score = torch.zeros(len(batch), device=device)

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        self.asked.append(layer)
        weights = (mask / mask.sum(dim=1, keepdim=True))[..., None]
        self.score = self.score + (hidden.float() * weights).sum(dim=1) @ self.vectors[layer].to(hidden.device)

    def routes(self) -> Mapping[str, Tensor]:
        some = torch.sigmoid(self.score)
        return {"some": some, "rest": 1 - some, "fires": (self.score > 0).float()}

    def readings(self) -> list[GateReading]:
        return [GateReading(score, 0.0, score > 0) for score in self.score.tolist()]


def unit(size: int, seed: int) -> np.ndarray:
    """A random direction, float32 of length 1."""
    vector = np.random.default_rng(seed).normal(size=size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def score_by_hand(model: OpenModel, router: ProjectionRouter, ids: Sequence[int]) -> float:
    """The score of one prompt from the outputs of the plain model's blocks."""
    seen: dict[int, Tensor] = {}
    with ExitStack() as stack, torch.no_grad():
        for layer in router.layers:
            stack.enter_context(hooked(model.blocks[layer], _keeper(seen, layer)))
        model.model(torch.tensor([list(ids)]))
    total = 0.0
    for layer, hidden in seen.items():
        state = hidden.mean(dim=0) if router.reads_whole_prompt else hidden[-1]
        total += float(state @ router.vectors[layer].double())
    return total


def _keeper(seen: dict[int, Tensor], layer: int) -> Any:
    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        seen[layer] = (output[0] if isinstance(output, tuple) else output)[0].double()

    return hook


def routes_by_hand(score: float) -> dict[str, float]:
    some = 1 / (1 + float(np.exp(-score)))
    return {"some": some, "rest": 1 - some, "fires": float(score > 0)}


@contextmanager
def moved_by_hand(model: OpenModel, moves: Sequence[Move], routes: Mapping[str, float], width: int) -> Iterator[None]:
    """Edit one prompt's rows (itself or its beams), which must start at their first position in every pass."""
    with ExitStack() as stack:
        for layer in {move.layer for move in moves}:
            stack.enter_context(hooked(model.blocks[layer], _editor(moves, layer, routes, width)))
        yield


def tokens_by_hand(
    model: OpenModel, moves: Sequence[Move], router: ProjectionRouter, ids: Sequence[int], *, steps: int = STEPS
) -> tuple[list[int], Tensor]:
    """Greedy tokens after one prompt, and the logits [step, vocabulary] that they were taken from."""
    row, seen = list(ids), []
    with torch.no_grad(), moved_by_hand(model, moves, routes_by_hand(score_by_hand(model, router, ids)), len(ids)):
        for _ in range(steps):
            seen.append(model.model(torch.tensor([row]), use_cache=False).logits[0, -1])
            row.append(int(seen[-1].argmax()))
    return row[len(ids) :], torch.stack(seen)


def _editor(moves: Sequence[Move], layer: int, routes: Mapping[str, float], width: int) -> Any:
    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        before = output[0] if isinstance(output, tuple) else output
        after = before.clone()
        for move in moves:
            for position in range(before.shape[1]) if move.layer == layer else ():
                if _covers(move.span, position, width):
                    share = move.persistence if position >= width and move.operation != Operation.REMOVE else 1.0
                    for row in range(len(before)):
                        vector = torch.from_numpy(move.vector)
                        length = _length(move, float(before[row, position] @ vector))
                        after[row, position] += routes[move.rows] * share * length * vector
        return (after, *output[1:]) if isinstance(output, tuple) else after

    return hook


def _length(move: Move, along: float) -> float:
    if move.operation == Operation.ADD:
        return move.strength
    return -along if move.operation == Operation.REMOVE else max(0.0, move.strength - along)


def _covers(span: Span, position: int, width: int) -> bool:
    return {
        Span.EVERYWHERE: True,
        Span.PROMPT: position < width,
        Span.GENERATED: position >= width,
        Span.ONWARD: position >= width - 1,
    }[span]
