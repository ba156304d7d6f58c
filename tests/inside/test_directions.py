"""Directions against hand arithmetic and linear algebra."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.directions import fit_direction, fit_pooled_direction, fit_subspace

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
