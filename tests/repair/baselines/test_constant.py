"""Steering without a decision: what it does to states and rows."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Label, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import record_activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.cast import measure_gap
from isogloss.repair.baselines.constant import (
    ablation_method,
    ablation_methods,
    addition_method,
    addition_methods,
    fit_language_direction,
    fit_source_vector,
    random_method,
    target_only_method,
)
from isogloss.repair.baselines.tuning import Bench
from isogloss.repair.method import Method
from isogloss.repair.routers import ConstantRouter

from .conftest import DE, EN, SW, FunctionJudge

LAYER = 1
STEPS = 4


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(EN, SW), split=Split.TEST))


def texts(method: Method, prompts: list[Prompt]) -> dict[tuple[str, str], str]:
    replies = method.answer(prompts, Decoding(max_new_tokens=STEPS))
    return {(reply.prompt_id, reply.language): reply.text for reply in replies}


def states_under(model: OpenModel, method: Method, prompts: list[Prompt], layer: int) -> torch.Tensor:
    """Outputs of a block in the prefill of one batch, as the next block sees them."""
    kept: list[torch.Tensor] = []

    def read(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        kept.append(inputs[0].detach().clone())

    handle = model.blocks[layer + 1].register_forward_pre_hook(read)
    try:
        list(method.answer(prompts, Decoding(max_new_tokens=1)))
    finally:
        handle.remove()
    return kept[0]


def test_ablation_leaves_nothing_along_the_direction_at_any_position(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    vector = fit_source_vector(calibration, LAYER)
    method = ablation_method(qwen, {LAYER: vector}, name="ablation")
    along = states_under(qwen, method, asked, LAYER) @ torch.from_numpy(vector)
    assert along.abs().max() < 1e-4


def test_addition_moves_the_last_prompt_token_by_the_strength_and_no_earlier_one(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    vector = fit_source_vector(calibration, LAYER)
    steered = states_under(qwen, addition_method(qwen, vector, layer=LAYER, strength=3.0), asked[:1], LAYER)
    plain = states_under(qwen, addition_method(qwen, vector, layer=LAYER, strength=0.0), asked[:1], LAYER)
    assert torch.equal(steered[:, :-1], plain[:, :-1])
    assert (steered - plain)[0, -1].numpy() == pytest.approx(3 * vector, abs=1e-5)


def test_ablation_comes_at_one_layer_and_over_the_upper_half(qwen: OpenModel, calibration: Calibration) -> None:
    found = ablation_methods(qwen, calibration, LAYER)
    assert [method.label for method in found] == [
        "ablation at one layer (published)",
        "ablation at one layer (corrected)",
        "ablation over layers (published)",
        "ablation over layers (corrected)",
    ]
    assert "layers 2 to 3" in found[2].note


def test_the_published_direction_is_english_and_the_corrected_one_pools_the_sources(calibration: Calibration) -> None:
    states = calibration.activations.at(LAYER)
    differences = {}
    for language in (EN, DE):
        means = [states[calibration.numbers(language, kind, Split.TRAIN)].mean(axis=0) for kind in Kind]
        differences[language] = means[0] - means[1]
    english = differences[EN] / np.linalg.norm(differences[EN])
    pooled = differences[EN] + differences[DE]
    assert fit_language_direction(calibration, EN, LAYER) == pytest.approx(english, abs=1e-4)
    assert fit_source_vector(calibration, LAYER) == pytest.approx(pooled / np.linalg.norm(pooled), abs=1e-4)


def test_a_random_direction_is_as_long_and_depends_on_its_seed_alone(qwen: OpenModel, asked: list[Prompt]) -> None:
    moves = {}
    for seed in (0, 0, 1):
        states = states_under(qwen, random_method(qwen, layer=LAYER, strength=5.0, seed=seed), asked[:1], LAYER)
        plain = states_under(qwen, random_method(qwen, layer=LAYER, strength=0.0, seed=seed), asked[:1], LAYER)
        move = (states - plain)[0, -1]
        assert float(move.norm()) == pytest.approx(5, rel=1e-4)
        assert seed not in moves or torch.allclose(moves[seed], move)
        moves[seed] = move
    assert not torch.allclose(moves[0], moves[1])


def test_a_target_only_direction_leaves_other_languages_alone(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    steered = texts(target_only_method(qwen, calibration, layer=LAYER, strength=40.0), asked)
    plain = {(reply.prompt_id, reply.language): reply.text for reply in qwen.reply(asked, Decoding(STEPS))}
    changed = {key for key in plain if steered[key] != plain[key]}
    assert changed
    assert {language for _, language in changed} == {"sw"}


def test_a_target_only_direction_obeys_another_router(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    never = ConstantRouter(fires=False)
    method = target_only_method(qwen, calibration, layer=LAYER, strength=40.0, router=never)
    plain = {(reply.prompt_id, reply.language): reply.text for reply in qwen.reply(asked, Decoding(STEPS))}
    assert texts(method, asked) == plain


def test_a_target_only_direction_needs_shots(qwen: OpenModel, make_calibration: Callable[..., Calibration]) -> None:
    with pytest.raises(TooFewPrompts, match="at least one shot"):
        target_only_method(qwen, make_calibration(shots=0), layer=LAYER, strength=1.0)
    assert target_only_method(qwen, make_calibration(shots=1), layer=LAYER, strength=1.0).shots == 1


def test_the_corrected_strength_is_a_multiple_of_the_published_one(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    # Under a judge that calls everything refused no multiple is selective; of equals the smallest wins: 0.25.
    chosen = calibration.prompts(calibration.source, split=Split.VALIDATION)[:4]
    bench = Bench(qwen, FunctionJudge(lambda _prompt, _reply: Label.REFUSED), chosen, Decoding(1))
    vector = fit_source_vector(calibration, LAYER)
    plain = states_under(qwen, addition_method(qwen, vector, layer=LAYER, strength=0.0), asked[:1], LAYER)
    moved = [
        float((states_under(qwen, method, asked[:1], LAYER) - plain)[0, -1].norm())
        for method in addition_methods(qwen, calibration, LAYER, bench)
    ]
    gap = measure_gap(calibration, LAYER, vector)
    assert moved == pytest.approx([gap, 0.25 * gap], rel=1e-3)


def test_states_are_the_plain_models_again_afterwards(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    before = record_activations(qwen, asked, layers=[3]).hidden
    for method in ablation_methods(qwen, calibration, LAYER):
        texts(method, asked)
    assert np.array_equal(record_activations(qwen, asked, layers=[3]).hidden, before)
