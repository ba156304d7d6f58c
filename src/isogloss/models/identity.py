"""What identifies an open model: hashes of its configuration, weights, tokenizer and chat template."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from isogloss.core.errors import UnsupportedModel
from isogloss.core.fingerprint import fingerprint

SAMPLED_VALUES = 256

# Where the model was loaded from and by which version says nothing about what it computes. The type of the weights
# is part of their own hash.
_INCIDENTAL = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "_commit_hash", "architectures"}
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def fingerprint_config(config: Any) -> str:
    """Hash of a model configuration without what is incidental to it."""
    return fingerprint(_plain(config.to_dict()))


def fingerprint_weights(model: nn.Module) -> str:
    """Hash of every stored tensor: name, shape, type, 256 evenly spaced values and the sum of all bit patterns.

    The bit sum is exact integer arithmetic: any change of one value changes it, on every device and number of
    threads, at the price of reading the weights once. Only a change that also keeps the sum and the sampled
    values (two swapped numbers) is missed. Where the weights are kept (device, memory, disk) does not matter.
    """
    digest = hashlib.sha256()
    for name, values in sorted(_list_tensors(model), key=lambda pair: pair[0]):
        digest.update(f"{name} {list(values.shape)} {values.dtype} {_sum_bits(values)} ".encode())
        step = max(1, values.numel() // SAMPLED_VALUES)
        digest.update(_bits(values)[::step].contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def fingerprint_tokenizer(tokenizer: Any) -> str:
    """Hash of what turns text into ids: vocabulary, merges, normaliser, added and special tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        content = json.loads(backend.to_str())
        # Left over from whoever padded or cut last; encoding here does neither.
        content.pop("padding", None)
        content.pop("truncation", None)
    else:
        content = {"class": type(tokenizer).__name__, "vocabulary": tokenizer.get_vocab()}
    special = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return fingerprint({"content": content, "special": special})


def fingerprint_template(template: str, template_arguments: Mapping[str, Any]) -> str:
    """Hash of a chat template and of what is always passed to it."""
    return fingerprint({"template": template, "arguments": dict(template_arguments)})


def keep_weights_readable(model: nn.Module) -> None:
    """Have 4-bit weights of bitsandbytes stay as they were stored.

    On processors with AVX512-BF16 its first pass repacks them with coarser scales, and reading the state dict
    afterwards unpacks them again: whoever takes a fingerprint would leave another model behind.

    Raises:
        UnsupportedModel: they are repacked already.
    """
    for name, module in model.named_modules():
        if not hasattr(module, "support_avx512bf16_for_cpu"):
            continue
        if getattr(getattr(module.weight, "quant_state", None), "packing_format_for_cpu", False):
            raise UnsupportedModel(
                f"The 4-bit weights of {name} were repacked for this processor when the model ran first, and cannot be "
                "read any more without changing them. Load the model again and hand it over before it runs."
            )
        module.support_avx512bf16_for_cpu = False


def _list_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every stored tensor with its name; offloaded ones are fetched one by one, quantised ones taken apart."""
    for name, value in model.state_dict().items():
        if isinstance(value, Tensor):
            yield from _take_apart(name, _fetch(model, name) if value.is_meta else value.detach())


def _fetch(model: nn.Module, name: str) -> Tensor:
    """A weight that accelerate keeps in memory or on disk until its module runs."""
    owner, _, own_name = name.rpartition(".")
    kept = getattr(getattr(model.get_submodule(owner), "_hf_hook", None), "weights_map", None)
    if kept is None:
        raise UnsupportedModel(f"The weight {name} holds no values, so this model cannot be identified. Load it again.")
    value: Tensor = kept[own_name]
    return value


def _take_apart(name: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    """A tensor as it is, or the plain tensors inside a quantised one."""
    flatten = getattr(value, "__tensor_flatten__", None)
    if flatten is None or type(value) in (Tensor, nn.Parameter):
        yield name, value
        return
    parts, _ = flatten()
    for part in parts:
        yield from _take_apart(f"{name}.{part}", getattr(value, part))


def _bits(values: Tensor) -> Tensor:
    # Booleans and floats of one byte count as bytes too; a tensor without dimensions has no other view.
    return values.contiguous().reshape(-1).view(_INTEGERS[values.element_size()])


def _sum_bits(values: Tensor) -> int:
    return int(_bits(values).sum(dtype=torch.int64))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if str(key) not in _INCIDENTAL}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return str(value)
