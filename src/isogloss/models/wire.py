"""The OpenAI-compatible chat format: composing a request and reading an answer, without any network."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.core import Finish, Prompt, Reply
from isogloss.models.chat import Decoding
from isogloss.models.mending import mend_surrogates

_BUSY = {408, 409, 425, 429}
_REFUSED = {401, 403, 404, 405}
_FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}


class TryAgainError(Exception):
    """This attempt failed in a way that may pass.

    Attributes:
        wait_seconds: how long the server asks to wait, where it says.
        unreachable: no connection at all could be made.
    """

    def __init__(self, reason: str, *, wait_seconds: float | None = None, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.unreachable = unreachable


class PromptRejectedError(Exception):
    """The server refuses this prompt; the next one may pass."""


class EndpointRejectedError(Exception):
    """The server refuses the key, the model or the address; no prompt will pass."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    choices: list[_Choice]
    usage: _Usage | None = None


def compose_request(model: str, prompt: Prompt, decoding: Decoding, *, limit_field: str) -> dict[str, Any]:
    """The body of one chat request. ``top_p`` and ``seed`` go along only when sampling: some servers reject them."""
    messages = [] if decoding.system_prompt is None else [{"role": "system", "content": decoding.system_prompt}]
    messages.append({"role": "user", "content": prompt.text})
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        limit_field: decoding.max_new_tokens,
        "temperature": decoding.temperature,
    }
    if decoding.temperature > 0:
        body |= {"top_p": decoding.top_p, "seed": decoding.seed}
    return body


def read_answer(response: httpx.Response, prompt: Prompt, *, now_seconds: float) -> Reply:
    """The reply in a response.

    Args:
        response: read to its end.
        prompt: what was asked.
        now_seconds: Unix time, for a server that says until when to wait.

    Raises:
        TryAgainError: too many requests, a server error, or a body that is cut short or not a chat answer.
        PromptRejectedError: another error of this one request.
        EndpointRejectedError: key, model or address are refused, or the server points elsewhere.
    """
    _check_status(response, now_seconds)
    try:
        answer = _Answer.model_validate(_mend(json.loads(response.content)))
    except (ValidationError, ValueError, RecursionError) as error:
        raise TryAgainError(f"the answer is cut short or not a chat answer: {_excerpt(response)}") from error
    if not answer.choices:
        raise TryAgainError("the answer holds no choice")
    choice = answer.choices[0]
    text = choice.message.content or choice.message.refusal or ""
    if not text and choice.finish_reason == "content_filter":
        raise PromptRejectedError("the endpoint's own content filter withheld the reply")
    usage = answer.usage or _Usage()
    return Reply(
        prompt_id=prompt.id,
        language=prompt.language.tag,
        text=text,
        finish=_FINISH.get(choice.finish_reason or "", Finish.UNKNOWN),
        prompt_tokens=usage.prompt_tokens,
        reply_tokens=usage.completion_tokens,
    )


def read_retry_after(value: str | None, *, now_seconds: float) -> float | None:
    """Seconds to wait according to a Retry-After header, a number or a date; None where it says nothing usable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now_seconds
        except ValueError:
            return None
    return max(0.0, seconds) if seconds == seconds else None


def _check_status(response: httpx.Response, now_seconds: float) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    reason = f"HTTP {status}: {_excerpt(response)}"
    if status in _BUSY or status >= 500:
        wait = read_retry_after(response.headers.get("retry-after"), now_seconds=now_seconds)
        raise TryAgainError(reason, wait_seconds=wait)
    if status in _REFUSED or 300 <= status < 400:
        raise EndpointRejectedError(reason)
    raise PromptRejectedError(reason)


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.content[:800].decode("utf-8", "replace").split())
    return (text[:197] + "..." if len(text) > 200 else text) or "(empty body)"


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return mend_surrogates(value)
    if isinstance(value, dict):
        return {key: _mend(item) for key, item in value.items()}
    return [_mend(item) for item in value] if isinstance(value, list) else value
