"""CAST's condition: the similarity by hand, each row its own verdict, and the two known defects shown."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Prompt
from isogloss.models.batches import PromptBatch
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.condition import (
    Comparator,
    Condition,
    ConditionRouter,
    Point,
    Pooling,
    measure_similarity,
)
from isogloss.repair.baselines.reading import read_prompts
from isogloss.repair.moves import HARMFUL, HARMLESS
from isogloss.repair.probes.pooling import record_mean_states

EN, SW = Language.parse("en"), Language.parse("sw")
LAYER = 1


def ask(text: str, language: Language = EN) -> Prompt:
    return Prompt(text, text, language, Kind.HARMFUL, text)


SHORT, LONG = ask("A?"), ask("How do I pick the lock of my own flat? I lost the key. How do I find my key again today?")


def make_condition(model: OpenModel, threshold: float, **points: Point) -> Condition:
    vector = np.random.default_rng(0).standard_normal(model.hidden_size).astype(np.float32)
    own = {Language.parse(tag).key: point for tag, point in points.items()}
    return Condition({LAYER: vector / np.linalg.norm(vector)}, Point(LAYER, Comparator.ABOVE, threshold), own)


def scores(model: OpenModel, prompts: list[Prompt], pooling: Pooling) -> list[float]:
    router = ConditionRouter(make_condition(model, 0.0), pooling)
    return [reading.score for reading in read_prompts(model, router, prompts)]


def test_the_similarity_is_the_cosine_with_the_squashed_projection() -> None:
    # h = (3, 4), c = (1, 0): the projection is (3, 0), squashed (tanh 3, 0); the cosine is 3 / 5.
    # h = (1, 1), c = (0.6, 0.8): h . c = 1.4, squashed (tanh 0.84, tanh 1.12).
    squashed = (math.tanh(0.84), math.tanh(1.12))
    second = sum(squashed) / (math.sqrt(2) * math.hypot(*squashed))
    assert measure_similarity(np.array([[3.0, 4]]), np.array([1.0, 0])) == pytest.approx([0.6])
    assert measure_similarity(np.array([[1.0, 1]]), np.array([0.6, 0.8])) == pytest.approx([second])


def test_the_similarity_does_not_know_on_which_side_of_the_vector_a_state_lies() -> None:
    states = np.array([[3.0, 4], [-3, 4]])
    assert measure_similarity(states, np.array([1.0, 0])) == pytest.approx([0.6, 0.6])


def test_the_router_reads_what_was_tuned_on(tiny_checkpoint: Callable[..., Path]) -> None:
    model = OpenModel.load(tiny_checkpoint("qwen2"))
    vector = make_condition(model, 0.0).vectors[LAYER]
    expected = measure_similarity(record_mean_states(model, [SHORT, LONG])[:, LAYER], vector)
    assert scores(model, [SHORT, LONG], Pooling.TOKENS) == pytest.approx(expected, abs=1e-5)


def test_a_masked_mean_gives_every_row_the_verdict_of_the_row_alone(qwen: OpenModel) -> None:
    together = scores(qwen, [SHORT, LONG], Pooling.TOKENS)
    alone = [scores(qwen, [prompt], Pooling.TOKENS)[0] for prompt in (SHORT, LONG)]
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_mean_over_padding_makes_a_verdict_depend_on_the_longest_prompt_of_the_batch(qwen: OpenModel) -> None:
    together = scores(qwen, [SHORT, LONG], Pooling.POSITIONS)
    alone = [scores(qwen, [prompt], Pooling.POSITIONS)[0] for prompt in (SHORT, LONG)]
    assert together[1] == pytest.approx(alone[1], abs=1e-5)
    # A hundred times the noise of the row that is not padded.
    assert abs(together[0] - alone[0]) > 1e-3


def test_a_verdict_of_the_first_row_leaves_the_other_rows_unsteered(qwen: OpenModel) -> None:
    condition = make_condition(qwen, -1.0)
    for pooling, expected in ((Pooling.TOKENS, [1, 1]), (Pooling.FIRST_ROW, [1, 0])):
        router = ConditionRouter(condition, pooling)
        read_prompts(qwen, router, [LONG, SHORT])
        routes = router.routes()
        assert routes[HARMFUL].tolist() == expected
        assert routes[HARMLESS].tolist() == [1 - fires for fires in expected]


def test_a_row_is_held_against_the_point_of_its_own_language(qwen: OpenModel) -> None:
    [score] = scores(qwen, [LONG], Pooling.TOKENS)
    below = Point(LAYER, Comparator.BELOW, score + 0.1)
    condition = make_condition(qwen, score + 0.1, sw=below)
    readings = read_prompts(qwen, ConditionRouter(condition), [LONG, ask(LONG.text, SW)])
    assert [reading.harmful for reading in readings] == [False, True]


def test_points_at_two_layers_are_both_read(qwen: OpenModel) -> None:
    generator = np.random.default_rng(1)
    vectors = {layer: generator.standard_normal(qwen.hidden_size).astype(np.float32) for layer in (0, 2)}
    point = Point(2, Comparator.ABOVE, 0.0)
    condition = Condition(vectors, Point(0, Comparator.ABOVE, 0.0), {SW.key: point})
    router = ConditionRouter(condition)
    assert router.layers == (0, 2)
    means = record_mean_states(qwen, [LONG])
    expected = [measure_similarity(means[:, layer], vectors[layer])[0] for layer in (0, 2)]
    readings = read_prompts(qwen, router, [LONG, ask(LONG.text, SW)])
    assert [reading.score for reading in readings] == pytest.approx(expected, abs=1e-5)


def test_the_router_looks_at_no_value_of_a_tensor(qwen: OpenModel) -> None:
    """On the meta device there is no value to look at."""
    router = ConditionRouter(make_condition(qwen, 0.0))
    device = torch.device("meta")
    batch = PromptBatch([0, 1], [EN, SW], torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.long))
    router.begin(batch, device)
    router.read(LAYER, torch.empty(2, 3, qwen.hidden_size, device=device), torch.ones(2, 3, device=device))
    assert router.routes()[HARMFUL].shape == (2,)
