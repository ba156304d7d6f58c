"""Whole conversations for a model of ours: what other harnesses send, and what a single prompt cannot hold."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

from jinja2 import TemplateError

from isogloss.core import UNKNOWN_LANGUAGE, Finish, Kind, Language, Prompt, Reply
from isogloss.core.errors import UnsupportedModel
from isogloss.models.batches import make_batches
from isogloss.models.chat import ChatModel, Decoding
from isogloss.models.open_model import OpenModel
from isogloss.models.template import FIXED_DATE
from isogloss.repair.repaired import RepairedModel

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said so far, ending with the user's turn.

    Attributes:
        turns: in order; a system prompt is the first turn, or ``decoding.system_prompt``, not both.
        decoding: how the answer is made.
        language: decides which threshold a repair's gate takes; unknown takes the fallback threshold.
    """

    turns: tuple[Turn, ...]
    decoding: Decoding
    language: Language = UNKNOWN_LANGUAGE


def answer_conversations(model: ChatModel, conversations: Sequence[Conversation]) -> list[Reply]:
    """Answer conversations in batches, in the order given.

    A conversation of one user turn takes the model's ordinary way, so that it gets exactly the reply an audit would
    record. Longer ones are rendered with the model's chat template, which needs a model whose weights we hold.

    Raises:
        UnsupportedModel: a conversation does not end with the user, has several turns and the model gives only text,
            or does not fit the chat template.
    """
    replies: dict[int, Reply] = {}
    for decoding in dict.fromkeys(one.decoding for one in conversations):
        group = {number: one for number, one in enumerate(conversations) if one.decoding == decoding}
        single = {number: found for number, one in group.items() if (found := _read_single(one))}
        longer = {number: one for number, one in group.items() if number not in single}
        replies |= _answer_singles(model, group, single)
        if longer:
            replies |= _answer_longer(_open(model), longer, decoding, model)
    return [replies[number] for number in range(len(conversations))]


def _read_single(conversation: Conversation) -> tuple[str, str | None] | None:
    """The user's text and the system prompt, where that is all there is."""
    turns, system = conversation.turns, conversation.decoding.system_prompt
    if not turns or turns[-1].role != "user":
        raise UnsupportedModel("A conversation must end with the user's turn; models of isogloss take no prefill.")
    if system is None and len(turns) > 1 and turns[0].role == "system":
        system, turns = turns[0].text, turns[1:]
    return (turns[0].text, system) if len(turns) == 1 else None


def _answer_singles(
    model: ChatModel, group: Mapping[int, Conversation], single: Mapping[int, tuple[str, str | None]]
) -> dict[int, Reply]:
    found: dict[int, Reply] = {}
    for system in dict.fromkeys(system for _, system in single.values()):
        numbers = [number for number, (_, one) in single.items() if one == system]
        prompts = [_prompt(number, single[number][0], group[number].language) for number in numbers]
        plain = group[numbers[0]].decoding
        decoding = Decoding(plain.max_new_tokens, plain.temperature, plain.top_p, plain.seed, system)
        found |= {int(reply.prompt_id): reply for reply in model.reply(prompts, decoding)}
    return found


def _prompt(number: int, text: str, language: Language) -> Prompt:
    # The kind is unknown here and decides nothing while a model answers.
    return Prompt(str(number), text, language, Kind.HARMLESS, str(number))


def _open(model: ChatModel) -> OpenModel:
    found = model.model if isinstance(model, RepairedModel) else model
    if not isinstance(found, OpenModel):
        raise UnsupportedModel(f"{model.name} answers single prompts only, and this conversation has several turns.")
    return found


def _answer_longer(
    model: OpenModel, conversations: Mapping[int, Conversation], decoding: Decoding, asked: ChatModel
) -> dict[int, Reply]:
    numbers = list(conversations)
    rows = [_encode(model, conversations[number]) for number in numbers]
    fits = [model.context_tokens is None or len(row) < model.context_tokens for row in rows]
    found = {
        number: _too_long(number, row, model) for number, row, fit in zip(numbers, rows, fits, strict=True) if not fit
    }
    kept = [place for place, fit in enumerate(fits) if fit]
    batches = make_batches(
        [rows[place] for place in kept],
        languages=[conversations[numbers[place]].language for place in kept],
        pad_id=model.pad_id,
        batch_tokens=model.batch_tokens,
        reply_tokens=decoding.max_new_tokens,
        device=model.device,
    )
    for batch in batches:
        steering = asked.repair.steer(model) if isinstance(asked, RepairedModel) else None
        with steering or nullcontext():
            continuations = model.generate(batch, decoding)
            readings = steering.readings() if steering else None
        for row, index in enumerate(batch.indices):
            number, ended = numbers[kept[index]], continuations[row]
            found[number] = Reply(
                prompt_id=str(number),
                language=conversations[number].language.tag,
                text=model.tokenizer.decode(ended.ids, skip_special_tokens=True),
                finish=ended.finish,
                prompt_tokens=batch.lengths[row],
                reply_tokens=len(ended.ids),
                gate=readings[row] if readings else None,
            )
    return found


def _too_long(number: int, row: list[int], model: OpenModel) -> Reply:
    reason = (
        f"The conversation has {len(row)} tokens; {model.name} takes at most {model.context_tokens} with the reply."
    )
    return Reply(str(number), UNKNOWN_LANGUAGE.tag, "", Finish.FAILED, prompt_tokens=len(row), error=reason)


def _encode(model: OpenModel, conversation: Conversation) -> list[int]:
    """Token ids of a rendered conversation; special tokens come from the template alone, as in ``OpenModel.encode``."""
    arguments = {"date_string": FIXED_DATE, **model.template_arguments}
    try:
        rendered = model.tokenizer.apply_chat_template(
            list(_messages(conversation)),
            chat_template=model.chat_template,
            tokenize=False,
            add_generation_prompt=True,
            **arguments,
        )
    except TemplateError as error:
        raise UnsupportedModel(f"The chat template of {model.name} cannot render these turns: {error}.") from error
    ids: list[int] = model.tokenizer([rendered], add_special_tokens=False)["input_ids"][0]
    return ids


def _messages(conversation: Conversation) -> Iterator[dict[str, str]]:
    if conversation.decoding.system_prompt is not None:
        yield {"role": "system", "content": conversation.decoding.system_prompt}
    for turn in conversation.turns:
        yield {"role": turn.role, "content": turn.text}
