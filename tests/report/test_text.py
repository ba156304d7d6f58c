"""Numbers as people read them, and characters that must not act on the page."""

import pytest

from isogloss.report.text import cut, interval, join, make_visible, number, p_value, percent, points

THIN = "\u202f"


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.234, "23"), (1.0, "100"), (0.0, "0"), (0.996, "99.6"), (0.004, "0.4"), (0.9996, "100.0")],
)
def test_a_share_is_rounded_but_never_quietly_to_none_or_all(share: float, shown: str) -> None:
    assert percent(share) == f"{shown}{THIN}%"


def test_an_undefined_number_is_an_em_dash() -> None:
    assert percent(None) == points(None) == number(None) == "—"
    assert interval(None) == ""


def test_differences_carry_their_sign_and_a_true_minus() -> None:
    assert points(12.4) == "+12"
    assert points(-12.4) == "\u221212"
    assert points(0.0) == "0"
    assert interval((-7.4, 0.2), signed=True) == "[\u22127, +0.2]"


def test_an_interval_of_shares_is_scaled_to_per_cent() -> None:
    assert interval((0.117, 0.381), scale=100) == "[12, 38]"


def test_a_list_reads_as_words() -> None:
    assert join([]) == ""
    assert join(["a"]) == "a"
    assert join(["a", "b", "c"], last="or") == "a, b or c"


def test_characters_that_reorder_or_break_text_become_visible() -> None:
    assert make_visible("a\u202eb\u2066c\x00d\ud800e") == "a[U+202E]b[U+2066]c[U+0000]d[U+D800]e"


def test_letters_of_every_script_and_joiners_stay_as_they_are() -> None:
    text = "نمی\u200cدانم ខ្មែរ\n\t—"
    assert make_visible(text) == text


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (0.00001, "< 0.0001"),
        (0.0041, "0.0041"),
        (0.0234, "0.023"),
        (0.25, "0.25"),
        (0.999, "1"),
        (1.0, "1"),
    ],
)
def test_a_p_value_is_never_zero_and_never_too_exact(value: float | None, shown: str) -> None:
    assert p_value(value) == shown
