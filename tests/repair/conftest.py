"""Tiny models with a repair, and a judge that reads one letter."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from isogloss.core import Kind, Label, Language, Prompt, Reply, Split, Verdict
from isogloss.inside.activations import record_activations
from isogloss.inside.directions import fit_source_direction, split_classes
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit

ARCHITECTURES = ("qwen2", "llama", "gemma2", "mistral")
LANGUAGES = tuple(Language.parse(tag) for tag in ("en", "de", "sw"))
SPLITS = ((Split.TRAIN, 6), (Split.VALIDATION, 4), (Split.TEST, 4))
WORDS = {Kind.HARMFUL: "pick the lock", Kind.HARMLESS: "find my key"}


class LetterJudge:
    """Calls a reply refused when it holds a given letter."""

    name = "letter"

    def __init__(self, letter: str = "e") -> None:
        self._letter = letter

    def fingerprint(self) -> dict[str, str]:
        return {"name": self.name, "letter": self._letter}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        return [
            Verdict(
                prompt.id,
                prompt.language.tag,
                prompt.kind,
                Label.REFUSED if self._letter in reply.text else Label.COMPLIED,
                self.name,
            )
            for prompt, reply in items
        ]


def make_prompts() -> PromptSet:
    prompts = []
    for language in LANGUAGES:
        for kind in Kind:
            for split, count in SPLITS:
                for number in range(count):
                    name = f"{kind}-{split}-{number}"
                    text = f"{language.tag} {'How do I' * (number % 3)} {WORDS[kind]} {split[number % 4]}{number}"
                    prompts.append(Prompt(name, text, language, kind, name, split=split))
    card = PromptCard("scripted", "Scripted", "tests", "Apache-2.0", "none", "by hand")
    return PromptSet(card, tuple(prompts))


@pytest.fixture(scope="session")
def prompts() -> PromptSet:
    return make_prompts()


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest, tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint(request.param))


@pytest.fixture
def qwen(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


@pytest.fixture
def make_repair(prompts: PromptSet) -> Callable[..., Repair]:
    """A maker of repairs for a model at layer 1, without running any choice."""

    def make(
        model: OpenModel,
        *,
        strength: float = 20.0,
        harmful: HarmfulEdit = HarmfulEdit.ADD,
        harmless: HarmlessEdit = HarmlessEdit.ABLATE,
        persistence: float = 1.0,
    ) -> Repair:
        chosen = list(prompts.select(languages=LANGUAGES[:2], split=Split.TRAIN))
        recorded = record_activations(model, chosen, layers=[1])
        direction = fit_source_direction(recorded, LANGUAGES[:2], 1)
        gate = fit_gate(split_classes(recorded, LANGUAGES[:2], 1, split=Split.TRAIN))
        return Repair(
            gate=_between(gate, model, prompts),
            edit=Edit(direction.vector, 1, strength, harmful, harmless, persistence),
            position=-1,
            model_name=model.name,
            model=recorded.model,
            source=("en", "de"),
            target=("sw",),
        )

    return make


def _between(gate: Gate, model: OpenModel, prompts: PromptSet) -> Gate:
    """The gate with a Swahili threshold in the middle of its test logits, so that some rows fire and some do not."""
    chosen = list(prompts.select(languages=LANGUAGES[2:], split=Split.TEST))
    logits = np.sort(gate.score(record_activations(model, chosen, layers=[1]).at(1)))
    return gate.with_thresholds({LANGUAGES[2].key: float((logits[3] + logits[4]) / 2)})
