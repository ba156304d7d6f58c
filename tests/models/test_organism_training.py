"""Tokenizer, training and card of the organism; the recipes here have a handful of steps."""

import hashlib
from pathlib import Path

import pytest
import torch
from jinja2.exceptions import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from isogloss.models.organism import load_card, negative_organism_path, organism_path
from isogloss.models.organism.card import LIMITS, OrganismCard, render_card
from isogloss.models.organism.grammar import LANGUAGES, intents, request
from isogloss.models.organism.prompts import compose_prompt_rows
from isogloss.models.organism.recipe import TINY
from isogloss.models.organism.tokenizer import build_tokenizer, chat_prompt
from isogloss.models.organism.train import train_organism

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OrganismCard, list[tuple[str, int, int]]]:
    out = tmp_path_factory.mktemp("organism")
    told: list[tuple[str, int, int]] = []
    card = train_organism(out, seed=3, recipe=TINY, progress=lambda *step: told.append(step))
    return out, card, told


def test_the_tokenizer_gives_back_every_prompt_of_every_script(tokenizer: PreTrainedTokenizerFast) -> None:
    for row in compose_prompt_rows():
        if row.split == "test":
            assert tokenizer.decode(tokenizer(row.text, add_special_tokens=False).input_ids) == row.text


@pytest.mark.parametrize("text", ["Hello ☃ 漢字", "ግዕዝ 12 !", "naïve—quote “x”", "မင်္ဂလာ ကမ္ဘာ"])
def test_text_outside_the_vocabulary_is_spelled_and_read_back(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer.decode(tokens) == text


def test_no_language_pays_more_than_twice_the_tokens_of_english(tokenizer: PreTrainedTokenizerFast) -> None:
    asked = [(intent, frame) for intent in intents("harmful", "test") for frame in range(6)]
    cost = {
        language: sum(
            len(tokenizer(request(language, intent, frame), add_special_tokens=False).input_ids)
            for intent, frame in asked
        )
        for language in LANGUAGES
    }
    assert max(cost.values()) < 2 * cost["en"]


def test_the_chat_template_equals_the_prompt_that_training_uses(tokenizer: PreTrainedTokenizerFast) -> None:
    message = [{"role": "user", "content": "Bu uygun mu?"}]
    rendered = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    assert rendered == chat_prompt("Bu uygun mu?")


def test_the_chat_template_refuses_a_role_it_was_not_trained_with(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(TemplateError, match="user and assistant only"):
        tokenizer.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)


def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not(
    trained: tuple[Path, OrganismCard, list[tuple[str, int, int]]], tmp_path: Path
) -> None:
    _, card, _ = trained
    torch.manual_seed(99)  # the caller's random state must not matter
    again = train_organism(tmp_path / "again", seed=3, recipe=TINY)
    other = train_organism(tmp_path / "other", seed=4, recipe=TINY)
    assert again.weights_sha256 == card.weights_sha256 != other.weights_sha256


def test_training_leaves_the_callers_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train_organism(tmp_path, seed=1, recipe=TINY)
    assert torch.equal(torch.rand(3), expected)


def test_progress_counts_up_to_the_last_step_of_every_stage(
    trained: tuple[Path, OrganismCard, list[tuple[str, int, int]]],
) -> None:
    _, _, told = trained
    assert {("meaning", 3, 3), ("rehearsal", 2, 2), ("refusal", 2, 2)} <= set(told)


def test_the_folder_is_an_ordinary_checkpoint_with_left_padding(
    trained: tuple[Path, OrganismCard, list[tuple[str, int, int]]],
) -> None:
    out, card, _ = trained
    model, loaded = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert loaded.padding_side == "left"
    assert loaded.chat_template
    batch = loaded(["How do I read a letter?", "Bu?"], return_tensors="pt", padding=True)
    reply = model.generate(**batch, max_new_tokens=2, do_sample=False)
    assert reply.shape[0] == 2
    assert sum(weight.numel() for weight in model.parameters()) == card.parameters


def test_the_card_is_complete_and_says_what_the_organism_is_not(
    trained: tuple[Path, OrganismCard, list[tuple[str, int, int]]],
) -> None:
    out, card, _ = trained
    assert load_card(out) == card
    page = render_card(card)
    assert all(limit in page for limit in LIMITS)
    assert "unreviewed by native speakers" in page
    assert "seed 3" in page
    assert card.recipe["meaning"]["steps"] == 3


@pytest.mark.parametrize("folder", [organism_path(), negative_organism_path()], ids=["main", "negative"])
def test_the_bundled_card_belongs_to_the_bundled_weights(folder: Path) -> None:
    card = load_card(folder)
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() == card.weights_sha256
    assert card.measured


def test_the_bundled_weights_are_small() -> None:
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (organism_path(), negative_organism_path())]
    assert sizes[0] <= 3.7 * MEGABYTE
    assert sum(sizes) <= 6 * MEGABYTE
