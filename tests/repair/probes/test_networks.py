"""Small networks: deterministic, balanced, each row on its own network."""

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.repair.probes.mlp import fit_mlp_detector, make_mlp
from isogloss.repair.probes.networks import Standardise, TrainingRecipe, build_network, train_network
from isogloss.repair.published.rows import Rows
from isogloss.stats.separability import auroc

SWAHILI, YORUBA = Language.parse("sw"), Language.parse("yo")


def test_full_batch_training_equals_a_plain_loop(source_rows: Rows) -> None:
    start = build_network(lambda: make_mlp(source_rows.hidden), seed=0)
    before = {name: value.clone() for name, value in start.state_dict().items()}
    rows = source_rows.take(range(100))
    trained = train_network(start, rows, TrainingRecipe(3, None, 0.01, 0.1), seed=0)
    hidden = rows.hidden.astype(np.float64)
    standard = (source_rows.hidden - source_rows.hidden.astype(float).mean(0)) / source_rows.hidden.astype(float).std(0)
    inputs, wanted = torch.tensor(standard[:100]), torch.tensor(rows.harmful.astype(float))
    other = nn.Sequential(nn.Linear(hidden.shape[1], 32), nn.GELU(), nn.Linear(32, 1)).double()
    with torch.no_grad():
        for mine, name in zip(other.parameters(), ("1.weight", "1.bias", "3.weight", "3.bias"), strict=True):
            mine.copy_(before[name])
    optimiser = torch.optim.AdamW(other.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        scores = other(inputs)[:, 0]
        chance = torch.sigmoid(scores)
        # Sixty harmless rows for forty harmful ones.
        weight = float((wanted == 0).sum() / wanted.sum())
        (-(weight * wanted * chance.log() + (1 - wanted) * (1 - chance).log())).mean().backward()
        optimiser.step()
    found = trained(torch.from_numpy(rows.hidden))[:, 0].detach().numpy()
    assert found == pytest.approx(other(inputs)[:, 0].detach().numpy(), abs=1e-4)
    assert all(torch.equal(value, start.state_dict()[name]) for name, value in before.items())


def test_training_repeats_whatever_was_drawn_before(source_rows: Rows) -> None:
    recipe = TrainingRecipe(2, 16, 0.01, 0.0)

    def make() -> nn.Module:
        return nn.Sequential(Standardise(source_rows.hidden), nn.Dropout(0.5), nn.Linear(12, 1))

    def train() -> torch.Tensor:
        return train_network(build_network(make, seed=1), source_rows, recipe, seed=2)[2].weight

    torch.manual_seed(0)
    first, state = train(), torch.get_rng_state()
    torch.rand(7)
    assert torch.equal(first, train())
    torch.manual_seed(0)
    assert torch.equal(state, torch.get_rng_state())


def test_the_mlp_finds_what_no_line_can() -> None:
    # Harmful where both axes have the same sign: a linear readout is at chance.
    drawn = np.random.default_rng(0).normal(size=(600, 2))
    rows = Rows(drawn.astype(np.float32), drawn[:, 0] * drawn[:, 1] > 0, (SWAHILI,) * 600)
    detector = fit_mlp_detector(rows.take(range(400)), {}, layer=0, seed=0)
    scores = detector.score(drawn[400:], None)
    assert auroc(scores[rows.harmful[400:]], scores[~rows.harmful[400:]]) > 0.9


def test_rows_are_scored_by_the_network_of_their_language(
    source_rows: Rows, shot_rows: dict[Language, Rows], held_out_rows: dict[Language, Rows]
) -> None:
    detector = fit_mlp_detector(source_rows, shot_rows, layer=0, seed=0)
    states = held_out_rows[SWAHILI].hidden[:4]
    languages = [SWAHILI, None, YORUBA, SWAHILI]
    together = detector.prepare(languages, torch.device("cpu"))(torch.from_numpy(states)).numpy()
    alone = [detector.score(states[row : row + 1], language)[0] for row, language in enumerate(languages)]
    assert together == pytest.approx(alone, abs=1e-6)
    assert len({round(float(detector.score(states[:1], one)[0]), 5) for one in (SWAHILI, YORUBA, None)}) == 3


def test_shots_of_one_kind_are_refused(source_rows: Rows, shot_rows: dict[Language, Rows]) -> None:
    with pytest.raises(TooFewPrompts, match="shots in sw"):
        fit_mlp_detector(source_rows, {SWAHILI: shot_rows[SWAHILI].take([0, 1])}, layer=0, seed=0)
