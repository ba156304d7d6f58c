"""What a model answered."""

from dataclasses import dataclass
from enum import StrEnum


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GateReading:
    """What a repair's gate said about one prompt while it was answered.

    Attributes:
        score: the gate's logit; larger means more like a harmful prompt.
        threshold: the logit at or above which the prompt counts as harmful.
        harmful: the decision that was acted on.
        left_alone: whether the score lay in the band in which the model is left as it is.
        language: where no label gave the threshold, tag of the language that the prompt's state leaned to, or ``und``
            where it was far from all; None where a label decided.
    """

    score: float
    threshold: float
    harmful: bool
    left_alone: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What one model answered to one prompt under one condition.

    Attributes:
        prompt_id: the prompt's id.
        language: tag of the language that the prompt was written in.
        text: the answer without special tokens; empty when the model failed.
        finish: why it ended; ``failed`` means there is no answer, with the reason in ``error``.
        prompt_tokens: tokens of the rendered prompt, where the model tells.
        reply_tokens: tokens of the answer, where the model tells.
        gate: the gate's reading, where a repair was active.
        error: why there is no answer.
    """

    prompt_id: str
    language: str
    text: str
    finish: Finish = Finish.UNKNOWN
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    gate: GateReading | None = None
    error: str | None = None
