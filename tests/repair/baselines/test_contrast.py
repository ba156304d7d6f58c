"""The first component of contrast pairs, by hand and by power iteration."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.repair.baselines.contrast import fit_contrast_direction, make_pairs


def iterate_power(positive: np.ndarray, negative: np.ndarray, steps: int = 80) -> np.ndarray:
    """As the reference port does it: rows centred pair by pair, 80 steps of power iteration, then the sign."""
    middle = (positive + negative) / 2
    rows = np.concatenate([positive - middle, negative - middle])
    vector = np.ones(rows.shape[1]) / rows.shape[1] ** 0.5
    for _ in range(steps):
        vector = rows.T @ (rows @ vector)
        vector /= np.linalg.norm(vector)
    return vector * np.sign((positive @ vector).mean() - (negative @ vector).mean())


def test_the_component_is_the_axis_of_the_largest_differences_and_points_to_the_positive_side() -> None:
    # Differences (-6, 0), (-4, 0), (0, 1): D'D = diag(52, 1), so the axis is (1, 0) up to sign;
    # the mean difference (-10/3, 1/3) lies on its negative side, hence (-1, 0).
    positive = np.array([[0.0, 0], [1, 5], [2, 3]])
    negative = np.array([[6.0, 0], [5, 5], [2, 2]])
    assert fit_contrast_direction(positive, negative) == pytest.approx([-1, 0], abs=1e-7)


@pytest.mark.parametrize(("pairs", "width"), [(5, 12), (40, 12)])
def test_it_equals_power_iteration_on_pairwise_centred_rows(pairs: int, width: int) -> None:
    generator = np.random.default_rng(3)
    positive, negative = generator.normal(size=(2, pairs, width))
    positive[:, 0] += 4
    found = fit_contrast_direction(positive, negative)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert found @ iterate_power(positive, negative) == pytest.approx(1, abs=1e-6)


def test_shifting_a_whole_pair_changes_nothing() -> None:
    generator = np.random.default_rng(4)
    positive, negative = generator.normal(size=(2, 6, 4))
    positive[:, 0] += 2
    shift = generator.normal(size=(6, 4)) * 100
    assert fit_contrast_direction(positive + shift, negative + shift) == pytest.approx(
        fit_contrast_direction(positive, negative), abs=1e-5
    )


def test_pairs_stay_within_a_language_and_leave_the_surplus_out() -> None:
    english, swahili = Language.parse("en"), Language.parse("sw")
    classes = {
        english: (np.array([[1.0], [2], [3]]), np.array([[-1.0], [-2]])),
        swahili: (np.array([[10.0]]), np.array([[-10.0], [-20]])),
    }
    harmful, harmless = make_pairs(classes)
    assert harmful.ravel().tolist() == [1, 2, 10]
    assert harmless.ravel().tolist() == [-1, -2, -10]


def test_pairs_that_coincide_have_no_direction() -> None:
    rows = np.ones((3, 4))
    with pytest.raises(DegenerateDirection, match="layer 2"):
        fit_contrast_direction(rows, rows, label="layer 2")


def test_no_pairs_are_too_few() -> None:
    with pytest.raises(TooFewPrompts, match="0 positive and 2 negative"):
        fit_contrast_direction(np.empty((0, 3)), np.ones((2, 3)))
