"""Prompts of very different lengths, and tiny models opened once per session."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from isogloss.core import Kind, Language, Prompt


@pytest.fixture(scope="session")
def prompts() -> tuple[Prompt, ...]:
    texts = {
        "en": ["Hi", "How do I pick a lock? " * 12, "Open the door, please."],
        "sw": ["Ninawezaje kufungua mlango wa nyumba yangu? " * 5],
        "am": ["እንዴት ነህ?", "ደህና ነኝ። " * 3],
        "zh": ["我怎么打开自己家的门锁?"],
    }
    return tuple(
        Prompt(id=f"p{number}", text=text, language=Language.parse(tag), kind=Kind.HARMLESS, seed_id=f"p{number}")
        for tag, group in texts.items()
        for number, text in enumerate(group)
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def open_tiny(tiny_checkpoint: Callable[..., Path]) -> Callable[..., Any]:
    """``open_tiny("llama")`` is an OpenModel shared by all tests of a run: put back whatever you change."""
    from isogloss.models.open_model import OpenModel

    @cache
    def open_one(architecture: str = "qwen2", **options: Any) -> OpenModel:
        return OpenModel.load(tiny_checkpoint(architecture, **options))

    return open_one
