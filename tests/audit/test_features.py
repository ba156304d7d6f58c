"""Language features: what is measured, what is unknown and why, and the file in the run folder."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from isogloss.audit.features import (
    FEATURES_FILE,
    Translation,
    find_predictor,
    load_back_translations,
    load_features,
    measure_features,
    word_overlap,
    write_features,
)
from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput, UnknownName

ENGLISH, SWAHILI = Language.parse("en"), Language.parse("sw")


def prompt(tag: str, number: int, text: str) -> Prompt:
    return Prompt(f"p{number}", text, Language.parse(tag), Kind.HARMFUL, f"p{number}")


PROMPTS = [prompt("en", 1, "ab"), prompt("en", 2, "abcd"), prompt("sw", 1, "abc"), prompt("sw", 3, "a b c d e f")]


def test_facts_come_with_their_source() -> None:
    features = measure_features(PROMPTS, reference=ENGLISH).languages["sw"]
    assert (features.name, features.script, features.family) == ("Swahili", "Latn", "Niger-Congo")
    assert (features.tier, features.tier_source) == (SWAHILI.tier, SWAHILI.tier_source)
    assert features.token_ratio is None


def test_the_token_ratio_is_that_of_paired_prompts() -> None:
    record = measure_features(PROMPTS, reference=ENGLISH, tokenize=list, tokenizer_name="letters")
    # One token per letter: p1 has 3 letters in Swahili and 2 in English; p3 has no English text.
    swahili = record.languages["sw"]
    assert swahili.token_ratio == pytest.approx(1.5)
    assert swahili.n == {"prompts": 2, "paired_prompts": 1}
    assert (record.tokenizer, record.reference) == ("letters", "en")
    # 3 + 11 letters and spaces are tokens, 3 + 6 are characters, 1 + 6 are words.
    assert swahili.tokens_per_character == pytest.approx(14 / 9)
    assert swahili.tokens_per_word == pytest.approx(14 / 7)


def test_a_language_without_a_common_prompt_has_no_ratio() -> None:
    record = measure_features(PROMPTS, reference=Language.parse("th"), tokenize=list)
    assert record.languages["sw"].token_ratio is None
    assert record.languages["sw"].missing["token_ratio"] == "no prompt is there in Thai as well"


def test_back_translations_are_compared_with_their_sources() -> None:
    pairs = [Translation("Steal a red bike", "steal a bike"), Translation("Lie", "Lie")]
    swahili = measure_features(PROMPTS, reference=ENGLISH, back_translations={SWAHILI: pairs}).languages["sw"]
    # 3 of 4 words, and 1 of 1: (0.75 + 1) / 2.
    assert swahili.translation_similarity == pytest.approx(0.875)
    assert swahili.n["back_translations"] == 2


def test_word_overlap_by_hand() -> None:
    # a b c against b c d: two shared of four.
    assert word_overlap("a b c", "B C D") == 0.5
    assert word_overlap("", "") == 1.0


def test_distances_come_with_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    class Base:
        langs = ([["eng"]],)

    module: Any = ModuleType("urielplus.urielplus")
    module.URIELPlus = Base
    monkeypatch.setitem(sys.modules, "urielplus", ModuleType("urielplus"))
    monkeypatch.setitem(sys.modules, "urielplus.urielplus", module)
    record = measure_features(PROMPTS, reference=ENGLISH, distances=["featural"])
    assert record.languages["en"].distances == {"featural": 0.0}
    assert record.languages["sw"].distances == {"featural": None}
    assert "no entry for Swahili" in record.languages["sw"].missing["distance:featural"]
    assert "urielplus" in record.sources["distances"]


def test_predictors_are_numbers_or_unknown() -> None:
    swahili = measure_features(PROMPTS, reference=ENGLISH, tokenize=list).languages["sw"]
    assert find_predictor(swahili, "tier") == {"low": 0, "mid": 1, "high": 2}[SWAHILI.tier or ""]
    assert find_predictor(swahili, "latin_script") == 1
    assert find_predictor(swahili, "family:Niger-Congo") == 1
    assert find_predictor(swahili, "family:Turkic") == 0
    assert find_predictor(swahili, "token_ratio") == pytest.approx(1.5)
    assert find_predictor(swahili, "distance:featural") is None
    assert find_predictor(swahili, "translation_similarity") is None
    with pytest.raises(KeyError):
        find_predictor(swahili, "speakers")


def test_the_record_comes_back_from_the_run_folder(tmp_path: Path) -> None:
    record = measure_features(PROMPTS, reference=ENGLISH, tokenize=list)
    assert write_features(tmp_path, record) == tmp_path / FEATURES_FILE
    assert load_features(tmp_path) == record


def test_a_missing_or_broken_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"features.json is missing"):
        load_features(tmp_path)
    (tmp_path / FEATURES_FILE).write_text('{"schema": 1, "reference": "en", "languages": {"sw": {}}}')
    with pytest.raises(BrokenInput, match=r"'languages.sw.language': Field required"):
        load_features(tmp_path)
    (tmp_path / FEATURES_FILE).write_text('{"schema": 9}')
    with pytest.raises(BrokenInput, match="schema 9"):
        load_features(tmp_path)


def test_back_translations_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "back.csv"
    path.write_text("language,source_text,back_translation\nsw,Steal,Take\nsw,Lie,Lie\n")
    assert load_back_translations(path) == {SWAHILI: [Translation("Steal", "Take"), Translation("Lie", "Lie")]}
    path.write_text("language,source_text,back_translation\nsw,Steal,\n")
    with pytest.raises(BrokenInput, match="line 2: 'back_translation' is empty"):
        load_back_translations(path)
