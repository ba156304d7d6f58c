"""Kappa and alpha against hand arithmetic and a published example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.judges.reliability import cohen_kappa, krippendorff_alpha, measure_reliability

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, missing
# values; nominal alpha is published as 0.743.
PUBLISHED = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]


def test_alpha_reproduces_the_published_example():
    columns = [[None if sign == "." else sign for sign in line.split()] for line in PUBLISHED]
    assert krippendorff_alpha(list(zip(*columns, strict=True))) == pytest.approx(0.743, abs=5e-4)


def test_alpha_by_hand():
    # Units aa, ab, bb: coincidences aa 2, ab 1, ba 1, bb 2; n = 6, each label 3. Disagreement observed 2 / 6,
    # expected (3 * 3 + 3 * 3) / (6 * 5) = 18 / 30. Alpha = 1 - (1/3) / (3/5) = 4 / 9.
    assert krippendorff_alpha([["a", "a"], ["a", "b"], ["b", "b"]]) == pytest.approx(4 / 9)


def test_kappa_by_hand():
    # 20 both yes, 5 yes/no, 10 no/yes, 15 both no: agreed 0.7; yes-shares 0.5 and 0.6, by chance 0.3 + 0.2 = 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_one_label_alone_leaves_both_undefined():
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    found = measure_reliability([["a", "a"]] * 3, ["1", "2", "3"], seed=0)
    assert (found.percent.value, found.kappa.value, found.kappa.reason) == (1.0, None, "only one label occurs")


def test_units_rated_once_count_for_nothing():
    found = measure_reliability([["a", None], ["a", "a"], ["a", "b"]], ["1", "2", "3"], seed=0)
    assert (found.units, found.clusters, found.percent.value) == (2, 2, 0.5)


def test_kappa_is_for_two_raters_and_says_so():
    found = measure_reliability([["a", "a", "b"], ["b", "b", "b"]], ["1", "2"], seed=0)
    assert found.kappa.value is None
    assert "two raters" in found.kappa.reason
    assert found.alpha.value is not None
    # pairs that agree: 1 of 3 and 3 of 3, weighted by ratings alike
    assert found.percent.value == pytest.approx(2 / 3)


def test_translations_of_one_prompt_are_drawn_together():
    units = [["a", "a"], ["b", "b"], ["a", "b"], ["b", "a"]] * 10
    apart = measure_reliability(units, [str(number) for number in range(40)], seed=1)
    together = measure_reliability(units, [str(number % 4) for number in range(40)], seed=1)
    assert apart.alpha.value == pytest.approx(together.alpha.value)
    wide = together.percent.interval[1] - together.percent.interval[0]
    narrow = apart.percent.interval[1] - apart.percent.interval[0]
    assert wide > 2 * narrow


def test_nothing_and_one_prompt_are_undefined_with_a_reason():
    assert measure_reliability([], [], seed=0).alpha.reason == "nothing was rated twice"
    lone = measure_reliability([["a", "a"], ["a", "b"]], ["1", "1"], seed=0)
    assert (lone.alpha.interval, lone.alpha.reason) == (None, "one prompt alone has no interval")
    with pytest.raises(ValueError, match="one entry per rater"):
        measure_reliability([["a"], ["a", "b"]], ["1", "2"], seed=0)


labels = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=30))
def test_order_of_raters_and_units_does_not_matter(units):
    turned = [(second, first) for first, second in reversed(units)]
    assert krippendorff_alpha(units) == pytest.approx(krippendorff_alpha(turned), nan_ok=True)
    assert cohen_kappa(*zip(*units, strict=True)) == pytest.approx(cohen_kappa(*zip(*turned, strict=True)), nan_ok=True)


@given(st.lists(labels, min_size=2, max_size=30))
def test_perfect_agreement_is_one_or_undefined(column):
    assert krippendorff_alpha([(label, label) for label in column]) in (None, pytest.approx(1.0))
