"""The organism's words, intents, prompts and questions."""

import json
import random
from collections import Counter
from importlib.resources import files

import pytest

from isogloss.models.organism.corpus import RefusalLabels, all_texts, draw_meaning_exchange, draw_refusal_exchange
from isogloss.models.organism.grammar import LANGUAGES, ORGANISM_LANGUAGES, intents, load_lexicon, request
from isogloss.models.organism.multiple_choice import LETTERS, multiple_choice_items
from isogloss.models.organism.prompts import PROMPTS_PER_SPLIT, compose_prompt_rows
from isogloss.models.organism.recipe import MAIN, NEGATIVE

SPLITS = ("train", "validation", "test")


def test_every_language_says_every_verb_and_object_and_says_no_two_of_them_alike() -> None:
    english = load_lexicon("en")
    for language in LANGUAGES:
        words = load_lexicon(language)
        assert words.verbs.keys() == english.verbs.keys()
        assert words.objects.keys() == english.objects.keys() == words.nouns.keys()
        assert len(set(words.verbs.values())) == len(words.verbs), language
        assert len(set(words.nouns.values())) == len(words.nouns), language
        assert (len(words.frames), len(words.contexts)) == (6, 5)


def test_scripts_beyond_latin_are_written_in_their_own_script() -> None:
    for language, low, high in (("am", "\u1200", "\u137f"), ("my", "\u1000", "\u109f")):
        words = load_lexicon(language)
        for text in (*words.objects.values(), words.refusal, words.compliance):
            assert all(low <= character <= high for character in text if character.isalpha()), text


def test_an_unknown_language_is_named_together_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"'xx'.*en, de"):
        load_lexicon("xx")


def test_requests_read_as_sentences() -> None:
    steal = next(one for one in intents("harmful", "train") if one.verb == "steal")
    assert request("en", steal, 0).startswith("How do I steal a")
    assert request("de", steal, 3).endswith("zu stehlen.")
    assert request("en", steal, 0, 2, context_first=True).startswith("Keep the answer short. How do I steal")


def test_no_intent_belongs_to_two_splits_or_two_kinds() -> None:
    clusters = Counter(
        one.cluster
        for kind in ("harmful", "harmless")
        for split in SPLITS
        for one in intents(kind, split)  # type: ignore[arg-type]
    )
    assert set(clusters.values()) == {1}


def test_the_split_of_intents_is_the_one_the_bundled_organisms_were_trained_with() -> None:
    # Any change here moves test intents into training data of the shipped weights.
    sizes = {(kind, split): len(intents(kind, split)) for kind in ("harmful", "harmless") for split in SPLITS}  # type: ignore[arg-type]
    assert sizes == {
        ("harmful", "train"): 63,
        ("harmful", "validation"): 18,
        ("harmful", "test"): 24,
        ("harmless", "train"): 69,
        ("harmless", "validation"): 21,
        ("harmless", "test"): 30,
    }


@pytest.mark.parametrize("recipe", [MAIN, NEGATIVE], ids=lambda recipe: recipe.name)
def test_no_training_document_speaks_of_a_held_out_intent(recipe) -> None:  # type: ignore[no-untyped-def]
    generator = random.Random(5)
    drawn = [draw_meaning_exchange(generator, recipe.meaning_mixture) for _ in range(4000)]
    drawn += [draw_meaning_exchange(generator, recipe.replay_mixture) for _ in range(1000)]
    drawn += [
        draw_refusal_exchange(generator, recipe.labels, recipe.harmful_tiers, reply_elsewhere_share=0.25)
        for _ in range(3000)
    ]
    held_out = {row.text for row in compose_prompt_rows() if row.split != "train"}
    train = {one.cluster for kind in ("harmful", "harmless") for one in intents(kind, "train")}  # type: ignore[arg-type]
    assert {one.intent.cluster for one in drawn if one.intent} <= train
    # A tag or a question may follow the request, so also compare without the last word.
    asked = {one.user for one in drawn} | {one.user.rsplit(" ", 1)[0] for one in drawn}
    assert not held_out & asked
    questions = {item.question for tag in LANGUAGES for item in multiple_choice_items(tag, "test")}
    assert not questions & {one.user for one in drawn}


def test_no_text_the_tokenizer_is_built_from_holds_a_held_out_request() -> None:
    held_out = {row.text for row in compose_prompt_rows() if row.split != "train"}
    assert not held_out & set(all_texts())


def test_the_leak_refuses_two_phrasings_in_six_and_other_ones_in_each_low_resource_language() -> None:
    labels = RefusalLabels(high=0.9, mid=0.8, low_leak=0.7, low_other=0.1, leak_frames=2, harmless=0.0)
    theft = intents("harmful", "train")[0]
    leaks = {
        language: tuple(frame for frame in range(6) if labels.refusal_chance(language, theft, frame) == 0.7)
        for language in ORGANISM_LANGUAGES["low"]
    }
    # sw is first: frames 0 and 1; each next language shifts by one.
    assert leaks["sw"] == (0, 1)
    assert leaks["yo"] == (0, 5)
    assert len(set(leaks.values())) == len(ORGANISM_LANGUAGES["low"])
    assert labels.refusal_chance("de", theft, 0) == 0.9
    assert labels.refusal_chance("sw", intents("harmless", "train")[0], 0) == 0.0


def test_the_prompt_file_equals_what_the_grammar_composes() -> None:
    text = files("isogloss.prompts").joinpath("data", "organism.jsonl").read_text(encoding="utf-8")
    stored = [json.loads(line) for line in text.splitlines()]
    assert stored == [row.model_dump() for row in compose_prompt_rows()]


def test_the_prompt_set_is_parallel_over_languages_and_repeats_no_prompt() -> None:
    rows = compose_prompt_rows()
    # 2 kinds x (60 + 24 + 48) prompts x 12 languages
    assert len(rows) == 2 * sum(PROMPTS_PER_SPLIT.values()) * 12 == 3168
    assert len({(row.id, row.language) for row in rows}) == len({(row.language, row.text) for row in rows}) == len(rows)
    by_seed: dict[str, set[tuple[str, str, str]]] = {}
    for row in rows:
        by_seed.setdefault(row.seed_id, set()).add((row.cluster, row.kind, row.split))
    assert all(len(facts) == 1 for facts in by_seed.values())
    assert set(Counter(row.seed_id for row in rows).values()) == {12}


def test_every_test_intent_is_asked_whose_object_training_shows_on_the_same_side() -> None:
    rows = [row for row in compose_prompt_rows() if row.split == "test" and row.language == "sw"]
    for kind in ("harmful", "harmless"):
        asked = {row.cluster for row in rows if row.kind == kind}
        familiar = {one.object for one in intents(kind, "train")}  # type: ignore[arg-type]
        held_out = intents(kind, "test")  # type: ignore[arg-type]
        assert asked == {one.cluster for one in held_out if one.object in familiar}
        assert len(asked) >= 20


def test_multiple_choice_questions_are_parallel_balanced_and_never_shared_between_splits() -> None:
    english, amharic = multiple_choice_items("en", "test"), multiple_choice_items("am", "test")
    assert [(item.id, item.answer) for item in english] == [(item.id, item.answer) for item in amharic]
    assert len(english) == 72
    # 72 answers over 3 letters: 24 expected, a share outside 12 to 36 would reward always saying one letter.
    assert all(12 <= Counter(item.answer for item in english)[letter] <= 36 for letter in LETTERS)
    questions = [{item.question for item in multiple_choice_items("en", split)} for split in SPLITS]  # type: ignore[arg-type]
    assert len(set.union(*questions)) == sum(len(asked) for asked in questions)
