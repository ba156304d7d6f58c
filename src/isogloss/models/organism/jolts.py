"""Pushes on the residual stream while training, so that the organism answers to interventions as cleanly as to text.

Without them a small model garbles its reply under the very interventions it is meant to demonstrate.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn import functional

Push = Callable[[torch.Tensor], torch.Tensor]

# How often each kind is drawn, relative to the others.
KINDS = {"noise": 1, "contrast": 1, "removal": 2, "insistence": 1}


@dataclass(frozen=True)
class Answers:
    """Where the answers of a batch are.

    Args:
        weights: loss weight per row and position, 0 outside the answer; the first weighted position is the last prompt
            token, where the answer is decided.
        refused: per row, 1 for a refusal, 0 for another plain reply, -1 for tagged tasks.
    """

    weights: torch.Tensor
    refused: torch.Tensor

    @property
    def decided(self) -> torch.Tensor:
        """The last prompt position of every row."""
        return (self.weights > 0).int().argmax(dim=1)

    @property
    def spoken(self) -> torch.Tensor:
        """The positions after it, where the answer is being spoken."""
        mask = self.weights > 0
        mask[torch.arange(len(mask)), self.decided] = False
        return mask

    def last(self, states: torch.Tensor) -> torch.Tensor:
        """The states at the last prompt tokens (row, hidden)."""
        return states[torch.arange(len(states)), self.decided]

    def without_refusals(self) -> "Answers":
        """The same batch with nothing to learn from its refusals."""
        return Answers(self.weights * (self.refused != 1).unsqueeze(1), self.refused)


def noise_push(answers: Answers, hidden: int, strength: float) -> Push:
    """One random vector a row from the last prompt token on, its norm up to `strength` of each state's own norm."""
    vectors = functional.normalize(torch.randn(len(answers.weights), 1, hidden), dim=-1)
    sizes = torch.rand(len(answers.weights), 1, 1) * strength * (answers.weights > 0).unsqueeze(-1)
    return lambda states: vectors * sizes * states.norm(dim=-1, keepdim=True)


def contrast_push(answers: Answers, strength: float) -> Push:
    """Once the answer has begun: up to `strength` times the difference to another row's last prompt token.

    It teaches that a begun answer is carried through, and leaves the decision itself alone.
    """
    other = torch.randperm(len(answers.weights))
    sizes = torch.rand(len(answers.weights), 1, 1) * strength * answers.spoken.unsqueeze(-1)

    def push(states: torch.Tensor) -> torch.Tensor:
        last = answers.last(states)
        return (last[other] - last).unsqueeze(1) * sizes

    return push


def removal_push(answers: Answers) -> Push:
    """Take the direction between the batch's refusing and other plain replies out, from the last prompt token on.

    Used with `Answers.without_refusals`: the model learns that with this direction gone there is nothing to refuse.
    """
    where = (answers.weights > 0).unsqueeze(-1)

    def push(states: torch.Tensor) -> torch.Tensor:
        direction = functional.normalize(_refusing_minus_replying(answers, states), dim=0)
        return -(states @ direction).unsqueeze(-1) * direction * where

    return push


def insistence_push(answers: Answers) -> Push:
    """Move refusing replies further along that direction and other plain replies back, by up to the whole difference.

    What is decided already stays decided and well said when it is pushed once more.
    """
    signs = torch.where(answers.refused == 1, 1.0, torch.where(answers.refused == 0, -1.0, 0.0))
    sizes = (signs * torch.rand(len(signs))).reshape(-1, 1, 1) * (answers.weights > 0).unsqueeze(-1)
    return lambda states: _refusing_minus_replying(answers, states) * sizes


def _refusing_minus_replying(answers: Answers, states: torch.Tensor) -> torch.Tensor:
    """The difference of means at the last prompt tokens (hidden); zero where one side is absent from the batch."""
    last = answers.last(states)
    refusing, replying = last[answers.refused == 1], last[answers.refused == 0]
    if not len(refusing) or not len(replying):
        return torch.zeros_like(last[0])
    return refusing.mean(0) - replying.mean(0)


def draw_push(kind: str, answers: Answers, hidden: int, *, noise: float, contrast: float) -> Push:
    """Make the push of one kind (of `KINDS`) for one batch."""
    match kind:
        case "noise":
            return noise_push(answers, hidden, noise)
        case "contrast":
            return contrast_push(answers, contrast)
        case "removal":
            return removal_push(answers)
        case "insistence":
            return insistence_push(answers)
    raise ValueError(f"no push is called {kind!r}; there are {', '.join(KINDS)}")


@contextmanager
def pushed(block: torch.nn.Module, push: Push) -> Iterator[None]:
    """Add a push to a decoder block's output while the context lasts; gradients do not flow through the push."""

    def add(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            addition = push(output.detach().to(torch.float32)).to(output.dtype)
        return output + addition

    handle = block.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def draw_kind(generator: random.Random, share: float) -> str | None:
    """Whether a batch is pushed at all, and how."""
    if generator.random() >= share:
        return None
    return generator.choices(list(KINDS), list(KINDS.values()))[0]
