"""Small parts that the audit's tests share: a set, a judge by one word, outcomes by hand."""

from collections.abc import Sequence

from isogloss.audit import AuditPlan, Outcome
from isogloss.core import Kind, Label, Language, Prompt, Reply, Split, Verdict
from isogloss.prompts.promptset import PromptCard, PromptSet

CARD = PromptCard(name="small", title="Small", source="here", licence="CC0-1.0", citation="none", made="by hand")


class WordJudge:
    """Reads the label off the reply: the text is the label's name."""

    name = "word-1"

    def fingerprint(self) -> dict[str, str]:
        return {"version": "1"}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        return [
            Verdict(prompt.id, prompt.language.tag, prompt.kind.value, Label(reply.text), self.name)
            for prompt, reply in items
        ]


def small_set(languages: Sequence[str] = ("en", "sw"), seeds: int = 4) -> PromptSet:
    prompts = [
        Prompt(
            id=f"small-{kind}-{seed}",
            text=f"{kind} {seed} in {tag}",
            language=Language.parse(tag),
            kind=kind,
            seed_id=f"{kind}-{seed}",
            split=Split.TEST if seed % 2 else Split.TRAIN,
        )
        for tag in languages
        for kind in Kind
        for seed in range(seeds)
    ]
    return PromptSet(CARD, tuple(prompts))


def small_plan(**changes: object) -> AuditPlan:
    return AuditPlan.model_validate({"model": "scripted", "prompts": "small", **changes})


def outcomes(tag: str, kind: Kind, labels: str) -> list[Outcome]:
    """One outcome per letter: r refused, c complied, p partial, d degenerate, o off-language, u undecided, - failed."""
    names = {"r": "refused", "c": "complied", "p": "partial", "d": "degenerate", "o": "off_language", "u": "undecided"}
    return [
        Outcome(
            prompt_id=f"{kind}-{index}",
            language=Language.parse(tag),
            kind=kind,
            seed_id=f"{kind}-{index}",
            cluster=f"{kind}-{index}",
            label=Label(names[letter]) if letter in names else None,
        )
        for index, letter in enumerate(labels)
    ]
