"""The scripted model answers as it was told to."""

import pytest

from isogloss.core import Finish, Prompt
from isogloss.core.errors import UnknownName
from isogloss.models import Decoding, ScriptedModel


def test_answers_come_from_a_mapping_a_list_or_a_function(prompts: tuple[Prompt, ...]) -> None:
    first = prompts[:3]
    by_id = ScriptedModel({"p0": "zero", "p1": "one", "p2": "two"})
    by_order = ScriptedModel(["zero", "one", "two"])
    by_function = ScriptedModel(lambda prompt: {"p0": "zero", "p1": "one"}.get(prompt.id, "two"))
    for model in (by_id, by_order, by_function):
        replies = list(model.reply(first, Decoding()))
        assert [(reply.prompt_id, reply.text, reply.finish) for reply in replies] == [
            ("p0", "zero", Finish.STOP),
            ("p1", "one", Finish.STOP),
            ("p2", "two", Finish.STOP),
        ]
        assert model.asked == list(first)


def test_failures_are_failed_replies(prompts: tuple[Prompt, ...]) -> None:
    replies = list(ScriptedModel(lambda _: "yes", failures={"p1"}).reply(prompts[:2], Decoding()))
    assert [reply.finish for reply in replies] == [Finish.STOP, Finish.FAILED]
    assert replies[1].error == "scripted failure"


def test_a_long_answer_is_cut(prompts: tuple[Prompt, ...]) -> None:
    [reply] = ScriptedModel(["one two three"]).reply(prompts[:1], Decoding(max_new_tokens=2))
    assert (reply.text, reply.finish) == ("one two", Finish.LENGTH)


def test_a_prompt_without_answer_is_named(prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(UnknownName, match=r"prompt 1 \(p1\); it has 1"):
        list(ScriptedModel(["one"]).reply(prompts[:2], Decoding()))
    with pytest.raises(UnknownName, match="p0"):
        list(ScriptedModel({"other": "one"}).reply(prompts[:1], Decoding()))


def test_the_fingerprint_follows_the_script() -> None:
    same = ScriptedModel({"a": "x"}).fingerprint()
    assert same == ScriptedModel({"a": "x"}).fingerprint()
    assert same != ScriptedModel({"a": "y"}).fingerprint()
    assert same != ScriptedModel({"a": "x"}, failures=["a"]).fingerprint()
