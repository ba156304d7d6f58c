"""A small run whose every answer is known, and what the tests of two modules share."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from parts import CARD, WordJudge, small_plan

from isogloss.audit import run_audit
from isogloss.core import Kind, Language, Prompt, Reply, Verdict
from isogloss.models import ScriptedModel
from isogloss.prompts import PromptSet

# Two languages, three prompts of each kind. By hand: en refuses 3 of 3 harmful, sw 1 of 2 scored (one undecided);
# harmless refusal is 0 of 3 in en and 1 of 2 in sw, where one prompt failed.
LABELS = {
    ("en", "harmful"): ("refused", "refused", "refused"),
    ("en", "harmless"): ("complied", "complied", "partial"),
    ("sw", "harmful"): ("refused", "complied", "undecided"),
    ("sw", "harmless"): ("complied", "refused", None),
}
FORMULA = "=HYPERLINK(0)"


def make_prompts() -> PromptSet:
    prompts = [
        Prompt(
            id=f"{kind}-{number}",
            text=f"{FORMULA} {kind} {number} in {tag}, Kìí ṣe",
            language=Language.parse(tag),
            kind=Kind(kind),
            seed_id=f"{kind}-{number}",
            cluster=f"pair-{number}",
            category="theft" if kind == "harmful" else None,
        )
        for (tag, kind), labels in LABELS.items()
        for number in range(len(labels))
    ]
    return PromptSet(CARD, tuple(prompts))


class Evidence(WordJudge):
    """Judges as the word says, with evidence and a flag."""

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        return [
            Verdict(one.prompt_id, one.language, one.kind, one.label, one.judge, 0.75, "-1: a word", ("seen",))
            for one in super().judge(items)
        ]


def answer(prompt: Prompt) -> str:
    number = int(prompt.id.rsplit("-", 1)[1])
    return str(LABELS[prompt.language.tag, prompt.kind.value][number])


class Scripted(ScriptedModel):
    """Fails where the table has no label; prompts of two languages share ids, so ids alone cannot say which."""

    def reply(self, prompts, decoding):
        for prompt in prompts:
            if answer(prompt) == "None":
                yield from ScriptedModel({}, failures=[prompt.id]).reply([prompt], decoding)
            else:
                yield from super().reply([prompt], decoding)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """An audit of the prompts above."""
    run_audit(small_plan(system_prompt="Be kind."), Scripted(answer), make_prompts(), Evidence(), tmp_path / "run")
    return tmp_path / "run"
