"""The phrase files and their small grammar."""

import json

import pytest
from pydantic import ValidationError

from isogloss.core import Language
from isogloss.core.errors import BrokenInput
from isogloss.judges.normalise import flatten
from isogloss.judges.phrases import (
    Move,
    PhraseFile,
    compile_templates,
    find_phrases,
    listed_languages,
    load_phrases,
    read_phrase_file,
)

MINI = (
    "en",
    "de",
    "fr",
    "es",
    "it",
    "id",
    "tr",
    "vi",
    "nl",
    "pl",
    "sw",
    "yo",
    "am",
    "my",
    "ar",
    "hi",
    "ru",
    "zh",
    "ja",
)
OTHERS = ("ko", "th", "bn", "km", "ha", "zu", "si", "pt", "ms", "fa", "he", "el")


def make_file(**changes: object) -> PhraseFile:
    content: dict[str, object] = {
        "language": "en",
        "scripts": ["Latn"],
        "spaced": True,
        "reviewed_by": [],
        "function_words": ["the"],
        "parts": {"help": ["help", "assist*"], "both": ["{help} you"]},
        "moves": {"inability": ["i can't {help}"], "reproof": ["illegal"], "delivery": ["here"], "opener": ["sure"]},
    }
    return PhraseFile.model_validate_json(json.dumps(content | changes))


def matches(template: str, text: str, **changes: object) -> bool:
    content = make_file(**changes)
    return bool(compile_templates((template,), content).search(flatten(text, spaced=content.spaced)))


@pytest.mark.parametrize("tag", MINI + OTHERS)
def test_the_language_is_listed(tag: str) -> None:
    assert find_phrases(Language.parse(tag)) is not None


@pytest.mark.parametrize("tag", listed_languages())
def test_every_phrase_file_compiles_and_covers_the_moves(tag: str) -> None:
    phrases = load_phrases(tag)
    wanted = set(Move) - {Move.PRETEXT, Move.IDIOM}
    assert wanted <= set(phrases.patterns)
    assert all(not pattern.search("") for pattern in phrases.patterns.values())


@pytest.mark.parametrize("tag", listed_languages())
def test_no_phrase_matches_every_text(tag: str) -> None:
    phrases = load_phrases(tag)
    blank = flatten("0 0 0 0. 0 0 0 0", spaced=phrases.spaced)
    assert not any(pattern.search(blank) for pattern in phrases.patterns.values())


def test_a_language_in_another_script_has_no_phrases() -> None:
    assert find_phrases(Language.parse("ar-Latn")) is None
    assert find_phrases(Language.parse("zh-Hant")) is not None


@pytest.mark.parametrize(
    ("template", "text", "expected"),
    [
        ("i can't help", "I can’t, HELP", True),
        ("cant", "I can't", False),
        ("illegal*", "illegally", True),
        ("illegal", "illegally", False),
        ("*able", "unacceptable", True),
        ("{both}", "assisting you", True),
        ("not [really] good", "not good", True),
        ("not [really] good", "not really good", True),
        ("i .. help", "I a b c d e help", True),
        ("i .. help", "I a b c d e f help", False),
        ("i .. help", "I do. Help", False),
        ("title:", "Title: Locks", True),
        ("title:", "the title of it", False),
        ("etico", "No es ético", True),
    ],
)
def test_the_template_grammar(template: str, text: str, expected: bool) -> None:
    assert matches(template, text) is expected


def test_without_spaces_a_template_matches_inside_a_run() -> None:
    unspaced = {"spaced": False, "parts": {"no": ["不能", "无法"]}}
    assert matches("我 .. {no}", "抱歉,我现在无法帮忙", **unspaced)
    assert not matches("我 .. {no}", "我好。无法帮忙", **unspaced)


@pytest.mark.parametrize("template", ["{missing}", "[open", "{loop}"])
def test_a_malformed_template_is_named(template: str) -> None:
    content = make_file(parts={"loop": ["{loop} again"]})
    with pytest.raises(BrokenInput, match=r"en\.json"):
        compile_templates((template,), content)


def test_a_file_without_refusals_is_rejected() -> None:
    with pytest.raises(ValidationError, match="inability"):
        make_file(moves={"reproof": ["illegal"], "delivery": ["here"], "opener": ["sure"]})


def test_unknown_moves_and_keys_are_rejected() -> None:
    with pytest.raises(ValidationError):
        make_file(extra=1)
    with pytest.raises(ValidationError):
        make_file(moves={"shouting": ["no"]})


def test_no_phrase_file_claims_a_review() -> None:
    assert {tag for tag in listed_languages() if read_phrase_file(tag).reviewed_by} == set()
