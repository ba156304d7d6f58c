"""The condition point, searched by F1 on scores whose answer is known."""

from collections.abc import Callable

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.inside.activations import Activations
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.condition import Comparator
from isogloss.repair.baselines.condition_search import (
    PUBLISHED_GRID,
    scale_layers,
    search_corrected,
    search_published,
)

EN, SW = Language.parse("en"), Language.parse("sw")
Rows = list[tuple[Language, Kind, Split, list[list[float]]]]


def calibrate(rows: Rows, *, shots: int) -> Calibration:
    """A calibration whose means at layer l are the l-th pair of numbers of each row, in two dimensions."""
    prompts = tuple(
        Prompt(str(number), "", language, kind, str(number), split=split)
        for number, (language, kind, split, _) in enumerate(rows)
    )
    means = np.array([states for *_, states in rows], np.float32)
    layers = tuple(range(means.shape[1]))
    return Calibration(Activations(means[:, :, None], prompts, layers, (-1,), {}), means, (EN,), (SW,), shots, 0)


def at_angle(degrees: float) -> list[float]:
    return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]


# Layer 0 tells nothing: both classes lie everywhere. At layer 1 harmful states lie near the first axis, which is also
# the axis of the differences, and harmless ones across it.
NOISE = (10.0, 80.0, 40.0, 60.0)
HARMFUL_ANGLES = (-4.0, 4.0, -2.0, 2.0)
HARMLESS_ANGLES = (86.0, 94.0, 88.0, 92.0)


def separable(*, shots: int, swahili: tuple[float, float] = (30.0, 80.0)) -> Calibration:
    rows: Rows = []
    for split in (Split.TRAIN, Split.VALIDATION):
        for kind, angles in ((Kind.HARMFUL, HARMFUL_ANGLES), (Kind.HARMLESS, HARMLESS_ANGLES)):
            for noise, angle in zip(NOISE, angles, strict=True):
                length = 3.0 if kind == Kind.HARMFUL else 0.1
                state = [length * part for part in at_angle(angle)]
                rows.append((EN, kind, split, [at_angle(noise + (kind == Kind.HARMLESS)), state]))
    for kind, angle in zip((Kind.HARMFUL, Kind.HARMLESS), swahili, strict=True) if shots else ():
        rows.append((SW, kind, Split.VALIDATION, [at_angle(45), at_angle(angle)]))
    return calibrate(rows, shots=shots)


def test_the_corrected_search_finds_the_layer_and_side_that_tell_the_classes_apart() -> None:
    found = search_corrected(separable(shots=0))
    assert found.fallback.layer == 1
    assert found.fallback.comparator == Comparator.ABOVE
    # Harmful states are within 4 degrees of the vector, harmless ones at least 86 away: any cut between is perfect.
    assert np.cos(np.radians(86)) < found.fallback.threshold < np.cos(np.radians(4))
    assert found.layers == (1,)


def test_a_language_with_shots_gets_a_threshold_of_its_own() -> None:
    found = search_corrected(separable(shots=1))
    own = found.points[SW.key]
    # Shots at 30 and 80 degrees; the vector leans a little to them, so the cut lies between with room to spare.
    assert np.cos(np.radians(81)) < own.threshold < np.cos(np.radians(29))


def test_a_contradictory_pair_of_shots_does_not_flag_everything() -> None:
    found = search_corrected(separable(shots=1, swahili=(80.0, 30.0)))
    # Alone the pair would put the threshold below both; the source languages' share of the sum keeps it where
    # their own classes are told apart.
    assert found.points[SW.key].threshold > np.cos(np.radians(86))


def test_the_published_search_stays_on_its_grid_and_tunes_each_language_on_its_own_shots(
    make_calibration: Callable[..., Calibration],
) -> None:
    found = search_published(make_calibration(shots=2))
    assert set(found.points) == {SW.key}
    for point in (found.fallback, *found.points.values()):
        assert np.isclose(PUBLISHED_GRID, point.threshold).any()


def test_the_published_search_without_shots_uses_the_source_languages(
    make_calibration: Callable[..., Calibration],
) -> None:
    assert search_published(make_calibration(shots=0)).points == {}


@pytest.mark.parametrize(
    ("count", "expected"), [(32, range(1, 14)), (28, range(1, 14)), (6, range(1, 3)), (4, range(1, 3)), (1, range(1))]
)
def test_published_layers_fit_a_deep_model_as_they_stand_and_a_shallow_one_by_depth(
    count: int, expected: range
) -> None:
    # 13 / 32 of 6 blocks is 2.4 -> 2; of 4 blocks 1.6 -> 2. The first layer read is never block 0 if there is another.
    assert scale_layers(1, 13, count) == tuple(expected)
