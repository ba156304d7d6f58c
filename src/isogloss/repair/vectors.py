"""Control vectors of other tools, as data: GGUF files (repeng, llama.cpp) and CAST's ``.svec`` files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core.drafts import draft_of
from isogloss.core.errors import BrokenInput, MissingExtra, NothingToDo, UnknownName

try:
    import gguf
except ImportError:
    gguf = None  # type: ignore[assignment]

Floats = npt.NDArray[np.floating[Any]]

ARCHITECTURE = "controlvector"
PREFIX = "direction."


@dataclass(frozen=True, eq=False)
class ControlVectors:
    """One vector per decoder block, as other tools store them.

    Attributes:
        vectors: float32 [hidden] by 0-based decoder block; a vector belongs to the block's output.
        model_type: the architecture they were made for, such as ``qwen2``; empty where the file does not tell.
        source: the file.
    """

    vectors: Mapping[int, Floats]
    model_type: str
    source: str

    def at(self, layer: int) -> Floats:
        """The vector of one block.

        Raises:
            UnknownName: there is none.
        """
        if layer not in self.vectors:
            held = ", ".join(map(str, sorted(self.vectors)))
            raise UnknownName(f"{self.source} has no vector for layer {layer}; it has layers {held}.")
        return self.vectors[layer]

    def moved(self, blocks: int) -> "ControlVectors":
        """The same vectors that many blocks later (or earlier, where negative)."""
        return ControlVectors({layer + blocks: vector for layer, vector in self.vectors.items()}, self.model_type, "")


def load_control_vectors(path: Path) -> ControlVectors:
    """Read a ``.gguf`` or ``.svec`` file; nothing in it is executed.

    A GGUF name ``direction.L`` stands for the output of the 0-based block L in repeng and in llama.cpp alike. A
    ``.svec`` of CAST (IBM/activation-steering) names the block whose output the vector was fitted on, but CAST adds it
    to that block's *input*: use ``moved(-1)`` to act where CAST acts.

    Raises:
        UnknownName: there is no such file, or its name ends in neither.
        MissingExtra: a GGUF file and the package ``gguf`` is not installed.
        BrokenInput: the file does not hold control vectors.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}. Name a .gguf or .svec file of control vectors.")
    readers = {".gguf": _read_gguf, ".svec": _read_svec}
    if path.suffix.lower() not in readers:
        raise UnknownName(f"{path} ends in '{path.suffix}'; control vectors are read from .gguf and .svec files.")
    found = readers[path.suffix.lower()](path)
    widths = {vector.shape for vector in found.vectors.values()}
    if len(widths) != 1 or not all(len(shape) == 1 for shape in widths):
        raise BrokenInput(f"{path} holds vectors of the shapes {sorted(widths)}; expected one width.")
    if not all(np.isfinite(vector).all() for vector in found.vectors.values()):
        raise BrokenInput(f"{path} holds numbers that are not finite. Make the vectors again.")
    return found


def save_gguf_vectors(path: Path, vectors: Mapping[int, Floats], *, model_type: str) -> Path:
    """Write a control-vector file for llama.cpp and for what reads repeng's files.

    Such a file adds its vectors to every token of every prompt: a gate cannot be stored in it.

    Args:
        path: where to.
        vectors: [hidden] by 0-based decoder block, already multiplied with their strength. Block 0 cannot be steered
            by llama.cpp, whose first steerable block is 1.
        model_type: the architecture, such as ``qwen2``.

    Raises:
        MissingExtra: the package ``gguf`` is not installed.
        NothingToDo: there are no vectors, or one is for block 0.
        WriteFailed: the file cannot be written.

    Source: the layout of ggml-org/llama.cpp (pull request 5970); its loader refuses ``direction.0``.
    """
    _need_gguf()
    if not vectors or min(vectors) < 1:
        raise NothingToDo(
            "A GGUF control vector acts on blocks from 1 on (the second block); "
            f"these vectors are for {sorted(vectors) or 'none'}. Make the repair at a later layer."
        )
    with draft_of(path) as draft:
        writer = gguf.GGUFWriter(draft, ARCHITECTURE)
        writer.add_string(f"{ARCHITECTURE}.model_hint", model_type)
        writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(vectors))
        for layer, vector in sorted(vectors.items()):
            writer.add_tensor(f"{PREFIX}{layer}", np.ascontiguousarray(vector, np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return path


def _read_gguf(path: Path) -> ControlVectors:
    _need_gguf()
    try:
        reader = gguf.GGUFReader(path, "r")
        fields = {name: reader.get_field(name) for name in ("general.architecture", f"{ARCHITECTURE}.model_hint")}
        texts = {name: "" if part is None else str(part.contents()) for name, part in fields.items()}
        tensors = {tensor.name: np.array(tensor.data, np.float32) for tensor in reader.tensors}
    # The reader maps the file and indexes into it; a damaged one fails in any of these ways.
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise BrokenInput(f"{path} is not a whole GGUF file: {error}. Copy it again.") from error
    if texts["general.architecture"] != ARCHITECTURE:
        raise BrokenInput(
            f"{path} is a GGUF file of '{texts['general.architecture']}', not of control vectors ('{ARCHITECTURE}')."
        )
    vectors = {_read_layer(path, name): vector for name, vector in tensors.items() if name.startswith(PREFIX)}
    if not vectors:
        raise BrokenInput(f"{path} has no tensor named {PREFIX}LAYER.")
    return ControlVectors(vectors, texts[f"{ARCHITECTURE}.model_hint"], str(path))


def _read_svec(path: Path) -> ControlVectors:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        directions = {_read_layer(path, key): np.array(part, np.float32) for key, part in value["directions"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenInput(
            f"{path} is not a steering vector of CAST: expected JSON with 'directions', numbers by layer ({error})."
        ) from error
    if not directions:
        raise BrokenInput(f"{path} holds no directions.")
    return ControlVectors(directions, str(value.get("model_type", "")), str(path))


def _read_layer(path: Path, name: str) -> int:
    number = name.removeprefix(PREFIX)
    if not number.isdecimal():
        raise BrokenInput(f"{path}: '{name}' does not name a layer.")
    return int(number)


def _need_gguf() -> None:
    if gguf is None:
        raise MissingExtra("GGUF files need the package gguf: pip install 'isogloss[gguf]'.")
