"""From a folder or a hub id to a model and its tokenizer, or to one clear error."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName, UnsupportedModel
from isogloss.models.adapters import add_adapter

# Below this many parameters, float32 on a CPU costs little and is both exact enough and fast.
SMALL_MODEL_PARAMETERS = 1_000_000_000
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


# Which layer goes where, as transformers and accelerate take it: "auto", or module names with devices.
DeviceMap = str | Mapping[str, str | int]


def load_pretrained(
    name: str,
    *,
    device: str | None,
    dtype: str | None,
    revision: str | None,
    trust_remote_code: bool,
    offline: bool,
    device_map: DeviceMap | None = None,
    quantisation: Any = None,
    adapter: str | None = None,
) -> tuple[Any, Any]:
    """Load a causal language model, ready for inference, and its tokenizer.

    Args:
        name: a local folder or a hub id.
        device: as torch names it; None takes a CUDA device where there is one.
        dtype: float32, bfloat16 or float16; None keeps the checkpoint's, but float32 for a small model on a CPU.
        revision: branch, tag or commit of a hub model.
        trust_remote_code: run Python code that the checkpoint brings along.
        offline: only look at local files and the local cache.
        device_map: spread the layers over devices instead of naming one device.
        quantisation: "8bit" or "4bit" (bitsandbytes), or any quantisation configuration of transformers.
        adapter: folder of a PEFT adapter to put on the model.

    Raises:
        UnknownName: no such folder, hub model, dtype or device.
        UnsupportedModel: not a decoder-only checkpoint in safetensors that transformers can load without its own code.
        BrokenInput: the weights are incomplete or damaged.
        MissingExtra: a package that the device map, the quantisation or the adapter needs is not installed.
    """
    if device is not None and device_map is not None:
        raise UnknownName("Name a device or a device map, not both.")
    place = _choose_device(device)
    if dtype is not None and dtype not in DTYPES:
        raise UnknownName(f"No dtype '{dtype}'. Known: {', '.join(DTYPES)}.")
    _check_place(name, offline=offline)
    where = {"revision": revision, "trust_remote_code": trust_remote_code, "local_files_only": offline}
    placed = _choose_placement(place, device_map, quantisation)
    with _quiet():
        config = _load_config(name, where)
        model = _load_weights(name, config, dtype, {**where, **placed})
        tokenizer = _load_tokenizer(name, where)
        if not placed:
            if dtype is None and place.type == "cpu" and model.num_parameters() < SMALL_MODEL_PARAMETERS:
                model = model.float()
            model = model.to(place)
        if adapter is not None:
            model = add_adapter(model, adapter)
    return model.eval().requires_grad_(False), tokenizer


def _choose_placement(place: torch.device, device_map: DeviceMap | None, quantisation: Any) -> dict[str, Any]:
    """What transformers must know while it loads; nothing where the model is simply moved afterwards."""
    if quantisation is None:
        return {} if device_map is None else {"device_map": device_map}
    return {
        # Quantised weights are made where they stay: most of them cannot be moved.
        "device_map": {"": str(place)} if device_map is None else device_map,
        "quantization_config": _name_quantisation(quantisation),
    }


def _name_quantisation(quantisation: Any) -> Any:
    if not isinstance(quantisation, str):
        return quantisation
    make: Any = transformers.BitsAndBytesConfig  # unannotated
    if quantisation == "8bit":
        return make(load_in_8bit=True)
    if quantisation == "4bit":
        return make(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    raise UnknownName(
        f"No quantisation '{quantisation}'. Known: 8bit, 4bit, or a quantisation configuration of transformers."
    )


def _choose_device(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise UnknownName(f"No device '{device}' here: {_first_line(error)} Use cpu, or leave it out.") from error
    return place


def _check_place(name: str, *, offline: bool) -> None:
    folder = Path(name).expanduser()
    if folder.is_dir():
        if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
            raise UnsupportedModel(
                f"{name} is an adapter without its model. Name the model's checkpoint, and pass this folder as adapter."
            )
        if not (folder / "config.json").is_file():
            raise UnsupportedModel(
                f"{name} is a folder without config.json, so it is not a checkpoint. "
                "Name the folder that `save_pretrained` wrote, with config.json and *.safetensors."
            )
    elif folder.exists():
        raise UnsupportedModel(f"{name} is a file. Name the checkpoint's folder instead.")
    elif name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise UnknownName(f"No folder {name}. Name an existing checkpoint folder or a hub id such as org/model.")
    elif not offline and name.count("/") == 0:
        raise UnknownName(f"No folder {name}, and a hub id reads org/model.")


def _load_config(name: str, where: dict[str, Any]) -> Any:
    try:
        config = transformers.AutoConfig.from_pretrained(name, **where)
    except OSError as error:
        raise UnknownName(
            f"No model '{name}': there is no such folder here, and it cannot be read from "
            f"{'the local hub cache' if where['local_files_only'] else 'the hub'}. "
            f"Fetch it first (`hf download {name}`) or name a local folder."
        ) from error
    except (ValueError, KeyError) as error:
        raise UnsupportedModel(
            f"{name}: transformers {transformers.__version__} cannot read its config.json: {_first_line(error)}"
        ) from error
    if getattr(config, "is_encoder_decoder", False):
        raise UnsupportedModel(f"{name} is an encoder-decoder model; Isogloss reads decoder-only chat models.")
    return config


def _load_weights(name: str, config: Any, dtype: str | None, where: dict[str, Any]) -> Any:
    load: Any = transformers.AutoModelForCausalLM.from_pretrained  # its annotation leaves out the loading report
    try:
        model, found = load(
            name,
            config=config,
            dtype="auto" if dtype is None else DTYPES[dtype],
            use_safetensors=True,
            output_loading_info=True,
            **where,
        )
    except ImportError as error:
        raise MissingExtra(f"{name} cannot be loaded in this way: {_first_line(error)}") from error
    except SafetensorError as error:
        raise BrokenInput(f"{name}: a safetensors file is damaged ({error}). Copy or download it again.") from error
    except OSError as error:
        raise UnsupportedModel(
            f"{name} has no weights in safetensors: {_first_line(error)} Pickled weights are never opened; "
            "convert them with `save_pretrained`."
        ) from error
    except (ValueError, KeyError) as error:
        reason = "cannot be loaded in this way" if "device_map" in where else "is not a causal language model"
        raise UnsupportedModel(f"{name} {reason}: {_first_line(error)}") from error
    except RuntimeError as error:
        raise BrokenInput(f"{name}: the weights do not fit config.json: {_first_line(error)}") from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise BrokenInput(
            f"{name} lacks {len(missing)} weights that its config.json asks for ({', '.join(missing[:3])}, ...); "
            "they would be random. Copy or download the checkpoint again."
        )
    return model


def _load_tokenizer(name: str, where: dict[str, Any]) -> Any:
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **where)
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        raise UnsupportedModel(
            f"{name} has no tokenizer that can be loaded: {_first_line(error)} Put tokenizer.json beside config.json."
        ) from error
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise UnsupportedModel(
            f"{name}: its tokenizer ({type(tokenizer).__name__}) turns text into nothing. The checkpoint's "
            "tokenizer files do not belong to its model type; save it again with `tokenizer.save_pretrained`."
        )
    return tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep loading bars and advice off the screen; what matters is raised."""
    loud: Any = transformers_logging  # partly unannotated
    level, bars = loud.get_verbosity(), loud.is_progress_bar_enabled()
    loud.set_verbosity(logging.ERROR)
    loud.disable_progress_bar()
    try:
        yield
    finally:
        loud.set_verbosity(level)
        if bars:
            loud.enable_progress_bar()


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines() or [type(error).__name__]
    return text[0][:240].rstrip(".") + "."
