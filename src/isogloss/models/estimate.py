"""What a run against an endpoint will cost, before the first request; and how long it will take, after a few.

Pure arithmetic: nothing is sent, nothing is timed here. Prices are the caller's, because they change and differ.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from isogloss.core import Prompt
from isogloss.models.chat import Decoding

CountTokens = Callable[[str], int]

# A chat template puts role markers around every turn; known ones take 3 to 20 tokens.
TEMPLATE_TOKENS = 10
# Bytes of UTF-8 in a token: near 4 in English; byte by byte, as rare scripts may be cut, it is 1.
LIKELY_BYTES_PER_TOKEN = 3.0
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Workload:
    """What will be sent and what may come back.

    Attributes:
        requests: one for every prompt, without retries.
        prompt_characters: of all prompts, with the system prompt in every one.
        prompt_bytes: the same in UTF-8.
        prompt_tokens: counted by a tokenizer, or guessed from bytes.
        most_prompt_tokens: what the count cannot exceed; equal to ``prompt_tokens`` where a tokenizer counted.
        most_reply_tokens: every reply at its longest.
        counted: whether a tokenizer counted.
    """

    requests: int
    prompt_characters: int
    prompt_bytes: int
    prompt_tokens: int
    most_prompt_tokens: int
    most_reply_tokens: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Prices:
    """Per million tokens, in any one currency."""

    prompt_per_million: float
    reply_per_million: float
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run costs.

    Attributes:
        likely: prompts as counted or guessed, replies of the length expected.
        at_most: prompts at their longest, every reply at its longest; retries come on top.
        currency: of both.
    """

    likely: float
    at_most: float
    currency: str


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long the rest takes.

    Attributes:
        seconds: the middle of the estimate.
        low_seconds: about one in twenty runs is faster.
        high_seconds: about one in twenty runs is slower, if the server goes on as it did.
        measured: replies that the estimate rests on.
    """

    seconds: float
    low_seconds: float
    high_seconds: float
    measured: int


def measure_workload(
    prompts: Iterable[Prompt], decoding: Decoding, *, count_tokens: CountTokens | None = None
) -> Workload:
    """Count what a run will send.

    Without a tokenizer, tokens are guessed from bytes: no tokenizer that falls back to bytes makes more tokens than a
    text has bytes, which bounds the guess. The guess is fair for a mix of languages and wrong for any one of them: too
    high for English, too low for scripts that the tokenizer knows badly. Give a tokenizer where money matters.

    Args:
        prompts: those still to be asked.
        decoding: its system prompt goes along with every prompt, and its longest reply bounds the replies.
        count_tokens: the model's own tokenizer, on plain text.
    """
    system = decoding.system_prompt or ""
    texts = [prompt.text for prompt in prompts]
    sizes = [len(text.encode(errors="replace")) + len(system.encode(errors="replace")) for text in texts]
    template = TEMPLATE_TOKENS * (2 if system else 1)
    if count_tokens is None:
        likely = sum(math.ceil(size / LIKELY_BYTES_PER_TOKEN) + template for size in sizes)
        most = sum(size + template for size in sizes)
    else:
        likely = most = sum(count_tokens(text) + template for text in texts) + len(texts) * _count(count_tokens, system)
    return Workload(
        requests=len(texts),
        prompt_characters=sum(len(text) + len(system) for text in texts),
        prompt_bytes=sum(sizes),
        prompt_tokens=likely,
        most_prompt_tokens=most,
        most_reply_tokens=len(texts) * decoding.max_new_tokens,
        counted=count_tokens is not None,
    )


def estimate_cost(workload: Workload, prices: Prices, *, reply_share: float = 1.0) -> Cost:
    """Price a workload.

    Args:
        workload: as measured.
        prices: per million tokens.
        reply_share: how long the average reply is, as a share of the longest allowed; 1 is the safe side. The mean of
            the first replies' tokens over ``max_new_tokens`` is a good value later.

    Raises:
        ValueError: a price is negative, or the share is not between 0 and 1.
    """
    if min(prices.prompt_per_million, prices.reply_per_million) < 0:
        raise ValueError("prices must not be negative")
    if not 0 <= reply_share <= 1:
        raise ValueError(f"reply_share must lie between 0 and 1, not {reply_share}")
    replies = workload.most_reply_tokens * prices.reply_per_million / MILLION
    return Cost(
        likely=workload.prompt_tokens * prices.prompt_per_million / MILLION + replies * reply_share,
        at_most=workload.most_prompt_tokens * prices.prompt_per_million / MILLION + replies,
        currency=prices.currency,
    )


def estimate_time(latencies_seconds: Sequence[float], *, requests_left: int, concurrency: int) -> TimeLeft | None:
    """Say how long the rest takes, from the latencies of replies that are there; None before the first.

    The requests left are shared by the workers, and the run ends when the last worker does: mean latency times
    requests by workers, and on top one mean latency of waiting for the last ones. The range carries the uncertainty of
    the mean of few latencies, not a change of the server's mood.

    Take latencies in the order sent, not the first to arrive: the quick ones arrive first and would flatter the rest.

    Args:
        latencies_seconds: from sending a request to its reply, retries and waiting included.
        requests_left: not yet answered.
        concurrency: requests at a time.

    Raises:
        ValueError: a latency is negative, fewer than no requests are left, or fewer than one at a time.
    """
    if requests_left < 0 or concurrency < 1 or any(latency < 0 for latency in latencies_seconds):
        raise ValueError("latencies and requests must not be negative, and concurrency must be at least 1")
    if not latencies_seconds:
        return None
    measured = len(latencies_seconds)
    mean = statistics.fmean(latencies_seconds)
    # One latency says nothing about their spread; they are about exponential, whose spread equals the mean.
    spread = statistics.stdev(latencies_seconds) if measured > 1 else mean
    error = 1.645 * spread / math.sqrt(measured)
    workers = min(concurrency, requests_left)
    turns = 0.0 if not workers else requests_left / workers + (1.0 if requests_left > workers else 0.0)
    return TimeLeft(
        seconds=turns * mean,
        low_seconds=turns * max(0.0, mean - error),
        high_seconds=turns * (mean + error),
        measured=measured,
    )


def describe_workload(workload: Workload, cost: Cost | None = None) -> str:
    """The estimate as a sentence or two, for a screen."""
    how = "counted" if workload.counted else "guessed from bytes"
    parts = [
        f"{workload.requests:,} requests with {workload.prompt_characters:,} characters, about "
        f"{workload.prompt_tokens:,} prompt tokens ({how}), and at most {workload.most_reply_tokens:,} reply tokens."
    ]
    if cost is not None:
        parts.append(f"Cost: about {cost.likely:,.2f} {cost.currency}, at most {cost.at_most:,.2f} without retries.")
    return " ".join(parts)


def _count(count_tokens: CountTokens, text: str) -> int:
    return count_tokens(text) if text else 0
