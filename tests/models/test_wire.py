"""Requests and answers in the OpenAI chat format."""

from typing import Any

import httpx
import pytest

from isogloss.core import Finish, Prompt
from isogloss.models.chat import Decoding
from isogloss.models.wire import (
    EndpointRejectedError,
    PromptRejectedError,
    TryAgainError,
    compose_request,
    read_answer,
    read_retry_after,
)


def answer(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    }


def read(prompts: tuple[Prompt, ...], response: httpx.Response) -> Any:
    return read_answer(response, prompts[0], now_seconds=0.0)


def test_a_greedy_request_carries_only_what_every_server_takes(prompts: tuple[Prompt, ...]) -> None:
    assert compose_request("m", prompts[0], Decoding(max_new_tokens=9), limit_field="max_tokens") == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "temperature": 0.0,
    }


def test_a_sampled_request_carries_seed_and_system_prompt(prompts: tuple[Prompt, ...]) -> None:
    decoding = Decoding(temperature=0.7, top_p=0.9, seed=3, system_prompt="Be brief.")
    body = compose_request("m", prompts[0], decoding, limit_field="max_completion_tokens")
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.7, 0.9, 3)
    assert body["max_completion_tokens"] == 128


@pytest.mark.parametrize(
    ("stated", "finish"), [("stop", Finish.STOP), ("length", Finish.LENGTH), ("tool_calls", Finish.UNKNOWN)]
)
def test_text_finish_and_tokens_are_read(prompts: tuple[Prompt, ...], stated: str, finish: Finish) -> None:
    reply = read(prompts, httpx.Response(200, json=answer("Sawa.", stated)))
    assert (reply.text, reply.finish, reply.prompt_tokens, reply.reply_tokens) == ("Sawa.", finish, 5, 7)


def test_a_refusal_in_its_own_field_is_the_reply(prompts: tuple[Prompt, ...]) -> None:
    assert read(prompts, httpx.Response(200, json=answer(None, refusal="I won't."))).text == "I won't."


def test_half_a_character_is_replaced(prompts: tuple[Prompt, ...]) -> None:
    body = b'{"choices": [{"message": {"content": "cut \\ud83d"}}]}'
    assert read(prompts, httpx.Response(200, content=body)).text == "cut \ufffd"


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(429, text="slow down"),
        httpx.Response(503),
        httpx.Response(200, text='{"choices": [{"mess'),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, json={"error": "overloaded"}),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text="[" * 100_000),
    ],
)
def test_what_may_pass_is_to_be_tried_again(prompts: tuple[Prompt, ...], response: httpx.Response) -> None:
    with pytest.raises(TryAgainError):
        read(prompts, response)


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_a_refused_key_model_or_address_concerns_every_prompt(prompts: tuple[Prompt, ...], status: int) -> None:
    with pytest.raises(EndpointRejectedError, match=f"HTTP {status}: no"):
        read(prompts, httpx.Response(status, text="no"))


def test_another_client_error_concerns_one_prompt(prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(PromptRejectedError, match="HTTP 400: too long"):
        read(prompts, httpx.Response(400, text="too long"))
    with pytest.raises(PromptRejectedError, match="content filter"):
        read(prompts, httpx.Response(200, json=answer("", "content_filter")))


def test_a_long_error_page_is_cut(prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(PromptRejectedError) as caught:
        read(prompts, httpx.Response(400, text="x" * 5000))
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("nan", None),
        ("soon", None),
        (None, None),
        # One minute after the epoch, told ten seconds after it: 50 seconds are left.
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now_seconds=10.0) == seconds
