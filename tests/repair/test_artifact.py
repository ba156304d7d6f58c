"""Saving, loading, and refusing what does not belong."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from isogloss.core import Language, Split
from isogloss.core.errors import BrokenInput, FingerprintMismatch, UnknownName, WriteFailed
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair, load_repair, save_repair

SW = Language.parse("sw")
Maker = Callable[..., Repair]


def test_a_saved_repair_reloads_to_the_same_logits(
    model: OpenModel, make_repair: Maker, prompts: PromptSet, tmp_path: Path
) -> None:
    repair = make_repair(model)
    loaded = load_repair(save_repair(repair, tmp_path / "repair"))
    [batch] = model.batches(list(prompts.select(languages=(SW,), split=Split.TEST)))
    with repair.steer(model):
        before = model.next_logits(batch)
    with loaded.steer(model):
        after = model.next_logits(batch)
    assert torch.equal(before, after)
    assert loaded.fingerprint() == repair.fingerprint()
    loaded.check(model)


def test_the_folder_holds_tensors_a_record_and_a_card(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    save_repair(make_repair(qwen), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "repair.json", "repair.safetensors"]
    record = json.loads((tmp_path / "repair.json").read_text())
    assert record["schema"] == 1
    assert record["edit"]["layer"] == 1
    assert "any other" in (tmp_path / "README.md").read_text()


def test_another_models_repair_is_refused_and_the_message_says_what_differs(
    qwen: OpenModel, make_repair: Maker, tiny_checkpoint: Callable[..., Path]
) -> None:
    repair = make_repair(qwen)
    with pytest.raises(FingerprintMismatch, match="weights was"):
        repair.check(OpenModel.load(tiny_checkpoint("qwen2", seed=1)))
    with pytest.raises(FingerprintMismatch, match="config was"):
        repair.check(OpenModel.load(tiny_checkpoint("llama")))


def test_another_chat_template_is_refused(
    qwen: OpenModel, make_repair: Maker, tiny_checkpoint: Callable[..., Path]
) -> None:
    repair = make_repair(qwen)
    other = OpenModel.load(tiny_checkpoint("qwen2"), chat_template="{{ messages[0]['content'] }}:")
    with pytest.raises(FingerprintMismatch, match="chat_template was") as caught:
        repair.check(other)
    assert "weights" not in str(caught.value)


def test_tampered_tensors_are_refused(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    save_repair(make_repair(qwen), tmp_path)
    path = tmp_path / "repair.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FingerprintMismatch, match=r"repair\.safetensors is not the file"):
        load_repair(tmp_path)


def test_a_tampered_threshold_is_refused(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    save_repair(make_repair(qwen), tmp_path)
    path = tmp_path / "repair.json"
    record = json.loads(path.read_text())
    record["gate"]["fallback"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(FingerprintMismatch, match=r"repair\.json is not the file"):
        load_repair(tmp_path)


def test_files_of_two_repairs_are_not_taken_for_one(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    repair = make_repair(qwen)
    save_repair(repair, tmp_path / "one")
    turned = replace(repair, edit=replace(repair.edit, vector=-repair.edit.vector))
    save_repair(turned, tmp_path / "two")
    (tmp_path / "two" / "repair.safetensors").replace(tmp_path / "one" / "repair.safetensors")
    with pytest.raises(FingerprintMismatch):
        load_repair(tmp_path / "one")


def test_a_record_that_lacks_a_field_names_it(tmp_path: Path) -> None:
    (tmp_path / "repair.json").write_text('{"schema": 1}')
    with pytest.raises(BrokenInput, match="model_name"):
        load_repair(tmp_path)


def test_a_newer_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    (tmp_path / "repair.json").write_text('{"schema": 99}')
    with pytest.raises(BrokenInput, match="Upgrade"):
        load_repair(tmp_path)


def test_an_empty_folder_is_no_repair(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="No repair"):
        load_repair(tmp_path)


def test_a_missing_tensors_file_is_named(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    save_repair(make_repair(qwen), tmp_path)
    (tmp_path / "repair.safetensors").unlink()
    with pytest.raises(UnknownName, match=r"repair\.safetensors is missing"):
        load_repair(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteFailed, match="Cannot write"):
        save_repair(make_repair(qwen), tmp_path / "file" / "repair")


def test_the_fingerprint_sees_thresholds_and_strength(qwen: OpenModel, make_repair: Maker) -> None:
    repair = make_repair(qwen)
    stronger = replace(repair, edit=replace(repair.edit, strength=21.0))
    shifted = replace(repair, gate=repair.gate.with_thresholds({SW.key: 0.0}))
    renamed = replace(repair, model_name="another name")
    assert len({one.fingerprint() for one in (repair, stronger, shifted)}) == 3
    assert renamed.fingerprint() == repair.fingerprint()
