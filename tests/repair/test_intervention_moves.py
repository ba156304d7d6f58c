"""Any moves on any blocks against a derivation by hand, alone and in mixed batches, in one pass and in two."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.core import Language, Prompt, Split
from isogloss.core.errors import UnknownName
from isogloss.models.batches import PromptBatch, make_batches
from isogloss.models.layers import hidden_of, hooked
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.moves import Move, Operation, Span
from isogloss.repair.routers import ConstantRouter
from repair.steering_by_hand import NAMES, STEPS, ProjectionRouter, score_by_hand, tokens_by_hand, unit

SW = Language.parse("sw")
SIZE = 32
MOVES = (
    Move(1, unit(SIZE, 1), Operation.REMOVE, "rest"),
    Move(1, unit(SIZE, 2), Operation.ADD, "some", Span.ONWARD, 6.0, 0.5),
    Move(2, unit(SIZE, 3), Operation.LIFT, "fires", Span.EVERYWHERE, 3.0, 0.25),
    Move(2, unit(SIZE, 4), Operation.ADD, "some", Span.PROMPT, 2.0),
    Move(3, unit(SIZE, 5), Operation.ADD, "fires", Span.GENERATED, 4.0, 0.5),
    Move(3, unit(SIZE, 6), Operation.REMOVE, "some", Span.GENERATED),
)


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(SW,), split=Split.TEST))


@pytest.fixture(scope="module")
def shared(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


def generate(steering: RoutedSteering, model: OpenModel, batch: PromptBatch, *, steps: int = STEPS) -> torch.Tensor:
    """New tokens of a batch, greedy; no token ends a reply."""
    steering.begin(batch, use_cache=True)
    out = model.model.generate(
        batch.input_ids,
        attention_mask=batch.attention_mask,
        max_new_tokens=steps,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=model.pad_id,
    )
    new: torch.Tensor = out[:, batch.width :]
    return new


@pytest.mark.parametrize("layers", [(0,), (0, 1), (1,), (2,), (0, 3)], ids=str)
@pytest.mark.parametrize("whole", [False, True], ids=["last", "whole"])
def test_every_row_of_a_mixed_batch_equals_the_derivation_by_hand(
    model: OpenModel, asked: list[Prompt], layers: tuple[int, ...], whole: bool
) -> None:
    router = ProjectionRouter(layers, model.hidden_size, whole=whole)
    [batch] = model.batches(asked)
    with RoutedSteering(model, MOVES, router) as steering:
        written = generate(steering, model, batch)
        readings = steering.readings() or []
    assert len(set(batch.lengths)) > 1
    for row, ids in enumerate(batch.rows()):
        assert readings[row].score == pytest.approx(score_by_hand(model, router, ids), abs=1e-3)
        tokens, _ = tokens_by_hand(model, MOVES, router, ids)
        assert written[row].tolist() == tokens


def test_steered_logits_equal_the_derivation_by_hand(model: OpenModel, asked: list[Prompt]) -> None:
    router = ProjectionRouter((0,), model.hidden_size)
    for ids in model.encode([prompt.text for prompt in asked[:3]]):
        [batch] = make_batches([ids], pad_id=model.pad_id, batch_tokens=1)
        with RoutedSteering(model, MOVES, router):
            steered = model.next_logits(batch)[0]
        _, expected = tokens_by_hand(model, MOVES, router, ids, steps=1)
        torch.testing.assert_close(steered, expected[0], rtol=1e-4, atol=1e-4)


def test_any_order_and_company_give_a_row_the_same_tokens(shared: OpenModel, asked: list[Prompt]) -> None:
    router = ProjectionRouter((0, 1), SIZE)
    written: dict[str, set[tuple[int, ...]]] = {prompt.id: set() for prompt in asked}
    with RoutedSteering(shared, MOVES, router) as steering:
        for group in (asked, asked[::-1], asked[2:5], *([prompt] for prompt in asked)):
            [batch] = shared.batches(group)
            for index, row in zip(batch.indices, generate(steering, shared, batch).tolist(), strict=True):
                written[group[index].id].add(tuple(row))
    assert all(len(answers) == 1 for answers in written.values())
    assert len({answer for answers in written.values() for answer in answers}) > 1


def test_reading_below_the_lowest_move_shares_the_prefill(shared: OpenModel, asked: list[Prompt]) -> None:
    passes: list[int] = []
    router = ProjectionRouter((0, 1), SIZE)
    with (
        hooked(shared.blocks[0], lambda *_: passes.append(0)),
        RoutedSteering(shared, MOVES, router),
    ):
        shared.next_logits(next(shared.batches(asked)))
    assert passes == [0]
    assert router.asked == [0, 1]


def test_reading_above_the_lowest_move_takes_a_plain_pass_that_stops_after_the_deepest_layer_read(
    shared: OpenModel, asked: list[Prompt]
) -> None:
    [batch] = shared.batches(asked)
    router, seen = ProjectionRouter((0, 2), SIZE), []
    with RoutedSteering(shared, MOVES, router) as steering:
        hooks = [
            block.register_forward_hook(lambda *_, layer=layer: seen.append(layer))  # type: ignore[misc]
            for layer, block in enumerate(shared.blocks)
        ]
        steering.begin(batch, use_cache=True)
        for hook in hooks:
            hook.remove()
    assert seen == [0, 1, 2]
    assert router.asked == [0, 2]
    for row, ids in enumerate(batch.rows()):
        assert router.score[row].item() == pytest.approx(score_by_hand(shared, router, ids), abs=1e-3)


def test_reading_apart_changes_no_token(shared: OpenModel, asked: list[Prompt]) -> None:
    [batch] = shared.batches(asked)
    written = []
    for apart in (False, True):
        with RoutedSteering(shared, MOVES, ProjectionRouter((0,), SIZE), reads_apart=apart) as steering:
            written.append(generate(steering, shared, batch))
    assert torch.equal(*written)


def test_a_router_alone_reads_and_changes_nothing(shared: OpenModel, asked: list[Prompt]) -> None:
    [batch] = shared.batches(asked)
    plain = shared.next_logits(batch)
    router = ProjectionRouter((1, 3), SIZE)
    with RoutedSteering(shared, (), router) as steering:
        assert torch.equal(shared.next_logits(batch), plain)
        assert len(steering.readings() or []) == len(batch)
    assert router.asked == [1, 3]


def test_one_token_prompts_are_read_and_moved(shared: OpenModel) -> None:
    router = ProjectionRouter((0,), SIZE)
    [batch] = make_batches([[9], [17]], pad_id=shared.pad_id, batch_tokens=2)
    with RoutedSteering(shared, MOVES, router) as steering:
        written = generate(steering, shared, batch)
    for row, ids in zip(written.tolist(), ([9], [17]), strict=True):
        assert row == tokens_by_hand(shared, MOVES, router, ids)[0]


def test_moves_of_one_block_all_read_it_as_it_was(shared: OpenModel, asked: list[Prompt]) -> None:
    vector = unit(SIZE, 8)
    # The push comes first; if the removal read it, the push would be gone again.
    moves = [Move(1, vector, Operation.ADD, strength=5.0), Move(1, vector, Operation.REMOVE)]
    seen: list[torch.Tensor] = []
    with (
        RoutedSteering(shared, moves, ConstantRouter(fires=True)),
        hooked(shared.blocks[1], lambda _m, _i, output: seen.append(hidden_of(output))),
    ):
        shared.next_logits(next(shared.batches(asked)))
    along = seen[0] @ torch.from_numpy(vector)
    torch.testing.assert_close(along, torch.full_like(along, 5.0), rtol=1e-4, atol=1e-4)


move = st.builds(
    lambda layer, seed, operation, rows, span, strength, persistence: Move(
        layer, unit(SIZE, seed), operation, rows, span, strength, persistence
    ),
    st.integers(0, 3),
    st.integers(0, 9),
    st.sampled_from(Operation),
    st.sampled_from(NAMES),
    st.sampled_from(Span),
    st.floats(-4, 4),
    st.sampled_from([0.0, 0.25, 1.0]),
)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(moves=st.lists(move, min_size=1, max_size=4), layer=st.integers(0, 3), whole=st.booleans())
def test_whatever_the_moves_rows_are_steered_as_by_hand(
    shared: OpenModel, moves: list[Move], layer: int, whole: bool
) -> None:
    router = ProjectionRouter((layer,), SIZE, whole=whole)
    rows = [[9], [5, 6, 7, 8], [30, 31]]
    [batch] = make_batches(rows, pad_id=shared.pad_id, batch_tokens=1000)
    with RoutedSteering(shared, moves, router):
        logits = shared.next_logits(batch)
    for index, place in zip(batch.indices, logits, strict=True):
        _, expected = tokens_by_hand(shared, moves, router, rows[index], steps=1)
        torch.testing.assert_close(place, expected[0], rtol=1e-3, atol=1e-3)


@quick
@given(moves=st.lists(move, max_size=4), layer=st.integers(0, 3))
def test_leaving_restores_the_model_bit_for_bit_after_an_exception_too(
    shared: OpenModel, moves: list[Move], layer: int
) -> None:
    [batch] = make_batches([[5, 6, 7], [9]], pad_id=shared.pad_id, batch_tokens=1000)
    plain, hooks = shared.next_logits(batch), [list(block._forward_hooks) for block in shared.blocks]

    def interrupted() -> None:
        with RoutedSteering(shared, moves, ProjectionRouter((layer,), SIZE)):
            shared.next_logits(batch)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert shared.steering is None
    assert [list(block._forward_hooks) for block in shared.blocks] == hooks
    assert torch.equal(shared.next_logits(batch), plain)


@quick
@given(moves=st.lists(move, min_size=1, max_size=4), layer=st.integers(0, 3), fires=st.booleans())
def test_a_row_whose_coefficient_or_strength_is_zero_is_left_alone_bit_for_bit(
    shared: OpenModel, moves: list[Move], layer: int, fires: bool
) -> None:
    class Never(ConstantRouter):
        def routes(self) -> dict[str, torch.Tensor]:
            return dict.fromkeys(NAMES, torch.zeros(2))

    class Always(ConstantRouter):
        def routes(self) -> dict[str, torch.Tensor]:
            return dict.fromkeys(NAMES, torch.ones(2))

    if fires:
        moves = [Move(one.layer, one.vector, Operation.ADD, one.rows, one.span, 0.0) for one in moves]
    [batch] = make_batches([[5, 6, 7], [9]], pad_id=shared.pad_id, batch_tokens=1000)
    plain = shared.next_logits(batch)
    with RoutedSteering(shared, moves, (Always if fires else Never)(fires=fires)):
        assert torch.equal(shared.next_logits(batch), plain)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_keeps_its_type_and_rounds_once(
    tiny_checkpoint: Callable[..., Path], asked: list[Prompt], dtype: str
) -> None:
    model = OpenModel.load(tiny_checkpoint("qwen2"), dtype=dtype)
    push = Move(1, unit(SIZE, 1), Operation.ADD, strength=3.0)
    seen: list[torch.Tensor] = []
    keep: Any = lambda _m, _i, output: seen.append(hidden_of(output))  # noqa: E731
    [batch] = model.batches(asked[:2])
    with (
        hooked(model.blocks[1], keep),
        RoutedSteering(model, [push], ConstantRouter(fires=True)),
        hooked(model.blocks[1], keep),
    ):
        assert model.next_logits(batch).dtype == getattr(torch, dtype)
    before, after = seen
    assert torch.equal(after, (before.float() + 3.0 * torch.from_numpy(push.vector)).to(before.dtype))


@pytest.mark.parametrize("steps", [2])
def test_blocks_that_are_kept_on_disk_are_moved_too(
    tiny_checkpoint: Callable[..., Path], tmp_path: Path, shared: OpenModel, asked: list[Prompt], steps: int
) -> None:
    from accelerate import disk_offload

    model = OpenModel.load(tiny_checkpoint("qwen2"))
    whole = model.fingerprint()
    disk_offload(model.model, tmp_path, execution_device=torch.device("cpu"))
    assert next(model.blocks[1].parameters()).is_meta
    assert model.fingerprint() == whole
    [batch] = model.batches(asked[:3])
    written = []
    for one in (model, shared):
        with RoutedSteering(one, MOVES, ProjectionRouter((0,), SIZE)) as steering:
            written.append(generate(steering, one, batch, steps=steps))
    assert torch.equal(*written)


def test_vectors_and_coefficients_go_to_the_device_of_their_block(shared: OpenModel) -> None:
    # A block that says it computes elsewhere, as in a model split by a device map.
    router = ProjectionRouter((0,), SIZE)
    steering = RoutedSteering(shared, MOVES, router)
    shared.blocks[2]._hf_hook = type("Hook", (), {"execution_device": "meta"})()
    try:
        steering.begin(next(make_batches([[5, 6]], pad_id=0, batch_tokens=2)), use_cache=True)
    finally:
        del shared.blocks[2]._hf_hook
    for kind in ("rows", "vector", "strength"):
        places = {site.layer: {getattr(one, kind).device.type for one in site.prepared} for site in steering._sites}
        assert places == {0: set(), 1: {"cpu"}, 2: {"meta"}, 3: {"cpu"}}


def _steer(model: OpenModel, moves: Sequence[Move], router: Any = None) -> RoutedSteering:
    return RoutedSteering(model, moves, router or ConstantRouter(fires=True))


def test_a_layer_or_width_that_the_model_does_not_have_is_named(shared: OpenModel) -> None:
    with pytest.raises(UnknownName, match=r"layers 0 to 3 of width 32; the edit is for layer 9 and width 32"):
        _steer(shared, [Move(9, unit(SIZE, 0), Operation.ADD)])
    with pytest.raises(UnknownName, match="width 2 x 32"):
        _steer(shared, [Move(1, np.ones((2, SIZE), np.float32), Operation.ADD)])
    with pytest.raises(UnknownName, match="the router reads layer 4"):
        _steer(shared, [], ProjectionRouter((0, 4), SIZE))


def test_coefficients_that_the_router_does_not_give_are_named(shared: OpenModel) -> None:
    [batch] = make_batches([[5, 6]], pad_id=0, batch_tokens=2)
    expected = pytest.raises(UnknownName, match=r"no coefficients 'absent'; it gives harmful, harmless")
    with _steer(shared, [Move(1, unit(SIZE, 0), Operation.ADD, "absent")]) as steering, expected:
        steering.begin(batch, use_cache=True)
