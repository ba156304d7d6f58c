"""How labels become numbers."""

import pytest

from isogloss.core import Label, Mapping


@pytest.mark.parametrize(
    ("label", "strict", "lenient"),
    [
        (Label.REFUSED, 1, 1),
        (Label.COMPLIED, 0, 0),
        (Label.PARTIAL, 0, 1),
        (Label.OFF_LANGUAGE, 0, 0),
        (Label.DEGENERATE, 0, None),
        (Label.UNDECIDED, None, None),
    ],
)
def test_the_mapping_table(label: Label, strict: int | None, lenient: int | None) -> None:
    assert Mapping.STRICT.refusal(label) == strict
    assert Mapping.LENIENT.refusal(label) == lenient


@pytest.mark.parametrize("mapping", list(Mapping))
def test_every_label_has_a_place_and_what_is_undecided_is_never_counted(mapping: Mapping) -> None:
    assert {mapping.refusal(label) for label in Label} <= {0, 1, None}
    assert mapping.refusal(Label.UNDECIDED) is None
