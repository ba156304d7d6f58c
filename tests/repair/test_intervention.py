"""The hook against a hand-made forward pass, alone and in batches, with and without a cache."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import UnknownName
from isogloss.models.batches import PromptBatch, make_batches
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.intervention import ablate_direction, add_direction, routed_steering
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit

SW = Language.parse("sw")
STEPS = 6
Maker = Callable[..., Repair]


def batch_of(model: OpenModel, prompts: list[Prompt]) -> PromptBatch:
    [batch] = model.batches(prompts)
    return batch


def one_by_one(model: OpenModel, prompts: list[Prompt]) -> list[PromptBatch]:
    return [batch_of(model, [prompt]) for prompt in prompts]


def generate(model: OpenModel, prompts: list[Prompt], **options: Any) -> dict[str, tuple[str, Any]]:
    replies = model.reply(prompts, Decoding(max_new_tokens=STEPS, **options))
    return {reply.prompt_id: (reply.text, reply.gate) for reply in replies}


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(SW,), split=Split.TEST))


def run_without_cache(model: OpenModel, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model.model(ids, use_cache=False).logits[:, -1]
    return logits


def derive_tokens(model: OpenModel, repair: Repair, ids: list[int]) -> tuple[float, list[int]]:
    """Gate logit and greedy tokens by editing hidden states by hand, the whole row again at every step."""
    edit, vector = repair.edit, torch.from_numpy(repair.edit.vector)
    width = len(ids)
    read: list[float] = []

    def by_hand(_module: Any, _inputs: Any, output: Any) -> Any:
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        if not read:
            read.append(float(repair.gate.score(hidden[:, width - 1].numpy())[0]))
        for position in range(hidden.shape[1]):
            along = float(hidden[0, position] @ vector)
            if read[0] < repair.gate.threshold(SW):
                if edit.harmless == HarmlessEdit.ABLATE:
                    hidden[0, position] -= along * vector
            elif position >= width - 1:
                share = 1.0 if position == width - 1 else edit.persistence
                missing = edit.strength if edit.harmful == HarmfulEdit.ADD else max(0.0, edit.strength - along)
                hidden[0, position] += share * missing * vector
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = model.blocks[edit.layer].register_forward_hook(by_hand)
    row, tokens = list(ids), []
    for _ in range(STEPS):
        token = int(run_without_cache(model, torch.tensor([row])).argmax())
        if token in model.end_ids:
            break
        tokens.append(token)
        row.append(token)
    handle.remove()
    return read[0], tokens


@pytest.mark.parametrize("harmful", list(HarmfulEdit))
@pytest.mark.parametrize("harmless", list(HarmlessEdit))
def test_generation_equals_the_derivation_by_hand(
    model: OpenModel, make_repair: Maker, asked: list[Prompt], harmful: HarmfulEdit, harmless: HarmlessEdit
) -> None:
    repair = make_repair(model, harmful=harmful, harmless=harmless, persistence=0.5)
    with repair.steer(model):
        answered = generate(model, asked)
    for prompt in asked:
        [ids] = model.encode([prompt.text])
        score, tokens = derive_tokens(model, repair, ids)
        text, gate = answered[prompt.id]
        assert gate.score == pytest.approx(score, abs=1e-3)
        assert gate.harmful == (score >= repair.gate.threshold(SW))
        assert text == model.tokenizer.decode(tokens, skip_special_tokens=True)


def test_steered_logits_equal_the_derivation_by_hand_to_1e_5(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(model)
    for batch in one_by_one(model, asked):
        with repair.steer(model) as steering:
            logits = model.next_logits(batch)
            [reading] = steering.readings() or []
        vector = torch.from_numpy(repair.edit.vector)

        def by_hand(_module: Any, _inputs: Any, output: Any, fires: bool = reading.harmful, v: Any = vector) -> Any:
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            if fires:
                hidden[:, -1] += repair.edit.strength * v
            else:
                hidden -= (hidden @ v)[..., None] * v
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        handle = model.blocks[1].register_forward_hook(by_hand)
        expected = model.next_logits(batch)
        handle.remove()
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


def test_a_mixed_batch_gives_every_row_what_it_gets_alone(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(model)
    with repair.steer(model):
        together = generate(model, asked)
        backwards = generate(model, asked[::-1])
        alone = {key: answer for prompt in asked for key, answer in generate(model, [prompt]).items()}
    assert {gate.harmful for _, gate in alone.values()} == {True, False}
    for key, (text, gate) in alone.items():
        for answered in (together, backwards):
            assert answered[key][0] == text
            assert answered[key][1].harmful == gate.harmful
            assert answered[key][1].score == pytest.approx(gate.score, abs=1e-3)


def test_sampled_replies_do_not_depend_on_the_batch(qwen: OpenModel, make_repair: Maker, asked: list[Prompt]) -> None:
    with make_repair(qwen).steer(qwen):
        together = generate(qwen, asked, temperature=1.0, seed=3)
        alone = {
            key: answer for prompt in asked for key, answer in generate(qwen, [prompt], temperature=1.0, seed=3).items()
        }
    assert {key: text for key, (text, _) in together.items()} == {key: text for key, (text, _) in alone.items()}


def test_with_and_without_a_cache_the_logits_are_the_same(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(model, persistence=0.25)
    for batch in one_by_one(model, asked[:2] + asked[-2:]):
        steering = repair.steer(model)
        with steering, torch.no_grad():
            steering.begin(batch, use_cache=True)
            out = model.model(batch.input_ids, use_cache=True)
            cached, ids = [out.logits[:, -1]], batch.input_ids
            for _ in range(STEPS):
                token = cached[-1].argmax(-1, keepdim=True)
                ids = torch.cat([ids, token], dim=1)
                out = model.model(token, past_key_values=out.past_key_values, use_cache=True)
                cached.append(out.logits[:, -1])
            steering.begin(batch, use_cache=False)
            fresh = [run_without_cache(model, ids[:, : batch.width + step]) for step in range(STEPS + 1)]
        for one, two in zip(cached, fresh, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_one_token_prompts_are_gated_and_steered(qwen: OpenModel, make_repair: Maker) -> None:
    repair = make_repair(qwen)
    edited = replace(repair, gate=replace(repair.gate, fallback=-1e9, thresholds={}))
    [batch] = make_batches([[9]], pad_id=qwen.pad_id, batch_tokens=1)
    plain = qwen.generate(batch, Decoding(max_new_tokens=STEPS))
    with edited.steer(qwen) as steering:
        steered = qwen.generate(batch, Decoding(max_new_tokens=STEPS))
        readings = steering.readings()
    assert readings is not None
    assert readings[0].harmful
    assert steered[0].ids != plain[0].ids


def test_strength_zero_that_leaves_harmless_rows_alone_changes_nothing_bit_for_bit(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(model, strength=0.0, harmless=HarmlessEdit.LEAVE)
    batch = batch_of(model, asked)
    plain, texts = model.next_logits(batch), generate(model, asked)
    with repair.steer(model):
        assert torch.equal(model.next_logits(batch), plain)
        steered = generate(model, asked)
    assert {key: text for key, (text, _) in steered.items()} == {key: text for key, (text, _) in texts.items()}


def test_leaving_the_context_restores_the_logits_bit_for_bit(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    batch = batch_of(model, asked)
    plain = model.next_logits(batch)
    with make_repair(model).steer(model):
        assert not torch.equal(model.next_logits(batch), plain)
    assert torch.equal(model.next_logits(batch), plain)
    assert model.steering is None


def test_an_exception_inside_the_context_restores_the_model_too(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    batch = batch_of(model, asked)
    plain = model.next_logits(batch)
    hooks = [len(block._forward_hooks) for block in model.blocks]
    repair = make_repair(model)

    def interrupted() -> None:
        with repair.steer(model):
            model.next_logits(batch)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.equal(model.next_logits(batch), plain)
    assert [len(block._forward_hooks) for block in model.blocks] == hooks


def test_the_residual_stream_is_not_changed_in_place(qwen: OpenModel, make_repair: Maker, asked: list[Prompt]) -> None:
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        kept.append((hidden, hidden.clone()))

    handle = qwen.blocks[1].register_forward_hook(keep)
    with make_repair(qwen).steer(qwen):
        qwen.next_logits(batch_of(qwen, asked))
    handle.remove()
    assert all(torch.equal(now, then) for now, then in kept)


def test_lifting_leaves_rows_alone_that_are_high_enough(qwen: OpenModel, asked: list[Prompt]) -> None:
    vector = np.eye(qwen.hidden_size, dtype=np.float32)[0]
    batch = batch_of(qwen, asked)
    plain = qwen.next_logits(batch)
    with add_direction(qwen, vector, layer=1, strength=-1e6, mode=HarmfulEdit.LIFT):
        assert torch.equal(qwen.next_logits(batch), plain)


def test_ablating_leaves_no_projection_behind(qwen: OpenModel, asked: list[Prompt]) -> None:
    vector = np.ones(qwen.hidden_size, np.float32) / qwen.hidden_size**0.5
    seen: list[torch.Tensor] = []
    with ablate_direction(qwen, vector, layer=1):
        handle = qwen.blocks[1].register_forward_hook(
            lambda _m, _i, out: seen.append(out[0] if isinstance(out, tuple) else out)
        )
        qwen.next_logits(batch_of(qwen, asked))
        handle.remove()
    assert (seen[0] @ torch.from_numpy(vector)).abs().max() < 1e-4


def test_adding_moves_the_last_prompt_token_by_the_strength(qwen: OpenModel, asked: list[Prompt]) -> None:
    vector = np.eye(qwen.hidden_size, dtype=np.float32)[3]
    seen: list[torch.Tensor] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).clone())

    batch = batch_of(qwen, asked[:1])
    first = qwen.blocks[1].register_forward_hook(keep)
    with add_direction(qwen, vector, layer=1, strength=2.0):
        second = qwen.blocks[1].register_forward_hook(keep)
        qwen.next_logits(batch)
    first.remove()
    second.remove()
    moved = seen[1] - seen[0]
    assert moved[0, -1, 3].item() == pytest.approx(2.0, abs=1e-5)
    assert moved[0, :-1].abs().max() == 0


def test_every_row_is_judged_by_the_threshold_of_its_own_language(qwen: OpenModel, make_repair: Maker) -> None:
    repair = make_repair(qwen)
    gate = repair.gate.with_thresholds({SW.key: -1e9, Language.parse("de").key: 1e9})
    asked = [Prompt(tag, "find my key", Language.parse(tag), Kind.HARMLESS, tag) for tag in ("sw", "de", "yo", "sw-KE")]
    with routed_steering(qwen, repair.edit, gate):
        answered = generate(qwen, asked)
    assert answered["sw"][1].harmful
    assert answered["sw-KE"][1].harmful
    assert not answered["de"][1].harmful
    assert answered["yo"][1].threshold == pytest.approx(gate.fallback, rel=1e-6)


def test_a_pass_that_was_not_announced_is_refused(qwen: OpenModel, make_repair: Maker) -> None:
    with make_repair(qwen).steer(qwen), pytest.raises(RuntimeError, match=r"begin\(\)"):
        run_without_cache(qwen, torch.tensor([[5, 6]]))


def test_two_interventions_at_once_are_refused(qwen: OpenModel, make_repair: Maker, asked: list[Prompt]) -> None:
    repair = make_repair(qwen)
    with repair.steer(qwen):
        with pytest.raises(RuntimeError, match="another intervention"), repair.steer(qwen):
            pass
        assert generate(qwen, asked[:1])


def test_a_prompt_in_several_passes_is_steered_where_harmless_rows_are_left_alone(
    qwen: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(qwen, harmless=HarmlessEdit.LEAVE)
    [batch] = one_by_one(qwen, asked[:1])
    with repair.steer(qwen) as steering, torch.no_grad():
        whole = qwen.next_logits(batch)
        steering.begin(batch, use_cache=True)
        out = qwen.model(batch.input_ids[:, :3], use_cache=True)
        out = qwen.model(batch.input_ids[:, 3:], past_key_values=out.past_key_values, use_cache=True)
    torch.testing.assert_close(out.logits[:, -1], whole, rtol=1e-3, atol=1e-3)


def test_bfloat16_models_keep_their_type(
    tiny_checkpoint: Callable[..., Path], make_repair: Maker, asked: list[Prompt]
) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"), dtype="bfloat16")
    with make_repair(model).steer(model):
        assert model.next_logits(batch_of(model, asked)).dtype == torch.bfloat16


def test_an_edit_for_another_width_is_refused(qwen: OpenModel) -> None:
    with pytest.raises(UnknownName, match="width 32"):
        add_direction(qwen, np.ones(7, np.float32), layer=1, strength=1.0)


def test_the_hook_never_reads_a_tensor_value(qwen: OpenModel, make_repair: Maker, asked: list[Prompt]) -> None:
    # On the meta device there are no values: any `.item()`, `bool(tensor)` or `.tolist()` would raise.
    repair = make_repair(qwen, harmful=HarmfulEdit.LIFT)
    steering = repair.steer(qwen)
    steering.begin(batch_of(qwen, asked), use_cache=True)
    [site] = steering._sites
    for part in (steering, steering._router, *site.prepared):
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor):
                setattr(part, name, value.to("meta"))
    steering._reader_device = torch.device("meta")
    width = batch_of(qwen, asked).width
    for length in (width, 1, 1):
        hidden = torch.empty(len(asked), length, qwen.hidden_size, device="meta")
        assert steering._pass(site, hidden).shape == hidden.shape
