"""A scripted set of prompts whose classes a tiny random model can tell apart by a word."""

from collections.abc import Callable

import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.prompts.promptset import PromptCard, PromptSet

SPLITS = ((Split.TRAIN, 6), (Split.VALIDATION, 4), (Split.TEST, 8))
WORDS = {Kind.HARMFUL: "lock", Kind.HARMLESS: "key"}


@pytest.fixture
def parallel_prompts() -> Callable[..., PromptSet]:
    """A maker of parallel sets: the same ideas in every language, harmful ones end in another word."""

    def make(*tags: str) -> PromptSet:
        prompts = []
        for tag in tags:
            language = Language.parse(tag)
            for kind in Kind:
                for split, count in SPLITS:
                    for number in range(count):
                        name = f"{kind}-{split}-{number}"
                        text = f"{tag} {split} {'abc'[number % 3] * (number + 1)} {WORDS[kind]}"
                        prompts.append(Prompt(name, text, language, kind, seed_id=name, split=split))
        card = PromptCard("scripted", "Scripted", "tests", "Apache-2.0", "none", "by hand")
        return PromptSet(card, tuple(prompts))

    return make
