"""Where the decoder blocks of a model are, and proof that hooks on them work.

A hook on the wrong module, or one that edits a value nobody reads, raises nothing: the experiment then reports
the effect of doing nothing. So blocks are found by structure and tried out once, when a model is loaded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from isogloss.core.errors import UnsupportedModel

BlockHook = Callable[[nn.Module, Any, Any], Any]
Forward = Callable[[bool], Any]


class StopForwardError(Exception):
    """Raised inside a forward pass to end it after the deepest block that is needed."""


def find_blocks(model: nn.Module, layer_count: int) -> tuple[nn.Module, list[nn.Module]]:
    """Find the decoder blocks, and the module that runs them without the language-model head.

    Args:
        model: a causal language model of transformers.
        layer_count: ``num_hidden_layers`` of its text configuration.

    Returns:
        The owner of the list of blocks (embeddings, blocks, final norm) and the blocks in order.

    Raises:
        UnsupportedModel: no ModuleList has that many members.
    """
    lists = {name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)}
    fitting = {name: module for name, module in lists.items() if len(module) == layer_count}
    if not fitting:
        seen = ", ".join(f"{name} ({len(module)})" for name, module in list(lists.items())[:6]) or "none"
        raise UnsupportedModel(
            f"{type(model).__name__}: no list of {layer_count} decoder blocks found; lists of modules: {seen}. "
            "Isogloss reads decoder-only models whose blocks are one ModuleList."
        )
    # Experts, adapters and vision towers may have as many members; the decoder blocks are the heaviest list.
    name = max(fitting, key=lambda name: sum(parameter.numel() for parameter in fitting[name].parameters()))
    return model.get_submodule(name.rpartition(".")[0]), list(fitting[name])


def hidden_of(output: Any) -> Tensor:
    """The hidden states [row, position, hidden] in what a block returned, a tensor or a tuple."""
    hidden = output[0] if isinstance(output, tuple | list) else output
    if not isinstance(hidden, Tensor):
        raise UnsupportedModel(
            f"A decoder block returned {type(output).__name__}; expected a tensor, or a tuple that starts with one."
        )
    return hidden


def with_hidden(output: Any, hidden: Tensor) -> Any:
    """What a block returned, with other hidden states in it."""
    if isinstance(output, tuple | list):
        return type(output)((hidden, *output[1:]))
    return hidden


def keep_hooks_visible(blocks: list[nn.Module]) -> None:
    """Give every block without any forward hook one that does nothing.

    Code compiled by ``torch.compile`` checks a block's hooks before it runs only if the block had one when it was
    compiled; on a bare block, hooks that come later would silently do nothing.
    """
    for block in blocks:
        if not block._forward_hooks:
            block.register_forward_hook(_witness)


def device_of(block: nn.Module) -> torch.device:
    """Where a block computes; its weights may be kept elsewhere between passes (offloading by accelerate)."""
    for module in block.modules():
        placed = getattr(getattr(module, "_hf_hook", None), "execution_device", None)
        if placed is not None:
            return torch.device(placed)
    return next((parameter.device for parameter in block.parameters()), torch.device("cpu"))


@contextmanager
def hooked(module: nn.Module, hook: BlockHook) -> Iterator[None]:
    """Keep a forward hook on a module inside the context, and take it away on exceptions too."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def verify_blocks(blocks: list[nn.Module], hidden_size: int, forward: Forward) -> None:
    """Try out that hooks on the blocks read and write the residual stream.

    Args:
        blocks: decoder blocks in order.
        hidden_size: width of the residual stream.
        forward: runs the model on a fixed short input; called with True it also returns ``hidden_states``.

    Raises:
        UnsupportedModel: a block's output is not the model's own ``hidden_states[layer + 1]``, or an edit of
            the first, middle or last block's output leaves the logits as they were. The message names the layer.
    """
    seen: list[Tensor] = []
    with torch.no_grad():
        handles = [
            block.register_forward_hook(lambda _module, _inputs, output: seen.append(hidden_of(output).clone()))
            for block in blocks
        ]
        try:
            plain = forward(True)
        finally:
            for handle in handles:
                handle.remove()
        _compare_outputs(seen, plain.hidden_states, len(blocks), hidden_size)
        for layer in sorted({0, len(blocks) // 2, len(blocks) - 1}):
            with hooked(blocks[layer], _disturb):
                if torch.equal(forward(False).logits, plain.logits):
                    raise UnsupportedModel(
                        f"Editing the output of block {layer} does not change the logits, so steering would do "
                        "nothing. Load the model without compiled or fused blocks."
                    )


def _compare_outputs(seen: list[Tensor], states: Any, layer_count: int, hidden_size: int) -> None:
    if len(seen) != layer_count or states is None or len(states) != layer_count + 1:
        raise UnsupportedModel(f"One pass ran {len(seen)} of {layer_count} decoder blocks; expected each of them once.")
    if seen[0].shape[-1] != hidden_size or seen[0].dim() != 3:
        raise UnsupportedModel(
            f"Block 0 returned the shape {list(seen[0].shape)}; expected [row, position, {hidden_size}]."
        )
    # The last entry of hidden_states comes after the final norm, so it is not the last block's output.
    for layer in range(layer_count - 1):
        if not torch.equal(seen[layer], states[layer + 1]):
            raise UnsupportedModel(
                f"The output of block {layer} is not the model's hidden state after layer {layer}. "
                "Isogloss cannot tell where this model keeps its residual stream."
            )


def _witness(_module: nn.Module, _inputs: Any, _output: Any) -> None:
    """See ``keep_hooks_visible``."""


def _disturb(_module: nn.Module, _inputs: Any, output: Any) -> Any:
    hidden = hidden_of(output)
    # Uneven over the hidden dimension: a constant shift is invisible to a LayerNorm.
    wave = torch.linspace(0, 20, hidden.shape[-1], device=hidden.device).sin().to(hidden.dtype)
    return with_hidden(output, hidden + wave * (1 + hidden.abs().amax()))
