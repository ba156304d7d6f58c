"""The gate on states with a known truth, and its readout against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.directions import Classes
from isogloss.repair.gate import Gate, fit_gate
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
