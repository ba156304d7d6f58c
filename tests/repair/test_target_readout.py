"""What target languages add to the readout, where the truth is known."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.inside.directions import SoftClasses, fit_whitened_direction
from isogloss.repair.calibrate import calibrate_gate, needed_target_splits, plan_calibration
from isogloss.repair.calibration_prompts import CalibrationPlan, select_calibration
from isogloss.repair.class_belief import PREVALENCES
from isogloss.repair.estimates import Recalibration
from isogloss.repair.gate import Gate, Readout
from isogloss.repair.plan import RepairPlan
from isogloss.repair.target_readout import fit_target_readout
from isogloss.stats.separability import auroc

SOURCES = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))
TARGETS = tuple(Language.parse(tag) for tag in ("sw", "yo", "zu"))
WIDTH, EACH = 12, 40
HARM = np.eye(WIDTH)[0]
NUISANCE = np.eye(WIDTH)[1]
SHARED = 0.6


def recorded(seed: int = 0, prevalence: float = 0.5, noise: float = 1.0) -> Activations:
    """Source languages tell the classes apart along two axes; in the targets one of them is noise.

    A readout of the sources looks along both; what varies in the targets tells it to leave the second one.
    """
    generator = np.random.default_rng(seed)
    prompts: list[Prompt] = []
    states: list[np.ndarray] = []
    for language in (*SOURCES, *TARGETS):
        far = language in TARGETS
        for split, count in ((Split.TRAIN, EACH), (Split.VALIDATION, EACH), (Split.TEST, 200)):
            for kind in Kind:
                sign = 1.0 if kind == Kind.HARMFUL else -1.0
                share = prevalence if kind == Kind.HARMFUL and split != Split.TEST and far else 1.0
                for number in range(round(count * share)):
                    name = f"{kind}-{split}-{number}"
                    prompts.append(Prompt(name, "t", language, kind, name, cluster=name, split=split))
                    middle = sign * (1.0 * HARM + (0.0 if far else SHARED) * NUISANCE)
                    spread = np.full(WIDTH, 0.5)
                    spread[1] = noise if far else 0.5
                    states.append(middle + generator.normal(size=WIDTH) * spread)
    hidden = np.array(states, np.float32)[:, None, None, :]
    return Activations(hidden, tuple(prompts), (0,), (-1,), {})


def area(gate: Gate, states: Activations) -> float:
    """AUROC on the targets' test prompts."""
    hidden = states.at(0)
    found = []
    for language in TARGETS:
        scores = [
            gate.score(hidden[states.rows(language=language, kind=kind, split=Split.TEST)])
            for kind in (Kind.HARMFUL, Kind.HARMLESS)
        ]
        found.append(auroc(*scores) or 0.0)
    return float(np.mean(found))


def without_tests(states: Activations) -> Activations:
    keep = [row for row, prompt in enumerate(states.prompts) if prompt.split != Split.TEST]
    return Activations(states.hidden[keep], tuple(states.prompts[row] for row in keep), (0,), (-1,), {})


@pytest.mark.parametrize(
    "wanted",
    [
        CalibrationPlan(Recalibration.HARMLESS),
        CalibrationPlan(Recalibration.UNLABELLED),
        CalibrationPlan(Recalibration.SHOTS_AND_HARMLESS, shots=1),
        CalibrationPlan(Recalibration.SHOTS_AND_UNLABELLED, shots=1),
    ],
    ids=lambda wanted: str(wanted.method),
)
def test_text_of_the_targets_turns_the_readout_away_from_what_varies_there(wanted: CalibrationPlan) -> None:
    states = recorded()
    fitted = without_tests(states)
    plain = fit_target_readout(fitted, SOURCES, TARGETS, CalibrationPlan(Recalibration.SOURCE), layer=0).gate
    found = fit_target_readout(fitted, SOURCES, TARGETS, wanted, layer=0).gate
    # Along the first axis alone the classes are 4 spreads apart, an area of 0.998; the sources' readout loses some of
    # it to the second axis, which separates nothing in the targets.
    assert area(plain, states) < 0.98
    assert area(found, states) > area(plain, states) + 0.008


def test_one_pair_without_text_changes_nothing() -> None:
    states = without_tests(recorded())
    plain = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(), layer=0).gate
    pair = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(shots=1), layer=0).gate
    np.testing.assert_allclose(pair.basis, plain.basis, atol=1e-6)


def test_a_span_readout_takes_nothing_from_the_targets() -> None:
    states = without_tests(recorded())
    found = [
        fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(method), layer=0, readout=Readout.SPAN).gate.basis
        for method in (Recalibration.SOURCE, Recalibration.TRANSLATIONS, Recalibration.UNLABELLED)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_guesses_that_are_not_clear_are_left_out() -> None:
    # The second axis is so loud that the source readout hardly carries: fitting on its guesses would confirm them.
    states = without_tests(recorded(noise=2.5))
    plain = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(Recalibration.SOURCE), layer=0)
    found = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(Recalibration.UNLABELLED), layer=0)
    assert found.prevalences == {}
    np.testing.assert_allclose(found.gate.basis, plain.gate.basis, atol=1e-6)


def test_a_language_with_one_pair_says_nothing_beside_one_with_many_prompts() -> None:
    generator = np.random.default_rng(6)
    train = {one: (generator.normal(1, 1, (9, 6)), generator.normal(-1, 1, (9, 6))) for one in SOURCES}
    many = generator.normal(1, 2, (12, 6)), generator.normal(-1, 2, (12, 6))
    pair = generator.normal(-9, 2, (1, 6)), generator.normal(9, 2, (1, 6))
    alone, both = (
        fit_whitened_direction(train, shrinkage=0.5, targets=targets)
        for targets in ({TARGETS[0]: many}, {TARGETS[0]: many, TARGETS[1]: pair})
    )
    np.testing.assert_allclose(alone, both, atol=1e-6)


def test_guesses_never_read_the_labels() -> None:
    states = without_tests(recorded())
    swapped = tuple(
        Prompt(
            one.id,
            one.text,
            one.language,
            Kind.HARMLESS if one.language in TARGETS else one.kind,
            one.seed_id,
            cluster=one.cluster,
            split=one.split,
        )
        for one in states.prompts
    )
    blind = Activations(states.hidden, swapped, (0,), (-1,), {})
    wanted = CalibrationPlan(Recalibration.UNLABELLED)
    first, second = (fit_target_readout(one, SOURCES, TARGETS, wanted, layer=0) for one in (states, blind))
    np.testing.assert_array_equal(first.gate.basis, second.gate.basis)
    assert first.prior == second.prior


@pytest.mark.parametrize("prevalence", [0.25, 1.0])
def test_the_first_round_says_about_how_much_is_harmful(prevalence: float) -> None:
    states = without_tests(recorded(prevalence=prevalence))
    found = fit_target_readout(states, SOURCES, TARGETS, CalibrationPlan(Recalibration.UNLABELLED), layer=0)
    true = prevalence / (1 + prevalence)
    assert found.prevalences
    for shares in found.prevalences.values():
        assert shares.sum() == pytest.approx(1)
        assert float(shares @ PREVALENCES) == pytest.approx(true, abs=0.15)


def test_shares_of_one_and_none_are_labels() -> None:
    generator = np.random.default_rng(3)
    train = {one: (generator.normal(1, 1, (9, 6)), generator.normal(-1, 1, (9, 6))) for one in SOURCES}
    both = generator.normal(1, 2, (5, 6)), generator.normal(-1, 2, (7, 6))
    marks = np.array([1.0] * 5 + [0.0] * 7)
    order = generator.permutation(12)
    soft = SoftClasses(np.concatenate(both)[order], marks[order], 1 - marks[order])
    labelled, shared = (fit_whitened_direction(train, shrinkage=0.5, targets={TARGETS[0]: one}) for one in (both, soft))
    np.testing.assert_allclose(labelled, shared, atol=1e-6)


def test_weighted_rows_count_as_often_as_their_weights_say() -> None:
    # A prompt with share 1/2 in both classes, given twice, is one of each class.
    generator = np.random.default_rng(4)
    train = {one: (generator.normal(1, 1, (9, 6)), generator.normal(-1, 1, (9, 6))) for one in SOURCES}
    rows, ones = generator.normal(0, 2, (8, 6)), np.ones(8)
    halves = SoftClasses(np.concatenate([rows, rows]), np.full(16, 0.5), np.full(16, 0.5))
    whole = SoftClasses(
        np.concatenate([rows, rows]), np.concatenate([ones, 0 * ones]), np.concatenate([0 * ones, ones])
    )
    first, second = (fit_whitened_direction(train, shrinkage=0.5, targets={TARGETS[0]: one}) for one in (halves, whole))
    np.testing.assert_allclose(first, second, atol=1e-6)


def plan(**settings: object) -> RepairPlan:
    tags = {"source": tuple(map(str, SOURCES)), "target": tuple(map(str, TARGETS))}
    return RepairPlan.model_validate({"model": "m", "prompts": "p", "locate": False, **tags, **settings})


def test_text_is_read_from_training_and_validation_prompts_shots_from_validation_alone() -> None:
    prompts = without_tests(recorded()).prompts
    used = select_calibration(prompts, TARGETS[0], plan_calibration(plan(recalibrate="shots+harmless")))
    assert {prompts[row].split for row in used.harmful} == {Split.VALIDATION}
    assert {prompts[row].split for row in used.harmless} == {Split.TRAIN, Split.VALIDATION}
    assert len(used.harmless) == 2 * EACH
    assert needed_target_splits(plan()) == (Split.VALIDATION,)
    assert needed_target_splits(plan(shots=0)) == ()
    assert needed_target_splits(plan(recalibrate="harmless")) == (Split.TRAIN, Split.VALIDATION)


def test_a_promise_rests_on_prompts_that_nothing_was_fitted_on() -> None:
    states = without_tests(recorded())
    asked = plan(recalibrate="shots+harmless", shots=4, max_harmless_refusal=0.1)
    found = calibrate_gate(asked, states, 0)
    record = next(one for one in found.languages if one.language == TARGETS[0])
    splits = {prompt.id: prompt.split for prompt in states.prompts}
    assert {splits[name] for name in (*record.harmful_ids, *record.harmless_ids)} == {Split.TRAIN}
    assert len(record.harmful_ids) == 4
    assert len(record.harmless_ids) == found.promises[TARGETS[0]].examples == EACH
    assert needed_target_splits(asked) == (Split.TRAIN, Split.VALIDATION)


def test_a_promise_without_training_text_says_what_is_missing() -> None:
    states = without_tests(recorded())
    keep = [
        row
        for row, prompt in enumerate(states.prompts)
        if prompt.language in SOURCES or prompt.split == Split.VALIDATION
    ]
    held = Activations(states.hidden[keep], tuple(states.prompts[row] for row in keep), (0,), (-1,), {})
    with pytest.raises(TooFewPrompts, match="sw has no harmless prompts in the train split"):
        calibrate_gate(plan(recalibrate="harmless", max_harmless_refusal=0.1), held, 0)
