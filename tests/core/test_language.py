"""Tags, scripts, tiers, and what a wrong tag is told."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.core import TIERS, Language, known_languages, parse_languages, select_tier
from isogloss.core.errors import UnknownLanguage


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zh", "zh-Hans"),
        ("zh", "cmn"),
        ("swa", "sw"),
        ("swh", "sw"),
        ("arb", "ar"),
        ("ar-Arab", "ar"),
        ("SW", "sw"),
        (" sw ", "sw"),
        ("zh_Hans", "zh"),
        ("iw", "he"),
    ],
)
def test_two_ways_of_writing_one_language_are_equal(one: str, other: str) -> None:
    assert Language.parse(one) == Language.parse(other)
    assert hash(Language.parse(one)) == hash(Language.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("ar", "ar-Latn"), ("zh", "zh-Hant"), ("sr", "sr-Latn"), ("pt", "pt-BR"), ("zh", "yue"), ("sw", "ar")],
)
def test_another_script_region_or_language_is_not_equal(one: str, other: str) -> None:
    assert Language.parse(one) != Language.parse(other)


@pytest.mark.parametrize(
    ("written", "shown"),
    [("swa", "sw"), ("zh-hans", "zh-Hans"), ("zh", "zh"), ("ar-latn", "ar-Latn"), ("EN-gb", "en-GB")],
)
def test_the_tag_is_shown_as_written_in_its_standard_form(written: str, shown: str) -> None:
    assert Language.parse(written).tag == shown
    assert str(Language.parse(written)) == shown


def test_parsing_a_shown_tag_changes_nothing() -> None:
    for language in known_languages():
        again = Language.parse(language.tag)
        assert (again, again.tag) == (language, language.tag)


def test_script_and_names() -> None:
    swahili, romanised = Language.parse("sw"), Language.parse("ar-Latn")
    assert (swahili.script, swahili.name, swahili.autonym, swahili.family) == (
        "Latn",
        "Swahili",
        "Kiswahili",
        "Niger-Congo",
    )
    assert (romanised.script, romanised.name) == ("Latn", "Arabic (Latin)")
    assert Language.parse("am").script == "Ethi"
    assert Language.parse("ja").script == "Jpan"


@pytest.mark.parametrize("tag", ["ar", "he", "fa", "ur", "dv", "nqo", "ff-Adlm", "rhg-Rohg", "pa-Arab"])
def test_right_to_left_scripts(tag: str) -> None:
    assert Language.parse(tag).right_to_left


@pytest.mark.parametrize("tag", ["ar-Latn", "en", "am", "th", "zh", "ff", "pa"])
def test_left_to_right_scripts(tag: str) -> None:
    assert not Language.parse(tag).right_to_left


# The 23 languages of arXiv 2606.01196 by their share in Common Crawl: 10 high, 7 mid, 6 low.
STUDY = {
    "high": ["de", "en", "es", "fr", "it", "ja", "nl", "pl", "ru", "zh"],
    "mid": ["ar", "el", "fa", "he", "hi", "ko", "th"],
    "low": ["am", "km", "my", "si", "sw", "yo"],
}


def test_the_tiers_of_the_published_study_are_kept() -> None:
    from_study = [
        language
        for language in known_languages()
        if language.tier_source and language.tier_source.startswith("tier of arXiv 2606.01196")
    ]
    assert {tier: [language.tag for language in select_tier(from_study, tier)] for tier in TIERS} == STUDY
    assert len(from_study) == 23


def test_a_language_outside_our_table_has_no_tier_rather_than_a_guessed_one() -> None:
    klingon = Language.parse("tlh")
    assert (klingon.tier, klingon.family, klingon.tier_source) == (None, None, None)


def test_another_script_keeps_tier_and_family() -> None:
    assert Language.parse("ar-Latn").tier == "mid"


def test_every_entry_of_the_table_has_a_tier_a_source_and_a_family() -> None:
    for language in known_languages():
        assert language.tier in TIERS
        assert language.tier_source
        assert language.family


def complaint(tag: str) -> str:
    with pytest.raises(UnknownLanguage) as caught:
        Language.parse(tag)
    return str(caught.value)


@pytest.mark.parametrize("tag", ["", "  ", "xx", "qqq1", "-", "und", "mul", "sw,yo", "en-", "äö"])
def test_what_names_no_language_is_refused(tag: str) -> None:
    assert complaint(tag) == f"'{tag}' names no language. Write a BCP-47 tag, such as sw, zh-Hans or ar-Latn."


@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        ("swahili", "'sw' (Swahili)"),
        ("Yorubá", "'yo' (Yoruba)"),
        ("Burmse", "'my' (Burmese)"),
        ("jp", "'ja' (Japanese)"),
        ("cn", "'zh' (Chinese)"),
        ("vn", "'vi' (Vietnamese)"),
    ],
)
def test_a_name_or_a_country_code_in_place_of_a_tag_is_understood_as_a_hint(tag: str, meant: str) -> None:
    assert complaint(tag).endswith(f"or ar-Latn. Did you mean {meant}?")


@given(st.text(max_size=12) | st.from_regex(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-[A-Z]{2})?", fullmatch=True))
def test_any_text_is_a_language_or_a_clear_refusal(text: str) -> None:
    refusal = ""
    try:
        language = Language.parse(text)
    except UnknownLanguage as error:
        refusal = str(error)
    assert refusal.startswith(f"'{text}' names no language.") or Language.parse(language.tag) == language


def test_lists_keep_their_order_and_drop_repetitions() -> None:
    assert [language.tag for language in parse_languages("yo, swa,sw,,zh,zh-Hans")] == ["yo", "sw", "zh"]
    assert parse_languages(["am", "en"]) == (Language.parse("am"), Language.parse("en"))
    assert parse_languages("") == ()


def test_a_language_survives_pickling() -> None:
    language = Language.parse("zh-Hant")
    copy = pickle.loads(pickle.dumps(language))
    assert (copy, copy.tag) == (language, language.tag)
