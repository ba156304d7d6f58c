"""Detectors inside a running model decide as they do on recorded states."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import record_activations
from isogloss.models.batches import make_batches
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.moves import HARMFUL, HARMLESS, Edit
from isogloss.repair.probes.detector import DetectorRouter, LinearDetector, Pooling, Readout, TensorDetector
from isogloss.repair.probes.networks import NetworkDetector, Standardise, build_network
from isogloss.repair.probes.pooling import record_mean_states

ENGLISH, GERMAN, SWAHILI = (Language.parse(tag) for tag in ("en", "de", "sw"))
CPU = torch.device("cpu")


def make_linear(width: int, pooling: Pooling = Pooling.TOKEN) -> LinearDetector:
    drawn = np.random.default_rng(0)
    readouts = {ENGLISH.key: Readout(drawn.normal(size=width), 0.5), GERMAN.key: Readout(drawn.normal(size=width), -1)}
    fallback = Readout(drawn.normal(size=width), 0.0)
    return LinearDetector(1, fallback, 0.25, readouts, {ENGLISH.key: -0.5}, pooling)


def make_network(width: int, pooling: Pooling = Pooling.TOKEN) -> NetworkDetector:
    states = np.random.default_rng(1).normal(size=(20, width))

    def make() -> nn.Module:
        return nn.Sequential(Standardise(states), nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, 1)).eval()

    networks = {ENGLISH.key: build_network(make, seed=1), SWAHILI.key: build_network(make, seed=2)}
    return NetworkDetector(1, build_network(make, seed=0), 0.0, networks, {SWAHILI.key: 0.1}, pooling)


def record(model: OpenModel, prompts: Sequence[Prompt], detector: TensorDetector, position: int = -1) -> np.ndarray:
    if detector.pooling == Pooling.MEAN:
        return record_mean_states(model, prompts, [1])[:, 0]
    return record_activations(model, prompts, layers=[1], positions=[position]).at(1, position)


@pytest.mark.parametrize("make", [make_linear, make_network])
@pytest.mark.parametrize(("pooling", "position"), [(Pooling.TOKEN, -1), (Pooling.TOKEN, -3), (Pooling.MEAN, -1)])
def test_a_routed_batch_reads_what_recorded_states_say(
    qwen: OpenModel, prompts: PromptSet, make: type, pooling: Pooling, position: int
) -> None:
    chosen = list(prompts.select(split=Split.TEST))
    detector: TensorDetector = make(qwen.hidden_size, pooling)
    router = DetectorRouter(detector, position=position)
    assert router.reads_whole_prompt == (pooling == Pooling.MEAN or position != -1)
    states = record(qwen, chosen, detector, position)
    edit = Edit(np.eye(qwen.hidden_size)[0], 1, 3.0)
    with RoutedSteering(qwen, edit.moves(), router):
        replies = {(reply.prompt_id, reply.language): reply for reply in qwen.reply(chosen, Decoding(max_new_tokens=2))}
    for number, prompt in enumerate(chosen):
        reading = replies[prompt.id, prompt.language.tag].gate
        assert reading is not None
        expected = detector.score(states[number : number + 1], prompt.language)[0]
        assert reading.score == pytest.approx(expected, abs=2e-5)
        assert reading.threshold == pytest.approx(detector.threshold(prompt.language))
        assert reading.harmful == (expected >= detector.threshold(prompt.language))


def test_a_row_that_fires_is_not_spared() -> None:
    detector = LinearDetector(0, Readout(np.array([1.0, 0.0]), 0.0), 0.5)
    router = DetectorRouter(detector)
    [batch] = make_batches([[1], [2], [3]], pad_id=0, batch_tokens=99)
    router.begin(batch, CPU)
    # Scores 1, 0 and 0.5; the threshold itself counts as harmful.
    router.read(0, torch.tensor([[[1.0, 9]], [[0, 9]], [[0.5, 9]]]), torch.ones(3, 1))
    routes = router.routes()
    assert routes[HARMFUL].tolist() == [1, 0, 1]
    assert routes[HARMLESS].tolist() == [0, 1, 0]


def test_nothing_is_decided_before_a_prompt_was_read() -> None:
    router = DetectorRouter(make_linear(2))
    with pytest.raises(RuntimeError, match="before begin"):
        router.read(1, torch.zeros(1, 1, 2), torch.ones(1, 1))
    with pytest.raises(RuntimeError, match="before it read"):
        router.routes()
    assert router.readings() is None


def test_a_prompt_too_short_for_the_position_is_refused() -> None:
    [batch] = make_batches([[1, 2]], pad_id=0, batch_tokens=99)
    with pytest.raises(TooFewPrompts, match="2 tokens"):
        DetectorRouter(make_linear(2), position=-3).begin(batch, CPU)


def test_a_region_falls_back_to_its_language_and_no_language_to_the_source() -> None:
    detector = make_linear(3)
    assert detector.readout(Language.parse("en-GB")) is detector.readouts[ENGLISH.key]
    assert detector.threshold(Language.parse("en-GB")) == -0.5
    assert detector.readout(None) is detector.fallback
    assert detector.threshold(GERMAN) == 0.25


def test_mean_states_are_the_mean_over_the_tokens_of_each_prompt(qwen: OpenModel, prompts: PromptSet) -> None:
    chosen = list(prompts.select(split=Split.TEST, kind=Kind.HARMFUL))
    together = record_mean_states(qwen, chosen, [0, 2], batch_tokens=200)
    for number, ids in enumerate(qwen.encode([prompt.text for prompt in chosen])):
        with torch.inference_mode():
            states = qwen.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for slot, layer in enumerate((0, 2)):
            alone = states[layer + 1][0].mean(dim=0).numpy()
            assert np.abs(together[number, slot] - alone).max() <= 5e-6 * np.abs(alone).max()
