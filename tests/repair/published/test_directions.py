"""Directions and bases against other ways of computing them."""

import numpy as np
import pytest
from scipy.linalg import eigh, orth
from sklearn.decomposition import PCA

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts, UnknownLanguage
from isogloss.repair.published.directions import (
    basis_with_target,
    extend_basis,
    first_component,
    language_directions,
    pooled_direction,
    principal_basis,
    principal_direction,
    random_basis,
    source_basis,
    unit_difference,
)
from isogloss.repair.published.rows import Rows

ENGLISH = Language.parse("en")


def projector(basis: np.ndarray) -> np.ndarray:
    basis = np.asarray(basis, np.float64)
    return basis @ basis.T


def test_one_row_per_class_makes_a_unit_direction() -> None:
    # (3, 4) - (0, 0) has length 5.
    assert unit_difference(np.array([[3.0, 4.0]]), np.zeros((1, 2))) == pytest.approx([0.6, 0.8])


def test_equal_classes_give_no_direction_instead_of_an_error() -> None:
    assert not unit_difference(np.ones((2, 3)), np.ones((2, 3))).any()


def test_the_pooled_direction_throws_all_rows_together(source_rows: Rows) -> None:
    labels = np.where(source_rows.harmful, 1 / source_rows.harmful.sum(), -1 / (~source_rows.harmful).sum())
    expected = labels @ source_rows.hidden.astype(np.float64)
    expected /= np.sqrt((expected**2).sum())
    classes = source_rows.classes()
    # Section 9: 2e-8; here rounding to float32 alone.
    assert np.abs(pooled_direction(classes) - expected).max() <= 2e-8
    averaged = np.mean([harmful.mean(axis=0) - harmless.mean(axis=0) for harmful, harmless in classes.values()], axis=0)
    assert pooled_direction(classes) @ averaged / np.linalg.norm(averaged) < 1 - 1e-5


def test_pc1_is_the_top_axis_of_the_uncentred_directions_and_points_like_english(source_rows: Rows) -> None:
    directions = language_directions(source_rows.classes())
    stack = np.stack(list(directions.values())).astype(np.float64)
    expected = eigh(stack.T @ stack)[1][:, -1]
    found = first_component(directions, ENGLISH)
    assert found @ directions[ENGLISH] > 0
    assert np.abs(found - expected * np.sign(expected @ directions[ENGLISH])).max() <= 8e-8
    turned = {language: -vector for language, vector in directions.items()}
    assert np.abs(first_component(turned, ENGLISH) + found).max() <= 8e-8


def test_pc1_asks_for_the_language_that_fixes_its_sign(source_rows: Rows) -> None:
    with pytest.raises(UnknownLanguage, match="sw"):
        first_component(language_directions(source_rows.classes()), Language.parse("sw"))


def test_the_top_principal_axis_agrees_with_scikit_learn(source_rows: Rows) -> None:
    harmful, harmless = source_rows.classes()[ENGLISH]
    axis = PCA(1, svd_solver="full").fit(np.concatenate([harmful, harmless]).astype(np.float64)).components_[0]
    found = principal_direction(harmful, harmless)
    assert found @ (harmful.mean(axis=0) - harmless.mean(axis=0)) > 0
    assert abs(float(found @ axis)) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_basis_spans_the_top_uncentred_axes(source_rows: Rows, rank: int) -> None:
    directions = language_directions(source_rows.classes())
    stack = np.stack(list(directions.values())).astype(np.float64)
    expected = eigh(stack.T @ stack)[1][:, -rank:]
    assert np.abs(projector(source_basis(directions, rank)) - projector(expected)).max() <= 3e-7


def test_full_rank_is_the_whole_span_and_more_is_refused(source_rows: Rows) -> None:
    directions = language_directions(source_rows.classes())
    span = orth(np.stack(list(directions.values())).astype(np.float64).T)
    assert np.abs(projector(source_basis(directions)) - projector(span)).max() <= 3e-7
    with pytest.raises(TooFewPrompts, match="Rank 5"):
        source_basis(directions, 5)


def test_a_target_direction_can_join_the_basis_in_two_ways(
    source_rows: Rows, target_rows: dict[Language, Rows]
) -> None:
    directions = language_directions(source_rows.classes())
    targets = [unit_difference(*both) for rows in target_rows.values() for both in rows.classes().values()]
    span = orth(np.stack([*directions.values(), targets[0]]).astype(np.float64).T)
    assert np.abs(projector(basis_with_target(directions, targets[0])) - projector(span)).max() <= 3e-7
    extended = extend_basis(source_basis(directions, 2), targets)
    wide = orth(np.column_stack([source_basis(directions, 2), *targets]).astype(np.float64))
    assert extended.shape[1] == 4
    assert np.abs(projector(extended) - projector(wide)).max() <= 5e-7


def test_a_target_inside_the_span_adds_nothing(source_rows: Rows) -> None:
    basis = source_basis(language_directions(source_rows.classes()))
    assert extend_basis(basis, [basis @ np.array([1.0, 2.0, 0.0, -1.0])]).shape == basis.shape


def test_a_random_basis_is_orthonormal_and_repeats() -> None:
    basis = random_basis(20, 5, seed=3)
    assert np.abs(basis.T @ basis - np.eye(5)).max() <= 1e-6
    assert np.array_equal(basis, random_basis(20, 5, seed=3))
    assert not np.allclose(basis, random_basis(20, 5, seed=4))


def test_the_unlabelled_basis_agrees_with_scikit_learn(source_rows: Rows) -> None:
    states = source_rows.hidden.astype(np.float64)
    expected = PCA(3, svd_solver="full").fit(states).components_.T
    assert np.abs(projector(principal_basis(states, 3)) - projector(expected)).max() <= 3e-7
    with pytest.raises(TooFewPrompts, match="principal axes"):
        principal_basis(states[:3], 3)
