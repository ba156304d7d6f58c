"""Texts put together from pieces, and the way back."""

import pytest

from isogloss.core import Language
from isogloss.prompts.perturb.perturbed import Operation, Piece, assemble, keep, measure_rate, protect

ENGLISH, SWAHILI = Language.parse("en"), Language.parse("sw")


def mixed():
    # source: "my dog 7 barks" -> target: "my mbwa 7 barks"
    pieces = [
        keep("my "),
        Piece("dog", "mbwa", Operation.SWITCH, SWAHILI),
        keep(" "),
        protect("7"),
        keep(" bar"),
        keep("ks"),
    ]
    return assemble(pieces, name="x", languages=(ENGLISH, SWAHILI), realised_rate=0.25)


def test_spans_count_characters_in_both_texts_and_kept_neighbours_are_one_span():
    result = mixed()
    assert (result.source, result.text) == ("my dog 7 barks", "my mbwa 7 barks")
    places = [(s.source_start, s.source_end, s.target_start, s.target_end, s.operation.value) for s in result.spans]
    # "my " 0-3 | "dog" 3-6 -> "mbwa" 3-7 | " " | "7" | " barks"
    assert places == [
        (0, 3, 0, 3, "keep"),
        (3, 6, 3, 7, "switch"),
        (6, 7, 7, 8, "keep"),
        (7, 8, 8, 9, "protect"),
        (8, 14, 9, 15, "keep"),
    ]
    assert result.spans[1].language == SWAHILI


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (3, 7, "dog"),  # the switched word
        (4, 5, "dog"),  # a part of it: the whole span
        (1, 5, "y dog"),  # a kept stretch is cut exactly
        (10, 12, "ba"),
        (0, 15, "my dog 7 barks"),
    ],
)
def test_a_stretch_of_the_text_is_traced_to_its_source(start, end, expected):
    result = mixed()
    first, last = result.find_source(start, end)
    assert result.source[first:last] == expected


def test_an_insertion_is_traced_to_an_empty_place():
    result = assemble(
        [Piece("", "He said: ", Operation.FRAME), keep("go")], name="x", languages=(ENGLISH,), realised_rate=1.0
    )
    assert result.find_source(0, 4) == (0, 0)
    assert result.find_source(9, 11) == (0, 2)


def test_a_stretch_outside_the_text_is_refused():
    with pytest.raises(ValueError, match="does not lie inside a text of 15 characters"):
        mixed().find_source(3, 99)


def test_a_rate_over_nothing_is_undefined():
    assert measure_rate(0, 0) is None
    assert measure_rate(1, 4) == 0.25
