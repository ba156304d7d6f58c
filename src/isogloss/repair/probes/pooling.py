"""Hidden states averaged over the tokens of a prompt."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from isogloss.core import Prompt
from isogloss.core.errors import NothingToDo
from isogloss.core.progress import Progress, silent
from isogloss.inside.activations import check_layers
from isogloss.models.layers import BlockHook, hidden_of, hooked
from isogloss.models.open_model import OpenModel


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens of each row, float32 [row, hidden]; padding does not count.

    Args:
        hidden: [row, position, hidden].
        mask: [row, position], 1 for a token, 0 for padding; every row has a token.
    """
    weights = mask.to(hidden.device).float()
    # Padding may hold anything, and not even 0 times infinity is 0.
    tokens = hidden.float().masked_fill(weights[..., None] == 0, 0.0)
    return tokens.sum(dim=1) / weights.sum(dim=1, keepdim=True)


def record_mean_states(
    model: OpenModel,
    prompts: Sequence[Prompt],
    layers: Sequence[int] | None = None,
    *,
    batch_tokens: int = 8192,
    progress: Progress = silent,
) -> npt.NDArray[np.float32]:
    """Mean of a block's outputs over all tokens of the rendered prompt, for each prompt and layer.

    Args:
        model: an open model, not inside an intervention.
        prompts: rendered and tokenised as for generation.
        layers: decoder blocks; None takes all.
        batch_tokens: the most tokens, padding included, of a batch.
        progress: told after every batch.

    Returns:
        float32 [prompt, layer, hidden], prompts and layers in the order given.

    Raises:
        NothingToDo: there are no prompts.
        UnknownName: the model has no such layer.
        RuntimeError: an intervention is in force.

    Source: OMNIGuard (arXiv 2505.23856) as used in arXiv 2606.01196. There one of two recorders counts tokens
    without special ones and cuts that many from the right, which leaves a doubled BOS out; with one path from text to
    tokens there is none, and the mean over all tokens is what both meant.
    """
    if model.steering is not None:
        raise RuntimeError("leave the intervention's context before recording activations")
    if not prompts:
        raise NothingToDo("No prompts to record activations of.")
    kept = check_layers(model, layers)
    states = np.empty((len(prompts), len(kept), model.hidden_size), np.float32)
    done = 0
    for batch in model.batches(prompts, batch_tokens=batch_tokens):
        means: dict[int, Tensor] = {}
        with ExitStack() as hooks:
            for layer in kept:
                hooks.enter_context(hooked(model.blocks[layer], _keep_mean(layer, batch.attention_mask, means)))
            model.forward_hidden(batch, last_layer=max(kept))
        for slot, layer in enumerate(kept):
            states[batch.indices, slot] = means[layer].cpu().numpy()
        done += len(batch)
        progress("activations", done, len(prompts))
    return states


def _keep_mean(layer: int, mask: Tensor, means: dict[int, Tensor]) -> BlockHook:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        means[layer] = masked_mean(hidden_of(output), mask)

    return hook
