"""What source languages teach about a further one: between-language spread recovered, and when nothing is learned."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.inside.directions import Classes
from isogloss.repair.class_prior import assume_prior, measure_prior
from isogloss.repair.gate import fit_gate

SOURCES = [Language.parse(tag) for tag in ("en", "de", "fr", "es", "it", "pl", "ru", "ja")]


def classes(shifts: list[float], *, rows: int = 200, seed: int = 0) -> dict[Language, Classes]:
    """Two classes 8 apart on one axis and 1 wide; a language's classes are both moved by its shift."""
    generator = np.random.default_rng(seed)
    found: dict[Language, Classes] = {}
    for language, shift in zip(SOURCES, shifts, strict=False):
        parts = [generator.normal(0, 1, (rows, 5)) for _ in range(2)]
        parts[0][:, 0] += 4 + shift
        parts[1][:, 0] += -4 + shift
        found[language] = (parts[0], parts[1])
    return found


def test_languages_that_differ_give_a_wider_prior_than_languages_that_do_not() -> None:
    alike, apart = classes([0.0] * 8), classes([-1.5, 1.5, -1.0, 1.0, -0.5, 0.5, 1.5, -1.5])
    priors = [measure_prior(fit_gate(part, rank=1), part, part, rank=1) for part in (alike, apart)]
    shares = [prior.harmless_shift / prior.distance for prior in priors]
    # Shifts with standard deviation sqrt((4 * 2.25 + 2 + 0.5) / 7) = 1.28 on a distance of 8: 0.160. Held back by
    # 2 of 9 parts of the usual 0.05 and widened by 1 / 8: sqrt((2/9 * 0.0025 + 7/9 * 0.0256) * 9/8) = 0.152.
    assert shares[1] == pytest.approx(0.152, abs=0.02)
    # Languages that are alike: sqrt(2/9 * 0.0025 * 9/8) = 0.025, plus what sampling adds.
    assert shares[0] == pytest.approx(0.025, abs=0.01)
    assert priors[0].languages == 8


def test_spreads_are_those_of_prompts_that_the_gate_has_not_seen() -> None:
    found = classes([0.0] * 8)
    prior = measure_prior(fit_gate(found, rank=1), found, found, rank=1)
    # Classes 8 apart and 1 wide: an eighth of the distance.
    assert prior.harmful_spread / prior.distance == pytest.approx(1 / 8, rel=0.1)
    assert prior.harmless_spread / prior.distance == pytest.approx(1 / 8, rel=0.1)


def test_one_source_language_gives_the_assumed_prior() -> None:
    found = classes([0.0])
    gate = fit_gate(found)
    prior = measure_prior(gate, found, found)
    assert prior == assume_prior(gate)
    assert prior.languages == 0


def test_a_language_without_enough_prompts_is_passed_over() -> None:
    train = classes([0.0] * 3)
    held = dict(train)
    held[SOURCES[0]] = (train[SOURCES[0]][0][:1], train[SOURCES[0]][1])
    assert measure_prior(fit_gate(train), train, held).languages == 2


def test_the_assumed_prior_stands_on_the_source_scores() -> None:
    gate = fit_gate(classes([0.0, 0.1]))
    prior = assume_prior(gate)
    assert prior.harmful == gate.source.harmful
    # USUAL_SHIFT, a twentieth of the distance.
    assert prior.harmful_shift == pytest.approx(0.05 * prior.distance)
    assert prior.harmful_spread == pytest.approx(1.2 * gate.source.spread)
