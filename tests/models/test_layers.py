"""Decoder blocks are found by structure, and a hook that does nothing is noticed when the model is loaded."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isogloss.core.errors import UnsupportedModel
from isogloss.models.layers import find_blocks, hidden_of, hooked, verify_blocks, with_hidden


class Toy(nn.Module):
    """Three linear blocks and a head; ``fault`` breaks it in one of the ways that hooks fall for."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fault = fault
        self.experts = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        self.trunk = nn.Module()
        self.trunk.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.head = nn.Linear(6, 11)

    def forward(self, states: bool) -> Any:
        hidden = torch.linspace(0, 1, 24).view(1, 4, 6)
        seen = [hidden]
        for number, block in enumerate(self.trunk.layers):
            if self.fault == "unread" and number == 1:
                block(hidden)  # a hook runs here, but the model goes on with another value
                hidden = nn.functional.linear(hidden, block.weight, block.bias)
            elif self.fault == "skipped" and number == 1:
                hidden = nn.functional.linear(hidden, block.weight, block.bias)
            else:
                hidden = block(hidden)
            if self.fault == "scaled":
                hidden = hidden * 2
            seen.append(hidden)
        return SimpleNamespace(logits=self.head(hidden), hidden_states=tuple(seen) if states else None)


def test_the_heaviest_list_of_the_right_length_holds_the_blocks() -> None:
    toy = Toy()
    owner, blocks = find_blocks(toy, 3)
    assert owner is toy.trunk
    assert blocks == list(toy.trunk.layers)


def test_a_model_without_such_a_list_is_refused_and_the_lists_are_named() -> None:
    with pytest.raises(UnsupportedModel, match=r"no list of 5 decoder blocks.*experts \(3\), trunk.layers \(3\)"):
        find_blocks(Toy(), 5)


def test_sound_blocks_pass_and_keep_no_hook() -> None:
    toy = Toy()
    verify_blocks(list(toy.trunk.layers), 6, toy)
    assert not any(block._forward_hooks for block in toy.trunk.layers)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("unread", "Editing the output of block 1 does not change the logits"),
        ("skipped", "ran 2 of 3 decoder blocks"),
        ("scaled", "output of block 0 is not the model's hidden state"),
    ],
)
def test_hooks_that_would_do_nothing_are_noticed(fault: str, message: str) -> None:
    toy = Toy(fault)
    with pytest.raises(UnsupportedModel, match=message):
        verify_blocks(list(toy.trunk.layers), 6, toy)
    assert not any(block._forward_hooks for block in toy.trunk.layers)


def test_another_width_than_the_configuration_says_is_noticed() -> None:
    toy = Toy()
    with pytest.raises(UnsupportedModel, match=r"shape \[1, 4, 6\]; expected \[row, position, 8\]"):
        verify_blocks(list(toy.trunk.layers), 8, toy)


@pytest.mark.parametrize("wrap", [lambda hidden: hidden, lambda hidden: (hidden, "cache"), lambda hidden: [hidden]])
def test_hidden_states_are_read_and_replaced_in_tensors_and_tuples(wrap: Any) -> None:
    hidden, other = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    output = wrap(hidden)
    assert hidden_of(output) is hidden
    replaced = with_hidden(output, other)
    assert type(replaced) is type(output)
    assert hidden_of(replaced) is other
    assert isinstance(replaced, Tensor) or list(replaced[1:]) == list(output[1:])


def test_an_output_without_a_tensor_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="returned dict"):
        hidden_of({"hidden": torch.zeros(1)})


def test_a_hook_is_taken_away_on_an_exception_too() -> None:
    block = nn.Linear(2, 2)
    with pytest.raises(ZeroDivisionError), hooked(block, lambda *_: None):
        raise ZeroDivisionError
    assert not block._forward_hooks
