"""A method: anything that answers prompts, plain or steered or routed, so that all can be compared in one loop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from isogloss.core import Prompt, Reply
from isogloss.models.chat import ChatModel, Decoding
from isogloss.models.open_model import OpenModel

Answer = Callable[[Sequence[Prompt], Decoding], Iterator[Reply]]
Predicts = Callable[[Sequence[Prompt]], Sequence[bool]]
SteeringFactory = Callable[[OpenModel], AbstractContextManager[Any]]

PUBLISHED = "published"
CORRECTED = "corrected"


@dataclass(frozen=True)
class Method:
    """One way of answering prompts.

    Attributes:
        name: what tables call it, such as "cast" or "plain".
        variant: ``published``, ``corrected``, or empty where there is only one form.
        shots: labelled examples per class and target language that were used; None where the method takes none.
        note: what differs from the source, in a sentence.
        answer: answers every prompt once, in any order, as ``ChatModel.reply`` does.
        predicts: whether each prompt counts as harmful, in the order given; None where the method does not decide.
    """

    name: str
    variant: str
    shots: int | None
    note: str
    answer: Answer
    predicts: Predicts | None = None

    @property
    def label(self) -> str:
        """Name and variant, for tables."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    def with_shots(self, shots: int | None) -> "Method":
        """The same method under another number of shots."""
        return replace(self, shots=shots)


def plain_method(model: ChatModel, *, name: str = "plain", note: str = "The model as it is.") -> Method:
    """The model without any intervention."""
    return Method(name, "", None, note, model.reply)


def steered_method(
    name: str,
    model: OpenModel,
    steering: SteeringFactory,
    *,
    variant: str = "",
    shots: int | None = None,
    note: str = "",
    predicts: Predicts | None = None,
) -> Method:
    """The model inside an intervention.

    Args:
        name: what tables call it.
        model: the plain model; it is steered only while a reply is being made.
        steering: makes a fresh context manager for the model, such as ``RoutedSteering``; called once per answer.
        variant: ``published``, ``corrected`` or empty.
        shots: labelled examples per class and target language.
        note: what differs from the source.
        predicts: the method's decision on each prompt; None where it does not decide.
    """

    def answer(prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        return answer_inside(model, steering(model), prompts, decoding)

    return Method(name, variant, shots, note, answer, predicts)


def answer_inside(
    model: OpenModel, steering: AbstractContextManager[Any], prompts: Sequence[Prompt], decoding: Decoding
) -> Iterator[Reply]:
    """Answer every prompt inside a context that is left before each reply is handed out.

    A caller who uses the plain model in between, or never comes back, does not find it steered.
    """
    replies = model.reply(prompts, decoding)
    while True:
        with steering:
            reply = next(replies, None)
        if reply is None:
            return
        yield reply
