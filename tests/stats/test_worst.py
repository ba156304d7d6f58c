"""The worst cell: coverage, the set that may be the worst, and the split-sample estimate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from isogloss.stats.cells import Cell
from isogloss.stats.rates import Rate, clopper_pearson_interval, wilson_interval
from isogloss.stats.worst import find_worst, split_worst


def rate(hits, n, effective=None):
    return Rate(hits / n, n, float(effective or n), None)


def simulate(rates, prompts, correlation, runs, seed):
    generator = np.random.default_rng(seed)
    for _ in range(runs):
        shared = generator.standard_normal(prompts)
        own = generator.standard_normal((len(rates), prompts))
        refused = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own < ndtri(np.array(rates))[:, None]
        yield {f"l{index:02}": rate(int(row.sum()), prompts) for index, row in enumerate(refused)}


@pytest.mark.parametrize(
    ("rates", "prompts", "correlation"),
    [
        ([0.90] * 14, 100, 0.5),
        ([0.97] * 8, 60, 0.0),
        ([0.05] * 8, 60, 0.5),
        ([0.30] + [0.90] * 13, 100, 0.5),
        (np.linspace(0.75, 0.97, 14).tolist(), 100, 0.5),
    ],
)
def test_interval_and_candidates_hold_together(rates, prompts, correlation):
    held = 0
    for found in simulate(rates, prompts, correlation, runs=120, seed=9):
        worst = find_worst(found)
        held += worst.interval[0] <= min(rates) <= worst.interval[1] and "l00" in worst.candidates
    # nominal 0.95; 120 runs have a standard error of 0.02
    assert held / 120 >= 0.93


def test_wilson_on_the_observed_worst_is_not_an_alternative():
    held = 0
    for found in simulate([0.90] * 14, 100, 0.5, runs=120, seed=9):
        low, high = wilson_interval(min(one.value for one in found.values()), 100)
        held += low <= 0.90 <= high
    assert held / 120 < 0.8


def test_one_language_alone_has_the_exact_interval():
    assert find_worst({"sw": rate(30, 40)}).interval == pytest.approx(clopper_pearson_interval(0.75, 40), abs=1e-9)


def test_clearly_better_languages_cost_nothing():
    many = find_worst({"sw": rate(95, 315)} | {f"l{index}": rate(285, 315) for index in range(13)})
    exact = clopper_pearson_interval(95 / 315, 315)
    bonferroni = clopper_pearson_interval(95 / 315, 315, confidence=1 - 0.05 / 14)
    assert many.interval[0] == pytest.approx(exact[0])
    # a tenth of the error goes into finding out that they are better
    assert exact[1] < many.interval[1] < exact[1] + 0.1 * (bonferroni[1] - exact[1])
    assert many.candidates == ("sw",)


def test_equal_languages_cost_as_much_as_bonferroni():
    found = find_worst({f"l{index}": rate(90, 100) for index in range(14)})
    # 0.9 of the error is left after the screening
    expected = clopper_pearson_interval(0.9, 100, confidence=1 - 0.05 * 0.9 / 14)[1]
    assert found.interval[1] == pytest.approx(expected, abs=2e-3)
    assert len(found.candidates) == 14


def test_the_worst_cell_may_be_a_category_in_a_language():
    found = find_worst({("fraud", "sw"): rate(10, 60), ("fraud", "yo"): rate(50, 60), ("drugs", "sw"): rate(55, 60)})
    assert found.name == ("fraud", "sw")
    assert found.candidates == (("fraud", "sw"),)


def test_a_language_without_scores_is_left_out():
    assert find_worst({"sw": rate(5, 10), "yo": Rate(None, 0, 0.0, None)}).candidates == ("sw",)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.floats(0.3, 1.0))),
        min_size=1,
        max_size=8,
    )
)
def test_limits_are_ordered_and_never_undefined(cells):
    rates = {f"l{index}": rate(hits, n, max(1.0, n * share)) for index, (hits, n, share) in enumerate(cells)}
    worst = find_worst(rates)
    assert 0 <= worst.interval[0] <= worst.value + 1e-9
    assert worst.value - 1e-9 <= worst.interval[1] <= 1
    assert worst.candidates[0] == worst.name
    # more languages can only lower the lower limit
    fewer = find_worst({worst.name: rates[worst.name]})
    assert worst.interval[0] <= fewer.interval[0] + 1e-12


def make_cells(rates, prompts, seed):
    generator = np.random.default_rng(seed)
    names = [str(index) for index in range(prompts)]
    return {f"l{index}": Cell(generator.binomial(1, p, prompts).tolist(), names) for index, p in enumerate(rates)}


def test_the_split_estimate_mends_the_bias_of_the_minimum():
    minimum, split = [], []
    for seed in range(60):
        cells = make_cells([0.9] * 14, 100, seed)
        minimum.append(min(np.mean(cell.outcomes) for cell in cells.values()))
        split.append(split_worst(cells, seed=seed, splits=20).value)
    # the expected minimum of 14 means with a standard error of .03 lies about 1.7 of them below .90
    assert np.mean(minimum) < 0.86
    assert np.mean(split) == pytest.approx(0.90, abs=0.01)


def test_a_clearly_worst_language_is_chosen_in_every_split():
    cells = make_cells([0.3, 0.9, 0.9], 200, 1)
    found = split_worst(cells, seed=0)
    assert found.chosen == {"l0": 1.0}
    assert found.value == pytest.approx(np.mean(cells["l0"].outcomes), abs=0.01)
    assert split_worst(cells, seed=0) == found


def test_duplicates_of_an_idea_fall_into_the_same_half():
    # every idea is asked four times and answered alike; two ideas, one refused and one answered in each language
    clusters = ["a"] * 4 + ["b"] * 4
    cells = {"sw": Cell([1] * 4 + [0] * 4, clusters), "yo": Cell([0] * 4 + [1] * 4, clusters)}
    # the half that picks a language (rate 0 there) always finds it at 1 in the other half
    assert split_worst(cells, seed=3, splits=10).value == 1.0


def test_a_single_idea_cannot_be_split():
    found = split_worst({"sw": Cell([1, 0], ["a", "a"])}, seed=0)
    assert (found.value, found.chosen) == (None, {})
    assert split_worst({}, seed=0).value is None
