"""How far a steered model's next-token distributions lie from the plain model's, along the plain model's replies."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from inspect import signature
from typing import Protocol

import torch
from torch import Tensor, nn

from isogloss.core import Finish, GateReading, Prompt
from isogloss.models.batches import PromptBatch
from isogloss.models.chat import Decoding
from isogloss.models.open_model import Continuation, OpenModel
from isogloss.models.steering import Steering

# The most logits held at once, float32, per condition.
MOST_LOGITS = 2**26


class Steered(Steering, AbstractContextManager["Steered"], Protocol):
    """An intervention that can be entered again and again: ``BlockSteering`` and its kin."""


@dataclass(frozen=True, eq=False)
class PlainReplies:
    """A batch of prompts with the plain model's greedy replies, ready to be passed over again.

    Attributes:
        batch: the prompts.
        replies: token ids, [row, reply], padded on the right; without end tokens.
        lengths: tokens of each reply.
        ended: [row], whether the model ended the reply itself.
        texts: the replies as text.
        log_probabilities: the plain model's, [row, reply + 1, vocabulary]: at every reply token, and after the last.
    """

    batch: PromptBatch
    replies: Tensor
    lengths: list[int]
    ended: list[bool]
    texts: list[str]
    log_probabilities: Tensor


@dataclass(frozen=True, slots=True)
class Divergence:
    """One prompt under a steered model, beside the plain one.

    Attributes:
        index: of the prompt in the caller's list.
        kl: mean over the reply's positions of KL(plain || steered), in nats per token.
        first_kl: the same at the reply's first token alone, where a refusal begins or does not.
        plain_loss: mean negative log-likelihood of the reply under the plain model, in nats per token.
        steered_loss: the same under the steered model.
        fired: whether the gate took the prompt for harmful; None without a gate.
    """

    index: int
    kl: float
    first_kl: float
    plain_loss: float
    steered_loss: float
    fired: bool | None


def record_plain_replies(model: OpenModel, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Iterator[PlainReplies]:
    """Answer prompts greedily and keep the distributions met on the way; call it outside any intervention.

    Args:
        model: the plain model.
        prompts: harmless ones.
        max_new_tokens: longest reply.

    Raises:
        RuntimeError: an intervention is in force.
        BrokenInput: a prompt is longer than the model's context.
    """
    if model.steering is not None:
        raise RuntimeError("plain replies were asked for while an intervention is in force; leave its context first")
    vocabulary = int(model.model.config.get_text_config().vocab_size)
    rows_at_once = max(1, MOST_LOGITS // (vocabulary * (max_new_tokens + 1)))
    # Half the budget for prompts leaves room for the replies.
    for batch in model.batches(prompts, batch_tokens=max(1, model.batch_tokens // 2)):
        written = model.generate(batch, Decoding(max_new_tokens=max_new_tokens))
        for start in range(0, len(batch), rows_at_once):
            rows = slice(start, start + rows_at_once)
            yield _record(model, _take_rows(batch, rows), written[rows])


def measure_divergence(model: OpenModel, recorded: PlainReplies, steering: Steered) -> list[Divergence]:
    """Pass over the plain replies with the steering in force, as it would act while generating them.

    The steering is told of the prompts alone, so that its gate reads each prompt's last token and the reply's
    positions count as generated ones; one pass over prompt and reply then gives every position the edit that
    decoding step by step would have given it. The position after a reply's last token counts too, wherever the plain
    model ended the reply there: to go on, or to end early, is a change.

    Args:
        model: the model that replied.
        recorded: its replies.
        steering: not in force yet.

    Returns:
        One divergence per row, in row order. Rows without a single position are left out (an empty reply that was
        cut before it began).
    """
    with steering:
        steering.begin(recorded.batch, use_cache=False)
        logs = _pass_over(model, recorded.batch, recorded.replies, recorded.lengths)
        readings = steering.readings()
    tokens = _choose_tokens(model, recorded)
    found = []
    for row, index in enumerate(recorded.batch.indices):
        count = recorded.lengths[row] + recorded.ended[row]
        if count:
            plain, steered = recorded.log_probabilities[row, :count], logs[row, :count]
            picked = tokens[row, :count, None]
            fired = None if readings is None else _has_fired(readings[row])
            found.append(
                Divergence(
                    index,
                    kl=_mean_kl(plain, steered),
                    first_kl=_mean_kl(plain[:1], steered[:1]),
                    plain_loss=-float(plain.gather(-1, picked).double().mean()),
                    steered_loss=-float(steered.gather(-1, picked).double().mean()),
                    fired=fired,
                )
            )
    return found


def _record(model: OpenModel, batch: PromptBatch, written: Sequence[Continuation]) -> PlainReplies:
    lengths = [len(one.ids) for one in written]
    replies = torch.full((len(batch), max(lengths)), model.pad_id, dtype=torch.long)
    for row, one in enumerate(written):
        replies[row, : len(one.ids)] = torch.tensor(one.ids, dtype=torch.long)
    replies = replies.to(batch.input_ids.device)
    return PlainReplies(
        batch=batch,
        replies=replies,
        lengths=lengths,
        ended=[one.finish == Finish.STOP for one in written],
        texts=model.tokenizer.batch_decode([one.ids for one in written], skip_special_tokens=True),
        log_probabilities=_pass_over(model, batch, replies, lengths),
    )


def _pass_over(model: OpenModel, batch: PromptBatch, replies: Tensor, lengths: Sequence[int]) -> Tensor:
    """Log-probabilities at the last prompt token and at every reply token, float32 [row, reply + 1, vocabulary]."""
    longest = replies.shape[1]
    places = torch.arange(longest, device=replies.device)
    held = torch.tensor(lengths, device=replies.device)[:, None]
    written = (places[None] < held).long()
    whole = PromptBatch(
        indices=batch.indices,
        languages=batch.languages,
        input_ids=torch.cat([batch.input_ids, replies], dim=1),
        attention_mask=torch.cat([batch.attention_mask, written], dim=1),
    )
    inputs = {"input_ids": whole.input_ids, "attention_mask": whole.attention_mask, "use_cache": False}
    module: nn.Module = model.model
    known = _parameters(module)
    if "position_ids" in known:
        inputs["position_ids"] = whole.position_ids
    if "logits_to_keep" in known:
        inputs["logits_to_keep"] = longest + 1
    with torch.inference_mode():
        logits: Tensor = module(**inputs).logits[:, -(longest + 1) :]
        return logits.float().log_softmax(dim=-1)


def _choose_tokens(model: OpenModel, recorded: PlainReplies) -> Tensor:
    """What the plain model wrote at every position, [row, reply + 1]; after an ended reply the likeliest end token."""
    ends = torch.tensor(model.end_ids, device=recorded.replies.device)
    filler = torch.full_like(recorded.replies[:, :1], model.pad_id)
    tokens = torch.cat([recorded.replies, filler], dim=1)
    for row, length in enumerate(recorded.lengths):
        tokens[row, length] = ends[recorded.log_probabilities[row, length, ends].argmax()]
    return tokens


def _mean_kl(plain: Tensor, steered: Tensor) -> float:
    """Never below 0, which float32 noise would reach where the two are equal."""
    gaps = torch.where(plain > -torch.inf, plain.exp() * (plain - steered), 0.0)
    return max(0.0, float(gaps.sum(dim=-1).double().mean()))


def _has_fired(reading: GateReading) -> bool:
    return reading.harmful


def _take_rows(batch: PromptBatch, rows: slice) -> PromptBatch:
    """Some rows of a batch, as wide as before."""
    return PromptBatch(
        indices=batch.indices[rows],
        languages=None if batch.languages is None else batch.languages[rows],
        input_ids=batch.input_ids[rows],
        attention_mask=batch.attention_mask[rows],
    )


def _parameters(module: nn.Module) -> frozenset[str]:
    return frozenset(signature(module.forward).parameters)
