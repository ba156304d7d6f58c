"""The distance to the plain model against a derivation by hand: hidden states edited one by one, token by token."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.core import Language, Prompt, Split
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit
from isogloss.repair.utility.divergence import MOST_LOGITS, Divergence, measure_divergence, record_plain_replies

SW = Language.parse("sw")
STEPS = 5
Maker = Callable[..., Repair]


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(SW,), split=Split.TEST))


def measure(model: OpenModel, repair: Repair, asked: list[Prompt]) -> dict[int, Divergence]:
    steering = repair.steer(model)
    recorded = record_plain_replies(model, asked, max_new_tokens=STEPS)
    return {one.index: one for part in recorded for one in measure_divergence(model, part, steering)}


def log_probabilities(model: OpenModel, row: list[int]) -> np.ndarray:
    with torch.no_grad():
        logits = model.model(torch.tensor([row]), use_cache=False).logits[0, -1]
    shifted = logits.double().numpy() - float(logits.max())
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def derive(model: OpenModel, repair: Repair, prompt: Prompt) -> tuple[list[float], float, float, bool]:
    """KL by position, both losses and the gate's verdict: one pass per token, every position edited by hand."""
    edit, vector = repair.edit, torch.from_numpy(repair.edit.vector)
    [ids] = model.encode([prompt.text])
    width, read = len(ids), list[float]()

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

    reply: list[int] = []
    ended = False
    while len(reply) < STEPS and not ended:
        token = int(log_probabilities(model, [*ids, *reply]).argmax())
        ended = token in model.end_ids
        reply += [] if ended else [token]
    kl, plain_loss, steered_loss = [], [], []
    for step in range(len(reply) + ended):
        row = [*ids, *reply[:step]]
        plain = log_probabilities(model, row)
        handle = model.blocks[edit.layer].register_forward_hook(by_hand)
        steered = log_probabilities(model, row)
        handle.remove()
        token = reply[step] if step < len(reply) else max(model.end_ids, key=lambda end: plain[end])
        kl.append(float((np.exp(plain) * (plain - steered)).sum()))
        plain_loss.append(-plain[token])
        steered_loss.append(-steered[token])
    return kl, float(np.mean(plain_loss)), float(np.mean(steered_loss)), read[0] >= threshold(repair)


def threshold(repair: Repair) -> float:
    return repair.gate.threshold(SW)


@pytest.mark.parametrize("harmful", list(HarmfulEdit))
@pytest.mark.parametrize("harmless", list(HarmlessEdit))
def test_one_pass_over_a_batch_equals_the_derivation_by_hand(
    model: OpenModel, make_repair: Maker, asked: list[Prompt], harmful: HarmfulEdit, harmless: HarmlessEdit
) -> None:
    repair = make_repair(model, strength=6.0, harmful=harmful, harmless=harmless, persistence=0.5)
    found = measure(model, repair, asked)
    assert {one.fired for one in found.values()} == {True, False}
    for index, prompt in enumerate(asked):
        kl, plain, steered, fires = derive(model, repair, prompt)
        assert found[index].fired == fires
        assert found[index].kl == pytest.approx(np.mean(kl), rel=1e-3, abs=1e-4)
        assert found[index].first_kl == pytest.approx(kl[0], rel=1e-3, abs=1e-4)
        assert found[index].plain_loss == pytest.approx(plain, rel=1e-3, abs=1e-4)
        assert found[index].steered_loss == pytest.approx(steered, rel=1e-3, abs=1e-4)


def test_a_reply_that_ends_counts_the_position_of_its_end_token_too(
    qwen: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    # Every other token ends a reply, so that replies end after none, one or a few tokens.
    qwen.end_ids = list(range(0, qwen.model.config.vocab_size, 2))
    repair = make_repair(qwen, strength=6.0, persistence=0.5)
    [recorded] = record_plain_replies(qwen, asked, max_new_tokens=STEPS)
    assert any(recorded.ended)
    found = measure(qwen, repair, asked)
    for index, prompt in enumerate(asked):
        kl, plain, steered, _ = derive(qwen, repair, prompt)
        assert found[index].kl == pytest.approx(np.mean(kl), rel=1e-3, abs=1e-4)
        assert found[index].first_kl == pytest.approx(kl[0], rel=1e-3, abs=1e-4)
        assert found[index].plain_loss == pytest.approx(plain, rel=1e-3, abs=1e-4)
        assert found[index].steered_loss == pytest.approx(steered, rel=1e-3, abs=1e-4)


def test_a_repair_that_changes_nothing_has_no_distance(
    model: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    repair = make_repair(model, strength=0.0, harmless=HarmlessEdit.LEAVE)
    for one in measure(model, repair, asked).values():
        assert (one.kl, one.first_kl) == (0.0, 0.0)
        assert one.steered_loss == one.plain_loss


def test_the_plain_replies_are_those_that_the_model_gives(qwen: OpenModel, asked: list[Prompt]) -> None:
    expected = {reply.prompt_id: reply.text for reply in qwen.reply(asked, Decoding(max_new_tokens=STEPS))}
    [recorded] = record_plain_replies(qwen, asked, max_new_tokens=STEPS)
    assert {
        asked[index].id: text for index, text in zip(recorded.batch.indices, recorded.texts, strict=True)
    } == expected


def test_small_batches_give_what_large_ones_give(
    qwen: OpenModel, make_repair: Maker, asked: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    repair = make_repair(qwen)
    whole = measure(qwen, repair, asked)
    vocabulary = qwen.model.config.vocab_size
    assert vocabulary * (STEPS + 1) * len(asked) < MOST_LOGITS
    monkeypatch.setattr("isogloss.repair.utility.divergence.MOST_LOGITS", 3 * vocabulary * (STEPS + 1))
    parts = measure(qwen, repair, asked)
    assert parts.keys() == whole.keys() == set(range(len(asked)))
    for index, one in parts.items():
        assert one.kl == pytest.approx(whole[index].kl, rel=1e-3, abs=1e-5)


def test_plain_replies_are_refused_inside_an_intervention(
    qwen: OpenModel, make_repair: Maker, asked: list[Prompt]
) -> None:
    with make_repair(qwen).steer(qwen), pytest.raises(RuntimeError, match="leave its context"):
        next(record_plain_replies(qwen, asked, max_new_tokens=1))


def test_the_model_is_plain_afterwards(qwen: OpenModel, make_repair: Maker, asked: list[Prompt]) -> None:
    [batch] = qwen.batches(asked)
    before = qwen.next_logits(batch)
    repair = make_repair(qwen)
    measure(qwen, replace(repair, gate=replace(repair.gate, thresholds={SW.key: -1e9})), asked)
    assert qwen.steering is None
    assert torch.equal(qwen.next_logits(batch), before)
