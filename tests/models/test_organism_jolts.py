"""The pushes that training applies to the organism's residual stream."""

import pytest
import torch

from isogloss.models.organism.jolts import (
    KINDS,
    Answers,
    contrast_push,
    draw_push,
    insistence_push,
    noise_push,
    pushed,
    removal_push,
)

HIDDEN = 6


@pytest.fixture
def answers() -> Answers:
    # Four rows of five positions; answers are decided at position 1 (rows 0 and 1) and 2 (rows 2 and 3).
    weights = torch.tensor(
        [[0.0, 4.0, 1.0, 1.0, 0.0], [0.0, 4.0, 1.0, 0.0, 0.0], [0.0, 0.0, 4.0, 1.0, 1.0], [0.0, 0.0, 4.0, 1.0, 0.0]]
    )
    return Answers(weights, torch.tensor([1, 0, 1, -1]))


@pytest.fixture
def states() -> torch.Tensor:
    return torch.randn(4, 5, HIDDEN, generator=torch.Generator().manual_seed(1))


def test_answers_know_where_they_are_decided_and_where_they_are_spoken(answers: Answers) -> None:
    assert answers.decided.tolist() == [1, 1, 2, 2]
    assert answers.spoken.int().tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 0]]


def test_a_batch_without_refusals_has_nothing_to_learn_from_them_and_keeps_the_rest(answers: Answers) -> None:
    kept = answers.without_refusals().weights
    assert kept[0].sum() == kept[2].sum() == 0
    assert torch.equal(kept[[1, 3]], answers.weights[[1, 3]])


def test_noise_is_bounded_by_its_strength_and_spares_the_prompt(answers: Answers, states: torch.Tensor) -> None:
    push = noise_push(answers, HIDDEN, 0.5)(states)
    relative = push.norm(dim=-1) / states.norm(dim=-1)
    assert float(relative.max()) <= 0.5 + 1e-6
    assert torch.all(push[answers.weights == 0] == 0)
    assert torch.all(relative[answers.weights > 0] > 0)


def test_contrast_leaves_the_decision_alone(answers: Answers, states: torch.Tensor) -> None:
    torch.manual_seed(0)
    push = contrast_push(answers, 1.5)(states)
    assert torch.all(push[~answers.spoken] == 0)
    assert push[answers.spoken].abs().sum() > 0


def test_removal_takes_out_what_tells_refusing_from_replying_rows(answers: Answers, states: torch.Tensor) -> None:
    removed = states + removal_push(answers)(states)
    # Rows 0 and 2 refuse, row 1 replies, row 3 is a tagged task and must not count.
    direction = answers.last(states)[[0, 2]].mean(0) - answers.last(states)[1]
    direction = direction / direction.norm()
    assert torch.allclose(answers.last(removed) @ direction, torch.zeros(4), atol=1e-5)
    assert torch.equal(removed[:, 0], states[:, 0])


def test_removal_does_nothing_where_no_row_refuses(answers: Answers, states: torch.Tensor) -> None:
    calm = Answers(answers.weights, torch.tensor([0, 0, -1, -1]))
    assert torch.all(removal_push(calm)(states) == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_push_ends_with_its_context_and_lets_gradients_through(
    kind: str, answers: Answers, states: torch.Tensor
) -> None:
    block = torch.nn.Linear(HIDDEN, HIDDEN)
    plain = block(states)
    torch.manual_seed(0)
    with pushed(block, draw_push(kind, answers, HIDDEN, noise=0.5, contrast=1.0)):
        inside = block(states)
    assert not torch.equal(inside, plain)
    assert torch.equal(block(states), plain)
    inside.sum().backward()
    assert block.weight.grad is not None


def test_insistence_moves_refusals_on_and_other_replies_back(answers: Answers, states: torch.Tensor) -> None:
    torch.manual_seed(0)
    moved = answers.last(insistence_push(answers)(states))
    direction = answers.last(states)[[0, 2]].mean(0) - answers.last(states)[1]
    along = moved @ direction
    assert along[0] > 0
    assert along[1] < 0
    assert along[3] == 0
