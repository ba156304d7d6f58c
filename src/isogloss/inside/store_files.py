"""The files of an activation store: one header, whole chunks, and a list of the chunks that are whole."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, FingerprintMismatch, WriteFailed
from isogloss.core.fingerprint import fingerprint, fingerprint_file
from isogloss.core.journal import Journal, Row, read_rows
from isogloss.core.run import list_differences, load_json, write_json
from isogloss.inside.activations import Activations

SCHEMA = 1
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Key = tuple[str, str, str]
"""Prompt id, language key, hash of the text: a prompt whose text was changed is another prompt."""


@dataclass(frozen=True, slots=True)
class StoreHeader:
    """Whose states a store holds; every field must agree before anything is added or read for a model.

    Attributes:
        model: hashes of configuration, weights, tokenizer and chat template.
        revision: the revision that the caller named, for hub models; None where none was named.
        system_prompt: hash of the text put before every prompt; None where there was none.
        layers: decoder blocks kept.
        positions: token positions kept, counted from the end of the prompt.
        dtype: of the numbers on disk.
        hidden_size: width of a state.
    """

    model: dict[str, str]
    revision: str | None
    system_prompt: str | None
    layers: tuple[int, ...]
    positions: tuple[int, ...]
    dtype: str
    hidden_size: int

    def to_json(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {"schema": SCHEMA, **json.loads(json.dumps(fields))}


def load_header(folder: Path) -> StoreHeader:
    """What a store says about itself.

    Raises:
        UnknownName: the folder is no store.
        BrokenInput: ``store.json`` cannot be read.
    """
    path = folder / "store.json"
    found = load_json(path, what="activation store", schema=SCHEMA)
    try:
        return StoreHeader(
            model=dict(found["model"]),
            revision=found["revision"],
            system_prompt=found["system_prompt"],
            layers=tuple(found["layers"]),
            positions=tuple(found["positions"]),
            dtype=found["dtype"],
            hidden_size=int(found["hidden_size"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenInput(f"{path} does not describe a store ({error}). Delete the folder and record again.") from error


def prompt_key(prompt: Prompt) -> Key:
    """What finds a prompt in a store."""
    return (prompt.id, prompt.language.key, fingerprint(prompt.text))


def open_folder(folder: Path, header: StoreHeader) -> None:
    """Create the folder, or make sure that it holds what the header says."""
    if (folder / "store.json").exists():
        compare_headers(folder, load_header(folder).to_json(), header.to_json())
    elif list_path(folder).exists():
        raise BrokenInput(f"{folder} lists chunks but has no store.json. Choose another folder, or delete this one.")
    else:
        write_json(folder / "store.json", header.to_json())
    for draft in (folder / "chunks").glob("*.tmp"):
        with suppress(OSError):
            draft.unlink()


def compare_headers(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse states that are not those asked for, by the name of what differs."""
    differences = list_differences(json.loads(json.dumps(found)), json.loads(json.dumps(wanted)))
    if differences:
        raise FingerprintMismatch(
            f"{folder} holds other states than those asked for: {'; '.join(differences)}. "
            "States of different models, layers, positions or types cannot be mixed: choose another folder."
        )


def append_chunk(
    folder: Path, chunks: Journal, recorded: Activations, header: StoreHeader, *, with_texts: bool
) -> None:
    """Write one chunk and list it: draft, sync, rename, and only then the line that makes it exist."""
    name = f"{max((int(key.partition('.')[0]) for key in chunks.rows), default=-1) + 1:06d}.safetensors"
    path = folder / "chunks" / name
    tensors = {
        _tensor_name(layer): _narrow(torch.from_numpy(np.ascontiguousarray(recorded.hidden[:, place])), header, layer)
        for place, layer in enumerate(header.layers)
    }
    draft = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, draft, metadata={"model": fingerprint(header.model)})
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        listed = {"bytes": draft.stat().st_size, "sha256": fingerprint_file(draft)}
        os.replace(draft, path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise WriteFailed(
            f"Cannot write {path}: {error}. The {len(chunks)} chunks before it are safe; make room and run again."
        ) from error
    chunks.append(name, {**listed, "prompts": [_describe(prompt, with_texts) for prompt in recorded.prompts]})


def _narrow(states: Tensor, header: StoreHeader, layer: int) -> Tensor:
    narrowed = states.to(DTYPES[header.dtype])
    if not bool(torch.isfinite(narrowed).all()):
        cause = "does not fit into float16; use bfloat16" if bool(torch.isfinite(states).all()) else "is not finite"
        raise BrokenInput(f"A state of layer {layer} {cause}. Nothing of this chunk was written.")
    return narrowed


def _describe(prompt: Prompt, with_text: bool) -> dict[str, Any]:
    row = {
        "id": prompt.id,
        "language": prompt.language.tag,
        "key": prompt.language.key,
        "kind": prompt.kind.value,
        "seed_id": prompt.seed_id,
        "cluster": prompt.cluster,
        "category": prompt.category,
        "split": prompt.split.value if prompt.split else None,
        "hash": fingerprint(prompt.text),
    }
    return {**row, "text": prompt.text} if with_text else row


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt's states lie."""

    chunk: str
    row: int
    prompt: Prompt


def list_path(folder: Path) -> Path:
    """The journal of whole chunks."""
    return folder / "chunks.jsonl"


def _tensor_name(layer: int) -> str:
    return f"layer_{layer:03d}"


def read_listing(folder: Path) -> Iterator[Row]:
    """The chunks that are whole."""
    if list_path(folder).exists():
        yield from read_rows(list_path(folder))


def index_prompts(rows: Iterable[Row]) -> dict[Key, Place]:
    """Every prompt of the listed chunks, in the order recorded."""
    languages: dict[str, Language] = {}
    held = {}
    for chunk in rows:
        for number, row in enumerate(chunk["prompts"]):
            language = languages.setdefault(row["key"], Language(row["key"], row["language"]))
            prompt = Prompt(
                row["id"],
                row.get("text", ""),
                language,
                Kind(row["kind"]),
                row["seed_id"],
                row["cluster"],
                category=row["category"],
                split=Split(row["split"]) if row["split"] else None,
            )
            held[row["id"], row["key"], row["hash"]] = Place(chunk["key"], number, prompt)
    return held


def check_chunks(folder: Path, rows: Iterable[Row]) -> None:
    """Make sure that every listed chunk is there with the size that was listed.

    Raises:
        BrokenInput: one is not; the message names it.
    """
    for row in rows:
        path = folder / "chunks" / row["key"]
        if not path.exists():
            raise BrokenInput(say_damaged(folder, row, "it is missing"))
        if path.stat().st_size != row["bytes"]:
            raise BrokenInput(say_damaged(folder, row, f"it has {path.stat().st_size} bytes, not {row['bytes']}"))


def say_damaged(folder: Path, row: Row, what: str) -> str:
    """What is wrong with a chunk, and what to do."""
    return (
        f"{folder / 'chunks' / row['key']} is damaged: {what}. Delete the line that names it from chunks.jsonl and "
        f"record again; its {len(row['prompts'])} prompts will be read anew."
    )


def gather_states(folder: Path, header: StoreHeader, layers: tuple[int, ...], places: Sequence[Place]) -> np.ndarray:
    """States float32 [prompt, layer, position, hidden] of some places, through memory maps, one tensor at a time."""
    hidden = np.empty((len(places), len(layers), len(header.positions), header.hidden_size), np.float32)
    by_chunk: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        by_chunk.setdefault(place.chunk, []).append(number)
    for chunk, numbers in by_chunk.items():
        rows = torch.tensor([places[number].row for number in numbers])
        path = folder / "chunks" / chunk
        try:
            with safe_open(path, framework="pt") as stream:
                for slot, layer in enumerate(layers):
                    states = stream.get_tensor(_tensor_name(layer))
                    hidden[numbers, slot] = states[rows].float().numpy()
        except (SafetensorError, OSError) as error:
            raise BrokenInput(
                f"{path} cannot be read: {error}. Delete its line from chunks.jsonl and record again."
            ) from error
    return hidden
