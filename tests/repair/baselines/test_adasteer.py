"""AdaSteer: distances and coefficients by hand, and where each form acts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Label, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection, UnknownName
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.adasteer import (
    HARMFULNESS,
    PUBLISHED_CONSTANTS,
    REJECTION,
    AdaSteer,
    Anchors,
    Constants,
    DistanceRouter,
    Ramp,
    fit_adasteer_corrected,
    fit_adasteer_published,
    fit_ramp,
)
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.reading import predict_with, read_prompts
from isogloss.repair.baselines.tuning import Bench
from isogloss.repair.moves import Span

from .conftest import SW, FunctionJudge

STEPS = 5
EN, DE = Language.parse("en"), Language.parse("de")


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(SW,), split=Split.TEST))


@pytest.fixture
def bench(qwen: OpenModel, calibration: Calibration) -> Bench:
    """A judge that calls everything refused, so that the smallest step wins: 0.05."""
    prompts = calibration.prompts(calibration.source, split=Split.VALIDATION)
    return Bench(qwen, FunctionJudge(lambda _prompt, _reply: Label.REFUSED), prompts[:4], Decoding(2))


def total(constants: Constants, distance: float) -> float:
    at = torch.tensor(distance)
    return float(constants.alpha(at) + constants.beta(at))


@pytest.mark.parametrize(
    ("architecture", "harmful", "harmless"),
    [
        # Qwen: alpha = 0.1 (d - 140) is -14 and -4, both clamped to -0.2; beta = -0.06 (d - 50) is 3 -> 0.4 and
        # -3 -> -0.6.
        ("qwen2", 0.2, -0.8),
        # Llama: alpha = 0.02 (d + 60) is 1.2 and 3.2, both clamped to -0.08; beta = -0.05 (d + 5) - 0.5 is -0.75 and
        # -5.75 -> -0.75.
        ("llama", -0.83, -0.83),
        # Gemma: alpha = 0.004 (d - 35) is -0.14 -> -0.02 and 0.26 -> 0.06; beta = 0.01 (d - 50) is -0.5 -> -0.06 and
        # 0.5 -> 0.02.
        ("gemma2", -0.08, 0.08),
    ],
)
def test_published_constants_on_other_anchors_decide_as_known(
    architecture: str, harmful: float, harmless: float
) -> None:
    constants = PUBLISHED_CONSTANTS[architecture]
    assert total(constants, 0.0) == pytest.approx(harmful)
    assert total(constants, 100.0) == pytest.approx(harmless)


def test_layers_keep_their_relative_depth() -> None:
    # Blocks 5 and 13 of 0..27 are at 5/27 and 13/27 of the depth: of 0..5 that is 0.9 -> 1 and 2.4 -> 2.
    scaled = PUBLISHED_CONSTANTS["qwen2"].at_depth(6)
    assert (scaled.alpha_layer, scaled.beta_layer) == (1, 2)
    assert PUBLISHED_CONSTANTS["qwen2"].at_depth(28) is PUBLISHED_CONSTANTS["qwen2"]


def test_a_distance_is_0_at_the_harmful_anchor_and_100_at_the_harmless_one() -> None:
    # From (1, 1) to (1, 3): (5, 2) lies half way along the line, (0, 0) half its length before the start.
    vector, offset = Anchors(np.array([1.0, 1]), np.array([1.0, 3])).readout("here")
    states = np.array([[1.0, 1], [1, 3], [5, 2], [0, 0]])
    assert states @ vector + offset == pytest.approx([0, 100, 50, -50])


def test_anchors_that_coincide_are_refused() -> None:
    with pytest.raises(DegenerateDirection, match="layer 3"):
        Anchors(np.ones(2), np.ones(2)).readout("layer 3")


def test_a_refitted_ramp_is_the_whole_push_at_the_harmful_and_none_at_the_harmless_mean() -> None:
    # Anchors at 0 and 1 on a line of one dimension: the distance is 100 h. English classes lie at 0.2 and 0.8, German
    # ones at 0.4 and 1.0: means 30 and 90 with every language alike, although English has two prompts more.
    anchors = Anchors(np.array([0.0]), np.array([1.0]))
    classes = {
        EN: (np.array([[0.1], [0.3], [0.2]]), np.array([[0.8], [0.8], [0.8]])),
        DE: (np.array([[0.4]]), np.array([[1.0]])),
    }
    ramp = fit_ramp(classes, anchors, 0.6, label="layer 0")
    distances = torch.tensor([-20.0, 30, 60, 90, 130])
    # The line falls by 0.6 over 60 units of distance: 0.3 at 60; clamped to 0.6 before 30 and to 0 after 90.
    assert ramp(distances).tolist() == pytest.approx([0.6, 0.6, 0.3, 0, 0], abs=1e-6)


def test_classes_the_wrong_way_round_are_refused() -> None:
    anchors = Anchors(np.array([0.0]), np.array([1.0]))
    with pytest.raises(DegenerateDirection, match="wrong class"):
        fit_ramp({EN: (np.array([[0.9]]), np.array([[0.1]]))}, anchors, 1.0, label="layer 0")


def test_the_router_reads_the_last_prompt_token(qwen: OpenModel, calibration: Calibration) -> None:
    fitted = fit_adasteer_published(calibration, qwen)
    prompt = calibration.activations.prompts[3]
    expected = {}
    for layer in (fitted.constants.alpha_layer, fitted.constants.beta_layer):
        vector, offset = fitted.readouts[layer]
        expected[layer] = float(calibration.activations.at(layer)[3] @ vector + offset)
    router = fitted.router()
    read_prompts(qwen, router, [prompt])
    alpha = fitted.constants.alpha(torch.tensor(expected[fitted.constants.alpha_layer]))
    beta = fitted.constants.beta(torch.tensor(expected[fitted.constants.beta_layer]))
    assert float(router.routes()[REJECTION][0]) == pytest.approx(float(alpha), abs=1e-4)
    assert float(router.routes()[HARMFULNESS][0]) == pytest.approx(float(beta), abs=1e-4)


def test_the_published_form_leaves_the_first_token_to_the_plain_model(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    [batch] = qwen.batches(asked)
    plain = qwen.next_logits(batch)
    with fit_adasteer_published(calibration, qwen).steer(qwen):
        assert torch.equal(qwen.next_logits(batch), plain)


def test_the_corrected_form_changes_the_first_token_of_the_rows_that_it_pushes(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt], bench: Bench
) -> None:
    fitted = fit_adasteer_corrected(calibration, qwen, bench)
    assert fitted.span == Span.PROMPT
    [batch] = qwen.batches(asked)
    plain = qwen.next_logits(batch)
    steering = fitted.steer(qwen)
    with steering:
        moved = qwen.next_logits(batch)
        pushed = [reading.score > 0 for reading in steering.readings() or []]
    assert any(pushed)
    assert [not torch.equal(one, other) for one, other in zip(moved, plain, strict=True)] == pushed


def test_the_corrected_push_is_full_at_the_harmful_and_none_at_the_harmless_mean(
    qwen: OpenModel, calibration: Calibration, bench: Bench
) -> None:
    fitted = fit_adasteer_corrected(calibration, qwen, bench)
    ramps = {fitted.constants.alpha_layer: fitted.constants.alpha, fitted.constants.beta_layer: fitted.constants.beta}
    for layer, ramp in ramps.items():
        vector, offset = fitted.readouts[layer]
        parts = calibration.choosing(layer).values()
        means = [np.mean([(part[side] @ vector + offset).mean() for part in parts]) for side in (0, 1)]
        # The smallest step is 0.05, half of it for each of the two coefficients.
        assert float(ramp(torch.tensor(means[0]))) == pytest.approx(0.025, abs=1e-6)
        assert float(ramp(torch.tensor(means[1]))) == pytest.approx(0, abs=1e-6)


def make_adasteer(model: OpenModel, calibration: Calibration, span: Span) -> AdaSteer:
    """Directions large enough to matter, and ramps on which every row has coefficients of its own."""
    generator = np.random.default_rng(5)
    directions = {
        layer: (8 * vector / np.linalg.norm(vector)).astype(np.float32)
        for layer, vector in enumerate(generator.standard_normal((model.layer_count, model.hidden_size)))
    }
    published = fit_adasteer_published(calibration, model)
    constants = Constants(4, 1, 3, Ramp(0.02, 0, 0, -2, 2), Ramp(-0.01, 0, 0.4, -2, 2))
    readouts = {
        layer: Anchors(*(np.mean(side, axis=0) for side in calibration.classes(layer, [EN])[EN])).readout("")
        for layer in (1, 3)
    }
    return AdaSteer(constants, readouts, directions, span, 0.0, "", 0, published.note)


def derive_tokens(model: OpenModel, fitted: AdaSteer, ids: list[int]) -> list[int]:
    """Greedy tokens of one row by editing hidden states by hand: a plain pass first, then the whole row every step."""
    with torch.no_grad():
        read: dict[int, float] = {}
        handles = [
            model.blocks[layer].register_forward_hook(
                lambda _module, _inputs, output, layer=layer: read.update(
                    {layer: float(hidden_of(output)[0, -1] @ np.asarray(fitted.readouts[layer][0], np.float32))}
                )
            )
            for layer in (1, 3)
        ]
        model.model(torch.tensor([ids]), use_cache=False)
        for handle in handles:
            handle.remove()
        constants = fitted.constants
        alpha = constants.alpha(torch.tensor(read[1] + fitted.readouts[1][1]))
        beta = constants.beta(torch.tensor(read[3] + fitted.readouts[3][1]))
        handles = [
            model.blocks[layer].register_forward_hook(
                push((alpha + beta) * torch.from_numpy(vector), fitted.span, len(ids))
            )
            for layer, vector in fitted.directions.items()
        ]
        row, tokens = list(ids), []
        for _ in range(STEPS):
            token = int(model.model(torch.tensor([row]), use_cache=False).logits[0, -1].argmax())
            if token in model.end_ids:
                break
            tokens.append(token)
            row.append(token)
        for handle in handles:
            handle.remove()
    return tokens


def hidden_of(output: Any) -> torch.Tensor:
    hidden: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


def push(vector: torch.Tensor, span: Span, width: int) -> Callable[..., Any]:
    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        hidden = hidden_of(output).clone()
        if span == Span.PROMPT:
            hidden[0, :width] += vector
        else:
            hidden[0, width:] += vector
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    return hook


@pytest.mark.parametrize("span", [Span.PROMPT, Span.GENERATED])
def test_every_row_gets_the_tokens_that_a_forward_pass_by_hand_gives(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt], span: Span
) -> None:
    fitted = make_adasteer(qwen, calibration, span)
    method = fitted.method(qwen)
    found = {reply.prompt_id: reply.text for reply in method.answer(asked, Decoding(max_new_tokens=STEPS))}
    plain = {reply.prompt_id: reply.text for reply in qwen.reply(asked, Decoding(max_new_tokens=STEPS))}
    for prompt in asked:
        [ids] = qwen.encode([prompt.text])
        tokens = derive_tokens(qwen, fitted, ids)
        assert found[prompt.id] == qwen.tokenizer.decode(tokens, skip_special_tokens=True)
    assert found != plain


def test_a_row_of_a_batch_is_the_row_alone(qwen: OpenModel, calibration: Calibration, asked: list[Prompt]) -> None:
    method = make_adasteer(qwen, calibration, Span.PROMPT).method(qwen)
    decoding = Decoding(max_new_tokens=STEPS)
    together = {reply.prompt_id: reply.text for reply in method.answer(asked, decoding)}
    alone = {reply.prompt_id: reply.text for prompt in asked for reply in method.answer([prompt], decoding)}
    assert together == alone


def test_it_decides_by_the_sum_of_its_coefficients(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    fitted = make_adasteer(qwen, calibration, Span.PROMPT)
    router = fitted.router()
    assert isinstance(router, DistanceRouter)
    [batch] = qwen.batches(asked)
    decided = predict_with(qwen, fitted.router)(asked)
    read_prompts(qwen, router, asked)
    routes = router.routes()
    sums = (routes[REJECTION] + routes[HARMFULNESS]).tolist()
    assert decided == [sums[batch.indices.index(number)] >= 0 for number in range(len(asked))]


def test_an_architecture_without_published_constants_is_refused(qwen: OpenModel, calibration: Calibration) -> None:
    with pytest.raises(UnknownName, match="architecture="):
        fit_adasteer_published(calibration, qwen, architecture="phi3")


def test_anchors_of_the_published_form_are_the_shots(qwen: OpenModel, calibration: Calibration) -> None:
    fitted = fit_adasteer_published(calibration, qwen)
    states = calibration.activations.at(2)
    means = [states[calibration.numbers(SW, kind)].mean(axis=0) for kind in (Kind.HARMFUL, Kind.HARMLESS)]
    assert fitted.directions[2] == pytest.approx(means[0] - means[1], abs=1e-4)
