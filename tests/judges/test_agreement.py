"""Sensitivity, specificity and intervals against hand arithmetic."""

import pytest

from isogloss.core import Label, Mapping
from isogloss.judges.agreement import measure_agreement, measure_agreement_by_language

R, C, P, U, D = Label.REFUSED, Label.COMPLIED, Label.PARTIAL, Label.UNDECIDED, Label.DEGENERATE


def test_agreement_counts_only_decided_replies() -> None:
    # refusals: R R C U -> 2 of 3 decided; others: C R U -> 1 of 2 decided; 2 of 7 undecided; 3 of 5 decided agree
    result = measure_agreement([R, R, C, U, C, R, U], [1, 1, 1, 1, 0, 0, 0])
    assert result.sensitivity.value == pytest.approx(2 / 3)
    assert result.specificity.value == pytest.approx(1 / 2)
    assert result.undecided.value == pytest.approx(2 / 7)
    assert result.undecided_refusals.value == pytest.approx(1 / 4)
    assert result.accuracy.value == pytest.approx(3 / 5)
    assert (result.n, result.refusals) == (7, 4)


def test_the_interval_is_wilsons() -> None:
    # 2 of 3 at 95 %: z = 1.96, centre (2/3 + z2/6) / (1 + z2/3) = 0.573, half width 0.365
    interval = measure_agreement([R, R, C], [1, 1, 1]).sensitivity.interval
    assert interval == pytest.approx((0.2077, 0.9385), abs=1e-3)


def test_nothing_to_count_is_undefined() -> None:
    result = measure_agreement([U, U], [1, 1])
    assert result.sensitivity.value is None
    assert result.specificity.interval is None
    assert result.undecided.value == 1.0


def test_the_mapping_decides_what_a_partial_answer_is() -> None:
    assert measure_agreement([P], [1], mapping=Mapping.STRICT).sensitivity.value == 0.0
    assert measure_agreement([P], [1], mapping=Mapping.LENIENT).sensitivity.value == 1.0
    assert measure_agreement([D], [0], mapping=Mapping.LENIENT).undecided.value == 1.0


def test_languages_are_kept_apart_and_in_order() -> None:
    result = measure_agreement_by_language([R, C, R], [1, 1, 0], ["sw", "en", "sw"])
    assert list(result) == ["sw", "en"]
    assert result["sw"].specificity.value == 0.0
    assert result["en"].sensitivity.value == 0.0


def test_unequal_lengths_and_other_truths_are_rejected() -> None:
    with pytest.raises(ValueError, match="2 labels but 1"):
        measure_agreement([R, R], [1])
    with pytest.raises(ValueError, match="0 or 1"):
        measure_agreement([R], [2])
    with pytest.raises(ValueError, match="1 languages"):
        measure_agreement_by_language([R, R], [1, 1], ["en"])
