"""The bundled set, whole and in small, and prompts made on the spot."""

from collections.abc import Callable

import pytest

from isogloss.core import Kind, Language, Prompt
from isogloss.prompts import PromptSet, load_mini


@pytest.fixture(scope="session")
def mini() -> PromptSet:
    return load_mini()


@pytest.fixture(scope="session")
def small(mini: PromptSet) -> PromptSet:
    """Twenty seeds of each kind in every language: enough to align a few words, quick to fit."""
    return mini.limit(20)


@pytest.fixture(scope="session")
def ask() -> Callable[..., Prompt]:
    """A maker of single prompts: ``ask("text", "sw")``."""

    def make(text: str, tag: str = "en", seed_id: str = "seed-1") -> Prompt:
        return Prompt(id=seed_id, text=text, language=Language.parse(tag), kind=Kind.HARMLESS, seed_id=seed_id)

    return make
