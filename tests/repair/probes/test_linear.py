"""Direction bank, full space and the permutation control."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.core import Language
from isogloss.repair.probes.forms import Form
from isogloss.repair.probes.linear import fit_bank_probe, fit_full_space_probe
from isogloss.repair.probes.permutation import fit_permuted_gate, permute_labels
from isogloss.repair.published.gate import fit_published_gate
from isogloss.repair.published.rows import Rows
from isogloss.stats.separability import auroc

SWAHILI = Language.parse("sw")


def test_the_bank_reads_nothing_outside_the_source_directions(source_rows: Rows) -> None:
    detector = fit_bank_probe(source_rows, {}, layer=0, seed=0)
    bank = np.stack([a.mean(0) - b.mean(0) for a, b in source_rows.classes().values()], axis=1).astype(float)
    inside = bank @ np.linalg.lstsq(bank, detector.fallback.vector, rcond=None)[0]
    assert detector.fallback.vector == pytest.approx(inside, abs=1e-5)


def test_the_full_space_probe_ranks_as_a_converged_logistic_fit_does(
    source_rows: Rows, held_out_rows: dict[Language, Rows]
) -> None:
    detector = fit_full_space_probe(source_rows, {}, layer=0, seed=0)
    converged = LogisticRegression(class_weight="balanced").fit(source_rows.hidden, source_rows.harmful)
    states = held_out_rows[SWAHILI].hidden
    correlation = np.corrcoef(detector.score(states, None), converged.decision_function(states))[0, 1]
    assert correlation > 0.97


@pytest.mark.parametrize("fit", [fit_bank_probe, fit_full_space_probe])
def test_every_target_gets_its_own_readout_and_threshold(
    fit: object, source_rows: Rows, shot_rows: dict[Language, Rows]
) -> None:
    detector = fit(source_rows, shot_rows, layer=4, seed=0)
    assert detector.layer == 4
    assert set(detector.readouts) == set(detector.thresholds) == {"sw-Latn", "yo-Latn"}
    again = fit(source_rows, shot_rows, layer=4, seed=0)
    assert np.array_equal(again.readouts["sw-Latn"].vector, detector.readouts["sw-Latn"].vector)


def test_the_corrected_permutation_keeps_class_sizes_in_every_language(source_rows: Rows) -> None:
    uneven = source_rows.take([*range(50), *range(80, 240)])
    for form in Form:
        shuffled = permute_labels(uneven, seed=0, form=form)
        assert shuffled.harmful.sum() == uneven.harmful.sum()
        assert (shuffled.harmful != uneven.harmful).any()
        kept = [
            len(shuffled.of(language).classes()[language][0]) == len(uneven.of(language).classes()[language][0])
            for language in uneven.classes()
        ]
        assert all(kept) == (form == Form.CORRECTED)


def test_shuffled_labels_leave_chance(source_rows: Rows, held_out_rows: dict[Language, Rows]) -> None:
    rows = held_out_rows[SWAHILI]

    def area(detector: object) -> float:
        scores = detector.score(rows.hidden, SWAHILI)
        return auroc(scores[rows.harmful], scores[~rows.harmful])

    true = area(fit_published_gate(source_rows, {}, layer=0, seed=0).detector)
    shuffled = [
        area(fit_permuted_gate(source_rows, {}, layer=0, seed=seed, form=Form.CORRECTED).detector) for seed in range(20)
    ]
    assert true > 0.95
    # One shuffle may align with the truth or against it by luck; the mean of twenty lies near one half.
    assert abs(np.mean(shuffled) - 0.5) < 0.2
    assert true > np.quantile(shuffled, 0.9)
