"""CAST against a hand-made forward pass, alone and in batches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Label, Prompt, Split
from isogloss.core.errors import DegenerateDirection
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.cast import Cast, fit_cast_corrected, fit_cast_published, measure_gap
from isogloss.repair.baselines.condition import Comparator, Condition, Point, Pooling
from isogloss.repair.baselines.constant import fit_source_vector
from isogloss.repair.baselines.reading import predict_with, read_prompts
from isogloss.repair.baselines.tuning import Bench
from isogloss.repair.moves import Span

from .conftest import SW, FunctionJudge

STEPS = 5
LAYERS = (2, 3)


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    """Swahili test prompts of different lengths."""
    return list(prompts.select(languages=(SW,), split=Split.TEST))


def make_cast(model: OpenModel, threshold: float, pooling: Pooling = Pooling.TOKENS) -> Cast:
    generator = np.random.default_rng(7)
    condition, *vectors = (
        vector / np.linalg.norm(vector)
        for vector in generator.standard_normal((3, model.hidden_size)).astype(np.float32)
    )
    return Cast(
        condition=Condition({1: condition}, Point(1, Comparator.ABOVE, threshold)),
        pooling=pooling,
        vectors=dict(zip(LAYERS, vectors, strict=True)),
        strengths=dict.fromkeys(LAYERS, 25.0),
        variant="",
        shots=0,
        note="",
    )


def derive_tokens(model: OpenModel, cast: Cast, ids: list[int]) -> tuple[bool, list[int]]:
    """Verdict and greedy tokens of one row by editing hidden states by hand, the whole row again at every step."""
    verdict: list[bool] = []
    vector = torch.from_numpy(cast.condition.vectors[1])

    def read(_module: Any, _inputs: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if not verdict:
            mean = hidden[0, : len(ids)].mean(dim=0)
            squashed = torch.tanh((mean @ vector) * vector)
            similarity = float(mean @ squashed / (mean.norm() * squashed.norm()))
            verdict.append(similarity >= cast.condition.fallback.threshold)

    def push(layer: int) -> Callable[..., Any]:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            hidden = output[0] if isinstance(output, tuple) else output
            moved = hidden + verdict[0] * cast.strengths[layer] * torch.from_numpy(cast.vectors[layer])
            return (moved, *output[1:]) if isinstance(output, tuple) else moved

        return hook

    handles = [model.blocks[1].register_forward_hook(read)]
    handles += [model.blocks[layer].register_forward_hook(push(layer)) for layer in LAYERS]
    row, tokens = list(ids), []
    for _ in range(STEPS):
        with torch.no_grad():
            token = int(model.model(torch.tensor([row]), use_cache=False).logits[0, -1].argmax())
        if token in model.end_ids:
            break
        tokens.append(token)
        row.append(token)
    for handle in handles:
        handle.remove()
    return verdict[0], tokens


def middle_threshold(model: OpenModel, asked: list[Prompt]) -> float:
    """Between the middle two of the prompts' similarities, so that half of them are steered."""
    found = sorted(reading.score for reading in read_prompts(model, make_cast(model, 0.0).router(), asked))
    return (found[len(found) // 2 - 1] + found[len(found) // 2]) / 2


def texts(cast: Cast, model: OpenModel, prompts: list[Prompt]) -> dict[str, str]:
    replies = cast.method(model).answer(prompts, Decoding(max_new_tokens=STEPS))
    return {reply.prompt_id: reply.text for reply in replies}


def test_every_row_gets_the_tokens_that_a_forward_pass_by_hand_gives(model: OpenModel, asked: list[Prompt]) -> None:
    cast = make_cast(model, middle_threshold(model, asked))
    found = texts(cast, model, asked)
    verdicts = []
    for prompt in asked:
        [ids] = model.encode([prompt.text])
        fires, tokens = derive_tokens(model, cast, ids)
        verdicts.append(fires)
        assert found[prompt.id] == model.tokenizer.decode(tokens, skip_special_tokens=True)
    assert sum(verdicts) == len(asked) // 2
    assert predict_with(model, cast.router)(asked) == verdicts


def test_a_row_of_a_batch_is_the_row_alone(qwen: OpenModel, asked: list[Prompt]) -> None:
    cast = make_cast(qwen, middle_threshold(qwen, asked))
    alone: dict[str, str] = {}
    for prompt in asked:
        alone |= texts(cast, qwen, [prompt])
    assert texts(cast, qwen, asked) == alone == texts(cast, qwen, asked[::-1])


def test_the_published_condition_can_change_its_mind_with_the_batch(qwen: OpenModel, asked: list[Prompt]) -> None:
    short = min(asked, key=lambda prompt: len(prompt.text))
    long = replace(short, id="long", text=short.text * 12)
    cast = make_cast(qwen, 0.0, Pooling.POSITIONS)
    scores = [read_prompts(qwen, cast.router(), rows)[0].score for rows in ([short], [short, long])]
    fitted = make_cast(qwen, sum(scores) / 2, Pooling.POSITIONS)
    predicts = predict_with(qwen, fitted.router)
    assert predicts([short])[0] != predicts([short, long])[0]
    corrected = predict_with(qwen, replace(fitted, pooling=Pooling.TOKENS).router)
    assert corrected([short])[0] == corrected([short, long])[0]


def test_the_published_form_pushes_a_fixed_length_at_every_position(calibration: Calibration) -> None:
    cast = fit_cast_published(calibration)
    # 15 / 32 and 23 / 32 of 4 blocks are 1.9 -> 2 and 2.9 -> 3.
    assert [move.layer for move in cast.moves()] == [2, 3]
    assert {move.strength for move in cast.moves()} == {1.5}
    assert {move.span for move in cast.moves()} == {Span.EVERYWHERE}
    assert all(np.linalg.norm(move.vector) == pytest.approx(1, abs=1e-5) for move in cast.moves())
    assert cast.pooling == Pooling.POSITIONS


def test_the_corrected_form_pushes_in_units_of_the_source_classes(qwen: OpenModel, calibration: Calibration) -> None:
    # The judge calls everything refused, so every multiplier is as good as the best and the smallest wins: 0.25.
    judge = FunctionJudge(lambda _prompt, _reply: Label.REFUSED)
    bench = Bench(qwen, judge, calibration.prompts(calibration.source, split=Split.VALIDATION), Decoding(2))
    cast = fit_cast_corrected(calibration, qwen, bench)
    for layer, vector in cast.vectors.items():
        assert cast.strengths[layer] == pytest.approx(0.25 * measure_gap(calibration, layer, vector) / 2)
    assert cast.pooling == Pooling.TOKENS


def test_the_gap_is_the_distance_of_quartiles_on_source_training_prompts(calibration: Calibration) -> None:
    vector = fit_source_vector(calibration, 2)
    along: dict[Kind, list[float]] = {kind: [] for kind in Kind}
    for prompt, state in zip(calibration.activations.prompts, calibration.activations.at(2), strict=True):
        if prompt.split == Split.TRAIN:
            along[prompt.kind].append(float(state @ vector))
    expected = np.quantile(along[Kind.HARMFUL], 0.75) - np.quantile(along[Kind.HARMLESS], 0.25)
    assert measure_gap(calibration, 2, vector) == pytest.approx(expected, rel=1e-4)


def test_a_vector_along_which_harmful_prompts_lie_lower_has_no_strength(calibration: Calibration) -> None:
    with pytest.raises(DegenerateDirection, match="Layer 2"):
        measure_gap(calibration, 2, -fit_source_vector(calibration, 2))
