"""The gate on states with a known truth, and its readout against scikit-learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.core import GateReading, Language
from isogloss.core.errors import BrokenInput, TooFewPrompts
from isogloss.inside.directions import Classes
from isogloss.repair.gate import Gate, fit_gate, gate_from, gate_numbers, gate_tensors
from isogloss.repair.locator import fit_locator
from isogloss.repair.logistic import fit_logistic
from isogloss.stats.separability import auroc, balanced_accuracy

EN, DE, SW = (Language.parse(tag) for tag in ("en", "de", "sw"))


def draw(seed: int, *, harmful: float = 3.0, count: int = 60, hidden: int = 20) -> Classes:
    """Unit noise; the classes differ along the first axis and, a little and by language, along the second."""
    generator = np.random.default_rng(seed)
    states = [generator.normal(size=(count, hidden)) for _ in range(2)]
    states[0][:, 0] += harmful
    states[0][:, 1] += seed % 3
    return states[0], states[1]


@pytest.fixture
def gate() -> Gate:
    return fit_gate({EN: draw(1), DE: draw(2)})


def test_logistic_readout_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(120, 3))
    harmful = features[:, 0] + generator.normal(size=120) > 0.8
    ridge = 0.05
    weights, bias = fit_logistic(features, harmful, ridge=ridge)
    # scikit-learn's balanced weights are n / (2 n_class) and its penalty |w|^2 / (2 C) on the summed loss.
    oracle = LogisticRegression(C=1 / (ridge * 120), class_weight="balanced", tol=1e-12, max_iter=10_000)
    oracle.fit(features, harmful)
    assert weights == pytest.approx(oracle.coef_[0], abs=1e-5)
    assert bias == pytest.approx(oracle.intercept_[0], abs=1e-5)


def test_logistic_readout_of_separable_classes_is_finite_and_optimal() -> None:
    features = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    harmful = np.array([False, False, True, True])
    weights, bias = fit_logistic(features, harmful, ridge=0.01)
    # Stationary in the bias by symmetry; in the weight: sum of c (p - y) x + ridge w = 0.
    chance = 1 / (1 + np.exp(-(features @ weights + bias)))
    assert bias == pytest.approx(0.0, abs=1e-8)
    assert (0.25 * (chance - harmful) @ features)[0] + 0.01 * weights[0] == pytest.approx(0.0, abs=1e-8)


def test_logistic_readout_ignores_how_many_rows_a_class_has() -> None:
    generator = np.random.default_rng(3)
    above, below = generator.normal(1, 1, (20, 2)), generator.normal(-1, 1, (20, 2))
    even = fit_logistic(np.concatenate([above, below]), np.repeat([True, False], 20), ridge=0.1)
    doubled = fit_logistic(np.concatenate([above, above, below]), np.repeat([True, True, False], 20), ridge=0.1)
    assert doubled[0] == pytest.approx(even[0], abs=1e-8)
    assert doubled[1] == pytest.approx(even[1], abs=1e-8)


def test_the_gate_tells_fresh_prompts_of_a_source_language_apart(gate: Gate) -> None:
    above, below = (gate.score(part) for part in draw(4))
    area, accuracy = auroc(above, below), balanced_accuracy(above, below, gate.fallback)
    assert area is not None
    assert accuracy is not None
    # Three standard deviations apart: AUROC Phi(3 / sqrt 2) = 0.983, accuracy Phi(1.5) = 0.933 or better.
    assert area > 0.97
    assert accuracy > 0.90


def test_the_readout_is_the_gate_in_one_vector(gate: Gate) -> None:
    states = draw(5)[0]
    by_steps = ((states @ gate.basis.astype(np.float64) - gate.centre) / gate.scale) @ gate.weights + gate.bias
    assert gate.score(states) == pytest.approx(by_steps, abs=1e-9)


def test_rank_one_reads_the_shared_axis_alone() -> None:
    gate = fit_gate({EN: draw(1), DE: draw(2)}, rank=1)
    vector, _ = gate.readout()
    assert gate.basis.shape == (20, 1)
    assert abs(vector @ gate.basis[:, 0]) == pytest.approx(np.linalg.norm(vector), rel=1e-5)


def test_a_rank_above_the_number_of_source_languages_is_refused() -> None:
    with pytest.raises(TooFewPrompts, match="Rank 3"):
        fit_gate({EN: draw(1), DE: draw(2)}, rank=3)


def test_thresholds_go_by_language_then_by_language_without_region_then_fall_back(gate: Gate) -> None:
    calibrated = gate.with_thresholds({SW.key: 1.5})
    assert calibrated.threshold(SW) == 1.5
    assert calibrated.threshold(Language.parse("sw-KE")) == 1.5
    assert calibrated.threshold(Language.parse("sw-Arab")) == gate.fallback
    assert calibrated.threshold(None) == gate.fallback


def test_source_scores_describe_the_training_logits(gate: Gate) -> None:
    harmful = np.mean([gate.score(draw(1)[0]).mean(), gate.score(draw(2)[0]).mean()])
    assert gate.source.harmful == pytest.approx(harmful, abs=1e-4)
    assert gate.source.harmless < gate.fallback < gate.source.harmful


def test_a_lower_threshold_leaves_the_logits_between_alone(gate: Gate) -> None:
    banded = replace(gate.with_thresholds({SW.key: 1.0}), lower={SW.key: -1.0})
    vector, offset = banded.readout()
    logits = np.array([-1.5, -1.0, 0.0, 1.0])
    states = (logits - offset)[:, None] * vector / (vector @ vector)
    readings = banded.read(states + 1e-9 * vector, [SW] * 4)
    assert [(reading.harmful, reading.left_alone) for reading in readings] == [
        (False, False),
        (False, True),
        (False, True),
        (True, False),
    ]


def test_a_lower_threshold_above_the_upper_one_counts_as_the_upper_one(gate: Gate) -> None:
    banded = replace(gate.with_thresholds({SW.key: 1.0}), lower={SW.key: 3.0}, lower_fallback=-2.0)
    assert banded.lower_threshold(SW) == 1.0
    assert banded.lower_threshold(Language.parse("sw-KE")) == 1.0
    assert banded.lower_threshold(DE) == min(-2.0, gate.fallback)
    assert gate.lower_threshold(DE) == gate.fallback


def rounded(readings: list[GateReading]) -> list[GateReading]:
    """Arrays in another memory order add up to other last digits."""
    return [replace(each, score=round(each.score, 6), threshold=round(each.threshold, 6)) for each in readings]


def make_full(gate: Gate) -> Gate:
    locator = fit_locator({EN: draw(1), DE: draw(2), SW: draw(6, count=4)}, seed=0)
    full = replace(gate.with_thresholds({SW.key: 0.5}), lower={SW.key: -0.5}, lower_fallback=-1.0)
    return full.with_locator(locator, use_labels=False)


def test_a_gate_survives_being_taken_apart(gate: Gate) -> None:
    full = make_full(gate)
    back = gate_from(gate_tensors(full), json.loads(json.dumps(gate_numbers(full), allow_nan=False)))
    states = np.concatenate([*draw(3), *draw(6)])
    assert rounded(back.read(states)) == rounded(full.read(states))
    assert back.use_labels is False
    assert gate_numbers(back) == gate_numbers(full)


def test_a_plain_gate_is_saved_as_ever(gate: Gate) -> None:
    """Names and keys of repairs that exist on people's disks."""
    assert list(gate_tensors(gate)) == ["basis", "centre", "scale", "weights"]
    assert set(gate_numbers(gate)) == {"bias", "fallback", "thresholds", "source_scores"}
    back = gate_from({**gate_tensors(gate), "direction": np.zeros(3)}, gate_numbers(gate))
    assert rounded(back.read(draw(3)[0])) == rounded(gate.read(draw(3)[0]))


def test_a_gate_with_a_piece_missing_is_refused(gate: Gate) -> None:
    full = make_full(gate)
    tensors, numbers = gate_tensors(full), gate_numbers(full)
    with pytest.raises(BrokenInput, match="locator_axes"):
        gate_from({name: tensors[name] for name in tensors if name != "locator_axes"}, numbers)
    with pytest.raises(BrokenInput, match="shape"):
        gate_from({**tensors, "locator_centroids": tensors["locator_centroids"][:1]}, numbers)
    with pytest.raises(BrokenInput, match="elsewhere"):
        gate_from(tensors, {**numbers, "locator": {**numbers["locator"], "far": "elsewhere"}})


def test_readings_of_old_journals_can_still_be_made() -> None:
    old = GateReading(score=1.0, threshold=0.0, harmful=True)
    assert (old.left_alone, old.language) == (False, None)
