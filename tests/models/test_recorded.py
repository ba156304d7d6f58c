"""Recorded replies are found by prompt and language, and broken files are told by line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.core import Finish, Kind, Language, Prompt
from isogloss.core.errors import BrokenInput, UnknownLanguage, UnknownName, UserError
from isogloss.models import Decoding, RecordedModel

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_files(**files: object) -> Path:
        for stem, content in files.items():
            path = tmp_path / f"{stem.replace('_', '-')}.jsonl"
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, list):
                path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        return tmp_path

    return write_files


def row(id_: str, language: str, reply: str, **more: object) -> dict[str, object]:
    return {"id": id_, "language": language, "reply": reply, **more}


def ask(id_: str, tag: str) -> Prompt:
    return Prompt(id=id_, text="?", language=Language.parse(tag), kind=Kind.HARMFUL, seed_id=id_)


def test_replies_are_found_by_id_and_language(write: Write) -> None:
    folder = write(en=[row("b", "en", "two", guard=1), row("a", "en", "one")], sw=[row("a", "sw", "moja")])
    model = RecordedModel(folder)
    replies = list(model.reply([ask("a", "sw"), ask("a", "en"), ask("b", "en")], Decoding()))
    assert [(reply.prompt_id, reply.language, reply.text) for reply in replies] == [
        ("a", "sw", "moja"),
        ("a", "en", "one"),
        ("b", "en", "two"),
    ]
    assert [language.tag for language in model.languages] == ["en", "sw"]
    assert len(model) == 3
    assert model.name == f"recorded:{folder}"


def test_one_language_under_two_tags_is_one_language(write: Write) -> None:
    model = RecordedModel(write(zh=[row("a", "zh", "好")]))
    [reply] = model.reply([ask("a", "zh-Hans")], Decoding())
    assert (reply.text, reply.language) == ("好", "zh-Hans")
    assert not model.holds(ask("a", "zh-Hant"))


def test_a_prompt_without_reply_fails_and_can_be_told_beforehand(write: Write) -> None:
    model = RecordedModel(write(en=[row("a", "en", "")]))
    assert model.holds(ask("a", "en"))
    assert not model.holds(ask("b", "en"))
    empty, absent = model.reply([ask("a", "en"), ask("b", "en")], Decoding())
    assert (empty.text, empty.finish, empty.error) == ("", Finish.UNKNOWN, None)
    assert (absent.finish, absent.error) == (Finish.FAILED, "no recorded reply")


GOOD = json.dumps(row("a", "en", "x")).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (GOOD + b'{"id": "b", "langu', BrokenInput, r"en\.jsonl, line 2 is not JSON"),
        (GOOD + b"\n[1]\n", BrokenInput, r"en\.jsonl, line 3 is not a JSON object"),
        (GOOD + b'{"id": "b", "language": "en"}\n', BrokenInput, r"line 2 lacks 'reply'"),
        (GOOD + b'{"id": "b", "language": "en", "reply": null}\n', BrokenInput, r"line 2: 'reply' is wrong"),
        (GOOD + b'{"id": 7, "language": "en", "reply": "x"}\n', BrokenInput, r"line 2: 'id' is wrong"),
        (GOOD + b'{"id": "b", "language": "en", "reply": "caf\xe9"}\n', BrokenInput, r"line 2 is not UTF-8"),
        (GOOD + GOOD, BrokenInput, r"line 2: a second reply to a in en"),
        (b'{"id": "b", "language": "sw", "reply": "x"}\n', BrokenInput, r"line 1: language is 'sw', but .* en"),
        (b'{"id": "b", "language": "qq-x", "reply": "x"}\n', UnknownLanguage, r"en\.jsonl, line 1: .*qq-x"),
    ],
)
def test_a_broken_line_is_told_by_file_and_number(
    write: Write, content: bytes, error: type[UserError], message: str
) -> None:
    with pytest.raises(error, match=message):
        RecordedModel(write(en=content))


def test_two_files_of_one_language_may_not_answer_one_prompt_twice(write: Write) -> None:
    with pytest.raises(BrokenInput, match="second reply to a"):
        RecordedModel(write(zh=[row("a", "zh", "x")], zh_Hans=[row("a", "zh-Hans", "y")]))


def test_a_file_not_named_after_a_language_is_told(write: Write) -> None:
    with pytest.raises(UnknownLanguage, match=r"replies\.jsonl is not named after a language"):
        RecordedModel(write(replies=[row("a", "en", "x")]))


def test_a_missing_or_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BrokenInput, match=r"no <language>\.jsonl"):
        RecordedModel(tmp_path)
    with pytest.raises(UnknownName, match="No folder"):
        RecordedModel(tmp_path / "nowhere")


def test_a_byte_order_mark_and_half_a_character_do_no_harm(write: Write) -> None:
    half = b'\xef\xbb\xbf{"id": "a", "language": "en", "reply": "cut \\ud83d"}\n'
    [reply] = RecordedModel(write(en=half)).reply([ask("a", "en")], Decoding())
    assert reply.text == "cut \ufffd"


def test_the_fingerprint_follows_the_replies_not_their_order(write: Write) -> None:
    rows = [row("a", "en", "x"), row("b", "en", "y")]
    first = RecordedModel(write(en=rows)).fingerprint()
    assert RecordedModel(write(en=rows[::-1])).fingerprint() == first
    assert RecordedModel(write(en=[rows[0], row("b", "en", "z")])).fingerprint() != first


def test_published_replies_are_read_whole(shared_data: Path) -> None:
    model = RecordedModel(shared_data / "replies" / "qwen2.5-7b-instruct")
    lines = sum(len(path.read_bytes().splitlines()) for path in model.folder.glob("*.jsonl"))
    assert len(model) == lines > 5000
    assert len(model.languages) == 11
    first = ask("polyrefuse-harmful-test-0000", "yo")
    [reply] = model.reply([first], Decoding())
    assert reply.text
    assert not model.holds(replace(first, language=Language.parse("sw")))
