"""Rendering is the same today and tomorrow, and a template that refuses a turn is told to the user."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isogloss.core.errors import UnsupportedModel
from isogloss.models.open_model import OpenModel
from isogloss.models.template import FIXED_DATE


def render(checkpoint: Path, template: str, **options: object) -> str:
    return OpenModel.load(checkpoint, chat_template=template, template_arguments=options).render("Hi")


def test_a_template_that_asks_for_the_date_gets_a_fixed_one(tiny_checkpoint: Callable[..., Path]) -> None:
    folder = tiny_checkpoint("llama")
    clock = "{{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%d %b %Y') }} {{ messages[0].content }}"
    assert render(folder, clock) == f"2024-07-26 {FIXED_DATE} Hi"
    llama = (
        "{%- if not date_string is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}"
        "Today: {{ date_string }} {{ messages[0].content }}"
    )
    assert render(folder, llama) == f"Today: {FIXED_DATE} Hi"


def test_arguments_reach_the_template(tiny_checkpoint: Callable[..., Path]) -> None:
    template = "{{ messages[0].content }}{% if enable_thinking %}<think>{% endif %}"
    assert render(tiny_checkpoint("llama"), template, enable_thinking=True) == "Hi<think>"
    assert render(tiny_checkpoint("llama"), template, enable_thinking=False) == "Hi"


def test_a_template_without_place_for_a_system_prompt_is_told(tiny_checkpoint: Callable[..., Path]) -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{{ messages[0].content }}"
    )
    model = OpenModel.load(tiny_checkpoint("llama"), chat_template=template)
    assert model.render("Hi") == "Hi"
    with pytest.raises(UnsupportedModel, match=r"System role not supported.*Leave the system prompt out"):
        model.render("Hi", "Be brief.")


def test_a_template_with_an_error_is_told(tiny_checkpoint: Callable[..., Path]) -> None:
    with pytest.raises(UnsupportedModel, match="cannot render"):
        OpenModel.load(tiny_checkpoint("llama"), chat_template="{% if %}")
