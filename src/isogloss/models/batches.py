"""Prompts of similar length side by side: the only way in which rows reach a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from isogloss.core import Language


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Some rows of a caller's list, as token ids padded on the left.

    Attributes:
        indices: which rows of the caller's list these are, in batch order.
        languages: the language of each row, where known.
        input_ids: [row, width], int64; the last column is the last token of every rendered prompt.
        attention_mask: [row, width], int64; 1 for a token, 0 for padding.
    """

    indices: list[int]
    languages: list[Language] | None
    input_ids: Tensor
    attention_mask: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def width(self) -> int:
        """Tokens of the longest row."""
        return int(self.input_ids.shape[1])

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row without padding."""
        return [int(length) for length in self.attention_mask.sum(dim=1).tolist()]

    @property
    def position_ids(self) -> Tensor:
        """[row, width]: 0 at each row's first token, so that padding moves no position."""
        return (self.attention_mask.cumsum(dim=1) - 1).clamp(min=0)

    def rows(self) -> list[list[int]]:
        """Token ids of each row without padding."""
        return [row[self.width - length :] for row, length in zip(self.input_ids.tolist(), self.lengths, strict=True)]


def make_batches(
    rows: Sequence[Sequence[int]],
    *,
    languages: Sequence[Language] | None = None,
    pad_id: int,
    batch_tokens: int,
    reply_tokens: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[PromptBatch]:
    """Sort rows by length, longest first, and cut the order into batches.

    Longest first shows at once whether the largest batch fits into memory, and lets an estimate of the time
    left shrink rather than grow. Rows of equal length keep their order.

    Args:
        rows: token ids of each prompt.
        languages: of each row.
        pad_id: any id of the vocabulary; masked out.
        batch_tokens: the most tokens (rows x (width + reply_tokens)) of a batch; a longer row goes alone.
        reply_tokens: tokens that may be added to every row while decoding.
        device: where the tensors are put.
    """
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
    start = 0
    while start < len(order):
        width = len(rows[order[start]])
        size = max(1, batch_tokens // (width + reply_tokens))
        indices = order[start : start + size]
        start += size
        yield _pad([rows[index] for index in indices], indices, languages, pad_id=pad_id, device=device)


def _pad(
    rows: Sequence[Sequence[int]],
    indices: list[int],
    languages: Sequence[Language] | None,
    *,
    pad_id: int,
    device: torch.device | str,
) -> PromptBatch:
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = torch.tensor(row, dtype=torch.long)
        mask[number, width - len(row) :] = 1
    return PromptBatch(
        indices=indices,
        languages=None if languages is None else [languages[index] for index in indices],
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
    )
