"""The published intervention on a running model, against a two-pass derivation without a cache."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import BlockSteering
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit, Operation, Span
from isogloss.repair.published.preset import PublishedRepair, fit_published_repair

TOKENS = 6


@pytest.fixture(scope="module")
def repair(recorded: Activations, source: tuple[Language, ...], target: tuple[Language, ...]) -> PublishedRepair:
    return fit_published_repair(recorded, source, target, layer=1, shots=2, seed=1)


def continue_without_cache(model: OpenModel, ids: list[int], repair: PublishedRepair, harmful: bool) -> list[int]:
    """Greedy tokens of one prompt, the whole text anew for every token, edited by position."""
    vector = torch.tensor(repair.edit.vector, dtype=torch.float32)
    last, tokens = len(ids) - 1, list(ids)

    def edit(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        if not harmful:
            return output - torch.outer(output[0] @ vector, vector)[None]
        changed = output.clone()
        changed[:, last:] += repair.edit.strength * vector
        return changed

    handle = model.blocks[repair.edit.layer].register_forward_hook(edit)
    try:
        with torch.inference_mode():
            for _ in range(TOKENS):
                tokens.append(int(model.model(torch.tensor([tokens]), use_cache=False).logits[0, -1].argmax()))
                if tokens[-1] in model.end_ids:
                    return tokens[len(ids) : -1]
    finally:
        handle.remove()
    return tokens[len(ids) :]


def test_the_edit_is_the_published_one(repair: PublishedRepair) -> None:
    assert (repair.edit.harmful, repair.edit.harmless) == (HarmfulEdit.ADD, HarmlessEdit.ABLATE)
    assert repair.edit.persistence == 1.0
    described = [(move.operation, move.span, move.rows) for move in repair.moves()]
    assert described == [
        (Operation.ADD, Span.ONWARD, "harmful"),
        (Operation.REMOVE, Span.EVERYWHERE, "harmless"),
    ]
    assert all(len(ids) == 4 for ids in repair.shot_ids.values())


def test_one_prefill_equals_a_capture_pass_and_a_steered_one(
    tiny_qwen: OpenModel, recorded: Activations, repair: PublishedRepair, target: tuple[Language, ...]
) -> None:
    rows = np.flatnonzero(recorded.rows(language=target, split=Split.TEST))
    prompts = [recorded.prompts[row] for row in rows]
    assert len(prompts) == 16
    with BlockSteering(tiny_qwen, repair.edit, repair.router()):
        replies = list(tiny_qwen.reply(prompts, Decoding(max_new_tokens=TOKENS)))
    found = {(reply.language, reply.prompt_id): reply for reply in replies}
    verdicts = set()
    for row, prompt in zip(rows, prompts, strict=True):
        reply = found[prompt.language.tag, prompt.id]
        score = repair.gate.detector.score(recorded.at(1)[[row]], prompt.language)[0]
        harmful = bool(score >= repair.gate.detector.threshold(prompt.language))
        assert reply.gate is not None
        assert reply.gate.harmful == harmful
        assert reply.gate.score == pytest.approx(score, abs=1e-4)
        [ids] = tiny_qwen.encode([prompt.text])
        expected = continue_without_cache(tiny_qwen, ids, repair, harmful)
        assert reply.text == tiny_qwen.tokenizer.decode(expected, skip_special_tokens=True)
        verdicts.add(harmful)
    assert verdicts == {True, False}


def test_prefill_and_decoding_follow_the_formulas_to_rounding(
    tiny_qwen: OpenModel, recorded: Activations, repair: PublishedRepair, target: tuple[Language, ...]
) -> None:
    prompts = [recorded.prompts[row] for row in np.flatnonzero(recorded.rows(language=target, split=Split.TEST))]
    [batch] = tiny_qwen.batches(prompts)
    before: list[torch.Tensor] = []
    after: list[torch.Tensor] = []
    block, vector = tiny_qwen.blocks[1], torch.tensor(repair.edit.vector, dtype=torch.float64)
    # Hooks run in the order in which they were registered: one before the intervention's, one after it.
    handles = [block.register_forward_hook(lambda _module, _inputs, output: before.append(output.clone()))]
    with BlockSteering(tiny_qwen, repair.edit, repair.router()) as steering:
        handles.append(block.register_forward_hook(lambda _module, _inputs, output: after.append(output.clone())))
        tiny_qwen.generate(batch, Decoding(max_new_tokens=3))
        readings = steering.readings()
    for handle in handles:
        handle.remove()
    assert readings is not None
    harmful = torch.tensor([reading.harmful for reading in readings])
    assert [states.shape[1] for states in before] == [batch.width, 1, 1]
    for plain, steered in zip(before, after, strict=True):
        states = plain.double()
        expected = states - (states @ vector)[..., None] * vector
        expected[harmful] = states[harmful]
        expected[harmful, -1] += repair.edit.strength * vector
        # Section 9 reaches 1.2e-7 on states of order 1; these are larger, so rounding is taken relative to the largest.
        assert (steered - expected).abs().max() <= 2.4e-7 * expected.abs().max()


def test_zero_shots_use_the_source_threshold_for_every_language(
    recorded: Activations, source: tuple[Language, ...], target: tuple[Language, ...]
) -> None:
    repair = fit_published_repair(recorded, source, target, layer=1, shots=0, seed=1)
    assert {repair.gate.detector.threshold(language) for language in target} == {
        repair.gate.detector.fallback_threshold
    }
    assert repair.gate.detector.readouts == {}


def test_given_shots_are_used_as_they_are(
    recorded: Activations, source: tuple[Language, ...], target: tuple[Language, ...]
) -> None:
    swahili = target[0]
    rows = [int(np.flatnonzero(recorded.rows(language=swahili, kind=kind, split=Split.TRAIN))[3]) for kind in Kind]
    repair = fit_published_repair(recorded, source, [swahili], layer=1, shots=1, seed=1, shot_rows={swahili: rows})
    assert repair.shot_ids == {"sw": ("harmful-train-3", "harmless-train-3")}


def test_source_test_prompts_are_never_read(
    recorded: Activations, source: tuple[Language, ...], target: tuple[Language, ...], repair: PublishedRepair
) -> None:
    hidden = recorded.hidden.copy()
    hidden[recorded.rows(split=Split.TEST)] = np.nan
    blind = fit_published_repair(replace(recorded, hidden=hidden), source, target, layer=1, shots=2, seed=1)
    assert blind.edit.strength == repair.edit.strength
    assert np.array_equal(blind.edit.vector, repair.edit.vector)
    assert blind.gate.detector.thresholds == repair.gate.detector.thresholds


def test_as_a_method_it_predicts_what_it_acts_on(
    tiny_qwen: OpenModel, recorded: Activations, repair: PublishedRepair, target: tuple[Language, ...]
) -> None:
    method = repair.method(tiny_qwen)
    assert (method.label, method.shots) == ("published gate (published)", 2)
    prompts = [recorded.prompts[row] for row in np.flatnonzero(recorded.rows(language=target, split=Split.TEST))]
    acted = {
        (reply.prompt_id, reply.language): reply.gate for reply in method.answer(prompts, Decoding(max_new_tokens=1))
    }
    assert method.predicts is not None
    for prompt, predicted in zip(prompts, method.predicts(prompts), strict=True):
        reading = acted[prompt.id, prompt.language.tag]
        assert reading is not None
        assert reading.harmful == predicted
    assert tiny_qwen.steering is None


def test_too_many_shots_name_the_language(
    recorded: Activations, source: tuple[Language, ...], target: tuple[Language, ...]
) -> None:
    with pytest.raises(TooFewPrompts, match=r"sw: 8 harmful rows to draw 9 shots"):
        fit_published_repair(recorded, source, target, layer=1, shots=9, seed=1)
