"""Separability against hand arithmetic, brute force and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from isogloss.stats.separability import (
    auroc,
    auroc_interval,
    balanced_accuracy,
    balanced_accuracy_interval,
    delong_variance,
    fit_threshold,
    mark_by_cross_validation,
    prompts_for_auroc,
)

small_scores = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


def test_auroc_counts_a_tie_as_one_half() -> None:
    # Pairs: 3>1, 3>2, 2>1 win (3), 2=2 ties (0.5): 3.5 of 4.
    assert auroc([3, 2], [1, 2]) == 3.5 / 4


def test_auroc_of_fully_tied_scores_is_one_half_not_one() -> None:
    assert auroc([1, 1, 1], [1, 1]) == 0.5


def test_auroc_without_one_class_is_undefined() -> None:
    assert auroc([], [1.0]) is None
    assert auroc([1.0], []) is None


@given(small_scores, small_scores)
def test_auroc_equals_scikit_learn(harmful: list[int], harmless: list[int]) -> None:
    labels = [1] * len(harmful) + [0] * len(harmless)
    assert auroc(harmful, harmless) == pytest.approx(roc_auc_score(labels, harmful + harmless), abs=1e-12)


def test_delong_variance_equals_the_brute_force_placements() -> None:
    generator = np.random.default_rng(1)
    harmful, harmless = generator.integers(0, 9, 15) + 2.0, generator.integers(0, 9, 22) * 1.0
    wins = (harmful[:, None] > harmless) + 0.5 * (harmful[:, None] == harmless)
    expected = wins.mean(1).var(ddof=1) / 15 + wins.mean(0).var(ddof=1) / 22
    assert delong_variance(harmful, harmless) == pytest.approx(expected, abs=1e-14)


def test_auroc_interval_of_separated_classes_has_width_and_shrinks_with_the_count() -> None:
    few = auroc_interval([5, 6, 7], [1, 2, 3])
    many = auroc_interval(np.arange(100) + 200, np.arange(100))
    assert few is not None
    assert many is not None
    assert few[1] == many[1] == 1.0
    assert few[0] < 0.7 < 0.95 < many[0] < 1.0


def test_auroc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # Normal scores one standard deviation apart: the true AUROC is Phi(1 / sqrt 2) = 0.7602.
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        interval = auroc_interval(generator.normal(1, 1, 30), generator.normal(0, 1, 30))
        assert interval is not None
        hits += interval[0] <= 0.7602 <= interval[1]
    assert 0.93 <= hits / 400 <= 0.995


def test_repeated_wordings_of_one_idea_do_not_narrow_the_interval() -> None:
    generator = np.random.default_rng(4)
    harmful, harmless = generator.normal(1, 1, 12), generator.normal(0, 1, 12)
    names = [str(number) for number in range(12)]
    once = auroc_interval(harmful, harmless)
    blind = auroc_interval(np.repeat(harmful, 5), np.repeat(harmless, 5))
    aware = auroc_interval(
        np.repeat(harmful, 5),
        np.repeat(harmless, 5),
        clusters=([f"a{name}" for name in names for _ in range(5)], [f"b{name}" for name in names for _ in range(5)]),
    )
    assert once is not None
    assert blind is not None
    assert aware is not None
    assert blind[1] - blind[0] < 0.6 * (once[1] - once[0])
    assert aware == pytest.approx(once, abs=0.02)


def test_auroc_interval_needs_two_scores_of_each_class() -> None:
    assert auroc_interval([1.0], [0.0, 0.5]) is None


def test_a_score_on_the_threshold_counts_as_harmful() -> None:
    # Harmful 2 of 3 at or above 1; harmless 1 of 2 below 1: (2/3 + 1/2) / 2.
    assert balanced_accuracy([0, 1, 2], [0, 1], 1.0) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_threshold_is_the_middle_of_the_gap() -> None:
    assert fit_threshold([4, 5], [1, 2]) == 3.0


def test_threshold_takes_the_widest_of_equally_good_gaps() -> None:
    # Cuts 1.5 and 6 both put five of six right with equal balance: (2/2 + 2/3) / 2 against (1/2 + 3/3) / 2.
    # harmful 2, 10; harmless 0, 1, 2: cut 1.5 -> TPR 1, TNR 2/3 = 0.833; cut 6 -> TPR 1/2, TNR 1 = 0.75.
    assert fit_threshold([2, 10], [0, 1, 2]) == 1.5
    # harmful 1, 3, 10; harmless 0, 2: cut 0.5 -> (1 + 1/2)/2 = 0.75; cut 2.5 -> (2/3 + 1)/2 = 0.833.
    assert fit_threshold([1, 3, 10], [0, 2]) == 2.5
    # harmful 1, 9; harmless 0, 2: cut 0.5 -> 0.75 with gap 1; cut 5.5 -> 0.75 with gap 7.
    assert fit_threshold([1, 9], [0, 2]) == 5.5


def test_threshold_of_inverted_scores_calls_everything_harmful() -> None:
    assert fit_threshold([0, 1], [5, 6]) == 0.0


@given(small_scores, small_scores)
def test_no_other_threshold_is_better(harmful: list[int], harmless: list[int]) -> None:
    best = balanced_accuracy(harmful, harmless, fit_threshold(harmful, harmless))
    assert best is not None
    labels = [1] * len(harmful) + [0] * len(harmless)
    for cut in np.arange(-4, 5, 0.5):
        said = np.array(harmful + harmless) >= cut
        assert balanced_accuracy_score(labels, said) <= best + 1e-12


def test_balanced_accuracy_interval_joins_two_wilson_intervals() -> None:
    # Harmful 10 of 10 right: Wilson 95 % lower limit 1 / (1 + 3.8415 / 10) = 0.72247. Harmless 5 of 10:
    # centre 0.5, half 1.96 / 1.38415 * sqrt(0.025 + 3.8415 / 400) = 0.26341. Mean 0.75;
    # down: sqrt(0.27753^2 + 0.26341^2) / 2 = 0.19132; up: sqrt(0 + 0.26341^2) / 2 = 0.13170.
    names = [str(number) for number in range(10)]
    interval = balanced_accuracy_interval(([1] * 10, [1, 0] * 5), (names, names))
    assert interval == pytest.approx((0.75 - 0.19132, 0.75 + 0.13170), abs=1e-4)


def test_cross_validated_marks_are_not_optimistic_on_noise() -> None:
    generator = np.random.default_rng(3)
    names = [str(number) for number in range(20)]
    accuracies = []
    for seed in range(40):
        harmful, harmless = generator.normal(size=20), generator.normal(size=20)
        marks = mark_by_cross_validation(harmful, harmless, (names, names), seed=seed)
        accuracies.append((marks[0].mean() + marks[1].mean()) / 2)
    # The in-sample best cut of pure noise reaches about 0.62 here; an honest estimate stays near one half.
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.04)


def test_cross_validated_marks_repeat_with_the_seed() -> None:
    harmful, harmless = [3.0, 1.0, 4.0, 2.5], [0.0, 2.0, 1.5]
    first, second = (mark_by_cross_validation(harmful, harmless, (list("abcd"), list("abc")), seed=5) for _ in range(2))
    assert all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))


def test_prompts_needed_grow_with_the_square_of_the_half_width() -> None:
    # The lower half-width is 0.1 and the boundary 0.05 away: four times the 40 prompts.
    assert prompts_for_auroc(0.80, (0.70, 0.88), 40, 0.75) == 160
    assert prompts_for_auroc(0.75, (0.70, 0.88), 40, 0.75) is None
