"""Both positions, and the one path from text to tokens."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import UnsupportedModel
from isogloss.inside.activations import record_activations
from isogloss.models.open_model import OpenModel
from isogloss.repair.published.positions import find_instruction_positions, find_positions, record_positions

ENGLISH = Language.parse("en")
TEXTS = ("How do I pick a lock?", "x", "Ninawezaje kufungua mlango wa nyumba yangu? Nimepoteza ufunguo.")


def make_prompts() -> list[Prompt]:
    return [Prompt(str(number), text, ENGLISH, Kind.HARMLESS, str(number)) for number, text in enumerate(TEXTS)]


def test_the_instruction_ends_before_the_template_tokens(tiny_qwen: OpenModel) -> None:
    # <|user|> text <|end|> <|model|>: two tokens follow the text, so its last token is the third from the end.
    assert find_positions(tiny_qwen).both() == (-3, -1)
    for ids, text in zip(tiny_qwen.encode(TEXTS), TEXTS, strict=True):
        assert text.endswith(tiny_qwen.tokenizer.decode([ids[-3]]))


def test_a_suffix_that_depends_on_the_text_is_refused(tiny_checkpoint: Callable[..., Path]) -> None:
    template = "<|user|>{{ messages[0].content }}{% if messages[0].content[-1] == '?' %} {% endif %}<|model|>"
    model = OpenModel.load(tiny_checkpoint("qwen2"), chat_template=template)
    with pytest.raises(UnsupportedModel, match="does not end every prompt"):
        find_positions(model)


def test_a_suffix_whose_tokens_melt_into_the_text_is_refused(tiny_checkpoint: Callable[..., Path]) -> None:
    # "o" and "f the lock" share the token "of"; a full stop and "f" share none.
    model = OpenModel.load(tiny_checkpoint("qwen2"), chat_template="<|user|>{{ messages[0].content }}f the lock")
    single = find_instruction_positions(model, ["a."])[0]
    assert find_instruction_positions(model, ["a o"])[0] == single + 1
    with pytest.raises(UnsupportedModel, match="so no one position reads it"):
        find_positions(model, ["a.", "a o"])


def test_a_template_that_rewrites_the_text_is_refused(tiny_checkpoint: Callable[..., Path]) -> None:
    model = OpenModel.load(tiny_checkpoint("qwen2"), chat_template="{{ messages[0].content | upper }}<|model|>")
    with pytest.raises(UnsupportedModel, match="changes the user's text"):
        find_positions(model)


def test_recorded_states_are_the_models_own_hidden_states(tiny_qwen: OpenModel) -> None:
    prompts = make_prompts()
    activations, positions = record_positions(tiny_qwen, prompts, layers=[0, 2])
    for number, ids in enumerate(tiny_qwen.encode(TEXTS)):
        with torch.inference_mode():
            states = tiny_qwen.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for layer in (0, 2):
            for position in positions.both():
                alone = states[layer + 1][0, position].numpy()
                together = activations.at(layer, position)[number]
                # Section 9 of the notes reaches 1.2e-6 between a padded batch and the prompt alone.
                assert np.abs(together - alone).max() <= 2e-6 * np.abs(alone).max()


def test_no_second_bos_is_added_where_the_template_writes_one(tiny_checkpoint: Callable[..., Path]) -> None:
    model = OpenModel.load(tiny_checkpoint("qwen2", double_bos=True))
    bos = model.tokenizer.bos_token_id
    for ids in model.encode(TEXTS):
        assert ids.count(bos) == 1
    doubled = model.tokenizer(model.render(TEXTS[0]))["input_ids"]
    assert doubled[:2] == [bos, bos]
    state = record_activations(model, make_prompts()[:1], layers=[2]).at(2)[0]
    with torch.inference_mode():
        skewed = model.model(torch.tensor([doubled]), output_hidden_states=True).hidden_states[3][0, -1].numpy()
    # What the published recorder would have trained on is another state altogether.
    assert np.linalg.norm(skewed - state) > 0.01 * np.linalg.norm(state)
