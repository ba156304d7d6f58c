"""A safety system prompt: the first thing that a practitioner tries."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from isogloss.core import Language, Prompt, Reply
from isogloss.core.errors import UnsupportedModel
from isogloss.models.chat import ChatModel, Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.texts import ENGLISH, Texts, load_instructions
from isogloss.repair.method import Method

PROBE = "a"


def safety_prompt_method(
    model: ChatModel,
    *,
    languages: Sequence[Language] = (),
    own_language: bool,
    texts: Texts | None = None,
    before_request: bool | None = None,
) -> Method:
    """The model told beforehand to refuse harmful requests and to answer the others.

    Prompts are answered language by language, so that each language gets its own instruction. A system prompt that
    the caller's decoding has already comes after the instruction.

    Args:
        model: any chat model.
        languages: that will be asked in; the note names those without a text of their own.
        own_language: the instruction is in the prompt's language, or in English where there is no text for it;
            False takes English for all.
        texts: instructions by language; None takes the bundled ones.
        before_request: put the instruction at the start of the user's turn. None does so only for an open model
            whose chat template has no place for a system prompt.
    """
    held = texts or load_instructions()
    in_turn = _needs_turn(model) if before_request is None else before_request

    def answer(prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        for text, part in _group(prompts, held, own_language):
            if in_turn:
                asked = [replace(prompt, text=f"{text}\n\n{prompt.text}") for prompt in part]
                yield from model.reply(asked, decoding)
            else:
                both = "\n\n".join(filter(None, (text, decoding.system_prompt)))
                yield from model.reply(part, replace(decoding, system_prompt=both))

    where = "at the start of the user's turn, for the template has no system turn" if in_turn else "as system prompt"
    missing = held.missing(tuple(languages)) if own_language else []
    fallback = f" English for want of a text: {', '.join(missing)}." if missing else ""
    name = "safety prompt in the prompt's language" if own_language else "safety prompt in English"
    return Method(name, "", None, f"The instruction goes {where}.{fallback}", answer)


def _group(prompts: Sequence[Prompt], texts: Texts, own_language: bool) -> Iterator[tuple[str, list[Prompt]]]:
    """Prompts that get the same instruction, in the order in which instructions first occur."""
    parts: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        text, _ = texts.find(prompt.language if own_language else ENGLISH)
        parts.setdefault(text, []).append(prompt)
    yield from parts.items()


def _needs_turn(model: ChatModel) -> bool:
    """Whether the chat template refuses a system prompt, or leaves it out without a word."""
    if not isinstance(model, OpenModel):
        return False
    marked = "Kindly note."
    try:
        return marked not in model.render(PROBE, marked)
    except UnsupportedModel:
        return True
