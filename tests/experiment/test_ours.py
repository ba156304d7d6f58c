"""The grid's fits of our default gate equal the single ones that `isogloss repair` makes."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Split
from isogloss.experiment.cases import SOURCE, Case, CaseRows, case_of, shot_cases
from isogloss.experiment.draws import draw_all
from isogloss.experiment.fits import Grid, iterate_blocks
from isogloss.experiment.label_free import label_free_cases
from isogloss.experiment.ours import fit_ours
from isogloss.experiment.plan import LABEL_FREE, DetectionMethod
from isogloss.experiment.states import read_layer
from isogloss.experiment.whitened import WIDEST_DOUBLE, fit_whitened
from isogloss.inside.activations import Activations
from isogloss.inside.directions import SoftClasses, fit_whitened_direction
from isogloss.repair.calibrate import calibrate_gate
from isogloss.repair.calibration_prompts import CalibrationPlan
from isogloss.repair.estimates import Recalibration
from isogloss.repair.plan import RepairPlan
from isogloss.repair.target_readout import fit_target_readout

SOURCES = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))
TARGETS = tuple(Language.parse(tag) for tag in ("sw", "ar"))
SHOTS, SEEDS = (0, 1, 4), (3, 4)


def recorded(invented):
    """What `fit_repair` records at most: training and validation prompts."""
    chosen = [one for part in invented.prompts.values() for one in part if one.split != Split.TEST]
    hidden = invented.read(chosen, 0)[:, None, None]
    return Activations(hidden, tuple(chosen), (0,), (-1,), {})


def grid(invented):
    draws = draw_all(invented.prompts, tuple(invented.prompts), split=Split.VALIDATION, most=4, seeds=SEEDS)
    cases = {
        **shot_cases(draws, TARGETS, SHOTS, SEEDS),
        **label_free_cases(invented.prompts, SOURCES, TARGETS, LABEL_FREE),
    }
    states = read_layer(invented.read, invented.prompts, SOURCES, 0, pool_split=Split.VALIDATION, cases=cases)
    return Grid(states, draws, (*SOURCES, *TARGETS), SHOTS, (1,), SEEDS, read=invented.read)


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
    expected = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(shots=shots, seed=3), layer=0).prior
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
    case, alone, guessed = Case(5, 0), Case(of="harmless"), Case(of="unlabelled")
    chance = np.linspace(0.9, 0.1, 10)
    rows = {
        case: {language: CaseRows.of(range(5), range(5, 10)) for language in TARGETS},
        alone: {language: CaseRows.of((), range(5, 10)) for language in TARGETS},
        guessed: {language: CaseRows.guessed(range(10), chance) for language in TARGETS},
    }
    found = fit_whitened(train, pool, rows, shrinkage=0.5)
    wanted = {
        SOURCE: {},
        case: shots,
        alone: {language: (both[0][:0], both[1]) for language, both in shots.items()},
        guessed: {language: SoftClasses(part, chance, 1 - chance) for language, part in pool.items()},
    }
    for name, targets in wanted.items():
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
