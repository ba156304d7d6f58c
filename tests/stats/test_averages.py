"""Averages over a stated set of languages."""

import pytest

from isogloss.stats.averages import common_languages, summarise_languages


def test_average_and_worst_match_hand_arithmetic():
    found = summarise_languages({"en": 0.9, "sw": 0.5, "th": 0.7})
    assert found.average == pytest.approx(0.7)
    assert found.average_without_reference == pytest.approx(0.6)
    assert (found.reference, found.worst, found.worst_value) == (0.9, "sw", 0.5)


def test_an_average_over_fewer_languages_than_stated_is_not_given():
    assert summarise_languages({"en": 0.9, "sw": None}, languages=["en", "sw"]) is None
    assert summarise_languages({"en": 0.9, "sw": None}).languages == ("en",)
    assert summarise_languages({}) is None


def test_the_common_set_holds_what_every_model_speaks():
    models = {"a": {"en": 1.0, "sw": 0.5, "th": 0.4}, "b": {"th": 0.3, "en": 0.9, "sw": None}}
    assert common_languages(models) == ("en", "th")
    assert common_languages({}) == ()


def test_the_reference_alone_has_no_average_without_itself():
    found = summarise_languages({"en": 0.9})
    assert found.average_without_reference is None
    assert found.worst == "en"
