"""A tiny random Qwen2 that reads six pseudo-languages whose classes differ by a word."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.inside.activations import Activations, record_activations
from isogloss.models.open_model import OpenModel
from isogloss.repair.published.rows import Rows, select_rows

SOURCE = tuple(Language.parse(tag) for tag in ("en", "de", "fr", "it"))
TARGET = tuple(Language.parse(tag) for tag in ("sw", "yo"))
WORDS = {Kind.HARMFUL: "lock", Kind.HARMLESS: "key"}
SPLITS = ((Split.TRAIN, 8), (Split.TEST, 4))
# More harmful than harmless rows in German, so that "all rows thrown together" is not "languages averaged".
EXTRA = {Language.parse("de"): 4}


def make_prompts() -> list[Prompt]:
    drawn = np.random.default_rng(5)
    prompts = []
    for language in (*SOURCE, *TARGET):
        for kind in Kind:
            for split, count in SPLITS:
                more = EXTRA.get(language, 0) if kind == Kind.HARMFUL and split == Split.TRAIN else 0
                for number in range(count + more):
                    noise = "".join(drawn.choice(list("abcdefgh "), size=drawn.integers(2, 12)))
                    name = f"{kind}-{split}-{number}"
                    text = f"{language.tag} {language.tag} {noise} {WORDS[kind]}"
                    prompts.append(Prompt(name, text, language, kind, name, split=split))
    return prompts


@pytest.fixture(scope="session")
def tiny_qwen(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


@pytest.fixture(scope="session")
def recorded(tiny_qwen: OpenModel) -> Activations:
    return record_activations(tiny_qwen, make_prompts(), layers=[1])


@pytest.fixture(scope="session")
def source() -> tuple[Language, ...]:
    return SOURCE


@pytest.fixture(scope="session")
def target() -> tuple[Language, ...]:
    return TARGET


@pytest.fixture(scope="session")
def source_rows(recorded: Activations) -> Rows:
    return select_rows(recorded, SOURCE, 1, split=Split.TRAIN)


@pytest.fixture(scope="session")
def target_rows(recorded: Activations) -> dict[Language, Rows]:
    return {language: select_rows(recorded, [language], 1, split=Split.TRAIN) for language in TARGET}
