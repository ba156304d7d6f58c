"""The bundled parallel set, checked in every language that is there."""

import json
import unicodedata
from importlib.resources import files

import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput
from isogloss.prompts import mini
from isogloss.prompts.mini import load_mini

MINI = load_mini()
FOLDER = files("isogloss.prompts") / "data" / "mini"

# How the Unicode names of a script's letters begin; Japanese is written in three scripts, Korean at times in two.
LETTER_NAMES = {
    "Arab": ("ARABIC",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Khmr": ("KHMER",),
    "Kore": ("HANGUL", "CJK"),
    "Laoo": ("LAO",),
    "Latn": ("LATIN",),
    "Mymr": ("MYANMAR",),
    "Sinh": ("SINHALA",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}


def share_in_script(text: str, language: Language) -> float:
    letters = [letter for letter in text if unicodedata.category(letter) in ("Lu", "Ll", "Lo", "Lt")]
    fitting = [letter for letter in letters if unicodedata.name(letter).startswith(LETTER_NAMES[language.script])]
    return len(fitting) / len(letters)


def of(language: Language, kind: Kind) -> tuple[Prompt, ...]:
    return MINI.select(languages=(language,), kind=kind).prompts


def test_the_set_holds_forty_pairs_in_fourteen_languages_over_six_scripts_or_more() -> None:
    assert len(MINI.languages) >= 14
    assert len({language.script for language in MINI.languages}) >= 6
    assert MINI.languages[0].tag == "en"
    assert MINI.describe()["clusters"] == 40


def test_the_card_says_plainly_how_the_texts_were_made() -> None:
    assert "No native speaker has reviewed any of it" in MINI.card.made
    assert {prompt.provenance for prompt in MINI} == {"machine-written, unreviewed by native speakers"}


def test_a_pair_shares_a_cluster_but_not_a_seed() -> None:
    harmful, harmless = (of(MINI.languages[0], kind)[0] for kind in Kind)
    assert (harmful.id, harmful.seed_id, harmful.cluster) == ("mini-harmful-01", "mini-harmful-01", "mini-01")
    assert (harmless.id, harmless.seed_id, harmless.cluster) == ("mini-harmless-01", "mini-harmless-01", "mini-01")
    assert (harmful.category, harmful.failure_mode, harmful.split) == (
        harmless.category,
        harmless.failure_mode,
        harmless.split,
    )


def test_every_split_category_and_failure_mode_is_filled() -> None:
    assert {prompt.split for prompt in MINI} == set(Split)
    assert all(prompt.category and prompt.failure_mode for prompt in MINI)


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_a_language_file_holds_exactly_the_pairs_and_is_named_by_its_tag(language: Language) -> None:
    pairs = [pair["seed_id"] for pair in json.loads((FOLDER / "pairs.json").read_bytes())]
    assert pairs == [f"mini-{number:02d}" for number in range(1, 41)]
    texts = json.loads((FOLDER / f"{language.tag}.json").read_bytes())
    assert sorted(texts) == pairs
    for kind in Kind:
        assert [prompt.cluster for prompt in of(language, kind)] == pairs


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_no_text_occurs_twice_or_is_left_in_english(language: Language) -> None:
    texts = [" ".join(prompt.text.split()).casefold() for kind in Kind for prompt in of(language, kind)]
    assert len(set(texts)) == 80
    if language.tag != "en":
        assert all(prompt.text != prompt.source_text for kind in Kind for prompt in of(language, kind))


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_texts_are_clean(language: Language) -> None:
    for kind in Kind:
        for prompt in of(language, kind):
            assert prompt.text == unicodedata.normalize("NFC", prompt.text).strip()
            assert "\ufffd" not in prompt.text


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_texts_are_in_the_script_of_their_language(language: Language) -> None:
    prompts = [prompt for kind in Kind for prompt in of(language, kind)]
    assert share_in_script("".join(prompt.text for prompt in prompts), language) >= 0.95
    # A single prompt may hold a foreign name or a term such as PIN.
    for prompt in prompts:
        assert share_in_script(prompt.text, language) >= 0.7, prompt.id


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_harmful_and_harmless_prompts_are_of_similar_length(language: Language) -> None:
    harmful, harmless = (sum(len(prompt.text) for prompt in of(language, kind)) for kind in Kind)
    assert 1 / 1.15 <= harmful / harmless <= 1.15


def test_sources_are_the_english_texts() -> None:
    english = {prompt.id: prompt.text for prompt in MINI.select(languages=(Language.parse("en"),))}
    for prompt in MINI:
        expected = None if prompt.language.tag == "en" else english[prompt.id]
        assert prompt.source_text == expected


def test_a_language_file_that_lacks_a_pair_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mini")
    pairs = [mini._Pair(seed_id=f"mini-0{n}", category="c", failure_mode="f", split=Split.TEST) for n in (1, 2)]
    path = folder / "sw.json"
    path.write_text(json.dumps({"mini-01": {"harmful": "a", "harmless": "b"}}), encoding="utf-8")
    with pytest.raises(BrokenInput) as caught:
        mini._load_texts(path, pairs)
    assert str(caught.value) == (
        "mini: sw.json and pairs.json do not hold the same pairs: mini-02. Reinstall isogloss."
    )
