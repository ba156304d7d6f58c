"""Names of perturbations."""

import pytest

from isogloss.core import parse_languages
from isogloss.core.errors import NothingToDo, UnknownLanguage, UnknownName
from isogloss.prompts.perturb import (
    PROFILES,
    Arabizi,
    CodeSwitch,
    Framing,
    Level,
    Noise,
    Romanise,
    list_perturbations,
    parse_perturbation,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code-switch:en+sw", CodeSwitch(parse_languages("en,sw"), Level.PHRASE)),
        ("code-switch:sw+en+yo:keyword:0.4", CodeSwitch(parse_languages("sw,en,yo"), Level.KEYWORD, 0.4)),
        ("code-switch:en+sw:0.4", CodeSwitch(parse_languages("en,sw"), Level.PHRASE, 0.4)),
        ("romanise", Romanise()),
        ("arabizi:egyptian", Arabizi(PROFILES["egyptian"])),
        ("arabizi:gulf:skeleton:0.3", Arabizi(PROFILES["gulf"], False, 0.3)),
        ("noise:keyboard", Noise("keyboard")),
        ("noise:keyboard:0.25", Noise("keyboard", 0.25)),
        ("frame:story", Framing("story")),
    ],
)
def test_a_name_is_read_and_written_back(text, expected):
    found = parse_perturbation(text)
    assert found == expected
    assert parse_perturbation(found.name).name == found.name


def test_everything_that_is_listed_can_be_read():
    for name in list_perturbations():
        assert parse_perturbation(name).name == name


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("code-swich:en+sw", UnknownName, r"Known: code-switch:.*romanise.*Did you mean 'code-switch:en\+sw'\?"),
        ("arabizi", UnknownName, "lacks the profile. Choose one of: gulf, levantine, egyptian, maghrebi, plain"),
        ("arabizi:egyptain", UnknownName, "Did you mean 'egyptian'"),
        ("arabizi:gulf:loud", UnknownName, "No Arabizi style 'loud'. Known: skeleton, vowels"),
        ("noise", UnknownName, "lacks the kind of noise"),
        ("noise:keyboard:0", NothingToDo, "above 0"),
        ("frame:", UnknownName, "lacks the frame. Choose one of: story, role-play, classroom"),
        ("romanise:all", UnknownName, "more than can be read: 'all'"),
        ("code-switch", UnknownName, "lacks the languages"),
        ("code-switch:en+swahli", UnknownLanguage, "Did you mean 'sw'"),
        ("code-switch:en+sw:word", UnknownName, "Did you mean 'keyword'"),
        ("code-switch:en", NothingToDo, "two or more different languages"),
    ],
)
def test_a_wrong_name_is_answered_with_what_there_is(text, error, message):
    with pytest.raises(error, match=message):
        parse_perturbation(text)
