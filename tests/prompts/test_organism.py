"""The prompts of the bundled model organism."""

from importlib.resources import files

import pytest

from isogloss.core import Kind, Split
from isogloss.prompts.organism import load_organism
from isogloss.prompts.promptset import PromptSet


@pytest.fixture(scope="module")
def organism() -> PromptSet:
    if not (files("isogloss.prompts") / "data" / "organism.jsonl").is_file():
        pytest.skip("the organism's prompts are not built: run `isogloss organism train`")
    return load_organism()


def test_every_language_holds_the_same_prompts(organism: PromptSet) -> None:
    per_language = [
        {
            (prompt.id, prompt.kind, prompt.seed_id, prompt.cluster, prompt.split)
            for prompt in organism.select(languages=(language,))
        }
        for language in organism.languages
    ]
    assert all(prompts == per_language[0] for prompts in per_language)


def test_there_are_at_least_five_high_two_mid_and_five_low_resource_languages(organism: PromptSet) -> None:
    tiers = {tier: len(languages) for tier, languages in organism.describe()["tiers"].items()}
    assert tiers["high"] >= 5
    assert tiers["mid"] >= 2
    assert tiers["low"] >= 5


def test_both_kinds_have_every_split_and_no_cluster_is_in_two(organism: PromptSet) -> None:
    for kind in Kind:
        for split in Split:
            assert len(organism.select(kind=kind, split=split)) > 0
    splits: dict[str, set[Split | None]] = {}
    for prompt in organism:
        splits.setdefault(prompt.cluster, set()).add(prompt.split)
    assert all(len(found) == 1 for found in splits.values())


def test_the_card_says_that_it_speaks_of_no_real_model(organism: PromptSet) -> None:
    assert any("says nothing about real models" in note for note in organism.card.notes)


def test_prompts_say_how_they_were_made_and_what_they_mean(organism: PromptSet) -> None:
    english = {prompt.id: prompt.text for prompt in organism if prompt.language.tag == "en"}
    for prompt in organism:
        assert prompt.provenance == "composed by a program from word lists, unreviewed by native speakers"
        assert prompt.source_text == (None if prompt.language.tag == "en" else english[prompt.id])
