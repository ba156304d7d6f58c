"""Recorded states against the model's own, in every batch composition."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import NothingToDo, TooFewPrompts, UnknownName
from isogloss.inside.activations import record_activations
from isogloss.models.open_model import OpenModel

ARCHITECTURES = ("qwen2", "llama", "gemma2", "mistral")
EN = Language.parse("en")
TEXTS = ("How do I?", "a", "How do I pick the lock of my own flat? I lost the key.", "A B C A B C")


def prompts_of(*texts: str) -> list[Prompt]:
    return [Prompt(str(number), text, EN, Kind.HARMLESS, str(number)) for number, text in enumerate(texts)]


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest, tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint(request.param))


def test_states_equal_the_models_own_hidden_states_prompt_by_prompt(model: OpenModel) -> None:
    recorded = record_activations(model, prompts_of(*TEXTS), layers=(0, 2), positions=(-1, -3))
    for row, ids in enumerate(model.encode(TEXTS)):
        with torch.no_grad():
            states = model.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for layer in (0, 2):
            for position in (-1, -3):
                expected = states[layer + 1][0, position].numpy()
                np.testing.assert_allclose(recorded.at(layer, position)[row], expected, rtol=1e-4, atol=1e-4)


def test_the_last_block_is_recorded_before_the_final_norm(model: OpenModel) -> None:
    seen: list[torch.Tensor] = []
    with torch.no_grad():
        handle = model.blocks[-1].register_forward_hook(
            lambda _m, _i, out: seen.append(out[0] if isinstance(out, tuple) else out)
        )
        model.model(torch.tensor(model.encode(TEXTS[:1])))
        handle.remove()
    recorded = record_activations(model, prompts_of(TEXTS[0]))
    np.testing.assert_allclose(recorded.at(model.layer_count - 1)[0], seen[0][0, -1].numpy(), rtol=1e-4, atol=1e-4)


def test_batches_and_order_change_no_row(model: OpenModel) -> None:
    together = record_activations(model, prompts_of(*TEXTS))
    alone = record_activations(model, prompts_of(*TEXTS), batch_tokens=1)
    backwards = record_activations(model, prompts_of(*TEXTS)[::-1])
    np.testing.assert_allclose(together.hidden, alone.hidden, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(together.hidden, backwards.hidden[::-1], rtol=1e-4, atol=1e-4)


@pytest.fixture
def qwen(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


def test_the_pass_stops_after_the_deepest_layer_asked_for(qwen: OpenModel) -> None:
    reached: list[int] = []
    handles = [
        block.register_forward_hook(lambda _m, _i, _o, layer=layer: reached.append(layer))
        for layer, block in enumerate(qwen.blocks)
    ]
    record_activations(qwen, prompts_of("a"), layers=(1,))
    for handle in handles:
        handle.remove()
    assert reached == [0, 1]


def test_hooks_are_gone_after_an_error_in_the_middle_of_a_pass(qwen: OpenModel) -> None:
    def fail(_module: object, _inputs: object, _output: object) -> None:
        raise ValueError("in the middle")

    before = [set(block._forward_hooks) for block in qwen.blocks]
    handle = qwen.blocks[2].register_forward_hook(fail)
    with pytest.raises(ValueError, match="in the middle"):
        record_activations(qwen, prompts_of("a"))
    handle.remove()
    assert [set(block._forward_hooks) for block in qwen.blocks] == before


def test_states_are_float32_of_a_bfloat16_model(tiny_checkpoint: Callable[..., Path]) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"), dtype="bfloat16")
    assert record_activations(model, prompts_of("a"), layers=(0,)).hidden.dtype == np.float32


def test_a_layer_that_is_not_there_is_named_with_the_range(qwen: OpenModel) -> None:
    with pytest.raises(UnknownName, match=r"no layer 9; its layers are 0 to 3"):
        record_activations(qwen, prompts_of("a"), layers=(9,))


def test_positions_count_from_the_end(qwen: OpenModel) -> None:
    with pytest.raises(UnknownName, match="negative"):
        record_activations(qwen, prompts_of("a"), positions=(0,))


def test_a_position_before_the_first_token_is_refused_not_read_from_padding(qwen: OpenModel) -> None:
    with pytest.raises(TooFewPrompts, match=r"Prompt 1 \(en\) has \d+ tokens"):
        record_activations(qwen, prompts_of("a long prompt with many words", "a"), positions=(-12,))


def test_no_prompts_is_an_error(qwen: OpenModel) -> None:
    with pytest.raises(NothingToDo):
        record_activations(qwen, [])


def test_a_layer_that_was_not_recorded_is_refused(qwen: OpenModel) -> None:
    recorded = record_activations(qwen, prompts_of("a"), layers=(1,))
    with pytest.raises(UnknownName, match="recorded are layers"):
        recorded.at(2)


def test_rows_match_every_condition(qwen: OpenModel) -> None:
    sw = Language.parse("sw")
    prompts = [
        Prompt("1", "a", EN, Kind.HARMFUL, "1", split=Split.TRAIN),
        Prompt("2", "b", sw, Kind.HARMFUL, "2", split=Split.TEST),
        Prompt("3", "c", sw, Kind.HARMLESS, "3", split=Split.TRAIN),
    ]
    recorded = record_activations(qwen, prompts, layers=(0,))
    assert recorded.rows(language=sw, kind=Kind.HARMFUL).tolist() == [False, True, False]
    assert recorded.rows(language=(EN, sw), split=Split.TRAIN).tolist() == [True, False, True]


def test_progress_ends_at_the_number_of_prompts(qwen: OpenModel) -> None:
    told: list[tuple[str, int, int]] = []
    record_activations(qwen, prompts_of(*TEXTS), batch_tokens=1, progress=lambda *state: told.append(state))
    assert [state[1:] for state in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
