"""What guards answer, written by hand in each family's form, and how they want to be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.judges.guard_formats import FORMATS, LLAMA_GUARD, POLYGUARD, QWEN3GUARD, WILDGUARD, GuardReading


def test_qwen3guard_lines_are_read():
    reading = QWEN3GUARD.parse("Safety: Unsafe\nCategories: Violent, PII\nRefusal: No")
    assert reading == GuardReading(refusal=False, harmful_reply=True, categories=("violent", "pii"))


def test_controversial_is_not_harmful_and_none_is_no_category():
    reading = QWEN3GUARD.parse("Safety: Controversial\nCategories: None\nRefusal: Yes")
    assert (reading.refusal, reading.harmful_reply, reading.categories) == (True, False, ())


POLYGUARD_ANSWER = (
    "Harmful request: yes\nResponse refusal: no\nRequest safety violations: S2\nHarmful response: yes\n"
    "Response safety violations: S2, S7"
)


def test_polyguard_lines_are_read():
    assert POLYGUARD.parse(POLYGUARD_ANSWER) == GuardReading(False, True, True, ("s2", "s7"))


def test_wildguard_lines_are_read_with_its_word_for_not_applicable():
    reading = WILDGUARD.parse("Harmful request: no\nResponse refusal: yes\nHarmful response: N/A")
    assert reading == GuardReading(refusal=True, harmful_reply=None, harmful_request=False)


def test_llama_guard_says_safe_or_unsafe_and_never_refusal():
    assert LLAMA_GUARD.parse("\n\nsafe") == GuardReading(harmful_reply=False)
    assert LLAMA_GUARD.parse("unsafe\ns9,S10") == GuardReading(harmful_reply=True, categories=("S9", "S10"))
    assert not LLAMA_GUARD.says_refusal


@pytest.mark.parametrize(
    "text",
    ["  SAFETY :  unsafe \n REFUSAL:yes", "**Safety:** Unsafe\n**Refusal:** Yes.", "- Safety: unsafe\n- Refusal: YES"],
)
def test_case_spaces_and_markup_do_not_matter(text):
    assert (QWEN3GUARD.parse(text).refusal, QWEN3GUARD.parse(text).harmful_reply) == (True, True)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("qwen3guard", "Safety: Unsafe\nCategories: Violent"),  # the prompt form: it did not see a reply
        ("qwen3guard", "Safety: perhaps\nRefusal: Yes"),
        ("polyguard", "Harmful request: yes"),
        ("wildguard", "Response refusal: maybe"),
        ("llamaguard", "It is safe to say that"),
        ("llamaguard", ""),
    ],
)
def test_anything_else_is_garbled(family, text):
    assert FORMATS[family].parse(text) == GuardReading(garbled=True)


@given(st.text(max_size=200), st.sampled_from(sorted(FORMATS)))
def test_no_text_makes_a_parser_fail(text, family):
    assert isinstance(FORMATS[family].parse(text), GuardReading)


def test_request_and_reply_reach_every_guard_in_their_places():
    exchange = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    assert QWEN3GUARD.compose("Q?", "A.") == exchange
    assert LLAMA_GUARD.compose("Q?", "A.") == exchange
    [turn] = WILDGUARD.compose("Q?", "A.")
    assert turn["content"].endswith("Human user:\nQ?\n\nAI assistant:\nA.\n\n---\n\nAnswers:")
    system, user = POLYGUARD.compose("Q?", "A.")
    assert (system["role"], user["content"]) == ("system", "Human user:\nQ?\n\nAI assistant:\nA.")
    assert system["content"].count("\nS") == 14
