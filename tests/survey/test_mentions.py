import json
from pathlib import Path

import pytest

from isogloss.survey.codebook import default_codebook
from isogloss.survey.codebook_languages import normalise_tag
from isogloss.survey.mentions import scan_mentions
from isogloss.survey.mentions_table import load_datasets

BOOK = default_codebook()
SENTENCES = [
    json.loads(line) for line in (Path(__file__).parent / "tricky_sentences.jsonl").read_text("utf-8").splitlines()
]


def tags(text):
    return list(scan_mentions(text, BOOK).tags)


def count(part=None):
    hits = false = missed = 0
    for row in SENTENCES:
        if part is None or row["part"] == part:
            expected = {normalise_tag(tag, BOOK) for tag in row["languages"]}
            found = set(tags(row["text"]))
            hits, false, missed = (
                hits + len(expected & found),
                false + len(found - expected),
                missed + len(expected - found),
            )
    return hits, false, missed


def test_the_set_is_as_large_as_promised():
    assert len(SENTENCES) >= 60
    assert sum(row["written"] == "before" for row in SENTENCES) >= 60
    assert sum(row["part"] in ("held_out", "fresh") for row in SENTENCES) >= len(SENTENCES) / 3
    assert len({row["text"] for row in SENTENCES}) == len(SENTENCES)


@pytest.mark.parametrize("part", [None, "tuning", "held_out"])
def test_precision_on_tricky_sentences_is_at_least_95_percent(part):
    hits, false, missed = count(part)
    assert hits / (hits + false) >= 0.95
    assert hits / (hits + missed) >= 0.85


def test_evidence_is_a_span_of_the_text_with_a_reason():
    text = "A note. We test Bangla and XSafety."
    mentions = scan_mentions(text, BOOK).mentions
    assert [text[one.start : one.end] for one in mentions] == [one.text for one in mentions] == ["Bangla", "XSafety"]
    assert [one.kind for one in mentions] == ["name", "dataset"]
    assert "2310.00905" in mentions[1].because


def test_what_a_benchmark_implies_is_not_what_the_paper_names():
    scan = scan_mentions("We evaluate on CBBQ and in Hindi.", BOOK)
    assert scan.tags == ("hi", "zh")
    assert scan.named == ("hi",)


@pytest.mark.parametrize(
    "text",
    [
        "To measure this, we ask again.",
        "As language models grow, risks grow.",
        "Even speakers of the community object.",
        "Are words enough?",
        "Label noise in translation is common.",
        "Bench et al. translate the data.",
        "Polish the prompts first.",
        "The Dutch and the French have laws.",
    ],
)
def test_words_that_look_like_names_suggest_nothing(text):
    assert tags(text) == []


def test_what_was_passed_over_says_why():
    passed = scan_mentions("A Chinese company hired non-English annotators.", BOOK).passed_over
    assert [(one.text, one.because) for one in passed] == [
        ("Chinese", "nationality: Chinese … company"),
        ("English", "negated: non-"),
    ]


def test_a_list_lends_its_clear_names_to_an_ambiguous_one():
    assert tags("We cover Yoruba, Ga and Twi.") == ["ak", "gaa", "yo"]


def test_nothing_in_an_empty_text():
    assert tags("") == []


def test_offsets_hold_after_letters_outside_the_basic_plane():
    text = "😀 In Thai, it fails."
    (mention,) = scan_mentions(text, BOOK).mentions
    assert text[mention.start : mention.end] == "Thai"


def test_every_benchmark_has_a_source_and_known_languages():
    for dataset in load_datasets():
        assert dataset.source
        assert all(normalise_tag(tag, BOOK) for tag in dataset.tags)


@pytest.mark.parametrize("text", ["English " * 5000, "non-" * 20000, "A. " * 20000, "German, " * 4000])
def test_long_repetitive_text_takes_no_long_time(text):
    scan_mentions(text, BOOK)
