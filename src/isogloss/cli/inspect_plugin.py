"""What Inspect finds through our entry point: the task ``isogloss/refusal`` and the model provider ``isogloss/...``.

Loaded by Inspect alone: ``inspect eval isogloss/refusal --model isogloss/organism -M repair=DIR``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from isogloss.cli.judge import build_judge
from isogloss.cli.resolve import resolve_model, resolve_prompts
from isogloss.core import UNKNOWN_LANGUAGE, Finish, Language, Mapping, Reply
from isogloss.core.errors import BrokenInput, MissingExtra, UserError
from isogloss.exchange.selection import choose_prompts
from isogloss.models.chat import Decoding

try:
    from inspect_ai import Task, task
    from inspect_ai.model import (
        ChatMessage,
        GenerateConfig,
        ModelAPI,
        ModelOutput,
        ModelUsage,
        StopReason,
        modelapi,
    )
    from inspect_ai.scorer import Score, Scorer, Target, scorer
    from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
    from inspect_ai.tool import ToolChoice, ToolInfo
    from inspect_ai.util import store

    from isogloss.exchange.inspect_task import list_metrics, make_dataset, score_reply
except ImportError as error:
    raise MissingExtra("This needs Inspect. Install it with: pip install 'isogloss[inspect]'") from error

if TYPE_CHECKING:
    from isogloss.exchange.conversation import Conversation

LANGUAGE_KEY = "isogloss:language"
# Requests of one burst arrive within a few turns of the event loop; waiting longer would only idle the model.
GATHER_SECONDS = 0.02
CONNECTIONS = 64
DEFAULT_TOKENS = 512
# Settings that would change a reply and that our decoding does not have; refusing them beats ignoring them.
UNSUPPORTED = (
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "num_choices",
    "best_of",
    "logprobs",
    "top_logprobs",
    "prompt_logprobs",
    "response_schema",
    "reasoning_effort",
    "reasoning_tokens",
    "extra_body",
)


@task
def refusal(
    prompts: str = "mini",
    languages: str | list[str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    judge: str = "rules",
    mapping: str = "strict",
    max_new_tokens: int = 128,
) -> Task:
    """Where does a model refuse and where does it not, language by language?

    Args:
        prompts: a prompt set by its name on our command line: mini, organism, file:PATH, polyrefuse:FOLDER, ...
        languages: only these tags.
        split: train, validation, test or all; by default the set's own choice.
        limit: only the first so many prompts of each kind, the same in every language.
        judge: who says what an answer was.
        mapping: strict or lenient: how verdicts become refusals.
        max_new_tokens: longest reply; Inspect's --max-tokens wins.
    """
    asked = choose_prompts(resolve_prompts(prompts), languages=languages, split=split, limit=limit)
    return Task(
        dataset=make_dataset(asked),
        solver=[state_language(), generate()],
        scorer=refusal_scorer(judge=judge, mapping=mapping),
        config=GenerateConfig(max_tokens=max_new_tokens, temperature=0.0),
        metadata={"isogloss": {"prompt_card": asdict(asked.card), "prompts": asked.fingerprint()}},
    )


@solver
def state_language() -> Solver:
    """Tell a model of ours which language a sample is in, from its metadata, so that its gate takes that threshold.

    Put it before ``generate()`` in any task whose samples have ``language`` in their metadata. Other providers do
    not see it.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        tag = state.metadata.get("language")
        if tag is not None:
            state.store.set(LANGUAGE_KEY, str(tag))
        return state

    return solve


@scorer(metrics=list_metrics(), name="refusal")
def refusal_scorer(judge: str = "rules", mapping: str = "strict") -> Scorer:
    """Refused or not, by a judge of ours; for any task whose samples have ``language`` and ``kind`` in their metadata.

    Args:
        judge: a judge by its name on our command line.
        mapping: strict or lenient.
    """
    reader, rule = build_judge(judge), Mapping(mapping)

    async def score(state: TaskState, target: Target) -> Score:
        del target
        return score_reply(
            sample_id=str(state.sample_id),
            text=state.input_text,
            reply=state.output.completion,
            stop_reason=state.output.stop_reason if state.output.choices else "unknown",
            metadata=state.metadata,
            judge=reader,
            mapping=rule,
        )

    return score


class _Ticket:
    """A conversation that waits for its reply."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.reply: Reply | None = None
        self.error: Exception | None = None


class IsoglossModel(ModelAPI):
    """Any model of ours under any eval of Inspect's: ``--model isogloss/NAME -M repair=DIR``.

    Requests that wait at the same time are answered in one batch. ``-M language=sw`` states the language of every
    prompt for the gate of a repair; without it the language comes from ``state_language``, else it is unknown and
    the fallback threshold decides. Greedy unless the eval sets a temperature.

    Raises:
        UserError: the eval asks for tools, images or a decoding setting that we do not have.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        repair: str | None = None,
        language: str | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        if base_url is not None:
            raise UserError(f"isogloss/{model_name} takes no base URL. Name an endpoint as isogloss/openai:NAME@URL.")
        self._model = resolve_model(model_name, repair=repair, trust_remote_code=trust_remote_code)
        self._language = None if language is None else Language.parse(language)
        self._waiting: list[_Ticket] = []
        self._turn = anyio.Lock()

    def max_connections(self) -> int:
        """As many prompts as may share a batch."""
        return CONNECTIONS

    def max_tokens(self) -> int | None:
        """The longest reply where the eval does not say."""
        return DEFAULT_TOKENS

    async def count_text_tokens(self, text: str) -> int:
        """Tokens of the model's own tokenizer; about four bytes a token for a model that gives only text.

        Inspect's default would download an encoding.
        """
        tokenizer = getattr(getattr(self._model, "model", self._model), "tokenizer", None)
        return len(tokenizer(text)["input_ids"]) if callable(tokenizer) else len(text.encode()) // 4 + 1

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Wait for the turn, answer everything that waits, and hand out this conversation's reply."""
        del tool_choice  # says which of the tools to use, and there are none
        if tools:
            raise UserError(f"isogloss/{self.model_name} calls no tools; this eval offers {len(tools)}.")
        ticket = _Ticket(self._read(input, config))
        self._waiting.append(ticket)
        async with self._turn:
            if ticket.reply is None and ticket.error is None:
                await anyio.sleep(GATHER_SECONDS)
                batch, self._waiting = self._waiting, []
                await anyio.to_thread.run_sync(self._answer, batch)
        if ticket.error is not None:
            raise ticket.error
        if ticket.reply is None or ticket.reply.finish is Finish.FAILED:
            raise BrokenInput(f"No reply: {ticket.reply.error if ticket.reply else 'the model gave none'}")
        return _make_output(self.model_name, ticket.reply, config.stop_seqs or [])

    def _read(self, messages: list[ChatMessage], config: GenerateConfig) -> Conversation:
        from isogloss.exchange.conversation import Conversation, Turn

        odd = [name for name in UNSUPPORTED if getattr(config, name, None) is not None]
        if odd:
            raise UserError(f"isogloss/{self.model_name} does not have {', '.join(odd)}. Leave it out of the eval.")
        turns: list[Turn] = []
        for message in messages:
            if message.role == "tool" or _has_media(message):
                raise UserError(f"isogloss/{self.model_name} reads text only; this eval sends {message.role} content.")
            turns.append(Turn(message.role, message.text))
        stated = store().get(LANGUAGE_KEY)
        language = self._language or (Language.parse(stated) if stated else UNKNOWN_LANGUAGE)
        return Conversation(tuple(turns), _decoding(config), language)

    def _answer(self, batch: list[_Ticket]) -> None:
        """Answer a batch in a thread; an error belongs to every ticket in it, and the next batch goes on."""
        from isogloss.exchange.conversation import answer_conversations

        try:
            replies = answer_conversations(self._model, [ticket.conversation for ticket in batch])
        except Exception as error:  # noqa: BLE001 - raised again for every sample that waits for it
            for ticket in batch:
                ticket.error = error
            return
        for ticket, reply in zip(batch, replies, strict=True):
            ticket.reply = reply


@modelapi(name="isogloss")
def provide_model() -> type[ModelAPI]:
    """What Inspect takes ``isogloss/NAME`` for."""
    return IsoglossModel


def _decoding(config: GenerateConfig) -> Decoding:
    return Decoding(
        max_new_tokens=config.max_tokens or DEFAULT_TOKENS,
        temperature=config.temperature or 0.0,
        top_p=1.0 if config.top_p is None else config.top_p,
        seed=config.seed or 0,
    )


def _has_media(message: ChatMessage) -> bool:
    parts = [] if isinstance(message.content, str) else message.content
    return any(part.type not in ("text", "reasoning") for part in parts)


def _make_output(model_name: str, reply: Reply, stops: list[str]) -> ModelOutput:
    """The reply as Inspect has it, cut at the first stop sequence, with the gate's reading in the metadata."""
    cuts = [place for stop in stops if (place := reply.text.find(stop)) >= 0]
    text = reply.text[: min(cuts)] if cuts else reply.text
    reason: StopReason = "stop" if cuts or reply.finish is not Finish.LENGTH else "max_tokens"
    output = ModelOutput.from_content(model_name, text, stop_reason=reason)
    if reply.prompt_tokens is not None and reply.reply_tokens is not None:
        total = reply.prompt_tokens + reply.reply_tokens
        output.usage = ModelUsage(
            input_tokens=reply.prompt_tokens, output_tokens=reply.reply_tokens, total_tokens=total
        )
    output.metadata = {"gate": asdict(reply.gate)} if reply.gate else None
    return output
