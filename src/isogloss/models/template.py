"""Rendering one user turn with a model's chat template."""

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from isogloss.core.errors import UnsupportedModel

# Some templates write today's date into every prompt, so that the same prompt would be other tokens tomorrow.
# They are told this date instead: the default that Llama 3 templates fall back to.
FIXED_DATE = "26 Jul 2024"
_FIXED_CLOCK = (
    "{% macro strftime_now(format) %}{{ {'%Y-%m-%d': '2024-07-26', '%Y': '2024', '%B %d, %Y': 'July 26, 2024', "
    "'%d %B %Y': '26 July 2024'}.get(format, '" + FIXED_DATE + "') }}{% endmacro %}"
)


def read_template(tokenizer: Any, stated: str | None, name: str) -> str:
    """The template to use: the one stated, else the tokenizer's own.

    Raises:
        UnsupportedModel: there is none.
    """
    if stated is None and tokenizer.chat_template is None:
        raise UnsupportedModel(
            f"{name} has no chat template, so there is no telling how it expects a question. "
            "Use its instruction-tuned version, or pass chat_template."
        )
    try:
        template = str(stated if stated is not None else tokenizer.get_chat_template())
    except ValueError as error:
        raise UnsupportedModel(f"{name} has several chat templates and no default. Pass chat_template.") from error
    return (_FIXED_CLOCK if "strftime_now" in template else "") + template


def render_turn(
    tokenizer: Any, template: str, text: str, system_prompt: str | None, template_arguments: Mapping[str, Any]
) -> str:
    """One user turn, after the system prompt where given, and the opening of the model's turn.

    Raises:
        UnsupportedModel: the template refuses these turns, as some refuse a system prompt.
    """
    turns = [] if system_prompt is None else [{"role": "system", "content": system_prompt}]
    turns.append({"role": "user", "content": text})
    arguments = {"date_string": FIXED_DATE, **template_arguments}
    try:
        rendered = tokenizer.apply_chat_template(
            turns, chat_template=template, tokenize=False, add_generation_prompt=True, **arguments
        )
    except TemplateError as error:
        hint = "Leave the system prompt out." if system_prompt is not None else "Pass another chat_template."
        raise UnsupportedModel(f"The chat template cannot render this turn: {error}. {hint}") from error
    return str(rendered)
