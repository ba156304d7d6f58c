"""The grid's fits of our default gate equal the single ones that `isogloss repair` makes."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Split
from isogloss.experiment.cases import SOURCE, Case, case_of, shot_cases, translation_case
from isogloss.experiment.draws import draw_all
from isogloss.experiment.fits import Grid, iterate_blocks
from isogloss.experiment.ours import fit_ours
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.states import read_layer
from isogloss.experiment.whitened import WIDEST_DOUBLE, fit_whitened
from isogloss.inside.activations import Activations
from isogloss.inside.directions import fit_whitened_direction, split_classes
from isogloss.repair.calibrate import calibrate_gate
from isogloss.repair.class_prior import measure_prior
from isogloss.repair.estimates import Recalibration
from isogloss.repair.gate import Readout, fit_gate
from isogloss.repair.plan import RepairPlan
from isogloss.repair.thresholds import label_targets

SOURCES = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))
TARGETS = tuple(Language.parse(tag) for tag in ("sw", "ar"))
SHOTS, SEEDS = (0, 1, 4), (3, 4)


def recorded(invented):
    """What `fit_repair` records: train and validation of the sources, validation of the targets."""
    chosen = [
        one
        for language, part in invented.prompts.items()
        for one in part
        if one.split == Split.VALIDATION or (one.split == Split.TRAIN and language in SOURCES)
    ]
    hidden = invented.read(chosen, 0)[:, None, None]
    return Activations(hidden, tuple(chosen), (0,), (-1,), {})


def grid(invented):
    draws = draw_all(invented.prompts, tuple(invented.prompts), split=Split.VALIDATION, most=4, seeds=SEEDS)
    cases = {
        **shot_cases(draws, TARGETS, SHOTS, SEEDS),
        **translation_case(invented.prompts, SOURCES, TARGETS, Split.VALIDATION),
    }
    states = read_layer(invented.read, invented.prompts, SOURCES, 0, pool_split=Split.VALIDATION, cases=cases)
    return Grid(states, draws, (*SOURCES, *TARGETS), SHOTS, (1,), SEEDS)


def repair(recalibrate, shots, seed):
    tags = {"source": tuple(map(str, SOURCES)), "target": tuple(map(str, TARGETS))}
    return RepairPlan(
        model="m", prompts="p", shots=shots, seed=seed, recalibrate=recalibrate, caution=1.0, locate=False, **tags
    )


@pytest.mark.parametrize(
    ("method", "recalibrate", "shots"),
    [
        (DetectionMethod.OURS, Recalibration.SHOTS, 0),
        (DetectionMethod.OURS, Recalibration.SHOTS, 1),
        (DetectionMethod.OURS, Recalibration.SHOTS, 4),
        (DetectionMethod.OURS_UNLABELLED, Recalibration.UNLABELLED, 0),
        (DetectionMethod.OURS_HARMLESS, Recalibration.HARMLESS, 0),
        (DetectionMethod.OURS_TRANSLATIONS, Recalibration.TRANSLATIONS, 0),
    ],
)
def test_scores_and_thresholds_are_those_of_the_repair(invented, method, recalibrate, shots):
    states = recorded(invented)
    found = [block for block in iterate_blocks(grid(invented), [method]) if block.shots == shots]
    assert {block.language for block in found} >= set(TARGETS)
    for block in found:
        if block.language in SOURCES:
            continue
        tests = [one for one in invented.prompts[block.language] if one.split == Split.TEST]
        for place, seed in enumerate(block.seeds):
            gate = calibrate_gate(repair(recalibrate, shots, seed), states, 0).gate
            for kind, scores in zip(Kind, (block.harmful, block.harmless), strict=True):
                expected = gate.score(invented.read([one for one in tests if one.kind == kind], 0))
                np.testing.assert_allclose(scores[place], expected, atol=1e-4)
            # Thresholds lie on a grid: rounding of the scores may move one by a step of it.
            assert block.thresholds[place] == pytest.approx(gate.threshold(block.language), abs=0.05)


@pytest.mark.parametrize("shots", [0, 4])
def test_the_prior_is_the_one_measured_language_by_language(invented, shots):
    states = recorded(invented)
    train = split_classes(states, SOURCES, 0, split=Split.TRAIN)
    bare = fit_gate(train, readout=Readout.WHITENED)
    used = label_targets(bare, states, TARGETS, layer=0, shots=shots, seed=3) if shots else {}
    gate = fit_gate(train, readout=Readout.WHITENED, targets=used)
    held = split_classes(states, SOURCES, 0)
    expected = measure_prior(gate, train, held, readout=Readout.WHITENED, targets=used)
    found = fit_ours(grid(invented).states, case_of(shots, 3)).prior
    assert found.languages == expected.languages == 3
    for name in ("harmful", "harmless", "harmful_shift", "harmless_shift", "harmful_spread", "harmless_spread"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4)


def test_wide_states_in_single_precision_have_the_same_directions():
    generator, width = np.random.default_rng(0), WIDEST_DOUBLE + 8
    scale = (1.0 + np.arange(width)) ** -0.5

    def classes(count):
        made = generator.normal(size=(2, count, width)) * scale + np.array([0.3, 0.0])[:, None, None]
        return made[0].astype(np.float32), made[1].astype(np.float32)

    train, shots = {language: classes(12) for language in SOURCES}, {language: classes(5) for language in TARGETS}
    pool = {language: np.concatenate(both) for language, both in shots.items()}
    case = Case(5, 0)
    rows = {case: {language: (np.arange(5), np.arange(5, 10)) for language in TARGETS}}
    found = fit_whitened(train, pool, rows, shrinkage=0.5)
    for name, targets in ((SOURCE, {}), (case, shots)):
        expected = fit_whitened_direction(train, shrinkage=0.5, targets=targets)
        np.testing.assert_allclose(found.vectors[:, found.column(name)], expected, atol=2e-5)
        rest = {language: both for language, both in train.items() if language != SOURCES[1]}
        expected = fit_whitened_direction(rest, shrinkage=0.5, targets=targets)
        np.testing.assert_allclose(found.left_out[SOURCES[1]][:, found.column(name)], expected, atol=1e-4)


def test_one_source_language_leaves_nobody_to_learn_a_prior_from(invented):
    prompts = {language: invented.prompts[language] for language in (SOURCES[0], *TARGETS)}
    states = read_layer(invented.read, prompts, SOURCES[:1], 0, cases={})
    assert states.whitened.left_out == {}
    assert fit_ours(states).prior.languages == 0
