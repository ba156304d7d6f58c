"""All baselines in one loop, and what a method is."""

from collections.abc import Callable

import numpy as np
import pytest

from isogloss.core import Kind, Label, Prompt, Split
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.guard_router import one_by_one
from isogloss.repair.baselines.suite import fit_baselines
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import Method, plain_method, steered_method
from isogloss.repair.moves import Move, Operation
from isogloss.repair.routers import ConstantRouter

from .conftest import DE, SW, FunctionJudge

JUDGE = FunctionJudge(lambda _prompt, reply: Label.REFUSED if len(reply.text) % 2 else Label.COMPLIED)


@pytest.fixture
def asked(prompts: PromptSet) -> list[Prompt]:
    return list(prompts.select(languages=(DE, SW), split=Split.TEST))[:6]


def fit(model: OpenModel, calibration: Calibration) -> list[Method]:
    guard = one_by_one(lambda prompt: prompt.kind == Kind.HARMFUL)
    return fit_baselines(model, calibration, JUDGE, seed=0, guard=guard, most_prompts=2, decoding=Decoding(2))


def test_every_baseline_answers_every_prompt_and_leaves_the_model_as_it_was(
    qwen: OpenModel, calibration: Calibration, asked: list[Prompt]
) -> None:
    plain = {(reply.prompt_id, reply.language): reply.text for reply in qwen.reply(asked, Decoding(3))}
    methods = fit(qwen, calibration)
    assert len({method.label for method in methods}) == len(methods) == 16
    for method in methods:
        replies = list(method.answer(asked, Decoding(3)))
        assert sorted((reply.prompt_id, reply.language) for reply in replies) == sorted(plain)
        assert method.note
        if method.predicts is not None:
            assert len(method.predicts(asked)) == len(asked)
    assert {(reply.prompt_id, reply.language): reply.text for reply in qwen.reply(asked, Decoding(3))} == plain


def test_both_forms_of_every_steering_baseline_are_there(qwen: OpenModel, calibration: Calibration) -> None:
    variants: dict[str, set[str]] = {}
    for method in fit(qwen, calibration):
        variants.setdefault(method.name, set()).add(method.variant)
    both = {"published", "corrected"}
    for name in ("ablation at one layer", "ablation over layers", "constant addition", "cast", "adasteer"):
        assert variants[name] == both
    for name in ("plain", "random direction", "target-only direction", "guard router"):
        assert variants[name] == {""}


def test_without_shots_there_is_no_target_only_direction(
    qwen: OpenModel, make_calibration: Callable[..., Calibration]
) -> None:
    methods = fit(qwen, make_calibration(shots=0))
    assert "target-only direction" not in [method.name for method in methods]
    assert next(method for method in methods if method.label == "cast (corrected)").shots == 0


def test_the_same_seed_gives_the_same_methods(qwen: OpenModel, calibration: Calibration, asked: list[Prompt]) -> None:
    first, second = (
        [[reply.text for reply in method.answer(asked, Decoding(3))] for method in fit(qwen, calibration)]
        for _ in range(2)
    )
    assert first == second


def test_a_reply_is_handed_out_when_the_model_is_plain_again(qwen: OpenModel, asked: list[Prompt]) -> None:
    def steer(model: OpenModel) -> RoutedSteering:
        move = Move(1, np.ones(model.hidden_size), Operation.ADD)
        return RoutedSteering(model, [move], ConstantRouter(fires=True))

    method = steered_method("push", qwen, steer, variant="published", shots=3, note="x")
    for _ in method.answer(asked, Decoding(2)):
        assert qwen.steering is None
    assert (method.label, method.shots, method.note) == ("push (published)", 3, "x")
    assert method.with_shots(8).shots == 8


def test_the_plain_method_is_the_model(qwen: OpenModel, asked: list[Prompt]) -> None:
    method = plain_method(qwen)
    assert method.label == "plain"
    assert list(method.answer(asked, Decoding(2))) == list(qwen.reply(asked, Decoding(2)))
