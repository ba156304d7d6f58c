"""The last number of a reply, in any digits and with any separators."""

from decimal import Decimal

import pytest

from isogloss.core import Language
from isogloss.prompts.questions.numbers import find_last_number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She makes 9 * 2 = 18 dollars.", "18"),
        ("The answer is 70,000.", "70000"),
        ("It is $1,234,567.50 in all", "1234567.50"),
        ("18.00", "18"),
        ("0.125 litres", "0.125"),
        ("0,125 Liter", "0.125"),
        ("exactly 3.5 hours", "3.5"),
        ("from 10 to 12 000 francs", "12000"),
        ("12\u202f000 or 12\u00a0500", "12500"),
        ("CHF 12'500", "12500"),
        ("₹1,14,200", "114200"),
        ("the list 1,2,3", "3"),
        ("3, 4, 100", "100"),
        ("in 1990 200 people", "200"),
        ("the result is -7", "-7"),
        ("the result is \u22127", "-7"),
        ("10 - 3", "3"),
        ("pages 5-12", "12"),
        ("2024-10-05", "5"),
        ("1.000.000", "1000000"),
        ("1.234,5", "1234.5"),
    ],
)
def test_figures_are_read_as_people_write_them(text: str, expected: str) -> None:
    assert find_last_number(text) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("উত্তর ৭০,০০০ টাকা", "70000"),  # Bengali
        ("উত্তর ১,১৪,২০০", "114200"),  # Bengali, Indian grouping
        ("คำตอบคือ ๑๘ ฟอง", "18"),  # Thai
        ("الجواب ١٢٬٥٠٠", "12500"),  # Arabic-Indic with its own thousands mark
        ("الجواب ٣٫٥", "3.5"),  # and its own decimal mark
        ("پاسخ ۲۷۶۰", "2760"),  # extended Arabic-Indic
        ("उत्तर ४२ है", "42"),  # Devanagari
        ("జవాబు ౫౬", "56"),  # Telugu
        ("အဖြေ ၁၈", "18"),  # Myanmar
        ("答えは１，８００です", "1800"),  # full width, with a full-width comma
    ],
)
def test_digits_of_every_script_count(text: str, expected: str) -> None:
    assert find_last_number(text) == Decimal(expected)


def test_a_lone_point_before_three_digits_is_read_in_the_languages_own_way() -> None:
    assert find_last_number("70.000", Language.parse("de")) == 70000
    assert find_last_number("70.000", Language.parse("en")) == 70
    assert find_last_number("70.000") == 70
    assert find_last_number("70.25", Language.parse("de")) == Decimal("70.25")


@pytest.mark.parametrize("text", ["", "no figures here", "十八", "፲፰", "½"])
def test_where_there_is_no_decimal_digit_there_is_no_number(text: str) -> None:
    assert find_last_number(text) is None
