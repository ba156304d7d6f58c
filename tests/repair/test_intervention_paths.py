"""One steering on every way to generate: each cache, compiled, beams, several replies, prompts in chunks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CompileConfig, DynamicCache

from isogloss.core import Language, Split
from isogloss.models.batches import PromptBatch, make_batches
from isogloss.models.layers import keep_hooks_visible
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.intervention import RoutedSteering, add_direction
from isogloss.repair.moves import Move, Operation, Span
from repair.steering_by_hand import (
    STEPS,
    ProjectionRouter,
    moved_by_hand,
    routes_by_hand,
    score_by_hand,
    tokens_by_hand,
    unit,
)

SIZE = 32
ROWS = [[5, 6, 7, 8, 9, 10, 11], [9], [40, 41, 42], [100, 3, 77, 12]]
MOVES = (
    Move(1, unit(SIZE, 1), Operation.REMOVE, "rest"),
    Move(1, unit(SIZE, 2), Operation.ADD, "some", Span.ONWARD, 6.0, 0.5),
    Move(3, unit(SIZE, 3), Operation.LIFT, "fires", Span.GENERATED, 3.0, 0.25),
)
# Nothing before the last prompt token is moved.
LATE = (MOVES[1], MOVES[2])


@pytest.fixture(scope="module", params=["qwen2", "gemma2"])
def model(request: pytest.FixtureRequest, tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint(request.param))


@pytest.fixture(scope="module")
def qwen(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


@pytest.fixture
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def batch_of(rows: list[list[int]]) -> PromptBatch:
    [batch] = make_batches(rows, pad_id=0, batch_tokens=10_000)
    return batch


def router_of(model: OpenModel) -> ProjectionRouter:
    return ProjectionRouter((0, 1), model.hidden_size)


def generate(model: OpenModel, batch: PromptBatch, *, steps: int = STEPS, **options: Any) -> torch.Tensor:
    out = model.model.generate(
        batch.input_ids,
        attention_mask=batch.attention_mask,
        max_new_tokens=steps,
        eos_token_id=None,
        pad_token_id=0,
        **({"do_sample": False} | options),
    )
    return out[:, batch.width :]  # type: ignore[no-any-return]


def by_hand(model: OpenModel, batch: PromptBatch) -> list[list[int]]:
    return [tokens_by_hand(model, MOVES, router_of(model), ids)[0] for ids in batch.rows()]


def compiling(backend: str) -> CompileConfig:
    make: Any = CompileConfig
    config = make(fullgraph=True, backend=backend, mode=None)
    config._compile_all_devices = True  # transformers leaves the processor out otherwise
    return config  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("cached", "options"),
    [(True, {}), (False, {"use_cache": False}), (True, {"cache_implementation": "static"})],
    ids=["cache", "no cache", "static cache"],
)
def test_each_cache_gives_the_tokens_of_the_derivation_by_hand(
    model: OpenModel, cached: bool, options: dict[str, Any]
) -> None:
    batch = batch_of(ROWS)
    expected = by_hand(model, batch)
    with RoutedSteering(model, MOVES, router_of(model)) as steering:
        steering.begin(batch, use_cache=cached)
        assert generate(model, batch, **options).tolist() == expected


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_decoding_is_one_graph_and_gives_the_same_tokens(
    model: OpenModel, fresh_dynamo: None, backend: str
) -> None:
    batches = [batch_of(ROWS), batch_of(ROWS[::-1])]
    expected = [by_hand(model, batch) for batch in batches]
    stats = torch._dynamo.utils.counters["stats"]
    options = {"cache_implementation": "static", "compile_config": compiling(backend)}
    plain = generate(model, batches[0], **options)
    before = stats["unique_graphs"]
    with RoutedSteering(model, MOVES, router_of(model)) as steering:
        # Another batch of the same shape, in another order, is no reason to compile again.
        for batch, tokens in zip(batches, expected, strict=True):
            steering.begin(batch, use_cache=True)
            assert generate(model, batch, **options).tolist() == tokens
            assert stats["unique_graphs"] == before + 1
    assert not torch._dynamo.utils.counters["graph_break"]
    assert torch.equal(generate(model, batches[0], **options), plain)


def test_another_vector_and_strength_run_on_the_graph_that_is_there(qwen: OpenModel, fresh_dynamo: None) -> None:
    batch, stats = batch_of(ROWS), torch._dynamo.utils.counters["stats"]
    options = {"cache_implementation": "static", "compile_config": compiling("eager")}
    for seed, strength in ((1, 5.0), (2, -3.0), (1, 40.0)):
        with add_direction(qwen, unit(SIZE, seed), layer=1, strength=strength) as steering:
            steering.begin(batch, use_cache=True)
            compiled = generate(qwen, batch, **options)
            steering.begin(batch, use_cache=True)
            assert torch.equal(compiled, generate(qwen, batch))
    assert stats["unique_graphs"] == 1


def test_a_compiled_prefill_reads_and_moves(model: OpenModel, fresh_dynamo: None) -> None:
    batch = batch_of(ROWS)
    compiled = torch.compile(model.model.forward, backend="eager", fullgraph=True)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "use_cache": False}
    logits = []
    with torch.no_grad(), RoutedSteering(model, MOVES, router_of(model)) as steering:
        for forward in (model.model.forward, compiled, compiled):
            steering.begin(batch, use_cache=False)
            logits.append(forward(**inputs, position_ids=batch.position_ids).logits[:, -1])
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-4, atol=1e-4)
    assert torch.equal(logits[1], logits[2])


def test_a_gate_is_read_and_routed_in_a_compiled_prefill(
    qwen: OpenModel, make_repair: Callable[..., Repair], prompts: PromptSet, fresh_dynamo: None
) -> None:
    [batch] = qwen.batches(list(prompts.select(languages=(Language.parse("sw"),), split=Split.TEST)))
    repair = make_repair(qwen)
    compiled = torch.compile(qwen.model.forward, backend="eager", fullgraph=True)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "use_cache": False}
    with torch.inference_mode(), repair.steer(qwen) as steering:
        steering.begin(batch, use_cache=False)
        logits = compiled(**inputs, position_ids=batch.position_ids).logits[:, -1]
        readings = steering.readings() or []
    with repair.steer(qwen) as steering:
        torch.testing.assert_close(logits, qwen.next_logits(batch), rtol=1e-4, atol=1e-4)
        expected = steering.readings() or []
    assert [one.harmful for one in readings] == [one.harmful for one in expected]
    assert {one.harmful for one in readings} == {True, False}


@pytest.mark.parametrize("first", [True, False])
def test_batches_may_be_announced_inside_and_outside_inference_mode(
    qwen: OpenModel, make_repair: Callable[..., Repair], prompts: PromptSet, first: bool
) -> None:
    [batch] = qwen.batches(list(prompts.select(languages=(Language.parse("sw"),), split=Split.TEST)))
    with make_repair(qwen).steer(qwen) as steering:
        for inside in (first, not first, first):
            with torch.inference_mode(inside), torch.no_grad():
                steering.begin(batch, use_cache=True)
                assert generate(qwen, batch, steps=2).shape == (len(batch), 2)


def test_code_compiled_before_the_steering_sees_it_come_and_go(
    tiny_checkpoint: Callable[..., Path], fresh_dynamo: None
) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"))
    for block in model.blocks:
        block._forward_hooks.clear()  # as in a model that puts no hooks of its own on its blocks
    keep_hooks_visible(model.blocks)
    batch = batch_of(ROWS)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "use_cache": False}
    compiled = torch.compile(model.model.forward, backend="eager", fullgraph=True)
    with torch.no_grad():
        plain = compiled(**inputs).logits
        for _ in range(2):
            with add_direction(model, unit(SIZE, 1), layer=1, strength=9.0) as steering:
                steering.begin(batch, use_cache=False)
                assert not torch.equal(compiled(**inputs).logits, plain)
            assert torch.equal(compiled(**inputs).logits, plain)


@pytest.mark.parametrize("cached", [True, False], ids=["cache", "no cache"])
def test_beams_of_a_mixed_batch_equal_beam_search_by_hand_row_by_row(model: OpenModel, cached: bool) -> None:
    batch, options = batch_of(ROWS), {"num_beams": 3, "num_return_sequences": 2, "use_cache": cached}
    with RoutedSteering(model, MOVES, router_of(model)) as steering:
        steering.begin(batch, use_cache=cached, copies=3)
        together = generate(model, batch, **options).tolist()
        assert len(steering.readings() or []) == len(ROWS)
    for row, ids in enumerate(batch.rows()):
        routes = routes_by_hand(score_by_hand(model, router_of(model), ids))
        with moved_by_hand(model, MOVES, routes, len(ids)):
            alone = generate(model, batch_of([ids]), **(options | {"use_cache": False})).tolist()
        assert together[2 * row : 2 * row + 2] == alone


def test_sampled_replies_of_one_prompt_are_all_steered_by_its_own_verdict(model: OpenModel) -> None:
    batch, seen = batch_of(ROWS), []
    push = Move(2, unit(SIZE, 4), Operation.ADD, "fires", strength=1e4)
    router = router_of(model)
    with RoutedSteering(model, [push], router) as steering:
        steering.begin(batch, use_cache=True, copies=3)
        keep = model.blocks[2].register_forward_hook(
            lambda _m, _i, output: seen.append(output[0] if isinstance(output, tuple) else output)
        )
        generate(model, batch, do_sample=True, num_return_sequences=3, steps=2)
        keep.remove()
    pushed = [(hidden[:, -1] @ torch.from_numpy(push.vector) > 5e3).tolist() for hidden in seen]
    fires = [score > 0 for score in router.score.tolist() for _ in range(3)]
    assert set(fires) == {True, False}
    assert pushed == [fires, fires]


def test_a_generated_token_may_come_with_others_or_with_the_prompt(qwen: OpenModel) -> None:
    [ids] = [ROWS[0]]
    tokens, expected = tokens_by_hand(qwen, MOVES, router_of(qwen), ids)
    batch = batch_of([ids])
    row = torch.tensor([ids + tokens[:-1]])
    with torch.no_grad(), RoutedSteering(qwen, MOVES, router_of(qwen)) as steering:
        for cut in (len(ids), len(ids) + 2, len(ids) + 4):
            steering.begin(batch, use_cache=True)
            cache = DynamicCache(config=qwen.model.config)
            parts = [qwen.model(row[:, :cut], past_key_values=cache, use_cache=True).logits]
            if cut < row.shape[1]:
                parts.append(qwen.model(row[:, cut:], past_key_values=cache, use_cache=True).logits)
            logits = torch.cat(parts, dim=1)[0, len(ids) - 1 :]
            torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-3)


def run_in_chunks(model: OpenModel, batch: PromptBatch, cut: int) -> torch.Tensor:
    cache = DynamicCache(config=model.model.config)
    mask, places = batch.attention_mask, batch.position_ids
    for start, stop in ((0, cut), (cut, batch.width)):
        out = model.model(
            input_ids=batch.input_ids[:, start:stop],
            attention_mask=mask[:, :stop],
            position_ids=places[:, start:stop],
            past_key_values=cache,
            use_cache=True,
        )
    return out.logits[:, -1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("moves", "apart"), [(LATE, False), (MOVES, True)], ids=["late moves", "read apart"])
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_prompts_in_chunks_are_steered_as_in_one_piece(
    model: OpenModel, moves: tuple[Move, ...], apart: bool, cut: int
) -> None:
    batch = batch_of(ROWS)
    with torch.no_grad(), RoutedSteering(model, moves, router_of(model), reads_apart=apart) as steering:
        whole = model.next_logits(batch)
        steering.begin(batch, use_cache=True)
        torch.testing.assert_close(run_in_chunks(model, batch, cut), whole, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("moves", "whole"), [(MOVES, False), (LATE, True)], ids=["early move", "whole prompt"])
def test_chunks_that_come_before_the_verdict_they_need_are_refused(
    qwen: OpenModel, moves: tuple[Move, ...], whole: bool
) -> None:
    batch, router = batch_of(ROWS), ProjectionRouter((0,), SIZE, whole=whole)
    with torch.no_grad(), RoutedSteering(qwen, moves, router) as steering:
        steering.begin(batch, use_cache=True)
        with pytest.raises(RuntimeError, match=r"came in several passes.*reads_apart=True"):
            run_in_chunks(qwen, batch, 3)


def test_other_rows_than_announced_are_refused_with_the_number_of_copies(qwen: OpenModel) -> None:
    batch = batch_of(ROWS)
    with RoutedSteering(qwen, MOVES, router_of(qwen)) as steering:
        steering.begin(batch, use_cache=True)
        with pytest.raises(RuntimeError, match=r"a pass of 12 rows.*announced 4 rows with copies=1; set copies"):
            generate(qwen, batch, num_beams=3)
        with pytest.raises(RuntimeError, match="copies=0"):
            steering.begin(batch, use_cache=True, copies=0)


def test_a_pass_shorter_than_the_prompt_is_refused_without_a_cache(qwen: OpenModel) -> None:
    batch = batch_of(ROWS)
    with RoutedSteering(qwen, MOVES, router_of(qwen)) as steering, torch.no_grad():
        steering.begin(batch, use_cache=False)
        with pytest.raises(RuntimeError, match=r"a pass of 2 positions.*prompts of 7 and use_cache=False"):
            qwen.model(batch.input_ids[:, :2], use_cache=False)


def test_every_entry_asks_for_its_own_announcement(qwen: OpenModel) -> None:
    batch, steering = batch_of(ROWS), add_direction(qwen, unit(SIZE, 1), layer=1, strength=1.0)
    with steering:
        qwen.next_logits(batch)
    with steering, pytest.raises(RuntimeError, match=r"without begin\(\)"), torch.no_grad():
        qwen.model(batch.input_ids)
