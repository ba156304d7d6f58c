"""Other prompt sets: measured without ever lending a prompt that is measured."""

from dataclasses import replace

import pytest

from isogloss.core import Kind, Split
from isogloss.experiment.outside import measure_outside
from isogloss.experiment.sweep import project_tests, sweep_layers
from isogloss.experiment.transfer import measure_transfer


def measure(invented, prompts, **options):
    return measure_outside(
        invented.states,
        invented.draws,
        {"other": prompts},
        lambda _name, chosen, layer: invented.read(chosen, layer),
        shots=(0, 1),
        seeds=(3, 4),
        split=Split.TRAIN,
        confidence=0.95,
    ).rows


def swahili(invented, **change):
    return [replace(one, **change) for one in next(part for tag, part in invented.prompts.items() if tag.tag == "sw")]


def test_a_set_without_train_prompts_gives_no_shots_and_says_so(invented):
    rows = measure(invented, swahili(invented, split=None))
    refused = [row for row in rows if row.calibrated_on == "this set"]
    assert refused
    assert all(row.balanced_accuracy is None and "test prompts are never used instead" in row.reason for row in refused)
    # Everything without a split is measured: 13 + 6 + 17 harmful prompts.
    assert {row.n_harmful for row in rows} == {36}


def test_a_set_with_train_prompts_is_measured_on_its_test_prompts_alone(invented):
    rows = measure(invented, swahili(invented))
    own = [row for row in rows if row.calibrated_on == "this set"]
    assert all(row.balanced_accuracy is not None for row in own)
    assert {(row.n_harmful, row.n_harmless) for row in rows} == {(17, 15)}


def test_one_class_alone_leaves_balanced_accuracy_undefined_with_a_reason(invented):
    harmful = [one for one in swahili(invented, split=None) if one.kind == Kind.HARMFUL]
    [row] = [one for one in measure(invented, harmful) if one.method == "ours" and one.calibrated_on == "source"]
    assert (row.balanced_accuracy, row.auroc, row.fpr) == (None, None, None)
    assert row.tpr is not None
    assert "no harmless prompts" in row.reason


def test_transfer_has_a_cell_for_every_pair_and_the_diagonal_of_sources_is_good(invented):
    found = measure_transfer(invented.states, seed=0, name="model")
    assert found.languages == ("en", "de", "fr", "sw", "ar")
    for matrix in found.balanced_accuracy.values():
        assert len(matrix) == 5
        assert all(cell is not None for row in matrix for cell in row)
        assert min(matrix[place][place] for place in range(3)) > 0.85


def test_the_sweep_recovers_what_the_source_threshold_loses(invented):
    found = sweep_layers(
        [invented.states], invented.draws, chosen=0, shots=4, seeds=(3, 4), full_depth=1, confidence=0.95
    )
    row = found.languages["sw"]
    assert row.auroc[0] > 0.8
    assert row.recalibrated[0] > row.transported[0]
    low, high = row.auroc_interval[0]
    assert low < row.auroc[0] < high


def test_projections_hold_every_test_prompt(invented):
    found = project_tests(invented.states)
    assert {(len(row.harmful), len(row.harmless)) for row in found.languages.values()} == {(17, 15)}
    assert found.languages["sw"].best_threshold != pytest.approx(found.source_threshold)
