"""Romanisation; with uroman where it is installed."""

import sys

import pytest

from isogloss.core import Language
from isogloss.core.errors import MissingExtra
from isogloss.prompts import load_mini
from isogloss.prompts.perturb import Operation, Romanise, perturb_each
from isogloss.prompts.perturb.romanise import load_uroman

LANGUAGES = [language for language in load_mini().languages if language.script != "Latn"]


def spell(text, code):
    """A stand-in for uroman: every letter becomes its number."""
    return [(place, place + 1, f"{ord(letter):x}") for place, letter in enumerate(text)]


def test_protected_stretches_do_not_reach_the_tables(ask):
    result = Romanise().write(ask("狗 15 {name}", "zh"), spell)
    # 狗 is U+72D7, a space U+0020.
    assert result.text == "72d7" + "20" + "15" + "20" + "{name}"
    assert [span.operation for span in result.spans][-1] is Operation.PROTECT
    assert result.languages == (Language.parse("zh-Latn"),)


def test_syllables_of_chinese_characters_are_set_apart(ask):
    result = Romanise().write(ask("狗叫。", "zh"), spell)
    # 狗 is U+72D7, 叫 U+53EB, the full stop U+3002; no space before punctuation.
    assert result.text == "72d7 53eb3002"


def test_latin_languages_are_left_out():
    assert not Romanise().takes(Language.parse("yo"))
    assert Romanise().takes(Language.parse("am"))


def test_without_the_package_the_install_command_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "uroman", None)
    load_uroman.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'isogloss\[romanise\]'"):
        load_uroman()
    load_uroman.cache_clear()


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_every_other_script_of_the_bundled_set_becomes_latin(mini, language):
    pytest.importorskip("uroman", reason="uroman is an extra")
    part = mini.select(languages=(language,)).limit(5)
    for entry in perturb_each(part, Romanise(), seed=0):
        assert entry.perturbed.realised_rate == 1.0
        letters = [letter for letter in entry.perturbed.text if letter.isalpha()]
        assert letters
        assert all(letter.isascii() for letter in letters)
        assert entry.prompt.language.script == "Latn"


def test_chinese_numerals_inside_words_are_spelled(ask):
    pytest.importorskip("uroman", reason="uroman is an extra")
    assert Romanise().write(ask("写一封信", "zh"), load_uroman()).text == "xie yi feng xin"
