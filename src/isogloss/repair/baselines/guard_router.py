"""A guard model in front: what it calls harmful gets a fixed refusal, the rest goes to the plain model."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from isogloss.core import Finish, GateReading, Language, Prompt, Reply
from isogloss.judges.guard_formats import GuardFormat, Turn
from isogloss.judges.guard_judge import Guard
from isogloss.models.chat import ChatModel, Decoding
from isogloss.repair.baselines.texts import Texts, load_refusals
from isogloss.repair.method import Method, Predicts


def guard_method(
    model: ChatModel,
    guard: Predicts,
    *,
    languages: Sequence[Language] = (),
    refusals: Texts | None = None,
    name: str = "guard router",
    note: str = "",
) -> Method:
    """A prompt classifier that decides, without looking into the model.

    Args:
        model: answers what passes.
        guard: from prompts to whether each is harmful; ``one_by_one`` makes one of a function of a single prompt, and
            ``PromptGuard`` of a guard checkpoint.
        languages: that will be asked in; the note names those whose refusal is in English.
        refusals: fixed refusals by language; None takes the bundled ones.
        name: what tables call it.
        note: what else is to be known, such as the guard's name.
    """
    held = refusals or load_refusals()

    def answer(prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        flags = guard(prompts)
        passed = []
        for prompt, harmful in zip(prompts, flags, strict=True):
            if harmful:
                yield _refuse(prompt, held)
            else:
                passed.append(prompt)
        for reply in model.reply(passed, decoding) if passed else ():
            yield replace(reply, gate=_reading(False))

    missing = held.missing(tuple(languages))
    fallback = f"Refusals in English for want of a text: {', '.join(missing)}." if missing else ""
    said = " ".join(filter(None, ("Flagged prompts get a fixed refusal.", fallback, note)))
    return Method(name, "", None, said, answer, guard)


def one_by_one(decide: Callable[[Prompt], bool]) -> Predicts:
    """A classifier of many prompts from one of a single prompt."""

    def predicts(prompts: Sequence[Prompt]) -> list[bool]:
        return [bool(decide(prompt)) for prompt in prompts]

    return predicts


class PromptGuard:
    """A guard checkpoint as a classifier of prompts.

    The guard is shown the request without any reply. What it answers out of form counts as harmless, so that the
    model's own refusal still has its say; ``unread`` counts those.

    Args:
        guard: runs the weights, such as ``isogloss.judges.guards.OpenGuard``.
        style: the family's format.
        unsafe: words that mean harmful, in lower case.
    """

    def __init__(self, guard: Guard, style: GuardFormat, *, unsafe: Sequence[str] = ("unsafe",)) -> None:
        self._guard = guard
        self._style = style
        self._unsafe = frozenset(unsafe)
        self.unread = 0

    def __call__(self, prompts: Sequence[Prompt]) -> list[bool]:
        exchanges = [_drop_reply(self._style.compose(prompt.text, "")) for prompt in prompts]
        said = [
            None if text is None else read_request(text, self._unsafe)
            for text in self._guard.complete(exchanges, self._style)
        ]
        self.unread += said.count(None)
        return [one is True for one in said]


def read_request(text: str, unsafe: frozenset[str] = frozenset({"unsafe"})) -> bool | None:
    """Whether a guard's answer calls the request harmful; None where it says neither.

    It reads ``Harmful request: yes``, ``Safety: Unsafe``, or a first line of ``unsafe``.
    """
    fields = {name.casefold(): value.casefold() for name, value in _FIELD.findall(text)}
    if "harmful request" in fields:
        return {"yes": True, "no": False}.get(fields["harmful request"])
    lines = text.strip().casefold().splitlines()
    word = fields.get("safety", lines[0].strip() if lines else "")
    if word in unsafe:
        return True
    return False if word in _KNOWN_WORDS else None


_FIELD = re.compile(r"^\W*(harmful request|safety)\W*:\W*(\w+)", re.IGNORECASE | re.MULTILINE)
_KNOWN_WORDS = ("safe", "unsafe", "controversial")


def _drop_reply(turns: list[Turn]) -> list[Turn]:
    return [turn for turn in turns if not (turn["role"] == "assistant" and not turn["content"])]


def _refuse(prompt: Prompt, refusals: Texts) -> Reply:
    text, _ = refusals.find(prompt.language)
    return Reply(prompt.id, prompt.language.tag, text, Finish.STOP, gate=_reading(True))


def _reading(harmful: bool) -> GateReading:
    """A bare decision in a gate's form: 1 or 0 against one half."""
    return GateReading(float(harmful), 0.5, harmful)
