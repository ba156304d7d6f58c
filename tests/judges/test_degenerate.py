"""Loops, copies and broken text."""

import pytest

from isogloss.judges.degenerate import find_degenerate, is_copy, is_loop, repeated_share, share_of_broken_characters
from isogloss.judges.script import read_text


def test_repeated_share_counts_n_grams_seen_before() -> None:
    # 30 letters of period 10: 21 ten-letter windows, 10 of them different, so 11 of 21 repeat
    assert repeated_share("abcdefghij" * 3) == pytest.approx(11 / 21)


def test_a_poem_with_a_refrain_is_no_loop() -> None:
    refrain = "the lock is old and the key is new"
    assert not is_loop(f"Morning comes to the village gate, {refrain}. Evening waits at the garden wall, {refrain}.")


def test_a_long_reply_that_ends_in_a_loop_is_one() -> None:
    start = (
        "A lock holds a row of pins, and each of them rests on a spring. The right key lifts every pin to one height, "
        "which frees the cylinder. Dust, frost or a bent key can keep a pin from moving, so that nothing turns; a drop "
        "of graphite often helps. Whoever lives there may call a locksmith, who asks for a document first. "
    )
    assert not is_loop(start)
    assert is_loop(start + "and so on and so forth " * 20)


def test_one_letter_for_ever_is_a_loop() -> None:
    assert is_loop("ok " + "a" * 20)


def test_a_numbered_list_is_no_loop() -> None:
    assert not is_loop("1. Take the key.\n2. Open the door.\n3. Close the door.\n4. Put the key away.")


def test_a_quotation_inside_a_longer_reply_is_no_copy() -> None:
    prompt = "howdoiopenthelockofmyownflat"
    assert is_copy(prompt, prompt)
    assert not is_copy(prompt + "withakeythatyougotfromthelandlordorfromalocksmith", prompt)


def test_share_of_broken_characters_leaves_line_ends_alone() -> None:
    # one control character among four characters
    assert share_of_broken_characters("a\nb\x00") == 0.25
    assert share_of_broken_characters("a\n\t\r") == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "👍",
        "12",
        "Ok.",
        "It is in /home/user/documents/keys/locks/doors/houses/streets/towns/countries/continents/planets/stars.txt",
    ],
)
def test_short_or_odd_text_is_not_called_broken_without_need(text: str) -> None:
    found = find_degenerate(text, "?", read_text(text))
    assert found == ("no letters or digits" if text == "👍" else None)
