"""Thresholds from few shots: hand arithmetic, known truth, and shots that contradict the gate."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.repair.calibration_prompts import CalibrationPlan, draw_shots
from isogloss.repair.class_prior import ClassPrior
from isogloss.repair.gate import Gate, SourceScores
from isogloss.repair.thresholds import (
    Recalibration,
    calibrate_thresholds,
    estimate_threshold,
    estimate_thresholds,
)

SW, YO = Language.parse("sw"), Language.parse("yo")

# A readout that passes the only hidden value through: logits equal states. Source classes at -2 and 2, spread 1.
GATE = Gate(
    basis=np.ones((1, 1), np.float32),
    centre=np.zeros(1),
    scale=np.ones(1),
    weights=np.ones(1),
    bias=0.0,
    source=SourceScores(harmful=2.0, harmless=-2.0, spread=1.0),
    fallback=0.25,
)

# What source languages lead one to expect where they differ little: classes 0.6 wide, means within 0.3.
LIKE_SOURCES = ClassPrior(2.0, -2.0, 0.3, 0.3, 0.6, 0.6, languages=5)
SPREAD_OUT = np.array([0.1, -0.4, 0.5, -0.2, 0.3, -0.5, 0.0, 0.2])


def test_no_shots_keep_the_source_threshold() -> None:
    estimate = estimate_threshold(GATE, np.empty(0), np.array([1.0]))
    assert estimate.value == 0.25
    assert estimate.weight == 0.0
    assert estimate.interval is None


def test_a_pair_as_in_the_sources_leaves_the_threshold_between_the_source_classes() -> None:
    # Classes at -2 and 2 with equal spreads: by symmetry the best cut is at 0, and a cut as far as 1 off still
    # leaves both classes at least one spread away.
    estimate = estimate_threshold(GATE, np.array([2.0]), np.array([-2.0]), prior=LIKE_SOURCES)
    assert abs(estimate.value) < 1.0
    assert estimate.like_sources is not None
    assert estimate.like_sources > 0.5
    assert not estimate.inverted


def test_a_pair_far_below_the_sources_moves_the_threshold_below_the_harmful_shot() -> None:
    estimate = estimate_threshold(GATE, np.array([-1.5]), np.array([-3.0]), prior=LIKE_SOURCES)
    assert -3.0 < estimate.value < -1.2
    assert estimate.like_sources is not None
    assert estimate.like_sources < 0.1


def test_doubt_shrinks_and_weight_grows_with_the_shots() -> None:
    estimates = [
        estimate_threshold(GATE, np.full(shots, 0.0) + SPREAD_OUT[:shots], np.full(shots, -3.0) + SPREAD_OUT[:shots])
        for shots in (1, 2, 8)
    ]
    errors = [estimate.standard_error or 0.0 for estimate in estimates]
    weights = [estimate.weight for estimate in estimates]
    assert errors == sorted(errors, reverse=True)
    assert weights == sorted(weights)
    assert [estimate.n for estimate in estimates] == [2, 4, 16]


def test_caution_moves_the_threshold_up() -> None:
    harmful, harmless = np.array([0.0, 1.0]), np.array([-3.0, -2.5])
    cuts = [estimate_threshold(GATE, harmful, harmless, caution=caution).value for caution in (1.0, 3.0, 10.0)]
    assert cuts[0] < cuts[1] < cuts[2]


def test_many_shots_find_the_best_cut_of_classes_with_unequal_spreads() -> None:
    # Harmful N(0, 1.5), harmless N(-3, 0.5). Equal densities: with x = t + 3,
    # x^2 / 0.5 - (x - 3)^2 / 4.5 = 2 ln 3  =>  8 x^2 / 4.5 + 6 x / 4.5 - 2 - 2.1972 = 0
    # => x = (-1.3333 + sqrt(1.7778 + 4 * 1.7778 * 4.1972)) / 3.5556 = 1.2068, t = -1.79: below the midpoint -1.5.
    generator = np.random.default_rng(0)
    estimate = estimate_threshold(GATE, generator.normal(0, 1.5, 3000), generator.normal(-3, 0.5, 3000))
    assert estimate.value == pytest.approx(-1.79, abs=0.12)
    assert estimate.weight > 0.99


def test_many_draws_at_once_equal_one_at_a_time() -> None:
    generator = np.random.default_rng(3)
    harmful, harmless = generator.normal(-1, 1, (9, 3)), generator.normal(-3, 1, (9, 3))
    harmful[0], harmless[0] = harmless[0] - 3, harmful[0] + 3  # one draw that contradicts the gate
    batch = estimate_thresholds(GATE, harmful, harmless, caution=2.0)
    alone = [estimate_threshold(GATE, *pair, caution=2.0) for pair in zip(harmful, harmless, strict=True)]
    assert batch.value == pytest.approx([estimate.value for estimate in alone])
    assert batch.weight == pytest.approx([estimate.weight for estimate in alone], abs=1e-6)
    assert batch.like_sources == pytest.approx([estimate.like_sources for estimate in alone], abs=1e-6)
    assert alone[0].reason


def test_a_batch_without_shots_keeps_the_source_threshold() -> None:
    assert estimate_thresholds(GATE, np.empty((2, 0)), np.empty((2, 0))).value.tolist() == [0.25, 0.25]


def test_swapped_labels_contradict_the_gate_and_are_not_used() -> None:
    harmful, harmless = np.array([-2.1, -2.6, -1.9, -2.4]), np.array([2.2, 1.8, 2.4, 1.6])
    estimate = estimate_threshold(GATE, harmful, harmless, prior=LIKE_SOURCES)
    assert estimate.probability is not None
    assert estimate.probability < 0.001
    assert "labels were not used" in estimate.reason
    assert -1.6 < estimate.value < 1.6


def test_one_inverted_pair_in_a_language_that_may_have_faded_is_no_contradiction() -> None:
    estimate = estimate_threshold(GATE, np.array([-2.3]), np.array([-2.0]), prior=LIKE_SOURCES)
    assert estimate.inverted
    assert estimate.reason == ""
    assert estimate.probability is not None
    assert estimate.probability > 0.02


def test_one_wrong_label_among_four_is_found_and_hardly_moves_the_threshold() -> None:
    harmful, harmless = np.array([2.1, 1.7, 2.4, -2.2]), np.array([-2.3, -1.8, -2.1, -1.9])
    estimate = estimate_threshold(GATE, harmful, harmless, prior=LIKE_SOURCES)
    assert estimate.suspects == ((3,), ())
    assert harmless.max() < estimate.value < harmful[:3].min()


def test_clean_shots_are_rarely_suspected() -> None:
    generator = np.random.default_rng(1)
    draws = [
        estimate_threshold(GATE, generator.normal(2, 0.6, 4), generator.normal(-2, 0.6, 4), prior=LIKE_SOURCES)
        for _ in range(60)
    ]
    assert sum(bool(estimate.suspects[0] or estimate.suspects[1]) for estimate in draws) <= 6
    assert not any(estimate.reason for estimate in draws)


def test_shots_are_never_worse_than_none_on_average() -> None:
    # Languages from like the sources to faded by two thirds; normal classes, exact accuracies.
    generator = np.random.default_rng(7)
    for harmful, spread in ((2.0, 0.6), (0.5, 0.9), (-0.7, 0.6)):
        before = (norm.sf((0.25 - harmful) / spread) + norm.cdf((0.25 + 2) / 0.6)) / 2
        for shots in (1, 2, 4, 16):
            draws = generator.normal(harmful, spread, (150, shots)), generator.normal(-2, 0.6, (150, shots))
            cuts = estimate_thresholds(GATE, *draws, prior=LIKE_SOURCES).value
            after = (norm.sf((cuts - harmful) / spread) + norm.cdf((cuts + 2) / 0.6)).mean() / 2
            assert after > before - 0.005, (harmful, shots)


def recorded(count: int = 6, repeats: int = 1) -> Activations:
    prompts, states = [], []
    for language, shift in ((SW, -3.0), (YO, 0.0)):
        for kind, centre in ((Kind.HARMFUL, 2.0), (Kind.HARMLESS, -2.0)):
            for number in range(count * repeats):
                name = f"{kind}-{number}"
                cluster = f"{kind}-{number % count}"
                prompts.append(Prompt(name, "t", language, kind, name, cluster=cluster, split=Split.VALIDATION))
                states.append(centre + shift + 0.1 * number)
    hidden = np.array(states, np.float32)[:, None, None, None]
    return Activations(hidden, tuple(prompts), (0,), (-1,), {})


def test_calibration_records_the_prompts_that_it_used() -> None:
    gate, records = calibrate_thresholds(GATE, recorded(), [SW, YO], CalibrationPlan(shots=2, seed=1), layer=0)
    assert [record.language for record in records] == [SW, YO]
    assert all(len(record.harmful_ids) == len(record.harmless_ids) == 2 for record in records)
    assert gate.threshold(SW) < gate.threshold(YO)
    assert gate.threshold(Language.parse("en")) == GATE.fallback


def test_a_language_draws_the_same_shots_whatever_else_is_calibrated() -> None:
    _, both = calibrate_thresholds(GATE, recorded(), [YO, SW], CalibrationPlan(shots=3, seed=1), layer=0)
    _, alone = calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(shots=3, seed=1), layer=0)
    assert both[1] == alone[0]


def test_another_seed_draws_other_shots() -> None:
    drawn = {
        calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(shots=3, seed=seed), layer=0)[1][0].harmful_ids
        for seed in range(6)
    }
    assert len(drawn) > 1


def test_shots_are_different_ideas_while_there_are_enough() -> None:
    for seed in range(10):
        _, [record] = calibrate_thresholds(
            GATE, recorded(4, repeats=3), [SW], CalibrationPlan(shots=4, seed=seed), layer=0
        )
        assert len({int(name.split("-")[1]) % 4 for name in record.harmful_ids}) == 4


def test_more_shots_than_prompts_is_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(TooFewPrompts, match=r"sw has 6 harmful validation prompts, fewer than 9 shots.*--shots 6"):
        calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(shots=9, seed=0), layer=0)


def test_zero_shots_leave_every_language_at_the_source_threshold() -> None:
    gate, records = calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(shots=0, seed=0), layer=0)
    assert gate.threshold(SW) == GATE.fallback
    assert records[0].harmful_ids == ()


def test_a_warning_names_the_language_when_shots_are_inverted() -> None:
    activations = recorded()
    flipped = Activations(-activations.hidden - 6, activations.prompts, (0,), (-1,), {})
    _, [record] = calibrate_thresholds(GATE, flipped, [SW], CalibrationPlan(shots=2, seed=0), layer=0)
    assert "in sw do not score above" in record.warning
    assert record.probability is not None


def test_a_suspected_shot_is_reported_by_its_id() -> None:
    activations = recorded()
    hidden = activations.hidden.copy()
    wrong = next(row for row, prompt in enumerate(activations.prompts) if prompt.language == YO)
    hidden[wrong] = -2.0  # a harmful prompt where the harmless ones lie
    odd = Activations(hidden, activations.prompts, (0,), (-1,), {})
    _, [record] = calibrate_thresholds(GATE, odd, [YO], CalibrationPlan(shots=6, seed=0), layer=0, prior=LIKE_SOURCES)
    assert record.suspects == (activations.prompts[wrong].id,)
    assert activations.prompts[wrong].id in record.warning


def relabelled(activations: Activations, split: Split = Split.VALIDATION) -> Activations:
    """The same states with every kind turned round."""
    other = {Kind.HARMFUL: Kind.HARMLESS, Kind.HARMLESS: Kind.HARMFUL}
    prompts = tuple(replace(prompt, kind=other[prompt.kind], split=split) for prompt in activations.prompts)
    return Activations(activations.hidden, prompts, (0,), (-1,), {})


def test_unlabelled_recalibration_does_not_read_labels() -> None:
    wanted = CalibrationPlan(Recalibration.UNLABELLED)
    _, [record] = calibrate_thresholds(GATE, recorded(), [SW], wanted, layer=0)
    _, [turned] = calibrate_thresholds(GATE, relabelled(recorded()), [SW], wanted, layer=0)
    assert record.threshold == turned.threshold
    assert record.harmful_ids == record.harmless_ids == ()
    assert len(record.unlabelled_ids) == 12
    assert record.prevalence == pytest.approx(0.5, abs=0.2)


def test_harmless_recalibration_uses_harmless_prompts_alone() -> None:
    _, [record] = calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(method=Recalibration.HARMLESS), layer=0)
    assert record.harmful_ids == ()
    assert len(record.harmless_ids) == 6
    assert record.threshold < GATE.fallback


def test_translations_take_their_labels_from_the_source_prompts() -> None:
    activations = recorded()
    both = [replace(prompt, kind=Kind.HARMLESS) if prompt.language == SW else prompt for prompt in activations.prompts]
    unlabelled = Activations(activations.hidden, tuple(both), (0,), (-1,), {})
    wanted = CalibrationPlan(Recalibration.TRANSLATIONS, source=(YO,))
    _, [record] = calibrate_thresholds(GATE, unlabelled, [SW], wanted, layer=0)
    assert set(record.harmful_ids) == {f"harmful-{number}" for number in range(6)}
    # Classes of sw at -1 and -5, a little above by 0.1 a prompt.
    assert -5 < record.threshold < -1


def test_translations_without_recorded_source_prompts_are_refused() -> None:
    with pytest.raises(TooFewPrompts, match="no translations of harmful source prompts"):
        calibrate_thresholds(
            GATE, recorded(), [SW], CalibrationPlan(method=Recalibration.TRANSLATIONS, source=()), layer=0
        )


def test_a_method_without_its_prompts_is_refused() -> None:
    with pytest.raises(TooFewPrompts, match="sw has no harmless prompts in the test split"):
        calibrate_thresholds(
            GATE, recorded(), [SW], CalibrationPlan(method=Recalibration.HARMLESS, text=(Split.TEST,)), layer=0
        )


def test_the_source_method_changes_nothing() -> None:
    gate, [record] = calibrate_thresholds(
        GATE, recorded(), [SW], CalibrationPlan(shots=4, seed=0, method=Recalibration.SOURCE), layer=0
    )
    assert gate.threshold(SW) == GATE.fallback
    assert record.method == "source"


def test_a_smaller_draw_is_part_of_a_larger_one() -> None:
    prompts = recorded(4, repeats=3).prompts
    larger = draw_shots(prompts, SW, Kind.HARMFUL, Split.VALIDATION, 9, 5)
    assert draw_shots(prompts, SW, Kind.HARMFUL, Split.VALIDATION, 4, 5) == larger[:4]


def test_text_beside_shots_is_read_too_and_the_shots_among_it_once() -> None:
    states, shots = recorded(12), {"shots": 2, "seed": 1}
    _, [alone] = calibrate_thresholds(GATE, states, [SW], CalibrationPlan(**shots), layer=0)
    _, [harmless] = calibrate_thresholds(
        GATE, states, [SW], CalibrationPlan(Recalibration.SHOTS_AND_HARMLESS, **shots), layer=0
    )
    _, [mixed] = calibrate_thresholds(
        GATE, states, [SW], CalibrationPlan(Recalibration.SHOTS_AND_UNLABELLED, **shots), layer=0
    )
    assert harmless.harmful_ids == mixed.harmful_ids == alone.harmful_ids
    assert set(harmless.harmless_ids) == {f"harmless-{number}" for number in range(12)}
    assert len(harmless.harmless_ids) == 12
    assert mixed.harmless_ids == alone.harmless_ids
    assert len(mixed.unlabelled_ids) == 24 - 4
    assert not {*mixed.unlabelled_ids} & {*alone.harmful_ids, *alone.harmless_ids}
    # More text leaves less doubt.
    assert max(harmless.standard_error or 9, mixed.standard_error or 9) < (alone.standard_error or 0)


@pytest.mark.parametrize("method", [Recalibration.SHOTS_AND_HARMLESS, Recalibration.SHOTS_AND_UNLABELLED])
def test_text_beside_no_shots_is_text_alone(method: Recalibration) -> None:
    _, [record] = calibrate_thresholds(GATE, recorded(), [SW], CalibrationPlan(method, shots=0), layer=0)
    _, [alone] = calibrate_thresholds(
        GATE, recorded(), [SW], CalibrationPlan(Recalibration(method.split("+")[1])), layer=0
    )
    assert record == alone


def test_unlabelled_text_helps_a_pair_of_shots_on_average() -> None:
    # Many languages whose classes have faded by an unknown amount; exact balanced accuracy of normal classes.
    generator = np.random.default_rng(5)
    gains = []
    for _ in range(30):
        harmless, harmful = generator.normal(-2, 0.4), generator.uniform(-1.0, 0.3)
        draw = {mean: generator.normal(mean, 0.5, 40) for mean in (harmful, harmless)}
        pair = draw[harmful][:1], draw[harmless][:1]
        text = np.concatenate([draw[harmful][1:], draw[harmless][1:]])
        cuts = [
            estimate_threshold(GATE, *pair, unlabelled=text[:count], prior=LIKE_SOURCES).value
            for count in (0, len(text))
        ]
        accuracies = [(norm.sf((cut - harmful) / 0.5) + norm.cdf((cut - harmless) / 0.5)) / 2 for cut in cuts]
        gains.append(accuracies[1] - accuracies[0])
    mean, error = float(np.mean(gains)), float(np.std(gains, ddof=1) / len(gains) ** 0.5)
    assert mean - 2 * error > 0
