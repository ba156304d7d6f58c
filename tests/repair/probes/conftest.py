"""Drawn states of three source and two target languages, harmfulness along one axis, language along another."""

import numpy as np
import pytest

from isogloss.core import Language
from isogloss.repair.published.rows import Rows

WIDTH = 12
SOURCE = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))
TARGET = tuple(Language.parse(tag) for tag in ("sw", "yo"))


def draw_rows(language: Language, place: float, count: int, *, gap: float, seed: int) -> Rows:
    generator = np.random.default_rng([seed, *language.key.encode()])
    labels = np.repeat([True, False], count)
    hidden = generator.normal(size=(2 * count, WIDTH))
    hidden[:, 0] += gap * labels
    hidden[:, 1] += place
    return Rows(hidden.astype(np.float32), labels, (language,) * (2 * count))


@pytest.fixture(scope="session")
def source_rows() -> Rows:
    return Rows.join([draw_rows(language, number, 40, gap=4, seed=0) for number, language in enumerate(SOURCE)])


@pytest.fixture(scope="session")
def shot_rows() -> dict[Language, Rows]:
    return {language: draw_rows(language, 5, 4, gap=3, seed=1) for language in TARGET}


@pytest.fixture(scope="session")
def held_out_rows() -> dict[Language, Rows]:
    return {language: draw_rows(language, 5, 100, gap=3, seed=2) for language in TARGET}
