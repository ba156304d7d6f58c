"""What cannot be loaded gives one clear error that says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, TorchAoConfig

from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName, UnsupportedModel
from isogloss.models.batches import make_batches
from isogloss.models.open_model import OpenModel

Make = Callable[..., Path]


@pytest.fixture
def copy(tiny_checkpoint: Make, tmp_path: Path) -> Path:
    """A checkpoint whose files may be broken."""
    return Path(shutil.copytree(tiny_checkpoint("llama"), tmp_path / "copy"))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"No folder .*nowhere"):
        OpenModel.load(tmp_path / "nowhere")


def test_a_hub_id_that_is_not_in_the_cache_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UnknownName, match="hf download someone/absent"):
        OpenModel.load("someone/absent")


@pytest.mark.parametrize("name", ["absent", "no such model", "a/b/c", "../absent"])
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name: str) -> None:
    with pytest.raises(UnknownName):
        OpenModel.load(name)


def test_a_folder_without_configuration_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match=r"without config\.json"):
        OpenModel.load(tmp_path)


def test_a_file_is_no_checkpoint(copy: Path) -> None:
    with pytest.raises(UnsupportedModel, match="is a file"):
        OpenModel.load(copy / "model.safetensors")


def test_an_unknown_architecture_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "abacus"}')
    with pytest.raises(UnsupportedModel, match=r"cannot read its config\.json.*abacus"):
        OpenModel.load(copy)


def test_an_encoder_decoder_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(UnsupportedModel, match="encoder-decoder"):
        OpenModel.load(copy)


def test_a_model_that_only_classifies_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(UnsupportedModel, match="not a causal language model"):
        OpenModel.load(copy)


def test_pickled_weights_are_never_opened(copy: Path) -> None:
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(UnsupportedModel, match="no weights in safetensors"):
        OpenModel.load(copy)


def test_weights_cut_short_are_noticed(copy: Path) -> None:
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BrokenInput, match="damaged"):
        OpenModel.load(copy)


def test_a_missing_weight_is_not_left_random(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BrokenInput, match=r"lacks 1 weights.*layers\.1\.mlp\.up_proj"):
        OpenModel.load(copy)


def test_weights_of_another_shape_are_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))
    with pytest.raises(BrokenInput, match=r"do not fit config\.json"):
        OpenModel.load(copy)


def test_a_checkpoint_without_tokenizer_is_refused(copy: Path) -> None:
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(UnsupportedModel, match="no tokenizer that can be loaded"):
        OpenModel.load(copy)


def test_code_that_a_checkpoint_brings_along_is_not_run(copy: Path, tmp_path: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    code = {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "evil", "auto_map": code}))
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(UnsupportedModel):
        OpenModel.load(copy)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("option", "value"), [("dtype", "float12"), ("device", "abacus"), ("device", "cuda:77")])
def test_an_unknown_device_or_dtype_is_named(tiny_checkpoint: Make, option: str, value: str) -> None:
    with pytest.raises(UnknownName, match=value):
        OpenModel.load(tiny_checkpoint("llama"), **{option: value})


@pytest.mark.parametrize("quantisation", ["8bit", "4bit"])
def test_a_quantisation_whose_package_is_missing_says_what_to_install(
    tiny_checkpoint: Make, monkeypatch: pytest.MonkeyPatch, quantisation: str
) -> None:
    for size in (4, 8):
        monkeypatch.setattr(
            f"transformers.quantizers.quantizer_bnb_{size}bit.is_bitsandbytes_available", lambda *_: False
        )
    with pytest.raises(MissingExtra, match=r"pip install .*bitsandbytes"):
        OpenModel.load(tiny_checkpoint("llama"), quantisation=quantisation)


def test_a_quantisation_configuration_reaches_transformers_as_it_is(
    tiny_checkpoint: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []
    load = AutoModelForCausalLM.from_pretrained

    def record(*args: object, **options: object) -> object:
        given.append({key: options.pop(key) for key in ("quantization_config", "device_map")})
        return load(*args, **options)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", record)
    config = object()
    OpenModel.load(tiny_checkpoint("llama"), quantisation=config, device="cpu")
    OpenModel.load(tiny_checkpoint("llama"), quantisation="4bit", device_map="auto")
    assert given[0] == {"quantization_config": config, "device_map": {"": "cpu"}}
    assert given[1]["device_map"] == "auto"
    assert getattr(given[1]["quantization_config"], "load_in_4bit", False)


def test_an_unknown_quantisation_is_named(tiny_checkpoint: Make) -> None:
    with pytest.raises(UnknownName, match=r"No quantisation '3bit'. Known: 8bit, 4bit"):
        OpenModel.load(tiny_checkpoint("llama"), quantisation="3bit")


def test_eight_bit_weights_answer_and_are_identified(tiny_checkpoint: Make) -> None:
    torchao = pytest.importorskip("torchao.quantization", reason="torchao is not installed")
    config = TorchAoConfig(torchao.Int8WeightOnlyConfig())
    model = OpenModel.load(tiny_checkpoint("llama"), quantisation=config, device="cpu")
    assert model.fingerprint() == model.fingerprint()
    assert model.fingerprint()["weights"] != OpenModel.load(tiny_checkpoint("llama")).fingerprint()["weights"]


def test_a_device_map_spreads_the_layers_and_keeps_the_logits(tiny_checkpoint: Make, tmp_path: Path) -> None:
    whole = OpenModel.load(tiny_checkpoint("llama"))
    spread: dict[str, str | int] = {"model.embed_tokens": "cpu", "model.rotary_emb": "cpu", "model.norm": "cpu"}
    spread |= {f"model.layers.{layer}": "disk" if layer == 2 else "cpu" for layer in range(4)} | {"lm_head": "cpu"}
    split = OpenModel.load(tiny_checkpoint("llama"), device_map=spread)
    assert any(parameter.is_meta for parameter in split.blocks[2].parameters())
    assert split.device.type == "cpu"
    [batch] = make_batches(whole.encode(["How do I?"]), pad_id=0, batch_tokens=1)
    torch.testing.assert_close(split.next_logits(batch), whole.next_logits(batch), rtol=1e-5, atol=1e-5)
    assert split.fingerprint()["weights"] == whole.fingerprint()["weights"]


def test_a_device_and_a_device_map_are_one_too_many(tiny_checkpoint: Make) -> None:
    with pytest.raises(UnknownName, match="a device or a device map"):
        OpenModel.load(tiny_checkpoint("llama"), device="cpu", device_map="auto")


def test_loading_says_nothing(tiny_checkpoint: Make, capfd: pytest.CaptureFixture[str]) -> None:
    OpenModel.load(tiny_checkpoint("llama"))
    assert capfd.readouterr() == ("", "")
