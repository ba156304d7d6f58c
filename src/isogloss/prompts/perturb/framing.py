"""Framings: the whole prompt inside a story, a game or a lesson, in the prompt's own language."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from isogloss.core import Language, Prompt
from isogloss.core.errors import UnknownName, say_unknown
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.perturbation import Writer
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Piece, assemble, keep
from isogloss.prompts.promptset import PromptSet

_SLOT = "{prompt}"


@dataclass(frozen=True, slots=True)
class Framing:
    """Put a prompt into a frame: ``story``, ``role-play`` or ``classroom``.

    The frames are mild and few on purpose; they measure whether a frame matters, not how far it can be driven. They
    were written by a machine in every language and no native speaker has reviewed them.

    Raises:
        UnknownName: there is no such frame.
    """

    frame: str

    def __post_init__(self) -> None:
        if self.frame not in load_frames():
            raise UnknownName(say_unknown("frame", self.frame, load_frames()))

    @property
    def name(self) -> str:
        """Such as ``frame:story``."""
        return f"frame:{self.frame}"

    @property
    def failure_mode(self) -> FailureMode:
        """Disguised by framing."""
        return FailureMode.DISGUISED_BY_FRAMING

    def takes(self, language: Language) -> bool:
        """Whether the frame is written in this language."""
        return language in load_frames()[self.frame]

    def fit(self, _prompts: PromptSet, /) -> Writer:
        """Nothing is learned."""
        return lambda prompt, _: self.write(prompt)

    def write(self, prompt: Prompt) -> Perturbed:
        """Put one prompt into the frame; nothing about it is random and the prompt stays as it is.

        Raises:
            UnknownName: the frame is not written in the prompt's language.
        """
        frames = load_frames()[self.frame]
        if prompt.language not in frames:
            known = [language.tag for language in frames]
            raise UnknownName(say_unknown(f"frame '{self.frame}' in", prompt.language.tag, known))
        before, after = frames[prompt.language]
        pieces = (Piece("", before, Operation.FRAME), keep(prompt.text), Piece("", after, Operation.FRAME))
        return assemble(pieces, name=self.name, languages=(prompt.language,), realised_rate=1.0)


@cache
def load_frames() -> dict[str, dict[Language, tuple[str, str]]]:
    """By frame and language: what stands before the prompt and after it."""
    table = json.loads((files("isogloss.prompts.perturb") / "frames.json").read_text(encoding="utf-8"))
    return {frame: {Language.parse(tag): _halve(text) for tag, text in texts.items()} for frame, texts in table.items()}


def _halve(text: str) -> tuple[str, str]:
    before, _, after = text.partition(_SLOT)
    return before, after
