"""Words and sentences in every script of the bundled set."""

import itertools

import pytest

from isogloss.core import Language
from isogloss.prompts import load_mini
from isogloss.prompts.perturb.words import fit_splitter, split_clusters, split_sentences, split_spaced

LANGUAGES = load_mini().languages


def texts(mini, language):
    return [prompt.text for prompt in mini.select(languages=(language,))]


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_words_stand_where_they_say_and_leave_only_what_is_no_letter(language, mini):
    split = fit_splitter(language, texts(mini, language))
    for text in texts(mini, language):
        words = split(text)
        assert all(text[word.start : word.end] == word.text for word in words)
        gaps = [text[a.end : b.start] for a, b in itertools.pairwise(words)]
        assert not any(letter.isalnum() for gap in gaps for letter in gap)


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_sentences_make_up_the_text(language, mini):
    for text in texts(mini, language):
        assert "".join(part.text for part in split_sentences(text, language)) == text


def test_marks_and_inner_joiners_belong_to_words():
    assert [word.text for word in split_spaced("kí ó lè dẹ́kun — don't, ex-boss's")] == [
        "kí", "ó", "lè", "dẹ́kun", "don't", "ex-boss's",
    ]  # fmt: skip
    assert [word.text for word in split_spaced("ज़मीन कहाँ?")] == ["ज़मीन", "कहाँ"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("เพื่อน", ["เพื่", "อ", "น"]),  # a vowel written first belongs to the consonant after it
        ("ဖွင့်", ["ဖွင့်"]),  # a silenced consonant closes the syllable
        ("ប្រទេស", ["ប្រ", "ទេ", "ស"]),  # a stacked consonant belongs to the one above
        ("邻居abc", ["邻", "居", "abc"]),
        ("きょう", ["きょ", "う"]),  # a small kana is no syllable of its own
    ],
)
def test_clusters_are_what_a_reader_sees_as_one(text, expected):
    assert [word.text for word in split_clusters(text)] == expected


def test_units_are_learned_from_what_stands_together():
    # 邻 and 居 only ever stand together; 的 stands with everything and is left alone.
    sentences = ["邻居的狗", "邻居的车", "我的邻居", "他的狗", "我的车"]
    split = fit_splitter(Language.parse("zh"), sentences)
    assert [word.text for word in split("邻居的猫")] == ["邻居", "的", "猫"]


def test_a_stop_inside_a_number_or_without_space_ends_no_sentence():
    parts = split_sentences("Pay 1.5 at example.org now. Go!", Language.parse("en"))
    assert [part.text for part in parts] == ["Pay 1.5 at example.org now. ", "Go!"]
