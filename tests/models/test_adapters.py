"""PEFT adapters: loaded from a folder, looked through when wrapped already, part of the model's identity."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from isogloss.core import Prompt
from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName, UnsupportedModel
from isogloss.models.chat import Decoding
from isogloss.models.layers import hidden_of, hooked
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import add_direction

Make = Callable[..., Path]
peft = pytest.importorskip("peft", reason="peft is not installed")
GREEDY = Decoding(max_new_tokens=6)


def wrap(checkpoint: Path, *, seed: int = 0, targets: tuple[str, ...] = ("q_proj", "up_proj")) -> Any:
    """The checkpoint in PEFT's wrapper, with an adapter that changes what it says."""
    torch.manual_seed(seed)
    model = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(checkpoint), peft.LoraConfig(r=4, target_modules=list(targets))
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    wrap(tiny_checkpoint("llama")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapted(tiny_checkpoint: Make, adapter: Path) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("llama"), adapter=adapter)


@pytest.fixture
def copy(adapter: Path, tmp_path: Path) -> Path:
    """An adapter whose files may be broken."""
    return Path(shutil.copytree(adapter, tmp_path / "copy"))


def test_the_blocks_under_the_wrapper_are_found_and_the_adapter_is_in_force(
    tiny_checkpoint: Make, adapted: OpenModel, prompts: tuple[Prompt, ...]
) -> None:
    plain = OpenModel.load(tiny_checkpoint("llama"))
    assert [type(block).__name__ for block in adapted.blocks] == ["LlamaDecoderLayer"] * 4
    [batch] = plain.batches(prompts[:3])
    wrapped = wrap(tiny_checkpoint("llama"))
    with torch.no_grad():
        expected = wrapped(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids
        ).logits[:, -1]
    torch.testing.assert_close(adapted.next_logits(batch), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(plain.next_logits(batch), expected, atol=1e-2)


def test_a_model_that_peft_wrapped_before_is_the_same_model(
    tiny_checkpoint: Make, adapted: OpenModel, prompts: tuple[Prompt, ...]
) -> None:
    opened = OpenModel(wrap(tiny_checkpoint("llama")), adapted.tokenizer, name="wrapped")
    replies = {
        model.name: {reply.prompt_id: reply.text for reply in model.reply(prompts, GREEDY)}
        for model in (opened, adapted)
    }
    assert replies["wrapped"] == replies[adapted.name]
    assert opened.fingerprint() == adapted.fingerprint()


def test_an_adapted_model_is_steered_and_restored(adapted: OpenModel, prompts: tuple[Prompt, ...]) -> None:
    [batch] = adapted.batches(prompts[:3])
    plain, seen = adapted.next_logits(batch), []
    vector = np.eye(adapted.hidden_size, dtype=np.float32)[0]
    with (
        add_direction(adapted, vector, layer=1, strength=50.0),
        hooked(adapted.blocks[1], lambda _m, _i, output: seen.append(hidden_of(output)[:, -1, 0])),
    ):
        assert not torch.equal(adapted.next_logits(batch), plain)
    assert bool((seen[0] > 25).all())
    assert torch.equal(adapted.next_logits(batch), plain)


def test_weights_scale_and_switches_of_the_adapter_are_in_the_fingerprint(tiny_checkpoint: Make) -> None:
    tokenizer = OpenModel.load(tiny_checkpoint("llama")).tokenizer
    bare = OpenModel.load(tiny_checkpoint("llama")).fingerprint()
    wrapped = wrap(tiny_checkpoint("llama"))
    model = OpenModel(wrapped, tokenizer, name="wrapped")
    before = model.fingerprint()
    assert "adapters" not in bare
    assert before["weights"] != bare["weights"]

    layer = model.blocks[2].mlp.up_proj
    layer.lora_B["default"].weight.data[0, 0] += 1e-3
    changed = model.fingerprint()
    assert {part for part in before if before[part] != changed[part]} == {"weights"}
    layer.scaling["default"] *= 2
    scaled = model.fingerprint()
    assert {part for part in before if changed[part] != scaled[part]} == {"adapters"}
    with wrapped.disable_adapter():
        assert model.fingerprint()["adapters"] != scaled["adapters"]
    assert model.fingerprint() == scaled


def test_a_learned_prompt_is_refused(tiny_checkpoint: Make) -> None:
    plain = OpenModel.load(tiny_checkpoint("llama"))
    wrapped = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny_checkpoint("llama")),
        peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    )
    with pytest.raises(UnsupportedModel, match="learned prompt"):
        OpenModel(wrapped, plain.tokenizer, name="wrapped")


def test_a_folder_without_an_adapter_is_named(tiny_checkpoint: Make, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no adapter_config\.json"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=tmp_path)


def test_an_adapter_is_not_taken_for_a_model(adapter: Path) -> None:
    with pytest.raises(UnsupportedModel, match=r"an adapter without its model.*pass this folder as adapter"):
        OpenModel.load(adapter)


def test_pickled_adapters_are_never_opened(tiny_checkpoint: Make, copy: Path) -> None:
    (copy / "adapter_model.safetensors").rename(copy / "adapter_model.bin")
    with pytest.raises(UnsupportedModel, match=r"no adapter_model\.safetensors"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=copy)


def test_an_adapter_cut_short_is_noticed(tiny_checkpoint: Make, copy: Path) -> None:
    path = copy / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BrokenInput, match=r"adapter in .* do not fit"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=copy)


def test_an_adapter_of_another_rank_or_for_other_modules_is_refused(tiny_checkpoint: Make, copy: Path) -> None:
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps(config | {"r": 8}))
    with pytest.raises(BrokenInput, match="do not fit this model"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=copy)
    (copy / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj", "v_proj"]}))
    with pytest.raises(BrokenInput, match="missing adapter keys"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=copy)
    with pytest.raises(UnsupportedModel, match="does not fit this model"):
        OpenModel.load(tiny_checkpoint("gpt2"), adapter=copy)


def test_without_peft_one_sentence_says_what_to_install(
    tiny_checkpoint: Make, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"isogloss\[peft\]"):
        OpenModel.load(tiny_checkpoint("llama"), adapter=adapter)
