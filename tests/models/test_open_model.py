"""Open models answer row by row as if alone, through one tokenisation path, and can be told apart."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.core import Finish, GateReading, Prompt
from isogloss.core.errors import BrokenInput, UnsupportedModel
from isogloss.models.batches import PromptBatch
from isogloss.models.chat import Decoding
from isogloss.models.layers import hidden_of, hooked, with_hidden
from isogloss.models.open_model import OpenModel

ARCHITECTURES = ["qwen2", "llama", "gemma2", "mistral", "qwen3", "phi3", "gpt_neox", "gpt2", "gemma3_text"]
GREEDY = Decoding(max_new_tokens=10)
SAMPLED = Decoding(max_new_tokens=10, temperature=1.0, top_p=0.9, seed=5)

Open = Callable[..., OpenModel]


def answer(model: OpenModel, prompts: Any, decoding: Decoding, *, batch_tokens: int = 8192) -> dict[Any, Any]:
    kept, model.batch_tokens = model.batch_tokens, batch_tokens
    try:
        return {(reply.prompt_id, reply.language): reply for reply in model.reply(prompts, decoding)}
    finally:
        model.batch_tokens = kept


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batching_and_order_change_no_reply(
    open_tiny: Open, prompts: tuple[Prompt, ...], architecture: str, decoding: Decoding
) -> None:
    model = open_tiny(architecture)
    together = answer(model, prompts, decoding)
    # One token of budget leaves room for a single row per batch.
    alone = answer(model, prompts[::-1], decoding, batch_tokens=1)
    few = answer(model, prompts[2:5], decoding, batch_tokens=300)
    assert together == alone
    assert few == {key: together[key] for key in few}
    assert len(together) == len(prompts)
    assert len({reply.text for reply in together.values()}) > 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_on_the_left_moves_no_logit(open_tiny: Open, prompts: tuple[Prompt, ...], architecture: str) -> None:
    model = open_tiny(architecture)
    [wide] = model.batches(prompts)
    assert wide.width > 8 * min(wide.lengths)
    padded = model.next_logits(wide)
    for row, number in enumerate(wide.indices):
        [single] = model.batches([prompts[number]])
        torch.testing.assert_close(padded[row], model.next_logits(single)[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_block_outputs_are_the_hidden_states_of_the_model(
    open_tiny: Open, prompts: tuple[Prompt, ...], architecture: str
) -> None:
    model = open_tiny(architecture)
    [batch] = model.batches(prompts[:3])
    seen: dict[int, torch.Tensor] = {}
    for layer in (0, 2):
        with hooked(model.blocks[layer], lambda _m, _i, output, at=layer: seen.update({at: hidden_of(output).clone()})):
            model.forward_hidden(batch)
    expected = model.model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        output_hidden_states=True,
    ).hidden_states
    # hidden_states[0] is the embedding, so the output of block l is entry l + 1.
    for layer, hidden in seen.items():
        torch.testing.assert_close(hidden, expected[layer + 1], atol=0, rtol=0)


def test_a_forward_pass_stops_after_the_layer_asked_for(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("llama")
    [batch] = model.batches(prompts[:2])
    ran: list[int] = []
    hooks = [
        block.register_forward_hook(lambda *_, at=layer: ran.append(at)) for layer, block in enumerate(model.blocks)
    ]
    model.forward_hidden(batch, last_layer=1)
    for hook in hooks:
        hook.remove()
    assert ran == [0, 1]


def test_stopping_early_leaves_no_hook_behind(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("llama")
    [batch] = model.batches(prompts[:1])
    # transformers keeps hooks of its own on the blocks, so what counts is that none is added.
    before = [len(block._forward_hooks) for block in model.blocks]
    model.forward_hidden(batch, last_layer=0)
    assert [len(block._forward_hooks) for block in model.blocks] == before


def test_an_edit_of_a_block_changes_the_answer_and_leaving_restores_it(
    open_tiny: Open, prompts: tuple[Prompt, ...]
) -> None:
    model = open_tiny("gemma2")
    [batch] = model.batches(prompts)
    before = model.next_logits(batch)
    push = torch.linspace(-30, 30, model.hidden_size)
    with hooked(model.blocks[1], lambda _m, _i, output: with_hidden(output, hidden_of(output) + push)):
        assert not torch.allclose(model.next_logits(batch), before, atol=1e-3)
    assert torch.equal(model.next_logits(batch), before)


def test_the_start_token_is_not_doubled(open_tiny: Open) -> None:
    model = open_tiny("llama", double_bos=True)
    bos = model.tokenizer.bos_token_id
    # The trap is there: tokenising the rendered text in the default way writes the token twice.
    assert model.tokenizer(model.render("Hi"))["input_ids"][:2] == [bos, bos]
    [ids] = model.encode(["Hi"])
    assert ids[0] == bos
    assert ids.count(bos) == 1


def test_encoding_is_what_batches_and_replies_see(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("llama", double_bos=True)
    rows = model.encode([prompt.text for prompt in prompts])
    [batch] = model.batches(prompts)
    assert batch.rows() == [rows[index] for index in batch.indices]
    assert batch.languages == [prompts[index].language for index in batch.indices]
    lengths = {(reply.prompt_id, reply.language): reply.prompt_tokens for reply in model.reply(prompts, GREEDY)}
    assert lengths == {prompt.key: len(row) for prompt, row in zip(prompts, rows, strict=True)}


def test_a_system_prompt_is_part_of_what_the_model_reads(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("qwen2")
    assert model.render("Hi", "Be brief.") == "<|system|>Be brief.<|end|><|user|>Hi<|end|><|model|>"
    plain = answer(model, prompts[:1], GREEDY)
    with_system = answer(model, prompts[:1], Decoding(max_new_tokens=10, system_prompt="Be brief."))
    extra = len(model.encode(["Hi"], "Be brief.")[0]) - len(model.encode(["Hi"])[0])
    assert with_system["p0", "en"].prompt_tokens == plain["p0", "en"].prompt_tokens + extra


def test_greedy_replies_equal_a_plain_loop_over_logits(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("qwen2")
    [batch] = model.batches(prompts[:1])
    ids = batch.input_ids
    for _ in range(6):
        token = model.model(input_ids=ids).logits[:, -1].argmax(dim=-1)
        ids = torch.cat([ids, token[:, None]], dim=1)
    [(written, finish)] = model.generate(batch, Decoding(max_new_tokens=6))
    assert written == ids[0, batch.width :].tolist()
    assert finish == Finish.LENGTH


def test_a_reply_ends_at_its_end_token(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("qwen2")
    [batch] = model.batches(prompts[:1])
    [(ids, _)] = model.generate(batch, GREEDY)
    third = ids[2]
    kept, model.end_ids = model.end_ids, [third]
    try:
        [(cut, finish)] = model.generate(batch, GREEDY)
    finally:
        model.end_ids = kept
    assert cut == ids[: ids.index(third)]
    assert finish == Finish.STOP


def test_special_tokens_do_not_show_in_the_text(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    for reply in open_tiny("llama").reply(prompts, SAMPLED):
        assert "<|" not in reply.text
        assert "<pad>" not in reply.text


def test_the_checkpoints_sampling_habits_do_not_count(
    tiny_checkpoint: Callable[..., Path], tmp_path: Path, open_tiny: Open, prompts: tuple[Prompt, ...]
) -> None:
    folder = shutil.copytree(tiny_checkpoint("qwen2"), tmp_path / "habits")
    (folder / "generation_config.json").write_text(
        '{"repetition_penalty": 9.0, "do_sample": true, "top_k": 2, "temperature": 5.0, "eos_token_id": 2}'
    )
    assert answer(OpenModel.load(folder), prompts, GREEDY) == answer(open_tiny("qwen2"), prompts, GREEDY)


def test_sampling_repeats_with_its_seed_and_differs_with_another(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("mistral")
    first = answer(model, prompts, SAMPLED)
    assert first == answer(model, prompts, SAMPLED)
    other = answer(model, prompts, Decoding(max_new_tokens=10, temperature=1.0, top_p=0.9, seed=6))
    assert all(first[key].text != other[key].text for key in first)


def test_a_cold_sample_is_the_greedy_reply(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("llama")
    cold = answer(model, prompts, Decoding(max_new_tokens=10, temperature=1e-4))
    assert {key: reply.text for key, reply in cold.items()} == {
        key: reply.text for key, reply in answer(model, prompts, GREEDY).items()
    }


def test_steering_is_told_about_every_batch_and_its_readings_reach_their_rows(
    open_tiny: Open, prompts: tuple[Prompt, ...]
) -> None:
    class Recorder:
        begun: list[tuple[list[int], bool]] = []  # noqa: RUF012
        batch: PromptBatch

        def begin(self, batch: PromptBatch, *, use_cache: bool) -> None:
            self.batch = batch
            self.begun.append((batch.lengths, use_cache))

        def readings(self) -> list[GateReading]:
            return [GateReading(score=float(length), threshold=0.0, harmful=True) for length in self.batch.lengths]

    model = open_tiny("qwen2")
    model.steering = recorder = Recorder()
    try:
        replies = list(model.reply(prompts, GREEDY))
        model.next_logits(next(model.batches(prompts[:1])))
    finally:
        model.steering = None
    assert all(reply.gate is not None and reply.gate.score == reply.prompt_tokens for reply in replies)
    assert [use_cache for _, use_cache in recorder.begun] == [True, False]
    assert all(reply.gate is None for reply in model.reply(prompts[:1], GREEDY))


def test_a_prompt_beyond_the_context_fails_alone(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("gpt2")
    kept, model.context_tokens = model.context_tokens, 60
    try:
        replies = answer(model, prompts, GREEDY)
        with pytest.raises(BrokenInput, match=r"p1 \(en\): \d+ tokens, and .* takes at most 60"):
            list(model.batches(prompts))
    finally:
        model.context_tokens = kept
    failed = {key for key, reply in replies.items() if reply.finish == Finish.FAILED}
    lengths = {prompt.key: len(ids) for prompt in prompts for ids in model.encode([prompt.text])}
    assert failed == {key for key, length in lengths.items() if length >= 60}
    assert 0 < len(failed) < len(prompts)
    free = answer(model, [prompt for prompt in prompts if prompt.key not in failed], GREEDY)
    assert {key: reply for key, reply in replies.items() if key not in failed} == free


def test_the_context_cuts_a_reply_by_its_own_prompt_not_by_its_neighbours(
    open_tiny: Open, prompts: tuple[Prompt, ...]
) -> None:
    model = open_tiny("gpt2")
    long = max(prompts, key=lambda prompt: len(model.encode([prompt.text])[0]))
    length = len(model.encode([long.text])[0])
    kept, model.context_tokens = model.context_tokens, length + 3
    try:
        replies = answer(model, prompts, GREEDY)
    finally:
        model.context_tokens = kept
    free = answer(model, prompts, GREEDY)
    # Three tokens of room are left to the longest prompt, all of them to the others.
    assert replies[long.key].reply_tokens == min(3, free[long.key].reply_tokens)
    assert all(replies[key] == free[key] for key in free if key != long.key)


def test_choice_scores_are_log_probabilities_of_the_first_token(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("llama")
    scores = model.choice_log_probabilities(prompts, ("A", "B", "C"))
    assert scores.shape == (len(prompts), 3)
    [batch] = model.batches(prompts[2:3])
    chances = model.next_logits(batch)[0].log_softmax(dim=-1)
    for column, label in enumerate("ABC"):
        spellings = [model.tokenizer.encode(text, add_special_tokens=False)[0] for text in (label, " " + label)]
        space = model.tokenizer.encode(" ", add_special_tokens=False)[0]
        expected = max(float(chances[token]) for token in spellings if token != space)
        assert scores[2, column] == pytest.approx(expected, abs=1e-5)
    assert np.all(scores < 0)


def test_labels_that_start_alike_are_refused(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(UnsupportedModel, match="do not differ in their first token"):
        open_tiny("llama").choice_log_probabilities(prompts, ("A1", "A2"))


def test_reloading_keeps_the_fingerprint(tiny_checkpoint: Callable[..., Path], open_tiny: Open, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_checkpoint("llama"), tmp_path / "moved")
    assert OpenModel.load(moved).fingerprint() == open_tiny("llama").fingerprint()


def test_using_a_model_keeps_its_fingerprint(open_tiny: Open, prompts: tuple[Prompt, ...]) -> None:
    model = open_tiny("qwen2")
    before = model.fingerprint()
    list(model.reply(prompts, SAMPLED))
    model.tokenizer(["a", "a b c d"], padding=True, truncation=True, max_length=3)
    assert model.fingerprint() == before


@pytest.mark.parametrize("place", [0, 7, -1])
def test_one_changed_value_changes_the_fingerprint_of_the_weights(
    tiny_checkpoint: Callable[..., Path], open_tiny: Open, place: int
) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"))
    before = model.fingerprint()
    model.blocks[2].mlp.up_proj.weight.data.view(-1)[place] += 1e-3
    after = model.fingerprint()
    assert {part for part in after if after[part] != before[part]} == {"weights"}


def test_another_template_changes_only_its_own_fingerprint(
    tiny_checkpoint: Callable[..., Path], open_tiny: Open
) -> None:
    before = open_tiny("llama").fingerprint()
    after = OpenModel.load(tiny_checkpoint("llama"), chat_template=open_tiny("llama").chat_template + " ").fingerprint()
    assert {part for part in after if after[part] != before[part]} == {"chat_template"}


def test_another_token_changes_the_fingerprint_of_the_tokenizer(
    tiny_checkpoint: Callable[..., Path], open_tiny: Open
) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"))
    model.tokenizer.add_tokens(["zebra"])
    before, after = open_tiny("llama").fingerprint(), model.fingerprint()
    assert {part for part in after if after[part] != before[part]} == {"tokenizer"}


def test_a_model_without_template_is_refused_unless_one_is_given(tiny_checkpoint: Callable[..., Path]) -> None:
    folder = tiny_checkpoint("llama", chat_template=False)
    with pytest.raises(UnsupportedModel, match="no chat template"):
        OpenModel.load(folder)
    model = OpenModel.load(folder, chat_template="Q: {{ messages[0]['content'] }}\nA:")
    assert model.render("Hi") == "Q: Hi\nA:"


def test_an_empty_list_of_prompts_yields_nothing(open_tiny: Open) -> None:
    assert list(open_tiny("qwen2").reply([], GREEDY)) == []


def test_half_precision_keeps_what_the_user_asked_for(
    tiny_checkpoint: Callable[..., Path], prompts: tuple[Prompt, ...]
) -> None:
    model = OpenModel.load(tiny_checkpoint("llama"), dtype="bfloat16", device="cpu")
    assert model.next_logits(next(model.batches(prompts[:1]))).dtype == torch.bfloat16
    assert OpenModel.load(tiny_checkpoint("llama"), device="cpu").model.dtype == torch.float32
