"""The batched AdamW fits against torch's own optimiser, one fit at a time."""

import numpy as np
import pytest
import torch

from isogloss.core.errors import TooFewPrompts
from isogloss.repair.published import readout
from isogloss.repair.published.readout import FEW_SHOT_LOGISTIC, GATE_LOGISTIC, LogisticRecipe, fit_readouts
from isogloss.repair.published.shots import ShotBatch

WIDTH = 4


def make_problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Source rows, labels, and the shots of fits with k = 0, 1, 3 and again 1."""
    drawn = np.random.default_rng(seed)
    labels = drawn.random(60) < 0.4
    features = drawn.normal(size=(60, WIDTH)) * [1, 5, 0.3, 2] + 3 + labels[:, None]
    parts = []
    for k in (0, 1, 3, 1):
        own = np.repeat([True, False], k)
        parts.append((drawn.normal(size=(2 * k, WIDTH)) * 2 + own[:, None], own))
    return features, labels, parts


def train_with_torch(
    features: np.ndarray, labels: np.ndarray, recipe: LogisticRecipe, seed: int, dtype: torch.dtype
) -> np.ndarray:
    """Logits of the training rows by ``torch.optim.AdamW`` on ``nn.Linear``, standardised as the notes say."""
    rows = torch.tensor(features, dtype=dtype)
    rows = (rows - rows.mean(0)) / rows.std(0, unbiased=False).clamp_min(1e-6)
    wanted = torch.tensor(labels, dtype=dtype)
    unit = torch.nn.Linear(rows.shape[1], 1).to(dtype)
    start = torch.zeros(1, rows.shape[1])
    if recipe.random_start:
        bound = (6 / (rows.shape[1] + 1)) ** 0.5
        start = torch.empty(1, rows.shape[1]).uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        unit.weight.copy_(start)
        unit.bias.zero_()
    optimiser = torch.optim.AdamW(unit.parameters(), lr=recipe.learning_rate, weight_decay=recipe.decay)
    weight = (1 - wanted).sum() / wanted.sum() if recipe.balanced else None
    for _ in range(recipe.steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(unit(rows)[:, 0], wanted, pos_weight=weight)
        (loss + recipe.penalty * (unit.weight**2).sum()).backward()
        optimiser.step()
    return unit(rows)[:, 0].detach().double().numpy()


@pytest.mark.parametrize("recipe", [GATE_LOGISTIC, FEW_SHOT_LOGISTIC], ids=["gate", "few-shot"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_fits_side_by_side_equal_torchs_optimiser_one_by_one(
    recipe: LogisticRecipe, dtype: torch.dtype, tolerance: float
) -> None:
    features, labels, parts = make_problem()
    seeds = [11, 12, 13, 14]
    found = fit_readouts(features, labels, ShotBatch.stack(parts), seeds=seeds, recipe=recipe, dtype=dtype)
    for fit, (own, kinds) in enumerate(parts):
        rows, wanted = np.concatenate([features, own]), np.concatenate([labels, kinds])
        expected = train_with_torch(rows, wanted, recipe, seeds[fit], dtype)
        assert np.abs(found.score(rows)[fit] - expected).max() <= tolerance


def test_two_by_two_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, parts = make_problem()
    whole = fit_readouts(features, labels, ShotBatch.stack(parts), seeds=[1, 2, 3, 4])
    monkeypatch.setattr(readout, "CHUNK_LOGITS", 2 * len(features))
    cut = fit_readouts(features, labels, ShotBatch.stack(parts), seeds=[1, 2, 3, 4])
    assert np.abs(whole.weights - cut.weights).max() <= 1e-12


def test_shots_alone_can_be_fitted_without_shared_rows() -> None:
    _, _, parts = make_problem()
    nothing = np.zeros((0, WIDTH)), np.zeros(0, bool)
    found = fit_readouts(*nothing, ShotBatch.stack(parts[2:3]), seeds=[0], recipe=FEW_SHOT_LOGISTIC)
    expected = train_with_torch(*parts[2], FEW_SHOT_LOGISTIC, 0, torch.float64)
    assert np.abs(found.score(parts[2][0])[0] - expected).max() <= 1e-10


def test_the_population_deviation_is_clamped_where_a_feature_is_constant() -> None:
    features, labels, _ = make_problem()
    features[:, 2] = 7.0
    found = fit_readouts(features, labels, ShotBatch.none(1, WIDTH), seeds=[0])
    assert found.scale[0, 2] == 1e-6
    assert found.scale[0, 0] == pytest.approx(features[:, 0].std(), rel=1e-12)


def test_padding_does_not_count() -> None:
    features, labels, parts = make_problem()
    alone = fit_readouts(features, labels, ShotBatch.stack(parts[1:2]), seeds=[5])
    padded = fit_readouts(features, labels, ShotBatch.stack([parts[2], parts[1]]), seeds=[4, 5])
    assert np.abs(alone.weights[0] - padded.weights[1]).max() <= 1e-12


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(TooFewPrompts, match="both kinds"):
        fit_readouts(np.ones((3, 1)), np.ones(3, bool), ShotBatch.none(1, 1), seeds=[0])
