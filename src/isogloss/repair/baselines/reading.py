"""What a router says about prompts, without answering any of them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import torch
from torch import nn

from isogloss.core import GateReading, Prompt
from isogloss.models.batches import PromptBatch
from isogloss.models.layers import hidden_of, hooked
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import Method, Predicts, steered_method
from isogloss.repair.routers import Router


def read_prompts(model: OpenModel, router: Router, prompts: Sequence[Prompt]) -> list[GateReading]:
    """A router's reading of every prompt, in order, in one pass that stops after the deepest layer read.

    Raises:
        RuntimeError: an intervention is in force, or the router reads nothing.
    """
    if model.steering is not None:
        raise RuntimeError("leave the intervention's context before reading prompts with another router")
    found: dict[int, GateReading] = {}
    for batch in model.batches(prompts):
        router.begin(batch, model.device)
        with ExitStack() as hooks:
            for layer in router.layers:
                hooks.enter_context(hooked(model.blocks[layer], _reader(router, layer, batch, model.device)))
            model.forward_hidden(batch, last_layer=max(router.layers, default=0))
        readings = router.readings()
        if readings is None:
            raise RuntimeError("this router reads nothing, so it decides nothing")
        found.update(zip(batch.indices, readings, strict=True))
    return [found[number] for number in range(len(prompts))]


def predict_with(model: OpenModel, make_router: Callable[[], Router]) -> Predicts:
    """A method's decision on prompts, read off a fresh router each time."""

    def predicts(prompts: Sequence[Prompt]) -> list[bool]:
        return [reading.harmful for reading in read_prompts(model, make_router(), prompts)]

    return predicts


class Fitted(Protocol):
    """A fitted method that moves rows by what a router reads."""

    @property
    def variant(self) -> str: ...

    @property
    def shots(self) -> int: ...

    @property
    def note(self) -> str: ...

    def router(self) -> Router:
        """A fresh router."""

    def steer(self, model: OpenModel) -> RoutedSteering:
        """A context in which the model is steered."""


def routed_method(name: str, model: OpenModel, fitted: Fitted) -> Method:
    """A fitted method as one of those compared, with its router's decisions as its own."""
    return steered_method(
        name,
        model,
        fitted.steer,
        variant=fitted.variant,
        shots=fitted.shots,
        note=fitted.note,
        predicts=predict_with(model, fitted.router),
    )


def _reader(
    router: Router, layer: int, batch: PromptBatch, device: torch.device
) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        # A model may be spread over several devices; the router was told one.
        hidden, mask = hidden_of(output).to(device), batch.attention_mask.to(device)
        whole = router.reads_whole_prompt
        router.read(layer, hidden if whole else hidden[:, -1:], mask if whole else mask[:, -1:])

    return hook
