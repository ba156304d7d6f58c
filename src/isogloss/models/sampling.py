"""Sampling in which every row has its own luck.

The sampler of `transformers` draws one stream of numbers for the whole batch, so a row's reply depends on its
neighbours and on where a resumed run started again. Here a row's uniform numbers come from the seed and the row's
own tokens, and a token is read off the cumulative distribution at that number. The same prompt under the same
seed gives the same reply in any batch and order (up to float noise at a boundary), and with the same luck before
and after a repair.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor

from isogloss.models.batches import PromptBatch
from isogloss.models.chat import Decoding


class RowSampler(LogitsProcessor):
    """Turns scores into one certain token per row, for a generate loop that takes the largest score.

    Args:
        batch: the rows, before the first new token.
        temperature: above 0.
        top_p: mass of the nucleus, above 0 and at most 1.
        seed: of the run.
        max_new_tokens: the most tokens that will be asked for.
    """

    def __init__(self, batch: PromptBatch, *, temperature: float, top_p: float, seed: int, max_new_tokens: int) -> None:
        self._width = batch.width
        self._temperature = temperature
        self._top_p = top_p
        luck = draw_luck(batch.rows(), seed=seed, count=max_new_tokens)
        self._luck = torch.from_numpy(luck).to(batch.input_ids.device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores [row, vocabulary] in which only the drawn token is possible."""
        step = input_ids.shape[1] - self._width
        token = draw_tokens(scores, self._luck[:, step], temperature=self._temperature, top_p=self._top_p)
        return torch.full_like(scores, -torch.inf).scatter_(1, token[:, None], 0.0)


def make_sampler(batch: PromptBatch, decoding: Decoding, max_new_tokens: int) -> list[RowSampler]:
    """What a generate loop needs to decode as asked; nothing where it takes the likeliest token."""
    if decoding.temperature <= 0:
        return []
    return [
        RowSampler(
            batch,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            seed=decoding.seed,
            max_new_tokens=max_new_tokens,
        )
    ]


def draw_luck(rows: Sequence[Sequence[int]], *, seed: int, count: int) -> np.ndarray:
    """Uniform numbers in [0, 1), float32 [row, count]; each row's own stream, a longer one starts the same."""
    luck = np.empty((len(rows), count), dtype=np.float32)
    for number, row in enumerate(rows):
        digest = hashlib.sha256(np.array([seed, *row], dtype=np.int64).tobytes()).digest()
        luck[number] = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32)).random(count, np.float32)
    return luck


def draw_tokens(scores: Tensor, luck: Tensor, *, temperature: float, top_p: float) -> Tensor:
    """One token id per row, int64 [row].

    Tokens are sorted by probability before the cumulative sum, so that float noise in the scores moves a
    boundary a little and never reshuffles the whole line.

    Args:
        scores: logits [row, vocabulary].
        luck: [row], uniform in [0, 1).
        temperature: divides the logits.
        top_p: the smallest set of likeliest tokens with at least this mass is kept.
    """
    chances, tokens = torch.softmax(scores.float() / temperature, dim=-1).sort(dim=-1, descending=True)
    below = chances.double().cumsum(dim=-1)
    before = below - chances
    mass = (chances * (before < top_p)).double().sum(dim=-1)
    # The first place whose cumulative mass exceeds the lucky number; never beyond the nucleus.
    place = (below <= (luck.double() * mass)[:, None]).sum(dim=-1)
    last = (before < top_p).sum(dim=-1) - 1
    return tokens.gather(1, torch.minimum(place, last)[:, None])[:, 0]
