"""A row's sample depends on its seed, its own tokens and the scores, and follows the probabilities."""

import numpy as np
import torch

from isogloss.models.sampling import draw_luck, draw_tokens


def test_luck_depends_on_the_row_alone_and_a_longer_draw_starts_the_same() -> None:
    both = draw_luck([[1, 2, 3], [4, 5]], seed=1, count=8)
    assert np.array_equal(draw_luck([[4, 5]], seed=1, count=3)[0], both[1, :3])
    assert not np.array_equal(both[0], both[1])
    assert not np.array_equal(draw_luck([[4, 5]], seed=2, count=8)[0], both[1])
    assert both.min() >= 0
    assert both.max() < 1


def test_a_token_is_read_off_the_cumulative_distribution() -> None:
    # Probabilities 0.5, 0.3, 0.2 in the order of tokens 1, 2, 0: cumulative 0.5, 0.8, 1.0.
    scores = torch.tensor([0.2, 0.5, 0.3]).log().repeat(6, 1)
    luck = torch.tensor([0.0, 0.49, 0.51, 0.79, 0.81, 0.999])
    assert draw_tokens(scores, luck, temperature=1.0, top_p=1.0).tolist() == [1, 1, 2, 2, 0, 0]


def test_the_nucleus_keeps_the_likeliest_tokens_with_enough_mass() -> None:
    # Of 0.5, 0.3, 0.2 a mass of 0.6 needs the first two; within them 0.5 / 0.8 = 0.625 falls to token 1.
    scores = torch.tensor([0.2, 0.5, 0.3]).log().repeat(4, 1)
    luck = torch.tensor([0.0, 0.62, 0.63, 0.9999])
    assert draw_tokens(scores, luck, temperature=1.0, top_p=0.6).tolist() == [1, 1, 2, 2]
    assert draw_tokens(scores, luck, temperature=1.0, top_p=0.01).tolist() == [1, 1, 1, 1]


def test_temperature_sharpens_the_distribution() -> None:
    # Temperature 0.5 squares 0.5, 0.3, 0.2 to 0.25, 0.09, 0.04 of 0.38: cumulative 0.658, 0.895, 1.
    scores = torch.tensor([0.2, 0.5, 0.3]).log().repeat(3, 1)
    assert draw_tokens(scores, torch.tensor([0.65, 0.67, 0.9]), temperature=0.5, top_p=1.0).tolist() == [1, 2, 0]


def test_samples_follow_the_probabilities() -> None:
    chances = torch.tensor([0.2, 0.5, 0.3])
    luck = torch.from_numpy(draw_luck([[number] for number in range(4000)], seed=0, count=1)[:, 0])
    drawn = draw_tokens(chances.log().repeat(4000, 1), luck, temperature=1.0, top_p=1.0)
    share = torch.bincount(drawn, minlength=3) / 4000
    # Standard error at most sqrt(0.25 / 4000) = 0.008; four of them are 0.032.
    torch.testing.assert_close(share, chances, atol=0.032, rtol=0)


def test_a_forbidden_token_is_never_drawn() -> None:
    scores = torch.tensor([[-torch.inf, 0.0, -torch.inf]]).repeat(3, 1)
    assert draw_tokens(scores, torch.tensor([0.0, 0.5, 1 - 1e-7]), temperature=1.0, top_p=1.0).tolist() == [1, 1, 1]
