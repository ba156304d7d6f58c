"""What must survive."""

import pytest

from isogloss.core import Language
from isogloss.prompts.perturb.protection import find_protected


def protected(text, tag="en", **options):
    return [text[part.start : part.end] for part in find_protected(text, Language.parse(tag), **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a?b=1. Then", ["https://example.org/a?b=1"]),
        ("ask www.example.org, please", ["www.example.org"]),
        ("write to a.b@example.org today", ["a.b@example.org"]),
        ("dear {name}, {{ other }} or ${third}", ["{name}", "{{ other }}", "${third}"]),
        ("dear <name> and [NAME] and %s and %(who)s", ["<name>", "[NAME]", "%s", "%(who)s"]),
        ("at 12:30 pay 1,250.75 or 20%", ["12:30", "1,250.75", "20%"]),
        ("my PIN and @friend with #tag", ["PIN", "@friend", "#tag"]),
        ("ask Maria or O'Neil. Then go", ["Maria", "O'Neil"]),
        ("I think I am right", []),
        ("plain words only", []),
    ],
)
def test_technical_stretches_and_likely_names_are_found(text, expected):
    assert protected(text) == expected


def test_capitals_say_nothing_about_names_in_german():
    assert protected("Wie öffne ich das Schloss?", "de") == []


def test_names_that_are_given_are_found_in_any_script():
    assert protected("اسأل مريم عن البيت", "ar", names=["مريم"]) == ["مريم"]


def test_digits_of_other_scripts_are_numbers_too():
    assert protected("عندي ١٢ كلبا", "ar") == ["١٢"]


def test_a_web_address_ends_before_the_full_stop_of_another_script():
    assert protected("请看https://example.org/一。谢谢", "zh") == ["https://example.org/一"]
