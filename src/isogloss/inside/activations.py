"""Hidden states at chosen layers and positions, and nothing else, in one pass per batch."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import FingerprintMismatch, NothingToDo, TooFewPrompts, UnknownName, UnsupportedModel
from isogloss.core.progress import Progress, silent
from isogloss.models.batches import PromptBatch
from isogloss.models.layers import BlockHook, hidden_of, hooked
from isogloss.models.open_model import OpenModel

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Activations:
    """Hidden states of some prompts.

    Attributes:
        hidden: float32 [prompt, layer, position, hidden], outputs of decoder blocks before any final norm.
        prompts: whose states these are, in the order of the first axis.
        layers: 0-based decoder blocks, in the order of the second axis.
        positions: token positions from the end of the rendered prompt (-1 is the last), as on the third axis.
        model: fingerprint of the model.
    """

    hidden: npt.NDArray[np.float32]
    prompts: tuple[Prompt, ...]
    layers: tuple[int, ...]
    positions: tuple[int, ...]
    model: dict[str, str]

    def at(self, layer: int, position: int = -1) -> npt.NDArray[np.float32]:
        """States of one layer and position, [prompt, hidden]; a view.

        Raises:
            UnknownName: that layer or position was not recorded.
        """
        if layer not in self.layers or position not in self.positions:
            raise UnknownName(
                f"No states of layer {layer}, position {position}: recorded are layers {list(self.layers)} "
                f"at positions {list(self.positions)}."
            )
        return self.hidden[:, self.layers.index(layer), self.positions.index(position)]

    def take(self, layer: int) -> "Activations":
        """The states of one layer alone, at every position; a view.

        Raises:
            UnknownName: that layer was not recorded.
        """
        self.at(layer, self.positions[0])
        slot = self.layers.index(layer)
        return replace(self, hidden=self.hidden[:, slot : slot + 1], layers=(layer,))

    def join(self, other: "Activations") -> "Activations":
        """These prompts and those of another recording of the same model, layers and positions; a copy.

        Raises:
            FingerprintMismatch: the recordings are of different models.
            UnknownName: their layers or positions differ.
        """
        if self.model != other.model:
            raise FingerprintMismatch("These states were recorded from two different models; record them again.")
        if (self.layers, self.positions) != (other.layers, other.positions):
            raise UnknownName(
                f"States of layers {self.layers} at positions {self.positions} cannot be joined with states of layers "
                f"{other.layers} at positions {other.positions}."
            )
        hidden = np.concatenate([self.hidden, other.hidden])
        return replace(self, hidden=hidden, prompts=self.prompts + other.prompts)

    def rows(
        self,
        *,
        language: Language | Collection[Language] | None = None,
        kind: Kind | None = None,
        split: Split | None = None,
    ) -> Bools:
        """Which prompts match every condition given, bool [prompt]."""
        languages = {language} if isinstance(language, Language) else language
        return np.array(
            [
                (languages is None or prompt.language in languages)
                and (kind is None or prompt.kind == kind)
                and (split is None or prompt.split == split)
                for prompt in self.prompts
            ],
            dtype=bool,
        )


def record_activations(
    model: OpenModel,
    prompts: Sequence[Prompt],
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[int] = (-1,),
    batch_tokens: int = 8192,
    system_prompt: str | None = None,
    fingerprint: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Activations:
    """Run the prompts through the model and keep the states asked for.

    The pass leaves out the language-model head and stops after the deepest layer asked for. Not for states of
    generated tokens, and not inside an intervention: states are those of the plain model.

    Args:
        model: an open model.
        prompts: rendered and tokenised as they are for generation.
        layers: decoder blocks; None keeps all.
        positions: negative, counted from the end of the rendered prompt.
        batch_tokens: the most tokens, padding included, of a batch.
        system_prompt: put before every prompt. The recording does not keep it: states with and without one look alike.
        fingerprint: of the model, where the caller has just taken it; it costs one read of all weights.
        progress: told after every batch.

    Returns:
        States in the order of the prompts; memory is 4 bytes x prompts x layers x positions x hidden.

    Raises:
        NothingToDo: there are no prompts.
        UnknownName: a layer that the model does not have, or a position that is not negative.
        RuntimeError: an intervention is in force.
        UnsupportedModel: a block is not run by the model.
        TooFewPrompts: a prompt has fewer tokens than a position reaches back; the message names it.
    """
    if model.steering is not None:
        raise RuntimeError("leave the intervention's context before recording activations")
    kept_layers = check_layers(model, layers)
    kept_positions = _check_positions(positions)
    if not prompts:
        raise NothingToDo("No prompts to record activations of.")
    hidden = np.empty((len(prompts), len(kept_layers), len(kept_positions), model.hidden_size), np.float32)
    done = 0
    for batch in model.batches(prompts, batch_tokens=batch_tokens, system_prompt=system_prompt):
        _check_lengths(batch, prompts, kept_positions)
        for slot, states in enumerate(_read_batch(model, batch, kept_layers, kept_positions)):
            hidden[batch.indices, slot] = states.float().cpu().numpy()
        done += len(batch)
        progress("activations", done, len(prompts))
    return Activations(hidden, tuple(prompts), kept_layers, kept_positions, dict(fingerprint or model.fingerprint()))


def _read_batch(
    model: OpenModel, batch: PromptBatch, layers: tuple[int, ...], positions: tuple[int, ...]
) -> list[Tensor]:
    kept: dict[int, Tensor] = {}
    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(hooked(model.blocks[layer], _keep(layer, list(positions), kept)))
        model.forward_hidden(batch, last_layer=max(layers))
    silent_layers = [layer for layer in layers if layer not in kept]
    if silent_layers:
        raise UnsupportedModel(
            f"A hook on block {silent_layers[0]} of {model.name} never ran, so recording or steering it would do "
            "nothing here. Load the model without compiled or fused blocks."
        )
    return [kept[layer] for layer in layers]


def _keep(layer: int, positions: list[int], kept: dict[int, Tensor]) -> BlockHook:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        # Indexing with a list copies, so that the full states of the layer are freed as the pass goes on.
        kept[layer] = hidden_of(output)[:, positions]

    return hook


def check_layers(model: OpenModel, layers: Sequence[int] | None) -> tuple[int, ...]:
    """The layers asked for, or all.

    Raises:
        UnknownName: a layer that the model does not have.
    """
    chosen = tuple(range(model.layer_count)) if layers is None else tuple(dict.fromkeys(layers))
    wrong = [layer for layer in chosen if not 0 <= layer < model.layer_count]
    if wrong or not chosen:
        raise UnknownName(
            f"{model.name} has no layer {wrong[0] if wrong else 'to record'}; its layers are 0 to "
            f"{model.layer_count - 1}."
        )
    return chosen


def _check_positions(positions: Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(dict.fromkeys(positions))
    if not chosen or max(chosen) >= 0:
        raise UnknownName(
            f"Positions {list(positions)}: expected negative numbers, counted from the end of the prompt (-1)."
        )
    return chosen


def _check_lengths(batch: PromptBatch, prompts: Sequence[Prompt], positions: tuple[int, ...]) -> None:
    for index, length in zip(batch.indices, batch.lengths, strict=True):
        if length < -min(positions):
            raise TooFewPrompts(
                f"Prompt {prompts[index].id} ({prompts[index].language}) has {length} tokens, so there is none at "
                f"position {min(positions)}. Ask for positions from -{length} to -1."
            )
