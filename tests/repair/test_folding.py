"""A folded checkpoint computes what adding the vector everywhere computes, or is not written."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from isogloss.core import Language, Prompt, Split
from isogloss.core.errors import NothingToDo, UnsupportedModel, WriteFailed
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.folding import fold_push, measure_push
from isogloss.repair.moves import HarmfulEdit

Maker = Callable[..., Repair]
SW = Language.parse("sw")


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "gpt2", "gpt_neox"])
def test_the_checkpoint_adds_the_vector_at_every_token(
    architecture: str, tiny_checkpoint: Callable[..., Path], make_repair: Maker, prompts: PromptSet, tmp_path: Path
) -> None:
    model = OpenModel.load(tiny_checkpoint(architecture))
    repair = make_repair(model, strength=3.0)
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    folder = fold_push(model, repair, tmp_path / "folded", share=0.5)
    # Any program can load it: no Isogloss, no remote code.
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    asked: list[Prompt] = list(prompts.select(languages=(SW,), split=Split.TEST))
    vector = 1.5 * torch.from_numpy(repair.edit.vector)
    for prompt in asked[:3]:
        ids = torch.tensor(model.encode([prompt.text]))

        def add(_module: object, _inputs: object, output: object) -> object:
            hidden = output[0] if isinstance(output, tuple) else output
            return (hidden + vector, *output[1:]) if isinstance(output, tuple) else hidden + vector

        with torch.no_grad():
            handle = model.blocks[repair.edit.layer].register_forward_hook(add)
            expected = model.model(ids).logits
            handle.remove()
            torch.testing.assert_close(plain(ids).logits, expected, atol=2e-4, rtol=1e-4)
    assert "gate is lost" in (folder / "README.md").read_text()
    for name, value in model.model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_model_without_a_place_for_the_bias_is_refused_and_nothing_is_left(
    tiny_checkpoint: Callable[..., Path], make_repair: Maker, tmp_path: Path
) -> None:
    model = OpenModel.load(tiny_checkpoint("gemma2"))
    with pytest.raises(UnsupportedModel, match="gemma2"):
        fold_push(model, make_repair(model), tmp_path / "folded")
    assert not list(tmp_path.iterdir())


def test_the_push_of_a_lift_is_what_a_typical_harmless_prompt_gets(qwen: OpenModel, make_repair: Maker) -> None:
    lift = make_repair(qwen, harmful=HarmfulEdit.LIFT, strength=20.0)
    known = replace(lift, choice={"scale": {"high": 12.0, "low": 4.0}})
    # Lifted from 4 to 20, half of it: 8.
    assert measure_push(known, share=0.5) == 8.0
    with pytest.raises(NothingToDo, match="does not say from where"):
        measure_push(lift)


def test_a_share_of_zero_leaves_nothing_to_fold(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="changes nothing"):
        fold_push(qwen, make_repair(qwen), tmp_path / "folded", share=0.0)


def test_an_existing_folder_is_left_alone(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    (tmp_path / "folded").mkdir()
    with pytest.raises(WriteFailed, match="exists"):
        fold_push(qwen, make_repair(qwen), tmp_path / "folded")
