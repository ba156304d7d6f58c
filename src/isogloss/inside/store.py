"""Hidden states on disk: recorded once, read one layer at a time, and never mistaken for another model's.

A store is a folder: ``store.json`` says whose states it holds, ``chunks/*.safetensors`` hold them, and ``chunks.jsonl``
lists the chunks that are whole. A chunk is written to a draft, synced, renamed, and only then listed; what is not
listed does not exist, so a process that is killed leaves either a whole chunk or none.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.core import Prompt
from isogloss.core.errors import BrokenInput, NothingToDo, TooFewPrompts, UnknownName
from isogloss.core.fingerprint import fingerprint, fingerprint_file
from isogloss.core.journal import Journal
from isogloss.core.progress import Progress, silent
from isogloss.inside.activations import Activations, check_layers, record_activations
from isogloss.inside.store_files import (
    DTYPES,
    Key,
    Place,
    StoreHeader,
    append_chunk,
    check_chunks,
    compare_headers,
    gather_states,
    index_prompts,
    list_path,
    load_header,
    open_folder,
    prompt_key,
    read_listing,
    say_damaged,
)
from isogloss.models.open_model import OpenModel

CHUNK_PROMPTS = 256


def record_to_store(
    model: OpenModel,
    prompts: Sequence[Prompt],
    folder: Path,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[int] = (-1,),
    dtype: str = "float32",
    revision: str | None = None,
    system_prompt: str | None = None,
    with_texts: bool = False,
    chunk_prompts: int = CHUNK_PROMPTS,
    batch_tokens: int = 8192,
    model_fingerprint: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> StoreHeader:
    """Record the prompts that a store does not hold yet; called again after an interruption it goes on.

    Further prompts or languages are added by the same call. Prompts are taken longest first, so that a chunk's rows
    have similar lengths; ``load_store`` gives them back in any order asked for.

    Args:
        model: an open model without an intervention in force.
        prompts: what to record; those that are there already cost nothing.
        folder: created where absent.
        layers: decoder blocks; None keeps all.
        positions: negative, counted from the end of the rendered prompt.
        dtype: float32, bfloat16 or float16; half precision halves the folder and rounds to 3 or 4 digits.
        revision: of a hub model, where the caller knows it; recorded and compared.
        system_prompt: put before every prompt; only its hash is kept.
        with_texts: keep the prompts' texts in the store; by default it holds ids and hashes alone.
        chunk_prompts: prompts per chunk, which is what an interruption can cost.
        batch_tokens: the most tokens, padding included, of a batch.
        model_fingerprint: of the model, where the caller has just taken it.
        progress: told after every batch.

    Raises:
        FingerprintMismatch: the folder holds states of another model, position, type, ...; the message lists them.
        NothingToDo: there are no prompts.
        BrokenInput: a chunk is damaged, or a state does not fit into float16.
        UnknownName: a layer that the model does not have, or no such dtype.
        WriteFailed: the disk is full; the chunks before are kept.
    """
    if not prompts:
        raise NothingToDo("No prompts to record activations of.")
    header = StoreHeader(
        model=dict(model_fingerprint or model.fingerprint()),
        revision=revision,
        system_prompt=None if system_prompt is None else fingerprint(system_prompt),
        layers=check_layers(model, layers),
        positions=tuple(dict.fromkeys(positions)),
        dtype=check_dtype(dtype),
        hidden_size=model.hidden_size,
    )
    open_folder(folder, header)
    with Journal(list_path(folder)) as chunks:
        check_chunks(folder, chunks.rows.values())
        missing = _list_missing(prompts, index_prompts(chunks.rows.values()))
        missing = _longest_first(model, missing, system_prompt)
        count = _Count(progress, len(prompts) - len(missing), len(prompts))
        for start in range(0, len(missing), chunk_prompts):
            part = missing[start : start + chunk_prompts]
            recorded = record_activations(
                model,
                part,
                layers=header.layers,
                positions=header.positions,
                batch_tokens=batch_tokens,
                system_prompt=system_prompt,
                fingerprint=header.model,
                progress=count,
            )
            append_chunk(folder, chunks, recorded, header, with_texts=with_texts)
            count.advance(len(part))
    return header


def load_store(
    folder: Path,
    *,
    prompts: Sequence[Prompt] | None = None,
    layers: Sequence[int] | None = None,
    model: Mapping[str, str] | None = None,
) -> Activations:
    """Read states back, chunk by chunk through memory maps; only the layers asked for are touched.

    Args:
        folder: a store.
        prompts: whose states, in the order wanted; None takes all, in the order recorded. Prompts that the store
            gives back by itself have no text unless it keeps texts.
        layers: decoder blocks to read, one at a time where memory is short; None reads all.
        model: fingerprint of the model that the states must be of; None takes the store's word.

    Returns:
        States as float32, whatever the type on disk.

    Raises:
        UnknownName: the folder is no store, or it does not hold a layer.
        FingerprintMismatch: the states are of another model; the message names what differs.
        TooFewPrompts: the store lacks a prompt, or holds it with another text; the message names the first.
        BrokenInput: a chunk is damaged.
        NothingToDo: the store is empty.
    """
    return StoreReader(folder, model=model).load(prompts, layers=layers)


class StoreReader:
    """An open store: its list of prompts is read once, its states whenever they are asked for.

    What is recorded after opening is not seen.

    Raises:
        UnknownName, FingerprintMismatch, BrokenInput, NothingToDo: as ``load_store``.
    """

    def __init__(self, folder: Path, *, model: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.header = load_header(folder)
        if model is not None:
            compare_headers(folder, {"model": self.header.model}, {"model": dict(model)})
        rows = list(read_listing(folder))
        check_chunks(folder, rows)
        self._held = index_prompts(rows)
        if not self._held:
            raise NothingToDo(f"{folder} holds no states yet. Run the recording again; it goes on where it stopped.")

    def load(self, prompts: Sequence[Prompt] | None = None, *, layers: Sequence[int] | None = None) -> Activations:
        """States of some prompts at some layers; see ``load_store``."""
        header = self.header
        chosen = header.layers if layers is None else tuple(dict.fromkeys(layers))
        lacking = [layer for layer in chosen if layer not in header.layers]
        if lacking:
            raise UnknownName(
                f"{self.folder} holds layers {list(header.layers)}, not {lacking[0]}. Record that layer first."
            )
        wanted = [*self._held] if prompts is None else [prompt_key(prompt) for prompt in prompts]
        _check_held(self.folder, wanted, self._held)
        places = [self._held[key] for key in wanted]
        kept = tuple(place.prompt for place in places) if prompts is None else tuple(prompts)
        hidden = gather_states(self.folder, header, chosen, places)
        return Activations(hidden, kept, chosen, header.positions, header.model)


def write_store(
    activations: Activations,
    folder: Path,
    *,
    dtype: str = "float32",
    revision: str | None = None,
    with_texts: bool = False,
    chunk_prompts: int = CHUNK_PROMPTS,
) -> StoreHeader:
    """Put states that are in memory already into a store; prompts that it holds are left as they are.

    Raises:
        FingerprintMismatch, UnknownName, BrokenInput, WriteFailed: as ``record_to_store``.
    """
    header = StoreHeader(
        model=dict(activations.model),
        revision=revision,
        system_prompt=None,
        layers=activations.layers,
        positions=activations.positions,
        dtype=check_dtype(dtype),
        hidden_size=int(activations.hidden.shape[-1]),
    )
    open_folder(folder, header)
    with Journal(list_path(folder)) as chunks:
        check_chunks(folder, chunks.rows.values())
        held = index_prompts(chunks.rows.values())
        missing = [row for row, prompt in enumerate(activations.prompts) if prompt_key(prompt) not in held]
        for start in range(0, len(missing), chunk_prompts):
            rows = missing[start : start + chunk_prompts]
            part = Activations(
                activations.hidden[rows],
                tuple(activations.prompts[row] for row in rows),
                activations.layers,
                activations.positions,
                activations.model,
            )
            append_chunk(folder, chunks, part, header, with_texts=with_texts)
    return header


def verify_store(folder: Path) -> int:
    """Read every chunk and compare its SHA-256 with the listed one; gives the number of chunks.

    Loading compares sizes alone, which finds what a crash leaves; this also finds what a disk forgets.

    Raises:
        BrokenInput: a chunk differs; the message names it.
    """
    rows = list(read_listing(folder))
    check_chunks(folder, rows)
    for row in rows:
        if fingerprint_file(folder / "chunks" / row["key"]) != row["sha256"]:
            raise BrokenInput(say_damaged(folder, row, "its content has changed"))
    return len(rows)


def check_dtype(dtype: str) -> str:
    """The type's name, where a store can hold it.

    Raises:
        UnknownName: it cannot.
    """
    if dtype not in DTYPES:
        raise UnknownName(f"No dtype '{dtype}' for a store. Known: {', '.join(DTYPES)}.")
    return dtype


def _list_missing(prompts: Sequence[Prompt], held: Mapping[Key, "Place"]) -> list[Prompt]:
    """Prompts without states, each once."""
    keyed = {prompt_key(prompt): prompt for prompt in prompts}
    return [prompt for key, prompt in keyed.items() if key not in held]


def _longest_first(model: OpenModel, prompts: list[Prompt], system_prompt: str | None) -> list[Prompt]:
    lengths = [len(row) for row in model.encode([prompt.text for prompt in prompts], system_prompt)]
    return [prompts[number] for number in sorted(range(len(prompts)), key=lambda number: -lengths[number])]


class _Count:
    """Progress of one chunk as a part of the whole recording."""

    def __init__(self, progress: Progress, done: int, total: int) -> None:
        self._progress, self._done, self._total = progress, done, total
        progress("activations", done, total)

    def __call__(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002
        self._progress(stage, self._done + done, self._total)

    def advance(self, count: int) -> None:
        self._done += count


def _check_held(folder: Path, wanted: Sequence[Key], held: Mapping[Key, Place]) -> None:
    lacking = [key for key in wanted if key not in held]
    if not lacking:
        return
    prompt_id, language, _ = lacking[0]
    other = any(key[:2] == (prompt_id, language) for key in held)
    found = "holds it with another text" if other else "does not hold it"
    raise TooFewPrompts(
        f"{folder}: {len(lacking)} of {len(wanted)} prompts are not there; the first is {prompt_id} ({language}), the "
        f"store {found}. Record them first; what is there stays."
    )
