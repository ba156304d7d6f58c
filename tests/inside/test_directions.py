"""Directions against hand arithmetic and linear algebra."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from isogloss.core import Language
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.directions import (
    Classes,
    fit_direction,
    fit_pooled_direction,
    fit_subspace,
    fit_whitened_direction,
)

EN, SW = Language.parse("en"), Language.parse("sw")


def test_direction_is_the_unit_difference_of_means() -> None:
    # Means (3, 4) and (0, 0): the difference has length 5.
    harmful = np.array([[2.0, 4.0], [4.0, 4.0]])
    harmless = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    assert fit_direction(harmful, harmless) == pytest.approx([0.6, 0.8])


def test_one_row_is_too_few_and_the_message_says_whose() -> None:
    with pytest.raises(TooFewPrompts, match="sw, layer 3: 1 harmless"):
        fit_direction(np.ones((2, 2)), np.zeros((1, 2)), label="sw, layer 3")


def test_coinciding_means_have_no_direction_and_the_message_says_where() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    with pytest.raises(DegenerateDirection, match="layer 2"):
        fit_direction(rows, rows[::-1], label="layer 2")


def test_pooled_direction_gives_every_language_the_same_weight() -> None:
    # en differs by (2, 0), sw by (0, 2), although en has many more rows and a distant mean: (1, 1) / sqrt 2.
    en = (np.tile([12.0, 0.0], (50, 1)), np.tile([10.0, 0.0], (10, 1)))
    sw = (np.tile([0.0, 2.0], (2, 1)), np.tile([0.0, 0.0], (3, 1)))
    assert fit_pooled_direction({EN: en, SW: sw}) == pytest.approx([0.5**0.5, 0.5**0.5])


def test_pooled_direction_of_equal_counts_equals_the_published_difference_of_all_rows() -> None:
    generator = np.random.default_rng(1)
    classes = {language: (generator.normal(1, 1, (6, 5)), generator.normal(0, 1, (6, 5))) for language in (EN, SW)}
    harmful = np.concatenate([part[0] for part in classes.values()])
    harmless = np.concatenate([part[1] for part in classes.values()])
    difference = harmful.mean(0) - harmless.mean(0)
    assert fit_pooled_direction(classes) == pytest.approx(difference / np.linalg.norm(difference), abs=1e-6)


def test_subspace_spans_the_directions_and_is_orthonormal() -> None:
    directions = np.random.default_rng(2).normal(size=(4, 10))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    basis = fit_subspace(directions).astype(np.float64)
    assert basis.shape == (10, 4)
    assert basis.T @ basis == pytest.approx(np.eye(4), abs=1e-6)
    assert directions @ basis @ basis.T == pytest.approx(directions, abs=1e-6)


def test_subspace_signs_do_not_depend_on_the_order_or_sign_habits_of_the_library() -> None:
    directions = np.random.default_rng(3).normal(size=(4, 10)) + 1.0
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    basis = fit_subspace(directions)
    assert fit_subspace(directions[[2, 0, 3, 1]]) == pytest.approx(basis, abs=1e-5)
    # The direction that loads most on an axis loads on it positively.
    loadings = directions @ basis
    assert (loadings[np.abs(loadings).argmax(0), np.arange(4)] > 0).all()


def test_the_first_axis_is_the_one_shared_most() -> None:
    # Three directions near (1, 0, 0): the first axis is within a few degrees of it.
    directions = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [1.0, 0.0, 0.1]])
    assert fit_subspace(directions, rank=1)[0, 0] > 0.99


def test_a_rank_beyond_the_span_is_refused_with_the_rank_that_would_do() -> None:
    with pytest.raises(TooFewPrompts, match="from 1 to 1"):
        fit_subspace(np.array([[1.0, 0.0], [1.0, 0.0]]), rank=2)


def draw_classes(seed: int, *, width: int, rows: int, shift: float = 0.0) -> Classes:
    generator = np.random.default_rng(seed)
    spread = np.linspace(0.5, 3, width)
    place = shift * np.ones(width)
    harmful = generator.normal(size=(rows, width)) * spread + place + np.linspace(0, 1, width)
    return harmful, generator.normal(size=(rows, width)) * spread + place


@pytest.mark.parametrize("shrinkage", [0.1, 0.5, 0.9])
def test_the_whitened_direction_is_that_of_shrunk_linear_discriminant_analysis(shrinkage: float) -> None:
    harmful, harmless = draw_classes(0, width=6, rows=40)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    peer.fit(np.concatenate([harmful, harmless]), [1] * 40 + [0] * 40)
    expected = peer.coef_[0] / np.linalg.norm(peer.coef_[0])
    found = fit_whitened_direction({SW: (harmful, harmless)}, shrinkage=shrinkage)
    assert np.allclose(found, expected, atol=1e-6)


def test_it_is_the_same_with_fewer_rows_than_dimensions() -> None:
    harmful, harmless = draw_classes(1, width=30, rows=8)
    parts = [part - part.mean(axis=0) for part in (harmful, harmless)]
    # 14 degrees of freedom: 8 rows less one mean, twice.
    covariance = sum(part.T @ part for part in parts) / 14
    matrix = 0.5 * covariance + 0.5 * np.trace(covariance) / 30 * np.eye(30)
    expected = np.linalg.solve(matrix, harmful.mean(axis=0) - harmless.mean(axis=0))
    found = fit_whitened_direction({SW: (harmful, harmless)}, shrinkage=0.5)
    assert np.allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


def test_what_languages_differ_in_is_neither_difference_nor_spread() -> None:
    here, there = draw_classes(2, width=5, rows=20), draw_classes(3, width=5, rows=20)
    moved = tuple(part + 100.0 for part in there)
    assert np.allclose(
        fit_whitened_direction({EN: here, SW: there}, shrinkage=0.5),
        fit_whitened_direction({EN: here, SW: (moved[0], moved[1])}, shrinkage=0.5),
        atol=1e-5,
    )


def test_full_shrinkage_leaves_the_pooled_difference() -> None:
    classes = {EN: draw_classes(4, width=5, rows=20), SW: draw_classes(5, width=5, rows=20)}
    assert np.array_equal(fit_whitened_direction(classes, shrinkage=1.0), fit_pooled_direction(classes))


def test_an_axis_on_which_target_prompts_scatter_loses_weight() -> None:
    sources = {EN: draw_classes(6, width=4, rows=50)}
    generator = np.random.default_rng(7)
    # Target prompts scatter ten times as far on the last axis, around the same mean in both classes.
    rows = [generator.normal(size=(4, 4)) * np.array([1, 1, 1, 10.0]) + step for step in (1.0, 0.0)]
    for part in rows:
        part[:, 3] -= part[:, 3].mean()
    plain = fit_whitened_direction(sources, shrinkage=0.5)
    found = fit_whitened_direction(sources, shrinkage=0.5, targets={SW: (rows[0], rows[1])})
    assert abs(found[3]) < 0.5 * abs(plain[3])


def test_one_target_prompt_per_class_changes_nothing() -> None:
    sources = {EN: draw_classes(8, width=4, rows=50)}
    one = {SW: (np.full((1, 4), 9.0), np.full((1, 4), -9.0))}
    assert np.allclose(
        fit_whitened_direction(sources, shrinkage=0.5, targets=one),
        fit_whitened_direction(sources, shrinkage=0.5),
        atol=1e-7,
    )
