"""Languages told apart by hidden states with a known truth."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.directions import Classes
from isogloss.repair.locator import Locator, fit_locator

TAGS = ("en", "de", "sw", "yo", "am", "my")
LANGUAGES = tuple(Language.parse(tag) for tag in TAGS)
HIDDEN = 40


def draw(number: int, seed: int, *, count: int = 30, harm: float = 6.0, apart: float = 5.0) -> Classes:
    """Unit noise around a centre per language; harm moves every language along one axis, further than languages lie."""
    generator = np.random.default_rng(1000 * seed + number)
    centre = np.random.default_rng(number).normal(size=HIDDEN)
    centre *= apart / np.linalg.norm(centre)
    states = [centre + generator.normal(size=(count, HIDDEN)) for _ in range(2)]
    states[0][:, 0] += harm
    return states[0], states[1]


def calibration(*, shots: int = 4, known: int = 6) -> dict[Language, Classes]:
    """Thirty prompts a class in two source languages, shots in the others."""
    return {
        language: draw(number, 1, count=30 if number < 2 else shots)
        for number, language in enumerate(LANGUAGES[:known])
    }


@pytest.fixture(scope="module")
def locator() -> Locator:
    return fit_locator(calibration(), seed=0)


def share_right(locator: Locator, number: int, states: np.ndarray) -> float:
    return float((locator.locate(states).nearest == number).mean())


def test_fresh_prompts_lean_to_their_own_language_after_four_shots(locator: Locator) -> None:
    for number in range(len(TAGS)):
        for states in draw(number, 2):
            assert share_right(locator, number, states) >= 0.9


def test_harm_is_not_taken_for_a_language(locator: Locator) -> None:
    """Harmful and harmless prompts of a language lie further apart than languages do, and get the same shares."""
    for number in range(len(TAGS)):
        harmful, harmless = (locator.locate(states) for states in draw(number, 3, count=200))
        assert harmful.shares.mean(axis=0) == pytest.approx(harmless.shares.mean(axis=0), abs=0.08)


def test_unequal_counts_of_the_classes_do_not_move_a_centroid() -> None:
    """Over all rows the mean would move by (60/80 - 1/2) * 6 = 1.5 along the axis of harm."""
    even = {language: draw(number, 1, count=20) for number, language in enumerate(LANGUAGES)}
    odd = {language: (np.tile(harmful, (3, 1)), harmless) for language, (harmful, harmless) in even.items()}
    first, second = (fit_locator(classes, seed=0).centre for classes in (even, odd))
    assert first == pytest.approx(second, abs=1e-5)


def test_shares_sum_to_one(locator: Locator) -> None:
    assert locator.locate(draw(3, 5)[0]).shares.sum(axis=1) == pytest.approx(np.ones(30))


def test_prompts_of_a_language_left_out_are_far_and_known_ones_are_not() -> None:
    locator = fit_locator(calibration(known=5), seed=0)
    strange, known = (locator.locate(np.concatenate(draw(number, 2))).far for number in (5, 4))
    assert strange.mean() > 0.5
    assert known.mean() < 0.05


def test_temperature_flattens_shares_that_held_out_prompts_contradict() -> None:
    """Languages that coincide cannot be told apart, so no calibrated share is near 1."""
    classes = {language: draw(0, number, count=30) for number, language in enumerate(LANGUAGES)}
    located = fit_locator(classes, seed=0).locate(draw(0, 99, count=200)[0])
    assert located.shares.max(axis=1).mean() < 0.5


def test_parallel_prompts_are_held_out_together() -> None:
    """With clusters the folds follow ideas, so the calibration differs from one by rows."""
    classes = calibration(shots=30)
    labels = [f"idea {row}" for row in range(30)]
    clustered = fit_locator(classes, seed=0, clusters=dict.fromkeys(classes, (labels, labels)))
    assert clustered.reach != fit_locator(classes, seed=0).reach
    assert clustered.centroids == pytest.approx(fit_locator(classes, seed=0).centroids)


def test_a_seed_repeats_the_fit() -> None:
    first, second = (fit_locator(calibration(), seed=7) for _ in range(2))
    assert (first.reach, first.temperature) == (second.reach, second.temperature)
    assert (first.axes == second.axes).all()


def test_a_language_can_be_added_without_a_new_fit() -> None:
    zulu = Language.parse("zu")
    locator = fit_locator(calibration(known=5), seed=0).with_language(zulu, draw(9, 1, count=4))
    assert locator.languages[-1] == zulu
    assert share_right(locator, 5, draw(9, 2)[0]) > 0.8
    # The others keep their places, so their own prompts stay theirs.
    assert share_right(locator, 4, draw(4, 2)[0]) > 0.8


def test_adding_a_known_language_replaces_it(locator: Locator) -> None:
    anew = locator.with_language(LANGUAGES[2], draw(2, 8, count=50))
    assert len(anew.languages) == len(TAGS)
    assert anew.counts[-1] == 100


def test_a_thinly_known_language_is_measured_with_more_allowance() -> None:
    locator = fit_locator(calibration(shots=1), seed=0)
    located = locator.project(draw(5, 2)[1])
    plain = ((located - locator.centroids[5]) ** 2).sum(axis=1)
    # Two rows: 2 / (2 + 1) of the plain squared distance.
    far_from_others = locator.locate(draw(5, 2)[1])
    own = far_from_others.nearest == 5
    assert own.any()
    assert far_from_others.distance[own] == pytest.approx(plain[own] * 2 / 3)


def test_one_shot_of_one_class_is_enough_to_be_known() -> None:
    classes = calibration()
    classes[LANGUAGES[5]] = (classes[LANGUAGES[5]][0][:1], np.empty((0, HIDDEN)))
    assert LANGUAGES[5] in fit_locator(classes, seed=0).languages


def test_a_locator_of_one_language_or_of_a_language_without_states_is_refused() -> None:
    with pytest.raises(TooFewPrompts, match="at least two"):
        fit_locator(calibration(known=1), seed=0)
    with pytest.raises(TooFewPrompts, match="de"):
        fit_locator({LANGUAGES[0]: draw(0, 1), LANGUAGES[1]: (np.empty((0, HIDDEN)),) * 2}, seed=0)
