"""How long work tells that it is alive: one small protocol, and the silent default."""

from typing import Protocol


class Progress(Protocol):
    """Receives the state of a long piece of work; the command line draws it, tests record it."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Called with the stage's name, the units done so far and the units in all."""


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""
