"""Accents, slips and variant letters."""

import pytest

from isogloss.core import Language
from isogloss.core.errors import NothingToDo, UnknownName
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb import Noise, perturb_each
from isogloss.prompts.perturb.keyboards import LAYOUTS, find_layout, list_neighbours
from isogloss.prompts.perturb.script_variants import AMHARIC_HOMOPHONES


def write(ask, text, tag, kind, rate=None, seed=0):
    return Noise(kind, rate).write(ask(text, tag), seed=seed).text


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        ("yo", "kí ó lè dẹ́kun gbígbó", "ki o le dekun gbigbo"),
        ("vi", "điện thoại của tôi", "dien thoai cua toi"),
        ("tr", "ışık çok güzel", "isik cok guzel"),
        ("pl", "żółty łoś", "zolty los"),
        ("fr", "où est l'élève ?", "ou est l'eleve ?"),
        ("es", "¿mañana aquí?", "¿manana aqui?"),
        ("de", "schöne Straße", "schone Strase"),
        ("ru", "ёлка и йод", "елка и йод"),  # the dots of yo are left out, the mark of short i never
        ("ar", "كَتَبَ أحمد", "كتب أحمد"),  # vowel signs, not hamza
    ],
)
def test_accents_are_left_out_as_people_leave_them_out(ask, tag, text, expected):
    assert write(ask, text, tag, "diacritics") == expected


@pytest.mark.parametrize(
    ("tag", "kind", "text", "expected"),
    [
        ("ar", "script-variant", "إلى كلب", "الي کلب"),
        ("fa", "script-variant", "یک کتاب", "يك كتاب"),
        ("am", "script-variant", "ሰላም", "ሠላም"),
        ("hi", "script-variant", "बाज़ार कहाँ", "बाजार कहां"),
        ("ja", "script-variant", "ねこがいる", "ネコガイル"),
        ("sr", "script-variant", "Љубав и џеп", "Ljubav i džep"),
        ("sr-Latn", "other-script", "Ljubav i džep", "Љубав и џеп"),
        ("uz", "other-script", "oʻzbek choy", "ўзбек чой"),
        ("kk", "other-script", "қазақ тілі", "qazaq tılı"),
        ("en", "full-width", "go on", "ｇｏ ｏｎ"),
    ],
)
def test_variant_letters_follow_the_language(ask, tag, kind, text, expected):
    assert write(ask, text, tag, kind) == expected


def test_the_other_script_is_another_language_tag(ask):
    assert Noise("other-script").write(ask("добар дан", "sr"), seed=0).languages == (Language.parse("sr-Latn"),)


def test_look_alikes_look_alike_but_are_other_letters(ask):
    text = write(ask, "scope", "en", "look-alike", 1.0)
    assert text == "ѕсоре"
    assert not text.isascii()
    assert write(ask, text, "ru", "look-alike", 1.0) == "scope"


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_slips_come_at_the_rate_that_is_asked_for(mini, rate):
    part = mini.select(languages=(Language.parse("de"),))
    rates = [entry.perturbed.realised_rate for entry in perturb_each(part, Noise("keyboard", rate), seed=1)]
    assert sum(rates) / len(rates) == pytest.approx(rate, abs=0.01)
    assert all(abs(one - rate) < 0.03 for one in rates)


def test_a_slip_hits_a_key_beside_the_right_one(ask):
    source = "hello"
    slipped = write(ask, source, "en", "keyboard", 1.0, seed=4)
    neighbours = list_neighbours("qwerty")
    assert len(slipped) == len(source)
    assert all(new in neighbours[old] for old, new in zip(source, slipped, strict=True))


def test_neighbours_are_mutual_and_follow_the_rows():
    # On QWERTY, s lies below w and e, above z and x, between a and d; rows are set off by half a key.
    assert sorted(list_neighbours("qwerty")["s"]) == ["a", "d", "e", "w", "x", "z"]
    for layout in (*LAYOUTS, "Beng"):
        table = list_neighbours(layout)
        assert all(key in table[other] for key, others in table.items() for other in others)


@pytest.mark.parametrize(
    ("tag", "layout"),
    [("en", "qwerty"), ("de", "qwertz"), ("fr", "azerty"), ("ru", "russian"), ("sr", "russian"), ("sr-Latn", "qwertz"),
     ("ar", "arabic"), ("fa", "persian"), ("hi", "devanagari"), ("bn", "Beng"), ("zh", None), ("ko", None),
     ("am", None)],
)  # fmt: skip
def test_each_language_has_its_layout(tag, layout):
    assert find_layout(Language.parse(tag)) == layout


def test_names_and_numbers_are_not_mistyped(ask):
    text = write(ask, "Please ask Maria about 1500 dogs at https://example.org today", "en", "keyboard", 1.0)
    assert all(kept in text for kept in ("Maria", "1500", "https://example.org"))


def test_disguised_letters_are_a_bypass_and_slips_are_not():
    assert Noise("look-alike").failure_mode is FailureMode.BYPASS_BY_MIXING
    assert Noise("keyboard").failure_mode is None
    assert Noise("diacritics").failure_mode is None


def test_amharic_homophones_go_both_ways():
    assert all(AMHARIC_HOMOPHONES[other] == letter for letter, other in AMHARIC_HOMOPHONES.items())


def test_unknown_kinds_rates_and_languages_are_refused(ask):
    with pytest.raises(UnknownName, match="Did you mean 'keyboard'"):
        Noise("keybord")
    with pytest.raises(NothingToDo):
        Noise("keyboard", 0.0)
    with pytest.raises(UnknownName, match="does not apply to Chinese"):
        Noise("keyboard").write(ask("你好", "zh"), seed=0)
