"""Shots are drawn from where they may be drawn from, and from nowhere else."""

import pytest

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.experiment.detection import run_detection
from isogloss.experiment.draws import draw_all
from isogloss.experiment.plan import DetectionMethod
from isogloss.repair.calibration_prompts import draw_shots

SW, FR = Language.parse("sw"), Language.parse("fr")


def test_a_draw_is_that_of_the_repair_and_fewer_shots_are_part_of_more(invented):
    held = invented.prompts[SW]
    for kind, rows in zip(Kind, invented.draws.shots(SW, 3, 4), strict=True):
        assert rows.tolist() == draw_shots(held, SW, kind, Split.TRAIN, 4, derive_seed(3, SW.key, kind))
    assert invented.draws.shots(SW, 3, 2)[0].tolist() == invented.draws.shots(SW, 3, 4)[0].tolist()[:2]


def test_no_test_prompt_is_ever_a_shot(invented):
    test_ids = {one.id for part in invented.prompts.values() for one in part if one.split == Split.TEST}
    for kind in Kind:
        drawn = {name for by_seed in invented.draws.ids(kind).values() for names in by_seed.values() for name in names}
        assert drawn
        assert not drawn & test_ids


def test_the_test_split_is_refused_as_a_source_of_shots(invented):
    with pytest.raises(TooFewPrompts, match="never drawn from test prompts"):
        draw_all(invented.prompts, (SW,), split=Split.TEST, most=1, seeds=(0,))


def test_a_budget_above_what_is_there_is_refused_and_recorded(invented):
    # French holds 7 harmless training prompts.
    with pytest.raises(TooFewPrompts, match="fr has 7 train prompts of its scarcer kind, fewer than 32 shots"):
        invented.draws.shots(FR, 3, 32)
    record = run_detection(invented.grid(), [DetectionMethod.OURS])
    assert {(row.language, row.shots) for row in record.refused} == {
        (tag, 32) for tag in ("en", "de", "fr", "sw", "ar")
    }


def test_changing_test_states_changes_no_threshold(invented):
    changed = type(invented)(
        invented.prompts,
        {
            prompt.key: invented.hidden[prompt.key] * (7.0 if prompt.split == Split.TEST else 1.0)
            for part in invented.prompts.values()
            for prompt in part
        },
    )
    first, second = (run_detection(one.grid(), list(DetectionMethod)) for one in (invented, changed))
    assert first.threshold == second.threshold
    assert first.tpr != second.tpr
