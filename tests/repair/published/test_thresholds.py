"""Thresholds against an exhaustive search with scikit-learn, and the defects that the rule has."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from isogloss.core.errors import TooFewPrompts
from isogloss.repair.published.thresholds import Objective, fit_common_threshold, fit_f1_thresholds
from isogloss.stats.separability import auroc

# Few distinct values, so that ties between scores and between candidates are common.
SCORES = st.lists(st.tuples(st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0]), st.booleans()), min_size=2, max_size=12)


def search(scores: np.ndarray, harmful: np.ndarray, objective: Objective) -> tuple[float, float]:
    """Try every candidate; the first of the best."""
    values = sorted(set(scores.tolist()))
    candidates = [values[0] - 1e-6, *((a + b) / 2 for a, b in pairwise(values)), values[-1] + 1e-6]
    weights = None
    if objective == Objective.BALANCED_MACRO_F1:
        weights = np.where(harmful, 1 / max(harmful.sum(), 1), 1 / max((~harmful).sum(), 1))
    quality = [
        round(float(f1_score(harmful, scores >= cut, sample_weight=weights, zero_division=0.0)), 12)
        for cut in candidates
    ]
    best = int(np.argmax(quality))
    return candidates[best], quality[best]


@pytest.mark.parametrize("objective", list(Objective))
@settings(max_examples=60, deadline=None)
@given(rows=SCORES)
def test_the_threshold_is_the_lowest_of_the_best_candidates(
    objective: Objective, rows: list[tuple[float, bool]]
) -> None:
    scores, harmful = np.array([score for score, _ in rows]), np.array([kind for _, kind in rows])
    threshold, f1 = fit_f1_thresholds(scores[None], harmful, objective=objective)
    expected = search(scores, harmful, objective)
    assert threshold[0] == pytest.approx(expected[0], abs=1e-12)
    assert f1[0] == pytest.approx(expected[1], abs=1e-11)


def test_many_fits_with_padding_equal_one_by_one() -> None:
    drawn = np.random.default_rng(0)
    scores, harmful = drawn.normal(size=(6, 9)).round(1), drawn.random((6, 9)) < 0.5
    held = np.arange(9) < np.array([2, 9, 5, 1, 8, 9])[:, None]
    together, _ = fit_f1_thresholds(scores, harmful, held)
    for fit in range(6):
        alone, _ = fit_f1_thresholds(scores[fit, held[fit]][None], harmful[fit, held[fit]])
        assert together[fit] == alone[0]


def test_one_ordered_pair_gives_its_middle() -> None:
    # (1 + 3) / 2 = 2, and both are then on their own side.
    threshold, f1 = fit_f1_thresholds(np.array([[3.0, 1.0]]), np.array([True, False]))
    assert (threshold[0], f1[0]) == (2.0, 1.0)


def test_known_defect_one_inverted_pair_flags_everything() -> None:
    # Flagging both has TPR = FPR = 1: F1 = 2 / 3, better than flagging the harmless one alone (0) or none (0).
    threshold, f1 = fit_f1_thresholds(np.array([[1.0, 3.0]]), np.array([True, False]))
    assert threshold[0] == pytest.approx(1.0 - 1e-6)
    assert f1[0] == pytest.approx(2 / 3)


def test_a_common_threshold_averages_the_f1_of_the_sets() -> None:
    drawn = np.random.default_rng(1)
    sets = [(drawn.normal(1, 1, 7), drawn.normal(0, 1, 9)), (drawn.normal(3, 1, 5), drawn.normal(1, 1, 4))]
    values = np.unique(np.concatenate([part for both in sets for part in both]))
    candidates = [values[0] - 1e-6, *(values[:-1] + values[1:]) / 2, values[-1] + 1e-6]
    quality = [
        np.mean(
            [f1_score([1] * len(a) + [0] * len(b), np.concatenate([a, b]) >= cut, zero_division=0.0) for a, b in sets]
        )
        for cut in candidates
    ]
    threshold, f1 = fit_common_threshold(sets)
    assert threshold == pytest.approx(candidates[int(np.argmax(quality))])
    assert f1 == pytest.approx(max(quality))


def test_no_scores_are_refused() -> None:
    with pytest.raises(TooFewPrompts):
        fit_f1_thresholds(np.zeros((1, 2)), np.zeros(2, bool), np.zeros((1, 2), bool))
    with pytest.raises(TooFewPrompts):
        fit_common_threshold([])


def test_tied_scores_have_an_auroc_of_one_half() -> None:
    # The published AUROC calls fully tied scores perfect; every pair is a tie, so it is one half.
    assert auroc([1.0, 1.0], [1.0, 1.0, 1.0]) == 0.5
