"""The data that baselines are fitted on: which prompts, and means that know no padding."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Split
from isogloss.core.errors import TooFewPrompts, UnknownName
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import record_activations
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.calibration import Calibration, record_calibration
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.probes.pooling import masked_mean, record_mean_states

from .conftest import DE, EN, SW


def test_it_holds_source_train_and_validation_and_the_shots_and_never_a_test_prompt(calibration: Calibration) -> None:
    # 2 languages x 2 kinds x (6 train + 4 validation) = 40, and 2 shots x 2 kinds of Swahili.
    assert len(calibration.activations.prompts) == 44
    assert all(prompt.split != Split.TEST for prompt in calibration.activations.prompts)
    held = [prompt for prompt in calibration.activations.prompts if prompt.language == SW]
    assert sorted(prompt.kind for prompt in held) == [Kind.HARMFUL] * 2 + [Kind.HARMLESS] * 2


def test_the_shots_are_those_that_a_gate_draws(prompts: PromptSet, calibration: Calibration) -> None:
    for kind in Kind:
        drawn = draw_shots(list(prompts), SW, kind, Split.VALIDATION, 2, derive_seed(0, SW.key, kind))
        rows = calibration.numbers(SW, kind)
        assert [calibration.activations.prompts[row] for row in rows] == [prompts.prompts[number] for number in drawn]


def test_means_of_a_batch_are_those_of_each_prompt_alone(qwen: OpenModel, prompts: PromptSet) -> None:
    chosen = [prompts.prompts[0], prompts.prompts[2], prompts.prompts[30]]
    together = record_mean_states(qwen, chosen)
    for number, prompt in enumerate(chosen):
        [batch] = qwen.batches([prompt])
        with torch.no_grad():
            states = qwen.model(batch.input_ids, output_hidden_states=True).hidden_states
        # Entry l + 1 is the output of block l; the last one comes after the final norm and is left out here.
        expected = np.stack([states[layer + 1][0].mean(dim=0).numpy() for layer in range(3)])
        assert together[number, :3] == pytest.approx(expected, abs=1e-4)


def test_a_masked_mean_leaves_padding_out_whatever_it_holds() -> None:
    # Row 0 averages (2, 4) and (4, 8); row 1 its last position alone.
    hidden = torch.tensor([[[9.0, 9], [2, 4], [4, 8]], [[float("inf"), 1], [float("nan"), 1], [5, 7]]])
    mask = torch.tensor([[0, 1, 1], [0, 0, 1]])
    assert masked_mean(hidden, mask).tolist() == [[3, 6], [5, 7]]


def test_a_published_method_gets_the_shots_and_without_any_the_source(
    make_calibration: Callable[..., Calibration],
) -> None:
    assert {language: len(part[0]) for language, part in make_calibration().adapted(1).items()} == {SW: 2}
    assert {language: len(part[0]) for language, part in make_calibration(shots=0).adapted(1).items()} == {EN: 6, DE: 6}


def test_states_that_are_there_already_are_taken_over(
    qwen: OpenModel, prompts: PromptSet, calibration: Calibration
) -> None:
    recorded = record_activations(qwen, list(prompts), positions=(-2, -1))
    again = record_calibration(qwen, list(prompts), source=[EN, DE], target=[SW], shots=2, seed=0, activations=recorded)
    assert again.activations.prompts == calibration.activations.prompts
    assert again.activations.hidden == pytest.approx(calibration.activations.hidden, abs=1e-4)


def test_states_without_all_layers_are_refused(qwen: OpenModel, prompts: PromptSet) -> None:
    recorded = record_activations(qwen, list(prompts), layers=[0, 1])
    with pytest.raises(UnknownName, match=r"layers \[0, 1\]"):
        record_calibration(qwen, list(prompts), source=[EN], target=[SW], shots=1, seed=0, activations=recorded)


def test_a_source_language_without_validation_prompts_is_refused(qwen: OpenModel, prompts: PromptSet) -> None:
    only_train = [replace(prompt, split=Split.TRAIN) for prompt in prompts]
    with pytest.raises(TooFewPrompts, match="no harmful validation prompts in en"):
        record_calibration(qwen, only_train, source=[EN], target=[SW], shots=0, seed=0)


def test_a_target_that_is_also_a_source_gets_no_shots(qwen: OpenModel, prompts: PromptSet) -> None:
    found = record_calibration(qwen, list(prompts), source=[EN, DE], target=[DE, SW], shots=1, seed=0)
    assert found.target == (SW,)
    assert len(found.numbers(DE, Kind.HARMFUL)) == 10
