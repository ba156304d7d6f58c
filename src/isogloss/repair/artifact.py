"""The repair as a folder: numbers in safetensors, everything else in JSON, a card for people. Nothing is executed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from isogloss.core.drafts import draft_of
from isogloss.core.errors import BrokenInput, FingerprintMismatch, UnknownName
from isogloss.core.fingerprint import fingerprint
from isogloss.core.records import check_record
from isogloss.core.run import describe_versions, list_differences, load_json, write_json, write_text
from isogloss.models.open_model import OpenModel
from isogloss.repair.card import write_card
from isogloss.repair.gate import Gate, gate_from, gate_numbers, gate_tensors
from isogloss.repair.intervention import BlockSteering, routed_steering
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit

SCHEMA = 1
RECORD_FILE = "repair.json"
TENSORS_FILE = "repair.safetensors"
CARD_FILE = "README.md"
TENSORS = ("direction", "basis", "centre", "scale", "weights")


@dataclass(frozen=True, eq=False)
class Repair:
    """A gate, an edit, and the model that they belong to.

    Attributes:
        gate: who is steered.
        edit: how.
        position: token that the gate reads, -1 being the last of the rendered prompt.
        model_name: what the model was called.
        model: fingerprints of configuration, weights, tokenizer and chat template.
        source: tags of the languages that gate, direction and strength come from.
        target: tags of the languages with thresholds of their own.
        plan: fields of the plan.
        choice: how layer and multiplier were found.
        calibration: per target language the threshold, its weight, the prompts used and any warning.
        prompts: name and fingerprint of the prompt set.
        evidence: scorecards before and after (see ``isogloss.repair.evidence``); empty where nothing was measured.
            No part of the fingerprint.
    """

    gate: Gate
    edit: Edit
    position: int
    model_name: str
    model: Mapping[str, str]
    source: tuple[str, ...]
    target: tuple[str, ...]
    plan: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Identifies everything that decides a reply: edit, gate, thresholds and the model's fingerprints."""
        return fingerprint(
            {
                "tensors": sha256(save_tensors(_tensors(self))).hexdigest(),
                "numbers": _numbers(self),
                "model": dict(self.model),
            }
        )

    def check(self, model: OpenModel) -> None:
        """Make sure that the repair was made for this model.

        Raises:
            FingerprintMismatch: configuration, weights, tokenizer or chat template differ; the message says which.
        """
        differences = list_differences(dict(self.model), model.fingerprint())
        if differences:
            raise FingerprintMismatch(
                f"This repair was made for {self.model_name}, not for {model.name} as it is now: "
                f"{'; '.join(differences)}. Load that model, or make a repair for this one."
            )

    def steer(self, model: OpenModel) -> BlockSteering:
        """The context in which the model is repaired. Call ``check`` first; ``RepairedModel`` does."""
        return routed_steering(model, self.edit, self.gate)


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True)

    layer: int = Field(ge=0)
    position: int
    strength: float
    harmful: HarmfulEdit
    harmless: HarmlessEdit
    persistence: float = Field(ge=0, le=1)


class _Record(BaseModel):
    """``repair.json``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_number: int = Field(alias="schema")
    model_name: str
    model: dict[str, str]
    edit: _Edit
    gate: dict[str, Any]
    source: tuple[str, ...]
    target: tuple[str, ...]
    plan: dict[str, Any]
    choice: dict[str, Any]
    calibration: dict[str, Any]
    prompts: dict[str, str]
    evidence: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str]
    tensors_sha256: str
    record_sha256: str


def save_repair(repair: Repair, folder: Path) -> Path:
    """Write ``repair.safetensors``, ``repair.json`` and a card.

    Each file is replaced as a whole and the record comes last, so a crash leaves the old repair, the new one, or a
    folder that ``load_repair`` refuses.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    content = save_tensors(_tensors(repair))
    record = {
        "schema": SCHEMA,
        "model_name": repair.model_name,
        "model": dict(repair.model),
        **_numbers(repair),
        "source": list(repair.source),
        "target": list(repair.target),
        "plan": dict(repair.plan),
        "choice": dict(repair.choice),
        "calibration": dict(repair.calibration),
        "prompts": dict(repair.prompts),
        "evidence": dict(repair.evidence),
        "versions": describe_versions(),
        "tensors_sha256": sha256(content).hexdigest(),
    }
    _write_bytes(folder / TENSORS_FILE, content)
    write_text(folder / CARD_FILE, write_card(record, repair.fingerprint()))
    write_json(folder / RECORD_FILE, {**record, "record_sha256": _seal(record)})
    return folder


def load_repair(folder: Path) -> Repair:
    """Read a repair folder; nothing in it is executed.

    Raises:
        UnknownName: there is no repair in the folder.
        BrokenInput: a file cannot be read.
        FingerprintMismatch: a file was changed after it was written, or belongs to another repair.
    """
    value = load_json(folder / RECORD_FILE, what="repair", schema=SCHEMA)
    record = check_record(_Record, value, folder / RECORD_FILE, what="a repair", again="Make the repair again.")
    unsealed = {key: part for key, part in value.items() if key != "record_sha256"}
    if _seal(unsealed) != record.record_sha256:
        raise FingerprintMismatch(_changed(folder / RECORD_FILE))
    tensors = _read_tensors(folder / TENSORS_FILE, record.tensors_sha256)
    return _assemble(record, tensors)


def _assemble(record: _Record, tensors: Mapping[str, np.ndarray]) -> Repair:
    gate = gate_from(tensors, record.gate)
    edit = Edit(
        vector=tensors["direction"],
        layer=record.edit.layer,
        strength=record.edit.strength,
        harmful=record.edit.harmful,
        harmless=record.edit.harmless,
        persistence=record.edit.persistence,
    )
    return Repair(
        gate=gate,
        edit=edit,
        position=record.edit.position,
        model_name=record.model_name,
        model=record.model,
        source=record.source,
        target=record.target,
        plan=record.plan,
        choice=record.choice,
        calibration=record.calibration,
        prompts=record.prompts,
        evidence=record.evidence,
    )


def _tensors(repair: Repair) -> dict[str, np.ndarray]:
    return {"direction": np.ascontiguousarray(repair.edit.vector, np.float32), **gate_tensors(repair.gate)}


def _numbers(repair: Repair) -> dict[str, Any]:
    edit = repair.edit
    return {
        "edit": {
            "layer": edit.layer,
            "position": repair.position,
            "strength": float(edit.strength),
            "harmful": str(edit.harmful),
            "harmless": str(edit.harmless),
            "persistence": float(edit.persistence),
        },
        "gate": gate_numbers(repair.gate),
    }


def _read_tensors(path: Path, expected: str) -> dict[str, np.ndarray]:
    if not path.exists():
        raise UnknownName(f"No repair in {path.parent}: {path.name} is missing.")
    content = path.read_bytes()
    if sha256(content).hexdigest() != expected:
        raise FingerprintMismatch(_changed(path))
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise BrokenInput(f"{path} is not a safetensors file: {error}. Make the repair again.") from error
    missing = [name for name in TENSORS if name not in tensors]
    if missing:
        raise BrokenInput(f"{path} lacks {', '.join(missing)}. Make the repair again.")
    return tensors


def _write_bytes(path: Path, content: bytes) -> None:
    with draft_of(path) as draft:
        draft.write_bytes(content)


def _seal(record: Mapping[str, Any]) -> str:
    # Through JSON and back, so that what is hashed is what a reader of the file sees.
    plain = json.loads(json.dumps(record, ensure_ascii=False, allow_nan=False))
    return sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _changed(path: Path) -> str:
    return (
        f"{path} is not the file that the repair was saved with: it was changed, or saving was cut short. "
        "Copy the folder again from where it came, or make the repair again."
    )
