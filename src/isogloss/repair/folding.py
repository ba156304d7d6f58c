"""The part of a repair that fits into weights: a constant push towards refusal, as a bias of one block."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import NothingToDo, UnsupportedModel, WriteFailed
from isogloss.core.run import write_text
from isogloss.models.layers import find_blocks
from isogloss.models.open_model import OpenModel
from isogloss.repair.artifact import Repair
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.moves import HarmfulEdit, Move, Operation, Span
from isogloss.repair.routers import ConstantRouter

# What these two compute with a bias that is zero is what they compute without one, so they carry over to Llama, whose
# configuration knows biases.
SAME_AS_LLAMA = ("llama", "qwen2", "mistral")
WITH_BIAS = {"gpt2": "mlp.c_proj", "gpt_neox": "mlp.dense_4h_to_h"}
CARRIED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "tie_word_embeddings",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "initializer_range",
    "rope_parameters",
)
# How far a logit may be off, in standard deviations of the logits; half precision rounds more.
CLOSE = 1e-3
PROBES = ("How do I open this door?", "a")


def measure_push(repair: Repair, *, share: float | None = None) -> float:
    """The length of the constant push that comes nearest to a repair, in model units.

    That is what it adds; for a lift, what it adds to a typical harmless prompt of the source languages.

    Args:
        repair: any.
        share: of the push; None takes the repair's persistence, which is what its generated tokens get.

    Raises:
        NothingToDo: nothing would be left, or a lift's scale is not on record.
    """
    edit, length = repair.edit, repair.edit.strength
    if edit.harmful == HarmfulEdit.LIFT:
        scale = repair.choice.get("scale")
        if scale is None:
            raise NothingToDo("This repair lifts, and does not say from where; make it again to export its push.")
        length -= float(scale["low"])
    length *= edit.persistence if share is None else share
    if not length > 0:
        raise NothingToDo(f"A push of length {length:g} changes nothing. Use a larger --share.")
    return length


def fold_push(model: OpenModel, repair: Repair, folder: Path, *, share: float | None = None) -> Path:
    """Save a plain checkpoint whose every token gets a share of the repair's push.

    The gate and the treatment of harmless prompts cannot be folded: the checkpoint is pushed towards refusal on
    *every* prompt, harmful or not, so measure its harmless refusal before anybody uses it. It needs no Isogloss to
    run. Removing the direction is not offered as a checkpoint.

    Args:
        model: the plain model that the repair was made for.
        repair: made for it.
        folder: where the checkpoint is written; must not exist.
        share: of the strength; None takes the repair's persistence, which is what its generated tokens get.

    Returns:
        The folder.

    Raises:
        FingerprintMismatch: the repair was made for another model.
        NothingToDo: no push would be left (see ``measure_push``).
        UnsupportedModel: no bias of this architecture adds to the residual stream, or the written checkpoint does not
            compute what adding the vector computes (then nothing is left behind).
        WriteFailed: the folder exists or cannot be written.
    """
    repair.check(model)
    edit, length = repair.edit, measure_push(repair, share=share)
    if folder.exists():
        raise WriteFailed(f"{folder} exists. Name a folder that does not.")
    vector = np.asarray(edit.vector, np.float64) * length
    folded = _with_bias(model, edit.layer, torch.from_numpy(vector))
    draft = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        folded.save_pretrained(draft)
        model.tokenizer.save_pretrained(draft)
        write_text(draft / "README.md", _describe(repair, length))
        _compare(model, Move(edit.layer, vector, Operation.ADD, span=Span.EVERYWHERE), draft)
        draft.rename(folder)
    except OSError as error:
        raise WriteFailed(f"Cannot write {folder}: {error.strerror}. Make room or choose another folder.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _with_bias(model: OpenModel, layer: int, vector: torch.Tensor) -> Any:
    kind = model.model.config.model_type
    if kind in WITH_BIAS:
        copy = type(model.model)(model.model.config)
        copy.load_state_dict(model.model.state_dict())
        copy = copy.to(dtype=model.model.dtype)
        _, blocks = find_blocks(copy, model.layer_count)
        _add(blocks[layer].get_submodule(WITH_BIAS[kind]), vector)
        return copy
    if kind in SAME_AS_LLAMA and not _slides(model.model.config):
        copy = _as_llama(model.model)
        _, blocks = find_blocks(copy, model.layer_count)
        _add(blocks[layer].get_submodule("mlp.down_proj"), vector)
        return copy
    known = ", ".join([*SAME_AS_LLAMA, *WITH_BIAS])
    raise UnsupportedModel(
        f"A push cannot be folded into the weights of {model.name} ({kind}): no bias of a block adds to its residual "
        f"stream. It can for {known} (without sliding attention). Serve the repair itself instead."
    )


def _slides(config: Any) -> bool:
    kinds = getattr(config, "layer_types", None) or []
    window = getattr(config, "sliding_window", None)
    reach = getattr(config, "max_position_embeddings", 0)
    return "sliding_attention" in kinds and window is not None and window < reach


def _as_llama(source: Any) -> Any:
    """The same function with a bias in every linear layer of a block, zero where the source has none."""
    old = source.config
    kept = {name: getattr(old, name) for name in CARRIED if hasattr(old, name)}
    head = getattr(old, "head_dim", None) or old.hidden_size // old.num_attention_heads
    config = LlamaConfig(**kept, head_dim=head, attention_bias=True, mlp_bias=True)
    make: Any = LlamaForCausalLM  # partly unannotated
    copy = make(config)
    weights = source.state_dict()
    missing, unexpected = copy.load_state_dict(weights, strict=False)
    if unexpected or any(not name.endswith(".bias") for name in missing):
        raise UnsupportedModel(
            f"{type(source).__name__} holds weights that Llama has no place for ({', '.join(unexpected[:3])}); "
            "its push cannot be folded."
        )
    with torch.no_grad():
        parameters = dict(copy.named_parameters())
        for name in missing:
            parameters[name].zero_()
    return copy.to(dtype=source.dtype).eval()


def _add(linear: Any, vector: torch.Tensor) -> None:
    with torch.no_grad():
        linear.bias += vector.to(linear.bias.dtype)


def _compare(model: OpenModel, move: Move, folder: Path) -> None:
    """Make sure that the checkpoint, read back, computes what the model computes when the vector is added."""
    prompts = [Prompt(f"p{n}", text, Language.parse("en"), Kind.HARMLESS, f"p{n}") for n, text in enumerate(PROBES)]
    written = OpenModel.load(
        folder, dtype=str(model.model.dtype).removeprefix("torch."), chat_template=model.chat_template
    )
    [batch] = model.batches(prompts)
    with RoutedSteering(model, [move], ConstantRouter(fires=True)):
        expected = model.next_logits(batch).float().cpu()
    [again] = written.batches(prompts)
    found = written.next_logits(again).float().cpu()
    worst = float((found - expected).abs().max() / expected.std())
    if not worst <= CLOSE * (1 if model.model.dtype == torch.float32 else 50):
        raise UnsupportedModel(
            f"The folded checkpoint of {model.name} differs from the steered model by {worst:.2g} standard deviations "
            "of the logits, so it was not kept. Serve the repair itself instead."
        )


def _describe(repair: Repair, length: float) -> str:
    return (
        f"# {repair.model_name}, pushed towards refusal at every token\n\n"
        f"Written by Isogloss from repair {repair.fingerprint()[:8]}: a constant of length {length:.4g} along the "
        f"repair's direction is added to the output of block {repair.edit.layer}, as a bias.\n\n"
        "**The gate is lost.** The repair pushes prompts that its gate calls harmful; this checkpoint pushes every "
        "prompt. Expect more refusals of harmless prompts, and measure them: `isogloss audit THIS_FOLDER`.\n"
    )
