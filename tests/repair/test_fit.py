"""From a plan to a repaired model on tiny checkpoints."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import FingerprintMismatch, NothingToDo, TooFewPrompts, UnknownLanguage, UnsupportedModel
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair, load_repair, save_repair
from isogloss.repair.choose import PUBLISHED_MULTIPLIER
from isogloss.repair.fit import fit_repair
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.repaired import RepairedModel, verify_repair

from .conftest import LetterJudge

SW = Language.parse("sw")
PLAN = RepairPlan(model="tiny", prompts="scripted", source=("en", "de"), target=("sw",), shots=2, choice_tokens=4)
Maker = Callable[..., Repair]


def never() -> LetterJudge:
    return LetterJudge("no reply holds this")


def test_the_whole_path_from_plan_to_reply_and_back_from_disk(
    model: OpenModel, prompts: PromptSet, tmp_path: Path
) -> None:
    repair = fit_repair(PLAN, model, prompts, never())
    loaded = load_repair(save_repair(repair, tmp_path))
    verify_repair(model, loaded)
    repaired = RepairedModel(model, loaded)
    replies = list(repaired.reply(list(prompts.select(split=Split.TEST)), Decoding(max_new_tokens=4)))
    assert all(reply.gate is not None for reply in replies)
    assert {record["harmful_ids"][0].split("-")[1] for record in loaded.calibration.values()} == {"validation"}


def test_a_model_that_never_refuses_gets_the_published_layer_and_strength(qwen: OpenModel, prompts: PromptSet) -> None:
    repair = fit_repair(PLAN, qwen, prompts, never())
    assert repair.edit.layer == qwen.layer_count // 2
    assert repair.choice["multiplier"] == PUBLISHED_MULTIPLIER
    assert "hardly refuses" in repair.choice["reason"]
    assert repair.choice["trials"] == ()


def test_a_model_that_refuses_is_tried_at_several_strengths_on_source_languages_alone(
    qwen: OpenModel, prompts: PromptSet
) -> None:
    seen: set[tuple[str, str]] = set()

    class Watching(LetterJudge):
        def judge(self, items):  # type: ignore[no-untyped-def]
            seen.update((prompt.language.tag, prompt.id.split("-")[1]) for prompt, _ in items)
            return super().judge(items)

    repair = fit_repair(PLAN, qwen, prompts, Watching(""))
    assert seen == {("en", "validation"), ("de", "validation")}
    assert len(repair.choice["trials"]) >= 5
    assert repair.choice["noise"] == pytest.approx((0.25 / 8 * 2) ** 0.5)
    # Every reply counts as refused whatever is done, so the weakest strength is as good as any.
    assert repair.choice["multiplier"] == 0.25


def test_test_prompts_are_not_read(qwen: OpenModel, prompts: PromptSet) -> None:
    without = replace(prompts, prompts=tuple(prompt for prompt in prompts if prompt.split != Split.TEST))
    whole, part = (fit_repair(PLAN, qwen, chosen, never()) for chosen in (prompts, without))
    assert whole.fingerprint() == part.fingerprint()


def test_a_given_layer_and_strength_need_no_judge_and_no_validation_of_the_source(
    qwen: OpenModel, prompts: PromptSet
) -> None:
    class Refusing(LetterJudge):
        def judge(self, items):  # type: ignore[no-untyped-def]
            raise AssertionError("nothing is to be judged")

    plan = PLAN.model_copy(update={"layer": 2, "multiplier": 0.5})
    repair = fit_repair(plan, qwen, prompts, Refusing())
    assert repair.edit.layer == 2
    half = fit_repair(plan.model_copy(update={"multiplier": 1.0}), qwen, prompts, Refusing()).edit.strength / 2
    assert repair.edit.strength == pytest.approx(half)


def test_zero_shots_leave_the_source_threshold_everywhere(qwen: OpenModel, prompts: PromptSet) -> None:
    repair = fit_repair(PLAN.model_copy(update={"shots": 0}), qwen, prompts, never())
    assert repair.gate.threshold(SW) == repair.gate.fallback


def test_the_same_plan_gives_the_same_repair(qwen: OpenModel, prompts: PromptSet) -> None:
    assert (
        fit_repair(PLAN, qwen, prompts, never()).fingerprint() == fit_repair(PLAN, qwen, prompts, never()).fingerprint()
    )


def test_an_unknown_target_language_is_refused(qwen: OpenModel, prompts: PromptSet) -> None:
    with pytest.raises(UnknownLanguage, match="'yo'"):
        fit_repair(PLAN.model_copy(update={"target": ("yo",)}), qwen, prompts, never())


def test_a_set_without_harmless_prompts_is_refused(qwen: OpenModel, prompts: PromptSet) -> None:
    harmful = replace(prompts, prompts=tuple(prompt for prompt in prompts if prompt.kind == Kind.HARMFUL))
    with pytest.raises(TooFewPrompts, match="harmless train prompts in en"):
        fit_repair(PLAN, qwen, harmful, never())


def test_a_plan_needs_source_languages_and_known_fields() -> None:
    with pytest.raises(NothingToDo):
        RepairPlan(model="m", prompts="p", source=(), target=("sw",))
    with pytest.raises(ValidationError):
        RepairPlan(model="m", prompts="p", source=("en",), target=("sw",), shot=4)  # type: ignore[call-arg]


def test_a_plan_survives_json() -> None:
    plan = PLAN.model_copy(update={"harmful": HarmfulEdit.LIFT, "harmless": HarmlessEdit.ABLATE})
    assert RepairPlan.model_validate(plan.to_json()) == plan


def test_a_repaired_model_has_its_own_name_and_fingerprint(qwen: OpenModel, make_repair: Maker) -> None:
    repaired = RepairedModel(qwen, make_repair(qwen))
    assert repaired.name.startswith(f"{qwen.name} + repair ")
    assert repaired.fingerprint().items() > qwen.fingerprint().items()


def test_the_plain_model_is_plain_between_two_replies(qwen: OpenModel, make_repair: Maker, prompts: PromptSet) -> None:
    asked = list(prompts.select(languages=(SW,), split=Split.TEST))
    [batch] = qwen.batches(asked)
    plain = qwen.next_logits(batch)
    repaired = RepairedModel(qwen, make_repair(qwen))
    for _ in repaired.reply(asked, Decoding(max_new_tokens=3)):
        assert torch.equal(qwen.next_logits(batch), plain)
    next(iter(repaired.reply(asked, Decoding(max_new_tokens=3))))
    assert qwen.steering is None


def test_a_repaired_model_answers_like_the_model_inside_the_context(
    model: OpenModel, make_repair: Maker, prompts: PromptSet
) -> None:
    asked = list(prompts.select(languages=(SW,), split=Split.TEST))
    repair = make_repair(model)
    with repair.steer(model):
        expected = list(model.reply(asked, Decoding(max_new_tokens=4)))
    assert list(RepairedModel(model, repair).reply(asked, Decoding(max_new_tokens=4))) == expected


def test_a_repair_for_another_model_is_refused(
    qwen: OpenModel, make_repair: Maker, tiny_checkpoint: Callable[..., Path]
) -> None:
    with pytest.raises(FingerprintMismatch):
        RepairedModel(OpenModel.load(tiny_checkpoint("qwen2", seed=2)), make_repair(qwen))


def test_verification_finds_a_hook_that_does_nothing(qwen: OpenModel, make_repair: Maker) -> None:
    repair = make_repair(qwen)
    verify_repair(qwen, repair)
    working = qwen.blocks[1]
    # A stand-in block that is not part of the model: hooks on it never run.
    qwen.blocks[1] = torch.nn.Linear(1, 1)
    with pytest.raises(UnsupportedModel, match="would do nothing"):
        verify_repair(qwen, repair)
    qwen.blocks[1] = working


def test_verification_finds_a_gate_that_reads_another_state(qwen: OpenModel, make_repair: Maker) -> None:
    repair = make_repair(qwen)
    handle = qwen.model.model.layers[0].register_forward_hook(
        lambda _m, _i, output: output + 0.5 if qwen.steering is not None else output
    )
    with pytest.raises(UnsupportedModel, match="The gate reads"):
        verify_repair(qwen, repair)
    handle.remove()
