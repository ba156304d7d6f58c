"""Which word of a sentence stands for which word of its translation, learned from the parallel set alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sentence = Sequence[str]
Links = frozenset[tuple[int, int]]

NULL_SHARE = 0.1  # how often a word has no partner, before anything was seen
PRIOR_COUNT = 0.05  # of the Dirichlet prior on translations: small, so that few partners share a word
NEIGHBOUR_FLOOR = 0.3  # what a link without linked neighbours keeps
SHARE_SHOWN = 0.05  # translations below this are noise


@dataclass(frozen=True, slots=True)
class Alignment:
    """Links between the words of sentence pairs, and what they say about words in general.

    Attributes:
        links: one set per sentence pair, of (place in the first, place in the second).
        translations: by first word, its second words with the probability of each, best first.
    """

    links: tuple[Links, ...]
    translations: dict[str, tuple[tuple[str, float], ...]]


def align(
    pairs: Sequence[tuple[Sentence, Sentence]], *, rounds: int = 16, tension: float = 2.0, least: float = 0.4
) -> Alignment:
    """Align the words of parallel sentences.

    Both directions are learned at once and must agree: the expected count of a link is the geometric mean of what
    either direction gives it. That leaves fewer links than one direction alone, and far fewer wrong ones, which is what
    swapping words needs. With under about fifty sentence pairs expect only repeated words to be aligned well.

    Args:
        pairs: sentences as words, already without differences of case.
        rounds: of expectation and maximisation.
        tension: how strongly words at the same relative place are preferred; 0 for languages of very different order.
        least: the agreement from which on a link is kept.

    Source: Brown et al. 1993 (IBM Model 1); Dyer et al. 2013 (``fast_align``: diagonal prior, variational Bayes);
    Liang et al. 2006 (training by agreement). We keep the tension fixed and need no smoothing beyond the prior.
    """
    usable = [place for place, (first, second) in enumerate(pairs) if first and second]
    if not usable:
        return Alignment(tuple(frozenset() for _ in pairs), {})
    grid = _lay_out([pairs[place] for place in usable], tension)
    agreement, count = _learn(grid, rounds)
    found = _cut_out(grid, agreement, least)
    links: list[Links] = [frozenset()] * len(pairs)
    for place, sentence_links in zip(usable, found, strict=True):
        links[place] = sentence_links
    return Alignment(tuple(links), _list_translations(grid, count))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Every cell (word, word) of every sentence pair, laid out flat so that one round is a few array operations.

    Attributes:
        pair: per cell, the number of its word pair.
        row, column: per cell, the number of its word's occurrence in the first and the second text.
        prior: per cell, how likely its places are to belong together; sums to 1 within a row and within a column.
        pair_first, pair_second: per word pair, the numbers of its words.
        first_words, second_words: the words by number.
        before, after: per cell, the cell one word back or on in both sentences, or -1 where there is none.
        sizes: per sentence pair, the lengths of both sentences.
    """

    pair: Integers
    row: Integers
    column: Integers
    row_prior: Floats
    column_prior: Floats
    pair_first: Integers
    pair_second: Integers
    first_words: list[str]
    second_words: list[str]
    before: Integers
    after: Integers
    sizes: list[tuple[int, int]]


def _lay_out(pairs: Sequence[tuple[Sentence, Sentence]], tension: float) -> _Grid:
    first_words = sorted({word for first, _ in pairs for word in first})
    second_words = sorted({word for _, second in pairs for word in second})
    first_number = {word: number for number, word in enumerate(first_words)}
    second_number = {word: number for number, word in enumerate(second_words)}
    codes, rows, columns, row_priors, column_priors, befores, afters = [], [], [], [], [], [], []
    row_start = column_start = cell_start = 0
    for first, second in pairs:
        heads = np.array([first_number[word] for word in first], dtype=np.int64)
        tails = np.array([second_number[word] for word in second], dtype=np.int64)
        codes.append((heads[:, None] * len(second_words) + tails[None, :]).ravel())
        rows.append(np.repeat(np.arange(len(first)) + row_start, len(second)))
        columns.append(np.tile(np.arange(len(second)) + column_start, len(first)))
        near = _prefer_diagonal(len(first), len(second), tension)
        row_priors.append((near / near.sum(axis=1, keepdims=True)).ravel())
        column_priors.append((near / near.sum(axis=0, keepdims=True)).ravel())
        cells = np.full((len(first) + 2, len(second) + 2), -1, dtype=np.int64)
        cells[1:-1, 1:-1] = np.arange(near.size).reshape(near.shape) + cell_start
        befores.append(cells[:-2, :-2].ravel())
        afters.append(cells[2:, 2:].ravel())
        cell_start += near.size
        row_start += len(first)
        column_start += len(second)
    distinct, pair = np.unique(np.concatenate(codes), return_inverse=True)
    return _Grid(
        pair=pair.astype(np.int64),
        row=np.concatenate(rows),
        column=np.concatenate(columns),
        row_prior=np.concatenate(row_priors),
        column_prior=np.concatenate(column_priors),
        pair_first=distinct // len(second_words),
        pair_second=distinct % len(second_words),
        first_words=first_words,
        second_words=second_words,
        before=np.concatenate(befores),
        after=np.concatenate(afters),
        sizes=[(len(first), len(second)) for first, second in pairs],
    )


def _prefer_diagonal(height: int, width: int, tension: float) -> Floats:
    down = (np.arange(height) + 0.5) / height
    across = (np.arange(width) + 0.5) / width
    near: Floats = np.exp(-tension * np.abs(down[:, None] - across[None, :]))
    return near


def _learn(grid: _Grid, rounds: int) -> tuple[Floats, Floats]:
    """The agreement of both directions per cell, and per word pair its expected count."""
    count: Floats = np.ones(len(grid.pair_first))
    agreement: Floats = np.zeros(len(grid.pair))
    for done in range(rounds):
        support = _support(grid, agreement) if done >= rounds // 2 else 1.0
        row_prior, column_prior = grid.row_prior * support, grid.column_prior * support
        forward = _expect(count, grid.pair, grid.pair_first, grid.pair_second, row_prior, grid.column)
        backward = _expect(count, grid.pair, grid.pair_second, grid.pair_first, column_prior, grid.row)
        agreement = np.sqrt(forward * backward)
        count = np.bincount(grid.pair, agreement, minlength=len(count)).astype(np.float64)
    return agreement, count


def _support(grid: _Grid, agreement: Floats) -> Floats:
    """Per cell, how well a link there would go with links of the words beside it, around 1."""
    padded = np.append(agreement, 0.0)
    result: Floats = NEIGHBOUR_FLOOR + padded[grid.before] + padded[grid.after]
    return result


def _expect(count: Floats, pair: Integers, given: Integers, made: Integers, prior: Floats, place: Integers) -> Floats:
    """Per cell, the probability that the word made at this place comes from the given word, not another or none."""
    partners, total = np.bincount(given), np.bincount(given, count)
    scale = digamma(total + PRIOR_COUNT * partners)[given]
    weight = np.exp(digamma(count + PRIOR_COUNT) - scale)[pair] * prior * (1 - NULL_SHARE)
    occurrences = np.bincount(place)
    frequency = np.bincount(made[pair], 1 / occurrences[place]) / len(occurrences)
    made_at = np.zeros(len(occurrences), dtype=np.int64)
    made_at[place] = made[pair]
    result: Floats = weight / (np.bincount(place, weight) + NULL_SHARE * frequency[made_at])[place]
    return result


def _cut_out(grid: _Grid, agreement: Floats, least: float) -> Iterator[Links]:
    """Per sentence pair, the cells that both directions agree on."""
    start = 0
    for height, width in grid.sizes:
        cells = agreement[start : start + height * width].reshape(height, width)
        start += height * width
        yield frozenset((int(row), int(column)) for row, column in np.argwhere(cells >= least))


def _list_translations(grid: _Grid, count: Floats) -> dict[str, tuple[tuple[str, float], ...]]:
    total = np.bincount(grid.pair_first, count, minlength=len(grid.first_words))
    found: dict[str, list[tuple[str, float]]] = {}
    for first, second, amount in zip(grid.pair_first, grid.pair_second, count, strict=True):
        share = amount / total[first] if total[first] > 0 else 0.0
        if share >= SHARE_SHOWN:
            found.setdefault(grid.first_words[first], []).append((grid.second_words[second], float(share)))
    return {word: tuple(sorted(partners, key=lambda entry: (-entry[1], entry[0]))) for word, partners in found.items()}
