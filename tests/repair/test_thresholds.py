"""Thresholds from few shots: hand arithmetic, known truth, and shots that contradict the gate."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.repair.gate import Gate, SourceScores
from isogloss.repair.thresholds import calibrate_thresholds, estimate_threshold
from isogloss.stats.separability import balanced_accuracy

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


def test_no_shots_keep_the_source_threshold() -> None:
    estimate = estimate_threshold(GATE, np.empty(0), np.empty(0))
    assert estimate.value == 0.25
    assert estimate.weight == 0.0


def test_one_shot_moves_the_threshold_by_its_weight() -> None:
    # tau = 0.5 * 4 = 2, so tau^2 = 4; v = 1 * (1 + 1) / 4 = 0.5; w = 4 / 4.5 = 8/9.
    # Middle of the shots (1 - 5) / 2 = -2: t = 0.25 + 8/9 * (-2.25) = -1.75.
    estimate = estimate_threshold(GATE, np.array([1.0]), np.array([-5.0]))
    assert estimate.weight == pytest.approx(8 / 9)
    assert estimate.value == pytest.approx(-1.75)
    assert not estimate.inverted


def test_inverted_shots_count_half_and_are_reported() -> None:
    # w = 4/9 and the middle is again -2: t = 0.25 - 4/9 * 2.25 = -0.75.
    estimate = estimate_threshold(GATE, np.array([-5.0]), np.array([1.0]))
    assert estimate.inverted
    assert estimate.value == pytest.approx(-0.75)


def test_caution_moves_the_threshold_up_by_the_normal_models_amount() -> None:
    # s^2 ln(3) / D = 1.0986 / 4 = 0.27465, times w = 8/9.
    plain = estimate_threshold(GATE, np.array([1.0]), np.array([-5.0])).value
    careful = estimate_threshold(GATE, np.array([1.0]), np.array([-5.0]), caution=3.0).value
    assert careful - plain == pytest.approx(8 / 9 * np.log(3) / 4)


def test_many_shots_approach_the_middle_of_the_languages_own_classes() -> None:
    generator = np.random.default_rng(0)
    estimate = estimate_threshold(GATE, generator.normal(-3, 1, 2000), generator.normal(-6, 1, 2000))
    assert estimate.value == pytest.approx(-4.5, abs=0.1)


@pytest.mark.parametrize("shots", [1, 2, 4])
def test_a_shifted_language_is_recovered_and_an_unshifted_one_is_hardly_harmed(shots: int) -> None:
    generator = np.random.default_rng(shots)
    gains = {}
    for shift in (-3.0, 0.0):
        harmful, harmless = generator.normal(2 + shift, 1, 4000), generator.normal(-2 + shift, 1, 4000)
        before = balanced_accuracy(harmful, harmless, GATE.fallback)
        after = [
            balanced_accuracy(
                harmful,
                harmless,
                estimate_threshold(GATE, generator.choice(harmful, shots), generator.choice(harmless, shots)).value,
            )
            for _ in range(200)
        ]
        assert before is not None
        gains[shift] = float(np.mean([value for value in after if value is not None])) - before
    # Shifted by three standard deviations the source threshold is near chance (0.56); its own middle gives 0.977.
    assert gains[-3.0] > 0.30
    assert gains[0.0] > -0.03


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
    gate, records = calibrate_thresholds(GATE, recorded(), [SW, YO], layer=0, shots=2, seed=1)
    assert [record.language for record in records] == [SW, YO]
    assert all(len(record.harmful_ids) == len(record.harmless_ids) == 2 for record in records)
    assert gate.threshold(SW) < gate.threshold(YO)
    assert gate.threshold(Language.parse("en")) == GATE.fallback


def test_a_language_draws_the_same_shots_whatever_else_is_calibrated() -> None:
    _, both = calibrate_thresholds(GATE, recorded(), [YO, SW], layer=0, shots=3, seed=1)
    _, alone = calibrate_thresholds(GATE, recorded(), [SW], layer=0, shots=3, seed=1)
    assert both[1] == alone[0]


def test_another_seed_draws_other_shots() -> None:
    drawn = {
        calibrate_thresholds(GATE, recorded(), [SW], layer=0, shots=3, seed=seed)[1][0].harmful_ids for seed in range(6)
    }
    assert len(drawn) > 1


def test_shots_are_different_ideas_while_there_are_enough() -> None:
    for seed in range(10):
        _, [record] = calibrate_thresholds(GATE, recorded(4, repeats=3), [SW], layer=0, shots=4, seed=seed)
        assert len({int(name.split("-")[1]) % 4 for name in record.harmful_ids}) == 4


def test_more_shots_than_prompts_is_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(TooFewPrompts, match=r"sw has 6 harmful validation prompts, fewer than 9 shots.*--shots 6"):
        calibrate_thresholds(GATE, recorded(), [SW], layer=0, shots=9, seed=0)


def test_zero_shots_leave_every_language_at_the_source_threshold() -> None:
    gate, records = calibrate_thresholds(GATE, recorded(), [SW], layer=0, shots=0, seed=0)
    assert gate.threshold(SW) == GATE.fallback
    assert records[0].harmful_ids == ()


def test_a_warning_names_the_language_when_shots_are_inverted() -> None:
    activations = recorded()
    flipped = Activations(-activations.hidden - 6, activations.prompts, (0,), (-1,), {})
    _, [record] = calibrate_thresholds(GATE, flipped, [SW], layer=0, shots=2, seed=0)
    assert "in sw do not score above" in record.warning
