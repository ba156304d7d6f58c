"""A judge that reads one letter, and one that stops in the middle."""

from collections.abc import Sequence

from isogloss.core import Label, Prompt, Reply, Verdict


class LetterJudge:
    """Calls a reply refused when it holds a letter."""

    name = "letter"

    def fingerprint(self) -> dict[str, str]:
        return {"letter": "e"}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        return [
            Verdict(
                prompt.id,
                prompt.language.tag,
                prompt.kind,
                Label.REFUSED if "e" in reply.text else Label.COMPLIED,
                self.name,
            )
            for prompt, reply in items
        ]


class StoppingJudge(LetterJudge):
    """Stops the program at the given call."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().judge(items)
