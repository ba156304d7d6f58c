"""Projections on one direction."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.repair.probes.detector import LinearDetector
from isogloss.repair.probes.fixed_direction import (
    fit_pooled_detector,
    fit_random_detector,
    fit_target_only_detector,
)
from isogloss.repair.probes.forms import Form
from isogloss.repair.published.rows import Rows
from isogloss.stats.separability import balanced_accuracy

SWAHILI = Language.parse("sw")


def accuracy(detector: LinearDetector, rows: Rows, language: Language) -> float:
    scores = detector.score(rows.hidden, language)
    value = balanced_accuracy(scores[rows.harmful], scores[~rows.harmful], detector.threshold(language))
    assert value is not None
    return value


def test_the_pooled_direction_moves_only_its_threshold(
    source_rows: Rows, shot_rows: dict[Language, Rows], held_out_rows: dict[Language, Rows]
) -> None:
    detector = fit_pooled_detector(source_rows, shot_rows, layer=0)
    gap = source_rows.hidden[source_rows.harmful].mean(0) - source_rows.hidden[~source_rows.harmful].mean(0)
    assert detector.fallback.vector == pytest.approx(gap / np.linalg.norm(gap), abs=1e-6)
    assert detector.readouts == {}
    assert set(detector.thresholds) == {"sw-Latn", "yo-Latn"}
    assert accuracy(detector, held_out_rows[SWAHILI], SWAHILI) > 0.85


def test_one_shot_of_the_target_alone_is_their_difference(source_rows: Rows, shot_rows: dict[Language, Rows]) -> None:
    pair = shot_rows[SWAHILI].take([0, 4])
    for form in Form:
        detector = fit_target_only_detector(source_rows, {SWAHILI: pair}, layer=0, form=form)
        difference = (pair.hidden[0] - pair.hidden[1]).astype(float)
        assert detector.readouts["sw-Latn"].vector == pytest.approx(difference / np.linalg.norm(difference), abs=1e-6)
        middle = detector.score(pair.hidden, SWAHILI).mean()
        assert detector.threshold(SWAHILI) == pytest.approx(middle)


def test_the_corrected_target_threshold_comes_from_shots_left_out() -> None:
    # One dimension: any direction fitted on the rest is +1, so left-out and own projections agree but for the sign.
    hidden = np.array([[3.0], [4.0], [0.0], [1.0]])
    rows = Rows(hidden, np.array([True, True, False, False]), (SWAHILI,) * 4)
    found = {
        form: fit_target_only_detector(rows, {SWAHILI: rows}, layer=0, form=form).threshold(SWAHILI) for form in Form
    }
    # The gap is from 1 to 3.
    assert found == {Form.PUBLISHED: 2.0, Form.CORRECTED: 2.0}
    # A second dimension of noise: with each pair left out, the direction is the other pair's difference.
    noisy = Rows(np.array([[3.0, 1], [4, -1], [0, 0], [1, 0]]), rows.harmful, rows.languages)
    first, second = np.array([3.0, -1]) / 10**0.5, np.array([3.0, 1]) / 10**0.5
    harmful, harmless = [noisy.hidden[0] @ first, noisy.hidden[1] @ second], [0.0, noisy.hidden[3] @ second]
    corrected = fit_target_only_detector(noisy, {SWAHILI: noisy}, layer=0, form=Form.CORRECTED)
    assert corrected.threshold(SWAHILI) == pytest.approx((min(harmful) + max(harmless)) / 2, abs=1e-6)
    own = noisy.hidden @ corrected.readouts["sw-Latn"].vector
    assert (own[:2].min() + own[2:].max()) / 2 != pytest.approx(corrected.threshold(SWAHILI), abs=1e-3)


def test_leaving_pairs_out_needs_pairs(source_rows: Rows, shot_rows: dict[Language, Rows]) -> None:
    uneven = shot_rows[SWAHILI].take([0, 1, 2, 4, 5])
    with pytest.raises(TooFewPrompts, match="3 harmful and 2 harmless"):
        fit_target_only_detector(source_rows, {SWAHILI: uneven}, layer=0, form=Form.CORRECTED)


def test_random_directions_repeat_and_point_anywhere(source_rows: Rows) -> None:
    detectors = [fit_random_detector(source_rows, {}, layer=0, seed=seed) for seed in range(30)]
    again = fit_random_detector(source_rows, {}, layer=0, seed=3)
    assert np.array_equal(again.fallback.vector, detectors[3].fallback.vector)
    # Harmfulness lies along axis 0, and a published draw has no side.
    turned = [float(one.fallback.vector[0]) for one in detectors]
    assert min(turned) < 0 < max(turned)


def test_matched_random_directions_vary_as_the_states_do_and_point_upwards(source_rows: Rows) -> None:
    wide = Rows(source_rows.hidden * np.array([1, 30, *[1] * 10]), source_rows.harmful, source_rows.languages)
    towards = wide.hidden[wide.harmful].mean(0) - wide.hidden[~wide.harmful].mean(0)
    spreads = {}
    for form in Form:
        vectors = [fit_random_detector(wide, {}, layer=0, seed=seed, form=form).fallback.vector for seed in range(20)]
        spreads[form] = np.median([(wide.hidden @ vector).std() for vector in vectors])
        if form == Form.CORRECTED:
            assert all(vector @ towards >= 0 for vector in vectors)
    # The states' own spread is about 38 along axis 1 and 1 to 2 elsewhere; an isotropic draw catches a part of it.
    assert spreads[Form.CORRECTED] > 2 * spreads[Form.PUBLISHED]
