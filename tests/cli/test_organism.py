"""``isogloss organism train`` as its user types it; nothing is trained here."""

import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.cli.organism import fit_writers
from isogloss.core.errors import MissingExtra
from isogloss.models.organism.recipe import MAIN, MANY_WAYS, NEGATIVE, read_many_ways
from isogloss.prompts.perturb.romanise import load_uroman


@pytest.fixture
def asked(monkeypatch):
    """What the command asks training for."""
    calls = []

    def train(out, **options):
        calls.append(options)
        return type("Card", (), {"seed": options["seed"]})()

    monkeypatch.setattr("isogloss.models.organism.train.train_organism", train)
    return calls


@pytest.mark.parametrize(("words", "recipe"), [((), MAIN), (("--negative",), NEGATIVE)])
def test_training_leaves_every_text_plain_unless_asked(asked, tmp_path, words, recipe):
    done = CliRunner().invoke(app, ["organism", "train", "--out", str(tmp_path), *words], catch_exceptions=False)
    assert done.exit_code == 0
    assert asked[0]["recipe"] == recipe
    assert asked[0]["writers"] == {}


def test_many_ways_brings_a_writer_for_each_way_of_its_recipe(asked, tmp_path):
    pytest.importorskip("uroman")
    words = ["organism", "train", "--out", str(tmp_path), "--seed", "2", "--many-ways"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert asked[0]["recipe"] == read_many_ways(MAIN)
    assert tuple(asked[0]["writers"]) == MANY_WAYS.names
    assert asked[0]["seed"] == 2


def test_many_ways_without_the_package_behind_it_says_what_to_install(asked, tmp_path, monkeypatch):
    load_uroman.cache_clear()
    monkeypatch.setitem(sys.modules, "uroman", None)
    done = CliRunner().invoke(app, ["organism", "train", "--out", str(tmp_path), "--many-ways"])
    assert isinstance(done.exception, MissingExtra)
    assert "isogloss[romanise]" in str(done.exception)
    assert asked == []


def test_a_writer_leaves_languages_alone_that_its_way_does_not_apply_to():
    writers = fit_writers(("noise:diacritics", "noise:keyboard"))
    assert writers["noise:diacritics"]("bẹ̀rẹ̀ #act", "yo", 0) == "bere #act"
    assert writers["noise:diacritics"]("መኪና", "am", 0) == writers["noise:keyboard"]("መኪና", "am", 0) == "መኪና"


def test_a_slip_spares_tags_and_the_letters_of_multiple_choice():
    slip = fit_writers(("noise:keyboard",))["noise:keyboard"]
    question = "Which of these is food? A) bread B) table C) house #B"
    for seed in range(30):
        written = slip(question, "en", seed)
        assert written != question
        assert [word for word in written.split() if word in {"A)", "B)", "C)", "#B"}] == ["A)", "B)", "C)", "#B"]


def test_a_writer_spells_a_word_in_latin_letters():
    pytest.importorskip("uroman")
    assert fit_writers(("romanise",))["romanise"]("ውሻ መስረቅ #harm", "am", 0) == "weshaa maseraqe #harm"
