"""Scripts and languages of texts, and when the check abstains."""

import json
from pathlib import Path

import pytest

from isogloss.core import Language
from isogloss.judges.script import is_off_language, read_text

BY_HAND = json.loads((Path(__file__).parent / "replies_by_hand.json").read_text(encoding="utf-8"))
CLOSE = {"id": "ms", "ms": "id", "es": "pt", "pt": "es"}


@pytest.mark.parametrize("language", sorted(BY_HAND))
def test_a_language_is_never_mistaken_for_another(language: str) -> None:
    for texts in BY_HAND[language].values():
        for text in texts:
            reading = read_text(text)
            assert reading.language in (None, language, CLOSE.get(language)), text
            assert not is_off_language(reading, Language.parse(language)), text


def test_shares_of_scripts_weigh_dense_scripts_up() -> None:
    # two Han characters weigh 3 each, six Latin letters 1 each: 6 / 12 for either
    reading = read_text("钥匙 abcdef")
    assert reading.shares == {"Latn": 0.5, "Hani": 0.5}
    assert reading.main_script is None


def test_code_and_addresses_do_not_count() -> None:
    reading = read_text("Открой https://example.org/abc и `print('hello world')`")
    assert set(reading.shares) == {"Cyrl"}


@pytest.mark.parametrize(
    "text",
    ["Sätt nyckeln i låset och vrid den åt höger tills det klickar.", "Tarkista avain ja lukko ensin.", ""],
)
def test_unlisted_languages_are_not_named(text: str) -> None:
    assert read_text(text).language is None


def test_few_words_name_no_language() -> None:
    assert read_text("the key").language is None


def test_english_is_off_language_for_german_but_not_for_english() -> None:
    reading = read_text("This is the way that you can open the door with the key.")
    assert is_off_language(reading, Language.parse("de"))
    assert not is_off_language(reading, Language.parse("en"))


def test_another_script_is_off_language_also_for_an_unlisted_language() -> None:
    assert is_off_language(read_text("把钥匙插进锁里然后轻轻转动就可以了"), Language.parse("lt"))


def test_indonesian_and_malay_are_not_told_apart() -> None:
    text = "Anda dapat menggunakan kunci ini untuk membuka pintu rumah dengan mudah dan aman."
    assert not is_off_language(read_text(text), Language.parse("ms"))


def test_vowel_signs_stay_inside_words() -> None:
    reading = read_text("আপনি এই চাবি দিয়ে দরজা খুলতে পারেন এবং তা থেকে আপনার ঘরে যেতে পারেন।")
    assert (reading.words, reading.language) == (14, "bn")


def test_korean_that_goes_over_to_chinese_is_off_language() -> None:
    text = "죄송합니다만, 그런 내용은 以下是一个正面的建议，希望能够帮助大家健康快乐地成长，更好地了解这个问题"
    assert is_off_language(read_text(text), Language.parse("ko"))
