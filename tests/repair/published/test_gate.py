"""The whole published gate, derived a second time in plain torch."""

import numpy as np
import pytest
import torch

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.repair.published.gate import PublishedGate, fit_published_gate
from isogloss.repair.published.probe import fit_probes
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.shots import ShotBatch, draw_published_shots, published_seed

SWAHILI, YORUBA = Language.parse("sw"), Language.parse("yo")


def draw(rows: Rows, shots: int) -> Rows:
    return rows.take(draw_published_shots(rows.harmful, shots, seed=shots))


def derive_logits(basis: np.ndarray, source: Rows, own: Rows, k: int, seed: int, test: np.ndarray) -> np.ndarray:
    """Logits of test rows under a probe trained by torch.optim.AdamW in float64 on source rows and k shots."""
    rank = basis.shape[1]
    project = torch.tensor(np.asarray(basis, np.float64))
    rows = torch.tensor(np.concatenate([source.hidden, own.hidden]).astype(np.float64)) @ project
    labels = torch.tensor(np.concatenate([source.harmful, own.harmful]).astype(np.float64))
    centre, scale = rows.mean(0), rows.var(0, correction=0).sqrt().clamp_min(1e-6)
    bound = (6 / (rank + 1)) ** 0.5
    key = SWAHILI.key if k else ""
    generator = torch.Generator().manual_seed(published_seed(seed, "", key, k, rank, "probe"))
    weights = torch.empty(1, rank).uniform_(-bound, bound, generator=generator)[0].double().requires_grad_()
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.AdamW([weights, bias], lr=0.05, weight_decay=0.01)
    loss_of = torch.nn.BCEWithLogitsLoss(pos_weight=(labels == 0).sum() / (labels == 1).sum())
    for _ in range(80):
        optimiser.zero_grad()
        loss_of(((rows - centre) / scale) @ weights + bias, labels).backward()
        optimiser.step()
    features = torch.tensor(test.astype(np.float64)) @ project
    return (((features - centre) / scale) @ weights + bias).detach().numpy()


def search_threshold(scores: np.ndarray, harmful: np.ndarray) -> float:
    """By trying every candidate; strict improvement keeps the lowest."""
    values = np.unique(scores)
    best, chosen = -1.0, 0.0
    for cut in [values[0] - 1e-6, *(values[:-1] + values[1:]) / 2, values[-1] + 1e-6]:
        hit, alarm = (scores[harmful] >= cut).mean(), (scores[~harmful] >= cut).mean()
        quality = 2 * hit / (1 + hit + alarm)
        if quality > best + 1e-12:
            best, chosen = quality, float(cut)
    return chosen


@pytest.mark.parametrize("k", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("rank", [1, 4])
def test_logits_and_thresholds_agree_with_a_second_derivation(
    source_rows: Rows, target_rows: dict[Language, Rows], k: int, rank: int
) -> None:
    own = draw(target_rows[SWAHILI], k)
    gate = fit_published_gate(source_rows, {SWAHILI: own}, layer=1, rank=rank, seed=7)
    test = target_rows[SWAHILI].hidden
    expected = derive_logits(gate.basis, source_rows, own, k, 7, test)
    # Section 9 reaches 7.5e-6 for logits and 3e-6 for thresholds, in float32.
    assert np.abs(gate.detector.score(test, SWAHILI) - expected).max() <= 7.5e-6
    counted = own if k else source_rows
    scores = derive_logits(gate.basis, source_rows, own, k, 7, counted.hidden)
    assert gate.detector.threshold(SWAHILI) == pytest.approx(search_threshold(scores, counted.harmful), abs=3e-6)


def test_every_language_has_its_own_probe_and_others_the_source_probe(
    source_rows: Rows, target_rows: dict[Language, Rows]
) -> None:
    shots = {language: draw(rows, 2) for language, rows in target_rows.items()}
    gate = fit_published_gate(source_rows, shots, layer=1, seed=0)
    alone = fit_published_gate(source_rows, {YORUBA: shots[YORUBA]}, layer=1, seed=0)
    states = target_rows[YORUBA].hidden
    assert gate.detector.score(states, YORUBA) == pytest.approx(alone.detector.score(states, YORUBA), abs=1e-9)
    assert gate.detector.threshold(YORUBA) == pytest.approx(alone.detector.threshold(YORUBA), abs=1e-9)
    assert not np.allclose(gate.detector.score(states, YORUBA), gate.detector.score(states, SWAHILI), atol=1e-6)
    english = Language.parse("en")
    assert np.array_equal(gate.detector.score(states, english), gate.detector.score(states, None))
    assert gate.detector.threshold(english) == gate.detector.fallback_threshold
    assert gate.shots == {"sw-Latn": (2, 2), "yo-Latn": (2, 2)}


def test_known_defect_one_inverted_shot_flags_everything_and_is_reported(
    source_rows: Rows, target_rows: dict[Language, Rows]
) -> None:
    plain = fit_published_gate(source_rows, {}, layer=1, seed=0).detector
    rows = target_rows[SWAHILI]
    order = np.argsort(plain.score(rows.hidden, None))
    pair = rows.take([order[0], order[-1]])
    # The least harmful-looking state is called harmful and the most harmful-looking one harmless.
    wrong = Rows(pair.hidden, np.array([True, False]), pair.languages)
    gate = fit_published_gate(source_rows, {SWAHILI: wrong}, layer=1, seed=0)
    scores = gate.detector.score(rows.hidden, SWAHILI)
    assert gate.flags_all == ("sw-Latn",)
    assert (scores >= gate.detector.threshold(SWAHILI)).mean() > 0.9
    right = Rows(pair.hidden, np.array([False, True]), pair.languages)
    assert fit_published_gate(source_rows, {SWAHILI: right}, layer=1, seed=0).flags_all == ()


def test_a_grid_of_fits_equals_the_gates_one_by_one(source_rows: Rows, target_rows: dict[Language, Rows]) -> None:
    gate: PublishedGate = fit_published_gate(source_rows, {}, layer=1, seed=0)
    basis = gate.basis.astype(np.float64)
    cells = [(language, k) for language in target_rows for k in (0, 1, 4)]
    own = [draw(target_rows[language], k) for language, k in cells]
    shots = ShotBatch.stack([(rows.hidden @ basis, rows.harmful) for rows in own])
    seeds = [published_seed(0, "", language.key if k else "", k, basis.shape[1], "probe") for language, k in cells]
    probes = fit_probes(source_rows.hidden @ basis, source_rows.harmful, shots, seeds=seeds)
    for fit, (language, _) in enumerate(cells):
        one = fit_published_gate(source_rows, {language: own[fit]}, layer=1, seed=0).detector
        states = target_rows[language].hidden
        assert probes.readouts.score(states @ basis)[fit] == pytest.approx(one.score(states, language), abs=1e-6)
        assert probes.thresholds[fit] == pytest.approx(one.threshold(language), abs=1e-6)


def test_shots_of_one_kind_are_refused(source_rows: Rows, target_rows: dict[Language, Rows]) -> None:
    rows = target_rows[SWAHILI]
    with pytest.raises(TooFewPrompts, match="shots in sw: no harmless rows"):
        fit_published_gate(source_rows, {SWAHILI: rows.take(np.flatnonzero(rows.harmful))}, layer=1, seed=0)
