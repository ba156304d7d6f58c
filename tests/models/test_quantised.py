"""Quantised weights on a CPU: blocks are found and verified, editing acts, and another precision is another model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from isogloss.core import Prompt
from isogloss.core.errors import UnknownName
from isogloss.inside.activations import record_activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import add_direction

pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
Make = Callable[..., Path]
GREEDY = Decoding(max_new_tokens=5)


@pytest.fixture(scope="module")
def checkpoint(tiny_checkpoint: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama whose matrices are as wide as the blocks in which four bits are packed (64 weights)."""
    folder, tokenizer = tmp_path_factory.mktemp("wide"), AutoTokenizer.from_pretrained(tiny_checkpoint("llama"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


@pytest.fixture(scope="module", params=["8bit", "4bit"])
def quantised(request: pytest.FixtureRequest, checkpoint: Path) -> OpenModel:
    return OpenModel.load(checkpoint, device="cpu", quantisation=request.param)


@pytest.fixture(scope="module")
def plain(checkpoint: Path) -> OpenModel:
    return OpenModel.load(checkpoint, device="cpu")


def test_the_weights_are_stored_in_fewer_bits(quantised: OpenModel) -> None:
    kinds = {type(module).__name__ for module in quantised.blocks[0].modules()}
    assert kinds & {"Linear8bitLt", "Linear4bit"}


def test_states_are_near_those_of_the_plain_model_and_not_equal(
    quantised: OpenModel, plain: OpenModel, prompts: tuple[Prompt, ...]
) -> None:
    few, exact = (record_activations(model, prompts).at(2) for model in (quantised, plain))
    closeness = (few * exact).sum(axis=1) / np.linalg.norm(few, axis=1) / np.linalg.norm(exact, axis=1)
    # Random weights suffer from four bits; unrelated states of this width would have a cosine of 0 +- 0.13.
    assert closeness.min() > 0.7
    assert np.abs(few - exact).max() > 1e-4


def test_a_direction_acts_and_leaves_nothing_behind(quantised: OpenModel, prompts: tuple[Prompt, ...]) -> None:
    generator = np.random.default_rng(0)
    direction = generator.normal(size=quantised.hidden_size).astype(np.float32)
    before = [reply.text for reply in quantised.reply(prompts, GREEDY)]
    with add_direction(quantised, direction / np.linalg.norm(direction), layer=1, strength=50.0):
        steered = [reply.text for reply in quantised.reply(prompts, GREEDY)]
    after = [reply.text for reply in quantised.reply(prompts, GREEDY)]
    assert steered != before
    assert after == before


def test_taking_a_fingerprint_leaves_the_model_as_it_was(quantised: OpenModel, prompts: tuple[Prompt, ...]) -> None:
    # bitsandbytes repacks 4-bit weights on some processors, and its state dict unpacks them with other values.
    [batch] = quantised.batches(prompts[:2])
    before, first = quantised.next_logits(batch), quantised.fingerprint()
    assert torch.equal(quantised.next_logits(batch), before)
    assert quantised.fingerprint() == first


def test_another_precision_is_another_model(quantised: OpenModel, plain: OpenModel) -> None:
    assert quantised.fingerprint() != plain.fingerprint()


def test_the_state_recorded_is_the_one_that_the_model_reports(
    quantised: OpenModel, prompts: tuple[Prompt, ...]
) -> None:
    recorded = record_activations(quantised, prompts[:1])
    [batch] = quantised.batches(prompts[:1])
    with torch.no_grad():
        states = quantised.model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
            output_hidden_states=True,
        ).hidden_states
    # The last of them comes after the final norm.
    for layer in recorded.layers[:-1]:
        np.testing.assert_allclose(recorded.at(layer)[0], states[layer + 1][0, -1].float().numpy(), atol=1e-3)


def test_an_unknown_quantisation_is_refused_by_name(checkpoint: Path) -> None:
    with pytest.raises(UnknownName, match=r"No quantisation '3bit'\. Known: 8bit, 4bit"):
        OpenModel.load(checkpoint, quantisation="3bit")
