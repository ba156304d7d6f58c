"""The gate on tensors against the gate in plain numbers, with bands, with and without labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from isogloss.core import UNKNOWN_LANGUAGE, Language
from isogloss.models.batches import PromptBatch
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.locator import Far, fit_locator
from isogloss.repair.moves import HARMFUL, HARMLESS
from isogloss.repair.routers import GateRouter

EN, DE, SW, YO = (Language.parse(tag) for tag in ("en", "de", "sw", "yo"))
HIDDEN = 24
CPU = torch.device("cpu")


def draw(language: Language, seed: int, *, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Languages lie apart along axes of their own; harm shows less in Swahili and Yoruba, and from lower on."""
    generator = np.random.default_rng([seed, *language.tag.encode()])
    states = [generator.normal(size=(count, HIDDEN)) for _ in range(2)]
    axis = (EN, DE, SW, YO).index(language)
    for part in states:
        part[:, 5 + axis] += 9
    states[0][:, 0] += 6 if axis < 2 else 3
    return states[0], states[1]


@pytest.fixture(scope="module")
def gate() -> Gate:
    fitted = fit_gate({EN: draw(EN, 0), DE: draw(DE, 0)}).with_thresholds({SW.key: -2.0, YO.key: -1.0})
    classes = {EN: draw(EN, 0), DE: draw(DE, 0), SW: draw(SW, 0, count=4), YO: draw(YO, 0, count=4)}
    banded = replace(fitted, lower={SW.key: -3.0, EN.key: -1.0}, lower_fallback=-2.5)
    return banded.with_locator(fit_locator(classes, seed=0))


@pytest.fixture(scope="module")
def states() -> np.ndarray:
    """Known languages, and a few rows from nowhere, close to the limits."""
    known = np.concatenate([part[:10] for language in (EN, DE, SW, YO) for part in draw(language, 1)])
    strange = np.random.default_rng(3).normal(size=(20, HIDDEN)) * 12
    return np.concatenate([known, strange]).astype(np.float32)


def batch_of(languages: list[Language] | None, count: int) -> PromptBatch:
    ones = torch.ones(count, 1, dtype=torch.long)
    return PromptBatch(list(range(count)), languages, ones, ones)


def run(gate: Gate, states: np.ndarray, languages: list[Language] | None) -> GateRouter:
    router = GateRouter(gate, 3)
    router.begin(batch_of(languages, len(states)), CPU)
    router.read(3, torch.from_numpy(states)[:, None], torch.ones(len(states), 1))
    return router


@pytest.mark.parametrize("far", list(Far))
@pytest.mark.parametrize("labels", ["none", "all", "some", "unused"])
def test_tensors_say_what_plain_numbers_say(gate: Gate, states: np.ndarray, far: Far, labels: str) -> None:
    assert gate.locator is not None
    told = gate.with_locator(replace(gate.locator, far=far), use_labels=labels != "unused")
    languages = {"none": None, "some": [SW, UNKNOWN_LANGUAGE] * (len(states) // 2)}.get(labels, [YO] * len(states))
    router = run(told, states, languages)
    readings = router.readings()
    assert readings is not None
    for found, expected in zip(readings, told.read(states, languages), strict=True):
        assert found.score == pytest.approx(expected.score, abs=1e-3)
        assert found.threshold == pytest.approx(expected.threshold, abs=1e-3)
        assert found.language == expected.language
        if abs(expected.score - expected.threshold) > 1e-2:
            assert found.harmful == expected.harmful
    routes = router.routes()
    assert routes[HARMFUL].tolist() == [float(reading.harmful) for reading in readings]
    spared = [float(not reading.harmful and not reading.left_alone) for reading in readings]
    assert routes[HARMLESS].tolist() == spared


def test_rows_without_a_label_lean_to_their_language(gate: Gate) -> None:
    for language in (EN, SW, YO):
        readings = run(gate, draw(language, 5)[0].astype(np.float32), None).readings()
        assert readings is not None
        assert sum(reading.language == language.tag for reading in readings) > 35
    threshold = [reading.threshold for reading in readings if reading.language == "yo"]
    assert threshold == pytest.approx([-1.0] * len(threshold), abs=0.2)


def test_a_label_that_is_used_is_not_reported_as_leaned_to(gate: Gate) -> None:
    readings = run(gate, draw(SW, 5)[0].astype(np.float32), [SW] * 40).readings()
    assert readings is not None
    assert {(reading.language, reading.threshold) for reading in readings} == {(None, -2.0)}


def test_rows_far_from_every_language_fire_at_the_fallback(gate: Gate) -> None:
    far = np.zeros((4, HIDDEN), np.float32)
    far[:, 15] = 60
    readings = run(gate, far, None).readings()
    assert readings is not None
    assert {reading.language for reading in readings} == {"und"}
    assert [reading.threshold for reading in readings] == pytest.approx([gate.fallback] * 4)


def test_a_far_row_below_the_fallback_is_spared_only_where_its_neighbours_say_so(gate: Gate) -> None:
    """Without any band: limits differ only because the row is far."""
    plain = replace(gate, lower={}, lower_fallback=None)
    vector, _ = plain.readout()
    far = np.zeros((3, HIDDEN))
    far[:, 7], far[:, 15] = 9, 60
    # Scores at -1 (between the neighbours' -2 and the fallback), below both, above both.
    wanted = np.array([-1.0, -8.0, 5.0])
    far += (wanted - plain.score(far))[:, None] * vector / (vector @ vector)
    readings = run(plain, far.astype(np.float32), None).readings()
    assert readings is not None
    assert [reading.language for reading in readings] == ["und"] * 3
    assert [(reading.harmful, reading.left_alone) for reading in readings] == [
        (False, True),
        (False, False),
        (True, False),
    ]


def test_far_rows_may_be_left_alone_whatever_their_logit(gate: Gate) -> None:
    assert gate.locator is not None
    told = gate.with_locator(replace(gate.locator, far=Far.LEAVE))
    far = np.zeros((2, HIDDEN), np.float32)
    far[:, 15], far[:, 0] = 60, [40, -40]
    router = run(told, far, None)
    assert [reading.left_alone for reading in router.readings() or []] == [True, True]
    assert [coefficients.tolist() for coefficients in router.routes().values()] == [[0.0, 0.0], [0.0, 0.0]]
    labelled = run(told, far, [EN, EN]).routes()
    assert labelled[HARMFUL].tolist() == [1.0, 0.0]
    assert labelled[HARMLESS].tolist() == [0.0, 1.0]


def test_a_gate_without_band_or_locator_leaves_nothing_alone() -> None:
    plain = fit_gate({EN: draw(EN, 0), DE: draw(DE, 0)})
    router = run(plain, draw(EN, 4)[1].astype(np.float32), None)
    routes = router.routes()
    assert (routes[HARMFUL] + routes[HARMLESS] == 1).all()
    readings = router.readings()
    assert readings is not None
    assert [reading.threshold for reading in readings] == pytest.approx([plain.fallback] * len(readings))
    assert not any(reading.left_alone for reading in readings)


def test_rows_do_not_depend_on_their_batch(gate: Gate, states: np.ndarray) -> None:
    together = run(gate, states, None).readings()
    assert together is not None
    for row in range(0, len(states), 7):
        [alone] = run(gate, states[row : row + 1], None).readings() or []
        assert (alone.harmful, alone.left_alone, alone.language) == (
            together[row].harmful,
            together[row].left_alone,
            together[row].language,
        )


def test_buffers_stay_where_they_are_between_batches_of_one_size(gate: Gate) -> None:
    router = GateRouter(gate, 3)
    router.begin(batch_of([SW] * 4, 4), CPU)
    place = router._labelled.data_ptr()
    router.begin(batch_of([YO] * 4, 4), CPU)
    assert router._labelled.data_ptr() == place
    assert router._labelled[0].tolist() == [-1.0] * 4


def test_reading_and_routing_are_one_graph(gate: Gate, states: np.ndarray) -> None:
    """A graph break would mean that something looked at a value."""
    router = GateRouter(gate, 3)
    router.begin(batch_of(None, len(states)), CPU)

    def step(hidden: Tensor) -> Tensor:
        router.read(3, hidden, torch.ones(len(hidden), 1))
        routes = router.routes()
        return routes[HARMFUL] - routes[HARMLESS]

    hidden = torch.from_numpy(states)[:, None]
    compiled = torch.compile(step, backend="eager", fullgraph=True)
    assert torch.equal(compiled(hidden), step(hidden))


def test_a_router_that_has_read_nothing_cannot_route(gate: Gate) -> None:
    router = GateRouter(gate, 3)
    router.begin(batch_of(None, 2), CPU)
    assert router.readings() is None
    with pytest.raises(RuntimeError, match="before it read"):
        router.routes()
