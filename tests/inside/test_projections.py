"""Projections by language and tier, by hand."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Direction
from isogloss.inside.projections import pool_projections, project_languages

EN, SW = Language.parse("en"), Language.parse("sw")
DIRECTION = Direction(np.array([0.6, 0.8], np.float32), 0, -1, (EN,), "difference_of_means", 2, 2)


@pytest.fixture
def recorded() -> Activations:
    rows = [
        (EN, Kind.HARMFUL, Split.TRAIN, (5.0, 0.0)),
        (EN, Kind.HARMLESS, Split.TRAIN, (0.0, 0.0)),
        (SW, Kind.HARMFUL, Split.TEST, (0.0, 5.0)),
        (SW, Kind.HARMLESS, Split.TEST, (-5.0, 0.0)),
    ]
    prompts = tuple(Prompt(str(n), "t", row[0], row[1], str(n), split=row[2]) for n, row in enumerate(rows))
    hidden = np.array([row[3] for row in rows], np.float32)[:, None, None, :]
    return Activations(hidden, prompts, (0,), (-1,), {})


def test_a_projection_is_the_dot_product_in_model_units(recorded: Activations) -> None:
    # (5, 0) on (0.6, 0.8) is 3; (0, 5) is 4; (-5, 0) is -3.
    projections = project_languages(recorded, DIRECTION, (EN, SW))
    assert projections[EN].harmful == pytest.approx([3.0])
    assert projections[SW].harmful == pytest.approx([4.0])
    assert projections[SW].harmless == pytest.approx([-3.0])


def test_a_split_without_prompts_of_a_language_is_empty(recorded: Activations) -> None:
    assert project_languages(recorded, DIRECTION, (SW,), split=Split.TRAIN)[SW].harmful.size == 0


def test_pooling_goes_by_resource_tier(recorded: Activations) -> None:
    projections = project_languages(recorded, DIRECTION, (EN, SW))
    assert pool_projections(projections, tier="low").harmful == pytest.approx([4.0])
    assert pool_projections(projections).harmful == pytest.approx([3.0, 4.0])
    assert pool_projections(projections, tier="mid").harmful.size == 0
