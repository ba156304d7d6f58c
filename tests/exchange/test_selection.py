import pytest
from parts import small_set

from isogloss.core import Split
from isogloss.core.errors import BrokenInput, UnknownLanguage
from isogloss.exchange.selection import choose_prompts


def test_a_harness_asks_what_an_audit_would():
    chosen = choose_prompts(small_set(), languages="sw", split="test", limit=1)
    assert [(prompt.id, prompt.language.tag) for prompt in chosen] == [
        ("small-harmful-1", "sw"),
        ("small-harmless-1", "sw"),
    ]
    assert {prompt.split for prompt in choose_prompts(small_set(), split="all")} == {Split.TRAIN, Split.TEST}


def test_a_wrong_split_or_language_is_said_in_words():
    with pytest.raises(BrokenInput, match="split"):
        choose_prompts(small_set(), split="tests")
    with pytest.raises(UnknownLanguage):
        choose_prompts(small_set(), languages=["zu"])
