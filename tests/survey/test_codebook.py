from dataclasses import replace

import pytest

from isogloss.core.errors import BrokenInput, UnknownLanguage, UnknownName
from isogloss.survey.codebook import default_codebook, load_codebook, parse_codebook
from isogloss.survey.codebook_languages import load_names, normalise_tag, read_language

BOOK = default_codebook()
SMALL = """schema = 1
name = "s"
version = "2"
[[topic]]
id = "one"
label = "One"
means = "m"
[[topic]]
id = "off"
label = "Off"
means = "m"
discard = true
[[artefact]]
id = "data"
label = "Data"
"""


def test_the_bundled_codebook_holds_the_published_topics():
    assert [topic.id for topic in BOOK.safety_topics] == [
        "jailbreaking",
        "toxicity_bias",
        "factuality_hallucination",
        "privacy",
        "policy",
        "alignment",
    ]
    assert [topic.id for topic in BOOK.topics if topic.discard] == ["not_safety"]


def test_a_topic_is_found_by_id_or_label_and_an_unknown_one_gets_a_proposal():
    assert BOOK.find_topic("ai PRIVACY").id == "privacy"
    with pytest.raises(UnknownName, match="Did you mean 'jailbreaking'"):
        BOOK.find_topic("jailbraking")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace('id = "data"', 'id = "one"'), "used twice"),
        (SMALL.replace("discard = true\n", ""), "discard = true"),
        (SMALL.replace('means = "m"\ndiscard', 'mean = "m"\ndiscard'), "topic.1"),
        ("schema = ", "is not TOML"),
    ],
)
def test_a_broken_codebook_is_named(text, message):
    with pytest.raises(BrokenInput, match=message):
        parse_codebook(text, name="book.toml")


def test_a_codebook_of_your_own_is_read_and_fingerprinted(tmp_path):
    path = tmp_path / "book.toml"
    path.write_text(SMALL, "utf-8")
    book = load_codebook(path)
    assert book.version == "2"
    changed = parse_codebook(SMALL.replace('means = "m"\ndiscard', 'means = "n"\ndiscard'), name="b")
    assert book.as_json()["meanings"] != changed.as_json()["meanings"]
    with pytest.raises(UnknownName, match="expected a codebook"):
        load_codebook(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("tag", "standard", "merged", "kept"),
    [
        ("cmn", "zh", "zh", "cmn"),
        ("zh-Hant", "zh", "zh", "zh"),
        ("yue", "yue", "zh", "yue"),
        ("arz", "arz", "ar", "arz"),
        ("arb", "ar", "ar", "arb"),
        # Indonesian is a member of Malay on paper and a language to everybody.
        ("id", "id", "id", "id"),
        ("zsm", "ms", "ms", "zsm"),
    ],
)
def test_the_policy_for_macro_languages_is_explicit(tag, standard, merged, kept):
    found = [normalise_tag(tag, replace(BOOK, macro=macro)) for macro in ("standard", "merge", "keep")]
    assert found == [standard, merged, kept]


def test_variants_are_dropped_or_kept():
    keep = replace(BOOK, variants="keep")
    assert [normalise_tag(tag, keep) for tag in ("zh-Hant", "hi-Latn", "pt-BR")] == ["zh-Hant", "hi-Latn", "pt-BR"]
    assert [normalise_tag(tag, BOOK) for tag in ("zh-Hant", "hi-Latn", "pt-BR")] == ["zh", "hi", "pt"]


def test_names_and_tags_of_cells_are_understood():
    assert read_language("Farsi", BOOK) == ("fa",)
    assert read_language("bangla", BOOK) == ("bn",)
    assert read_language("Hinglish", BOOK) == ("hi", "en")
    # The tag of Assamese, not the language As.
    assert read_language("as", BOOK) == ("as",)
    assert read_language("zh_CN", BOOK) == ("zh",)


@pytest.mark.parametrize("text", ["Swahilli", "swahily"])
def test_an_unknown_name_gets_a_proposal(text):
    with pytest.raises(UnknownLanguage, match="Did you mean Swahili"):
        read_language(text, BOOK)


@pytest.mark.parametrize("tag", ["", "mul", "und", "qqq-qqqqqqqqqq", "123"])
def test_no_language_is_no_language(tag):
    with pytest.raises(UnknownLanguage):
        normalise_tag(tag, BOOK)


def test_every_name_of_the_table_has_a_tag():
    for name in load_names():
        assert all(normalise_tag(tag, BOOK) for tag in name.tags), name
    texts = [name.text for name in load_names()]
    assert len(texts) == len(set(texts))
