"""Batched fits in the small space equal single fits in the full one."""

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Split
from isogloss.core.seeds import derive_seed
from isogloss.experiment.fits import iterate_blocks
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.scoring import measure_areas, measure_fits
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.class_prior import measure_prior
from isogloss.repair.gate import fit_gate
from isogloss.repair.published.directions import language_directions, pooled_direction, source_basis, unit_difference
from isogloss.repair.published.readout import fit_readouts
from isogloss.repair.published.shots import ShotBatch, published_seed
from isogloss.repair.published.thresholds import fit_f1_thresholds
from isogloss.repair.thresholds import estimate_threshold
from isogloss.stats.separability import auroc, balanced_accuracy

SW = Language.parse("sw")
SOURCE = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))


def full(invented, language, kind, split):
    chosen = [one for one in invented.prompts[language] if one.kind == kind and one.split == split]
    return invented.read(chosen, 0).astype(np.float64)


def source_classes(invented, *splits):
    return {
        language: tuple(np.concatenate([full(invented, language, kind, split) for split in splits]) for kind in Kind)
        for language in SOURCE
    }


def shots_of(invented, language, seed, shots):
    held = invented.prompts[language]
    rows = [
        draw_shots(held, language, kind, Split.TRAIN, shots, derive_seed(seed, language.key, kind)) for kind in Kind
    ]
    return [invented.read([held[row] for row in part], 0).astype(np.float64) for part in rows]


def blocks(invented, method, **wanted):
    found = [
        block
        for block in iterate_blocks(invented.grid(), [method])
        if all(getattr(block, name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("shots", [0, 1, 4])
def test_our_span_gate_equals_the_single_fit_on_full_states(invented, rank, shots):
    block = blocks(invented, DetectionMethod.OURS_SPAN, language=SW, shots=shots, rank=rank)
    train = source_classes(invented, Split.TRAIN)
    gate = fit_gate(train, rank=rank)
    prior = measure_prior(gate, train, source_classes(invented, Split.TRAIN, Split.VALIDATION), rank=rank)
    for place, seed in enumerate(block.seeds):
        own = [gate.score(part) for part in shots_of(invented, SW, seed, shots)]
        expected = estimate_threshold(gate, own[0], own[1], prior=prior).value
        assert block.thresholds[place] == pytest.approx(expected, abs=2e-3)
    expected_scores = gate.score(full(invented, SW, Kind.HARMFUL, Split.TEST))
    np.testing.assert_allclose(block.harmful[0], expected_scores, atol=1e-3)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("shots", [0, 4])
def test_the_published_gate_equals_one_fit_after_the_other_on_full_states(invented, rank, shots):
    block = blocks(invented, DetectionMethod.PUBLISHED_GATE, language=SW, shots=shots, rank=rank)
    train = source_classes(invented, Split.TRAIN)
    basis = source_basis(language_directions(train), rank)
    rows = np.concatenate([part for both in train.values() for part in both]) @ basis
    labels = np.concatenate([np.full(len(part), not n) for both in train.values() for n, part in enumerate(both)])
    for place, seed in enumerate(block.seeds):
        own = np.concatenate(shots_of(invented, SW, seed, shots)) @ basis
        marks = np.arange(2 * shots) < shots
        batch = ShotBatch.stack([(own, marks)]) if shots else ShotBatch.none(1, rank)
        name = SW.key if shots else "source"
        one = published_seed(seed, "model", name, shots, rank, "probe")
        fit = fit_readouts(rows, labels, batch, seeds=[one], dtype=torch.float64)
        tested = full(invented, SW, Kind.HARMLESS, Split.TEST) @ basis
        np.testing.assert_allclose(block.harmless[place], fit.score(tested)[0], atol=1e-3)
        scores = fit.score_shots(batch) if shots else fit.score(rows)
        cut, _ = fit_f1_thresholds(scores, marks if shots else labels)
        assert block.thresholds[place] == pytest.approx(cut[0], abs=1e-3)


def test_the_published_direction_equals_the_projection_of_full_states(invented):
    block = blocks(invented, DetectionMethod.PUBLISHED_DIRECTION, language=SW, shots=1)
    # French has fewer harmless prompts, so this direction is outside the span of the languages' own.
    vector = pooled_direction(source_classes(invented, Split.TRAIN)).astype(np.float64)
    np.testing.assert_allclose(block.harmful[0], full(invented, SW, Kind.HARMFUL, Split.TEST) @ vector, atol=1e-4)
    for place, seed in enumerate(block.seeds):
        above, below = (part @ vector for part in shots_of(invented, SW, seed, 1))
        # One shot per class: the middle of the two, or just below both where they are inverted.
        expected = (above[0] + below[0]) / 2 if above[0] > below[0] else above[0] - 1e-6
        assert block.thresholds[place] == pytest.approx(expected, abs=1e-4)


def test_target_directions_from_inner_products_equal_those_of_full_states(invented):
    block = blocks(invented, DetectionMethod.TARGET_DIRECTION, language=SW, shots=4)
    for place, seed in enumerate(block.seeds):
        vector = unit_difference(*shots_of(invented, SW, seed, 4)).astype(np.float64)
        expected = full(invented, SW, Kind.HARMFUL, Split.TEST) @ vector
        np.testing.assert_allclose(block.harmful[place], expected, atol=1e-4)


def test_each_draw_has_a_random_direction_of_its_own_and_of_unit_length(invented):
    block = blocks(invented, DetectionMethod.RANDOM_DIRECTION, language=SW, shots=0)
    assert block.harmful.shape == (2, 17)
    assert not np.allclose(block.harmful[0], block.harmful[1])


def test_budgets_that_a_language_cannot_fill_have_no_block(invented):
    # French has 7 harmless training prompts and Swahili 9, so 32 shots are never fitted.
    assert {block.shots for block in iterate_blocks(invented.grid(), list(DetectionMethod))} == {0, 1, 4}


def test_measures_of_many_fits_equal_the_single_ones():
    generator = np.random.default_rng(1)
    harmful, harmless = generator.integers(0, 5, (3, 12)) + 1.0, generator.integers(0, 5, (3, 9)) * 1.0
    cuts = np.array([0.0, 2.0, 9.0])
    found = measure_fits(harmful, harmless, cuts)
    for fit in range(3):
        assert found.auroc[fit] == pytest.approx(auroc(harmful[fit], harmless[fit]))
        assert found.balanced_accuracy[fit] == pytest.approx(balanced_accuracy(harmful[fit], harmless[fit], cuts[fit]))
    # Everything flagged: F1 = 2 * 12 / (2 * 12 + 9 + 0) = 24 / 33. Nothing flagged: F1 = 0.
    assert found.f1[0] == pytest.approx(24 / 33)
    assert found.f1[2] == 0


def test_an_auroc_without_one_class_is_undefined():
    assert np.isnan(measure_areas(np.ones((2, 3)), np.ones((2, 0)))).all()
