"""Training texts in other ways of writing, with writers made up here; nothing of the package's own is needed."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.core.errors import UnknownName
from isogloss.models.organism import organism_path
from isogloss.models.organism.corpus import Exchange, draw_meaning_exchange, draw_refusal_exchange
from isogloss.models.organism.grammar import LANGUAGES, intents
from isogloss.models.organism.prompts import compose_prompt_rows
from isogloss.models.organism.recipe import MAIN, MANY_WAYS, NEGATIVE, TINY, read_many_ways
from isogloss.models.organism.rewriting import OtherWays, Writer, choose_writers, rewrite_exchanges
from isogloss.models.organism.tokenizer import build_tokenizer
from isogloss.models.organism.train import train_organism


def shout(text: str, _language: str, _seed: int) -> str:
    return text.upper()


def mark(text: str, _language: str, _seed: int) -> str:
    return f"{text}~"


def stay(text: str, _language: str, _seed: int) -> str:
    return text


def reverse_swahili(text: str, language: str, _seed: int) -> str:
    return text[::-1] if language == "sw" else text


SHOUTING = OtherWays(share=0.5, spellings=("shout",), slips=("reverse",))
WRITERS: Mapping[str, Writer] = {"shout": shout, "reverse": reverse_swahili}


def draw(count: int) -> list[Exchange]:
    generator = random.Random(11)
    drawn = [draw_meaning_exchange(generator, MAIN.meaning_mixture) for _ in range(count)]
    return drawn + [
        draw_refusal_exchange(generator, MAIN.labels, MAIN.harmful_tiers, reply_elsewhere_share=0.25)
        for _ in range(count)
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_rewritten_documents_is_the_one_asked_for(share: float) -> None:
    drawn = draw(1500)
    written = rewrite_exchanges(drawn, share, [mark], random.Random(0))
    changed = sum(one.user != other.user for one, other in zip(drawn, written, strict=True))
    # 3,000 documents: three standard errors at one half are 3 * sqrt(0.25 / 3000) = 0.027
    assert changed / len(drawn) == pytest.approx(share, abs=0.028 if 0 < share < 1 else 0)


def test_rewriting_touches_the_user_text_alone() -> None:
    drawn = draw(300)
    written = rewrite_exchanges(drawn, 1.0, [shout], random.Random(0))
    assert [one.user for one in written] == [one.user.upper() for one in drawn]
    assert [replace(one, user="") for one in written] == [replace(one, user="") for one in drawn]


def test_a_way_that_does_not_change_a_text_leaves_its_share_to_one_that_does() -> None:
    drawn = draw(300)
    written = rewrite_exchanges(drawn, 1.0, [stay, reverse_swahili, shout], random.Random(0))
    for plain, other in zip(drawn, written, strict=True):
        assert other.user in {plain.user.upper(), plain.user[::-1] if plain.language == "sw" else plain.user.upper()}
    ways = {
        other.user == plain.user.upper() for plain, other in zip(drawn, written, strict=True) if plain.language == "sw"
    }
    assert ways == {True, False}


def test_every_document_is_written_in_the_language_that_it_names() -> None:
    for one in draw(1500):
        amharic, burmese = (any(low <= letter <= high for letter in one.user) for low, high in (("ሀ", "፿"), ("က", "႟")))
        assert (amharic, burmese) == (one.language == "am", one.language == "my"), one


def test_rewritten_documents_speak_of_no_held_out_intent() -> None:
    written = rewrite_exchanges(draw(1500), 1.0, [shout], random.Random(0))
    train = {one.cluster for kind in ("harmful", "harmless") for one in intents(kind, "train")}
    assert {one.intent.cluster for one in written if one.intent} <= train
    held_out = {row.text.upper() for row in compose_prompt_rows() if row.split != "train"}
    assert not held_out & ({one.user for one in written} | {one.user.rsplit(" ", 1)[0] for one in written})


@pytest.mark.parametrize("recipe", [MAIN, NEGATIVE], ids=lambda recipe: recipe.name)
def test_recipes_leave_every_text_plain_unless_asked(recipe) -> None:  # type: ignore[no-untyped-def]
    assert recipe.other_ways is None
    asked = read_many_ways(recipe)
    assert asked.other_ways == MANY_WAYS
    assert asked.name == f"{recipe.name}, many ways"
    assert (asked.labels, asked.harmful_tiers, asked.shape) == (recipe.labels, recipe.harmful_tiers, recipe.shape)


def test_without_other_spellings_the_vocabulary_is_that_of_the_bundled_organism() -> None:
    bundled = json.loads((organism_path() / "tokenizer.json").read_text(encoding="utf-8"))
    assert json.loads(build_tokenizer().backend_tokenizer.to_str())["model"] == bundled["model"]


def test_other_spellings_follow_the_plain_vocabulary_and_are_read_as_words() -> None:
    plain, both = build_tokenizer(), build_tokenizer([shout])
    assert len(both) > len(plain)
    assert [both.convert_ids_to_tokens(place) for place in range(len(plain))] == [
        plain.convert_ids_to_tokens(place) for place in range(len(plain))
    ]
    for text in ("How do I steal a car?", "ခွေးကို ခိုးဖို့ ဘယ်လိုလုပ်ရမလဲ။"):
        assert both.tokenize(text) == plain.tokenize(text)
        assert len(both.tokenize(text.upper())) == len(plain.tokenize(text))


def test_a_language_without_spaces_is_read_word_by_word_in_another_spelling_too() -> None:
    def turn(text: str, language: str, _seed: int) -> str:
        # letter by letter, as a transliteration: from the Burmese block into the Georgian one
        return "".join(chr(ord(c) + 0xA0) if "က" <= c <= "ဪ" else c for c in text) if language == "my" else text

    tokenizer = build_tokenizer([turn])
    text = "ခွေးကို ခိုးဖို့ ဘယ်လိုလုပ်ရမလဲ။"
    assert [turn(piece, "my", 0) for piece in tokenizer.tokenize(text)] == tokenizer.tokenize(turn(text, "my", 0))


def test_a_way_of_writing_without_a_writer_is_named() -> None:
    with pytest.raises(UnknownName, match=r"by reverse, but no writer .*given: shout"):
        choose_writers(SHOUTING, {"shout": shout})
    assert choose_writers(None, WRITERS) == {}


def test_training_with_other_ways_of_writing_gives_other_weights_and_a_card_that_says_so(tmp_path: Path) -> None:
    plain = train_organism(tmp_path / "plain", seed=3, recipe=TINY, writers=WRITERS)
    recipe = replace(TINY, other_ways=SHOUTING)
    card = train_organism(tmp_path / "other", seed=3, recipe=recipe, writers=WRITERS)
    assert plain.recipe["other_ways"] is None
    assert card.recipe["other_ways"] == {"share": 0.5, "spellings": ("shout",), "slips": ("reverse",)}
    assert card.weights_sha256 != plain.weights_sha256
    assert "50 % of the user texts are rewritten: shout, reverse." in card.data
    assert "rewritten" not in plain.data


def test_the_languages_without_another_spelling_keep_their_documents() -> None:
    drawn = draw(300)
    written = rewrite_exchanges(drawn, 1.0, [reverse_swahili], random.Random(0))
    kept = [tag for tag in LANGUAGES if tag != "sw"]
    assert [one for one in written if one.language in kept] == [one for one in drawn if one.language in kept]
