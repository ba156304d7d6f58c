"""Text in, text out: what every model offers, whatever is behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from isogloss.core import Prompt, Reply


@dataclass(frozen=True, slots=True)
class Decoding:
    """How replies are generated.

    Attributes:
        max_new_tokens: the longest reply, in tokens of the model.
        temperature: 0 is greedy; above 0 samples.
        top_p: nucleus mass when sampling.
        seed: decides the samples; unused when greedy.
        system_prompt: put before the user's turn, where the model's template has a place for it.
    """

    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    system_prompt: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ChatModel(Protocol):
    """Anything that answers prompts."""

    @property
    def name(self) -> str:
        """What people call the model: ``organism``, a folder, a hub id, ``openai:NAME@URL``."""

    def fingerprint(self) -> dict[str, str]:
        """What identifies the model for resuming and for artifacts: weights, tokenizer, template, repair."""

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer every prompt once, in any order, yielding each reply as soon as it is there.

        A prompt that could not be answered yields a Reply with ``finish="failed"`` and the reason, so that the
        others go on.

        Raises:
            EndpointFailed: nothing can be answered at all.
        """
