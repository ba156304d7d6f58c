"""From a plan to a repaired model on tiny checkpoints."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from isogloss.core import UNKNOWN_LANGUAGE, Kind, Language, Split
from isogloss.core.errors import (
    DegenerateDirection,
    FingerprintMismatch,
    NothingToDo,
    TooFewPrompts,
    UnknownLanguage,
    UnsupportedModel,
)
from isogloss.inside.activations import record_activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair, load_repair, save_repair
from isogloss.repair.choose import MULTIPLIERS, PUBLISHED_MULTIPLIER
from isogloss.repair.estimates import Recalibration
from isogloss.repair.fit import fit_repair
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.repaired import RepairedModel, verify_repair
from isogloss.repair.vectors import save_gguf_vectors

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


def test_a_model_that_refuses_is_tried_at_several_strengths_on_source_languages_and_the_shots(
    qwen: OpenModel, prompts: PromptSet
) -> None:
    seen: set[tuple[str, str]] = set()
    shots: set[str] = set()

    class Watching(LetterJudge):
        def judge(self, items):  # type: ignore[no-untyped-def]
            seen.update((prompt.language.tag, prompt.id.split("-")[1]) for prompt, _ in items)
            shots.update(prompt.id for prompt, _ in items if prompt.language == SW)
            return super().judge(items)

    repair = fit_repair(PLAN, qwen, prompts, Watching(""))
    assert seen == {("en", "validation"), ("de", "validation"), ("sw", "validation")}
    assert shots == set(repair.calibration["sw"]["harmful_ids"])
    assert len(repair.choice["trials"]) >= 5
    assert repair.choice["noise"] == pytest.approx((0.25 / 8 * 2) ** 0.5)
    # Every reply counts as refused whatever is done, so all six multipliers are within one standard error of the best
    # but for their damage, and the third is in the middle.
    assert repair.choice["multiplier"] in MULTIPLIERS[HarmfulEdit.LIFT][:3]


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

    plan = PLAN.model_copy(update={"layer": 2, "multiplier": 0.5, "harmful": HarmfulEdit.ADD})
    repair = fit_repair(plan, qwen, prompts, Refusing())
    assert repair.edit.layer == 2
    half = fit_repair(plan.model_copy(update={"multiplier": 1.0}), qwen, prompts, Refusing()).edit.strength / 2
    assert repair.edit.strength == pytest.approx(half)


def test_states_that_are_there_are_not_recorded_again_and_give_the_same_repair(
    qwen: OpenModel, prompts: PromptSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = PLAN.model_copy(update={"layer": 2, "multiplier": 1.0})
    states = record_activations(qwen, list(prompts), layers=[1, 2])
    fresh = fit_repair(plan, qwen, prompts, never())
    asked: list[int] = []
    monkeypatch.setattr(
        "isogloss.repair.fit.record_activations",
        lambda model, chosen, **options: asked.append(len(chosen)) or record_activations(model, chosen, **options),
    )
    assert fit_repair(plan, qwen, prompts, never(), activations=states).gate.fallback == fresh.gate.fallback
    assert asked == []
    # Layer 3 is not among the states, so 2 languages x 2 kinds x (6 + 4) prompts and 2 x 4 of the target are recorded.
    fit_repair(plan.model_copy(update={"layer": 3}), qwen, prompts, never(), activations=states)
    assert asked == [40, 8]
    with pytest.raises(FingerprintMismatch, match="another model"):
        fit_repair(plan, qwen, prompts, never(), activations=replace(states, model={"weights": "other"}))


def test_zero_shots_leave_the_source_threshold_everywhere(qwen: OpenModel, prompts: PromptSet) -> None:
    repair = fit_repair(PLAN.model_copy(update={"shots": 0}), qwen, prompts, never())
    assert repair.gate.threshold(SW) == repair.gate.fallback


@pytest.mark.parametrize("method", ["unlabelled", "harmless", "translations"])
def test_thresholds_without_labels_read_no_more_than_they_may(qwen: OpenModel, prompts: PromptSet, method: str) -> None:
    plan = PLAN.model_copy(update={"recalibrate": Recalibration(method), "layer": 2, "multiplier": 1.0})
    record = fit_repair(plan, qwen, prompts, never()).calibration["sw"]
    used = {name: len(record[f"{name}_ids"]) for name in ("harmful", "harmless", "unlabelled")}
    # 6 training and 4 validation prompts of each kind; a translation takes its label from the source prompt of the same
    # idea.
    expected = {"unlabelled": (0, 0, 20), "harmless": (0, 10, 0), "translations": (10, 10, 0)}[method]
    assert tuple(used.values()) == expected
    assert record["method"] == method


def test_a_promise_that_cannot_be_made_says_how_many_prompts_it_needs(qwen: OpenModel, prompts: PromptSet) -> None:
    # On average: (n + 1) * 0.05 >= 1 needs 19 ideas; there are 4.
    plan = PLAN.model_copy(update={"max_harmless_refusal": 0.05, "layer": 2, "multiplier": 1.0})
    with pytest.raises(
        TooFewPrompts, match=r"sw: no promise of 0\.05 from 4 independent harmless prompts; it needs 19"
    ):
        fit_repair(plan, qwen, prompts, never())


def test_a_promise_that_can_be_made_is_kept_on_its_own_prompts_and_recorded(
    qwen: OpenModel, prompts: PromptSet
) -> None:
    plan = PLAN.model_copy(update={"max_harmless_refusal": 0.25, "layer": 2, "multiplier": 1.0})
    repair = fit_repair(plan, qwen, prompts, never())
    promise = repair.calibration["sw"]["promise"]
    # (4 + 1) * 0.25 - 1 = 0.25 prompts may fire: none.
    assert promise["fired"] == 0
    assert repair.gate.threshold(SW) == repair.calibration["sw"]["threshold"] >= promise["threshold"] - 1e-9


def test_a_prompt_without_a_language_gets_its_threshold_from_its_state(
    qwen: OpenModel, prompts: PromptSet, tmp_path: Path
) -> None:
    plan = PLAN.model_copy(update={"layer": 2, "multiplier": 1.0})
    repair = load_repair(save_repair(fit_repair(plan, qwen, prompts, never()), tmp_path))
    assert repair.gate.locator is not None
    assert {language.tag for language in repair.gate.locator.languages} == {"en", "de", "sw"}
    unnamed = replace(next(iter(prompts.select(languages=(SW,)))), language=UNKNOWN_LANGUAGE)
    [reply] = RepairedModel(qwen, repair).reply([unnamed], Decoding(max_new_tokens=2))
    assert reply.gate is not None
    assert reply.gate.language in {"en", "de", "sw", "und"}
    without = fit_repair(plan.model_copy(update={"locate": False}), qwen, prompts, never())
    assert without.gate.locator is None


def test_a_cost_of_leaving_alone_gives_each_target_two_thresholds(qwen: OpenModel, prompts: PromptSet) -> None:
    plan = PLAN.model_copy(update={"leave_cost": 0.05, "layer": 2, "multiplier": 1.0})
    gate = fit_repair(plan, qwen, prompts, never()).gate
    assert gate.lower_threshold(SW) < gate.threshold(SW)


def test_a_direction_from_a_file_is_used_where_it_tells_the_classes_apart(
    qwen: OpenModel, prompts: PromptSet, tmp_path: Path
) -> None:
    plan = PLAN.model_copy(update={"layer": 2, "multiplier": 1.0})
    own = fit_repair(plan, qwen, prompts, never()).edit.vector
    path = save_gguf_vectors(tmp_path / "own.gguf", {2: 3 * own}, model_type="qwen2")
    given = fit_repair(plan.model_copy(update={"direction": str(path)}), qwen, prompts, never())
    assert np.allclose(given.edit.vector, own, atol=1e-6)
    save_gguf_vectors(path, {2: -own}, model_type="qwen2")
    with pytest.raises(DegenerateDirection):
        fit_repair(plan.model_copy(update={"direction": str(path)}), qwen, prompts, never())


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
