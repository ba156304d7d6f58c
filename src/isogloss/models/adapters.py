"""PEFT adapters: put on when a model is loaded, looked through when it is opened, named when it is identified."""

import importlib
import warnings
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName, UnsupportedModel
from isogloss.core.fingerprint import fingerprint

# What an adapter layer of PEFT keeps beside its weights and what decides how much of them counts.
_SETTINGS = ("active_adapters", "merged_adapters", "disable_adapters", "scaling")


def add_adapter(model: Any, folder: str) -> Any:
    """Put an adapter on a model.

    Args:
        model: of transformers.
        folder: with ``adapter_config.json`` and ``adapter_model.safetensors``, as PEFT saves it.

    Returns:
        The model, wrapped by PEFT.

    Raises:
        UnknownName: no such folder, or no adapter in it.
        UnsupportedModel: its weights are pickled, or it does not fit this kind of model.
        BrokenInput: its weights are damaged, incomplete or of another size.
        MissingExtra: PEFT is not installed.
    """
    place = Path(folder).expanduser()
    if not (place / "adapter_config.json").is_file():
        raise UnknownName(f"No adapter in {folder}: there is no adapter_config.json. Name the folder that PEFT wrote.")
    if not (place / "adapter_model.safetensors").is_file():
        raise UnsupportedModel(
            f"{folder} has no adapter_model.safetensors. Pickled weights are never opened; save the adapter again "
            "with `save_pretrained`."
        )
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        raise MissingExtra("Adapters need PEFT: pip install 'isogloss[peft]'.") from error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return peft.PeftModel.from_pretrained(model, str(place), is_trainable=False)
    except (SafetensorError, RuntimeError, UserWarning) as error:
        raise BrokenInput(f"The weights of the adapter in {folder} do not fit this model: {_shorten(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedModel(f"The adapter in {folder} does not fit this model: {_shorten(error)}") from error


def look_through(model: Any) -> Any:
    """The model of transformers inside what PEFT wrapped around it, with the adapter's layers in it.

    Raises:
        UnsupportedModel: the adapter is a learned prompt, whose extra positions would shift every position we name.
    """
    inner = getattr(model, "get_base_model", None)
    if inner is None:
        return model
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        raise UnsupportedModel(
            "The adapter is a learned prompt: it adds positions of its own before the text. Isogloss takes adapters "
            "that change layers, such as LoRA."
        )
    return inner()


def fingerprint_adapters(model: nn.Module) -> str | None:
    """Hash of what is active, merged, switched off and scaled in every adapter layer; None without any.

    The adapters' weights are parameters of the model, and so they are in the hash of its weights.
    """
    found = {
        name: {setting: str(getattr(module, setting, None)) for setting in _SETTINGS}
        for name, module in model.named_modules()
        if hasattr(module, "merged_adapters") and hasattr(module, "active_adapters")
    }
    return fingerprint(found) if found else None


def _shorten(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:240].rstrip(".") + "."
