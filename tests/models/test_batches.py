"""Batches hold rows of similar length, padded on the left, within a budget of tokens."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.core import Language
from isogloss.models.batches import make_batches

ROWS = [[1, 2], [3, 4, 5, 6], [7], [8, 9, 10]]


def test_rows_come_longest_first_and_padded_on_the_left() -> None:
    [batch] = make_batches(ROWS, pad_id=0, batch_tokens=100)
    assert batch.indices == [1, 3, 0, 2]
    assert batch.input_ids.tolist() == [[3, 4, 5, 6], [0, 8, 9, 10], [0, 0, 1, 2], [0, 0, 0, 7]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert batch.lengths == [4, 3, 2, 1]


def test_the_budget_counts_padding_and_the_reply() -> None:
    # Width 4 + 1 reply token = 5 a row: 10 tokens hold 2 rows; then width 2 + 1 = 3 a row: 10 tokens hold 3.
    batches = list(make_batches(ROWS, pad_id=0, batch_tokens=10, reply_tokens=1))
    assert [batch.indices for batch in batches] == [[1, 3], [0, 2]]
    assert [batch.width for batch in batches] == [4, 2]


def test_a_row_over_the_budget_goes_alone() -> None:
    assert [batch.indices for batch in make_batches(ROWS, pad_id=0, batch_tokens=1)] == [[1], [3], [0], [2]]


def test_languages_follow_their_rows() -> None:
    languages = [Language.parse(tag) for tag in ("en", "sw", "yo", "am")]
    [batch] = make_batches(ROWS, languages=languages, pad_id=0, batch_tokens=100)
    assert batch.languages == [languages[1], languages[3], languages[0], languages[2]]


@given(
    rows=st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=30), max_size=20),
    batch_tokens=st.integers(1, 200),
)
def test_every_row_comes_out_once_as_it_went_in(rows: list[list[int]], batch_tokens: int) -> None:
    found: dict[int, list[int]] = {}
    for batch in make_batches(rows, pad_id=0, batch_tokens=batch_tokens):
        assert len(batch) == 1 or batch.input_ids.numel() <= batch_tokens
        assert torch.equal(batch.attention_mask.sum(dim=1), torch.tensor(batch.lengths))
        found |= dict(zip(batch.indices, batch.rows(), strict=True))
    assert found == dict(enumerate(rows))
