"""Invented states of a few languages: classes that differ along a shared axis, closer together in target languages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.experiment.cases import language_cases, shot_cases
from isogloss.experiment.draws import Draws, draw_all
from isogloss.experiment.fits import Grid
from isogloss.experiment.label_free import label_free_cases
from isogloss.experiment.plan import LABEL_FREE
from isogloss.experiment.states import LayerStates, read_layer
from isogloss.prompts.promptset import PromptCard, PromptSet

SOURCE = tuple(Language.parse(tag) for tag in ("en", "de", "fr"))
TARGET = tuple(Language.parse(tag) for tag in ("sw", "ar"))
COUNTS = {Split.TRAIN: (13, 9), Split.VALIDATION: (6, 8), Split.TEST: (17, 15)}
HIDDEN = 24
SEEDS = (3, 4)


@dataclass(frozen=True)
class Invented:
    """States of one layer by prompt, and everything made of them."""

    prompts: dict[Language, list[Prompt]]
    hidden: dict[tuple[str, str], np.ndarray]

    def read(self, chosen: Sequence[Prompt], layer: int) -> np.ndarray:
        rows = [self.hidden[prompt.key] for prompt in chosen]
        return np.array(rows, np.float32).reshape(len(chosen), HIDDEN)

    @property
    def states(self) -> LayerStates:
        cases = {
            **shot_cases(self.draws, TARGET, (1, 4, 32), SEEDS),
            **label_free_cases(self.prompts, SOURCE, TARGET, LABEL_FREE),
            **language_cases(self.prompts, TARGET),
        }
        return read_layer(self.read, self.prompts, SOURCE, 0, pool_split=Split.TRAIN, draws=SEEDS, cases=cases)

    @property
    def draws(self) -> Draws:
        return draw_all(self.prompts, (*SOURCE, *TARGET), split=Split.TRAIN, most=32, seeds=SEEDS)

    def grid(self, *, shots: tuple[int, ...] = (0, 1, 4, 32), ranks: tuple[int, ...] = (1, 3)) -> Grid:
        return Grid(self.states, self.draws, (*SOURCE, *TARGET), shots, ranks, SEEDS, read=self.read)


@pytest.fixture(scope="session")
def invented() -> Invented:
    generator = np.random.default_rng(0)
    shared = generator.normal(size=HIDDEN)
    prompts: dict[Language, list[Prompt]] = {}
    hidden = {}
    for language in (*SOURCE, *TARGET):
        own = generator.normal(size=HIDDEN)
        strength, shift = (1.0, 0.0) if language in SOURCE else (0.6, -0.4)
        prompts[language] = list(invent_prompts(language))
        for prompt in prompts[language]:
            mark = float(prompt.kind == Kind.HARMFUL)
            noise = generator.normal(size=HIDDEN)
            hidden[prompt.key] = noise + (mark * strength + shift) * shared + 0.4 * mark * own
    return Invented(prompts, hidden)


def invent_prompts(language: Language) -> Sequence[Prompt]:
    found = []
    for split, counts in COUNTS.items():
        for kind, count in zip(Kind, counts, strict=True):
            for number in range(count):
                # Counts of the classes differ between languages, so that the pooled direction leaves their span.
                if language.tag == "fr" and kind == Kind.HARMLESS and split == Split.TRAIN and number > 6:
                    continue
                name = f"{kind}-{split}-{number}"
                found.append(Prompt(name, name, language, kind, name, split=split))
    return found


@pytest.fixture
def small_prompts() -> Callable[..., PromptSet]:
    """A maker of small parallel sets with all splits."""

    def make(*tags: str) -> PromptSet:
        words = {Kind.HARMFUL: "pick the lock", Kind.HARMLESS: "find my key"}
        prompts = [
            Prompt(f"{kind}-{split}-{n}", f"{tag} {'How do I ' * (n % 3)}{words[kind]} {split[n % 4]}{n}",
                   Language.parse(tag), kind, f"{kind}-{split}-{n}", split=split)
            for tag in tags
            for kind in Kind
            for split, count in ((Split.TRAIN, 6), (Split.VALIDATION, 4), (Split.TEST, 4))
            for n in range(count)
        ]  # fmt: skip
        card = PromptCard("scripted", "Scripted", "tests", "Apache-2.0", "none", "by hand")
        return PromptSet(card, tuple(prompts))

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "study"
