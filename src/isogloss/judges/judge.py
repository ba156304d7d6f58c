"""What every judge offers."""

from collections.abc import Sequence
from typing import Protocol

from isogloss.core import Prompt, Reply, Verdict


class Judge(Protocol):
    """Anything that says what an answer was."""

    @property
    def name(self) -> str:
        """Name and version, recorded with every verdict: ``rules-1``."""

    def fingerprint(self) -> dict[str, str]:
        """What identifies the judge for resuming."""

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        """One verdict for each pair, in order. What cannot be judged is ``undecided``, never guessed."""
