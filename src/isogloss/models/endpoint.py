"""A chat model behind an OpenAI-compatible address."""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from isogloss.core import Finish, Prompt, Reply
from isogloss.core.errors import EndpointFailed, UnknownName
from isogloss.models.background import iterate_in_background
from isogloss.models.chat import Decoding
from isogloss.models.wire import (
    EndpointRejectedError,
    PromptRejectedError,
    TryAgainError,
    compose_request,
    read_answer,
)

KEY_VARIABLE = "OPENAI_API_KEY"
LONGEST_WAIT_SECONDS = 60.0
CONNECT_SECONDS = 10.0

Emit = Callable[[Reply], None]


class EndpointModel:
    """Any server that speaks OpenAI chat completions: vLLM, llama.cpp, Ollama, a hosted service.

    Requests run side by side, ``concurrency`` at a time, and replies come in the order in which they arrive. What may
    pass is tried again: timeouts, lost connections, HTTP 408, 429 (waiting as long as ``Retry-After`` asks, at most a
    minute) and 5xx, and answers that are cut short. A prompt that keeps failing yields a failed reply.

    Args:
        model: the model's name on the server.
        url: base address, such as ``http://localhost:8000/v1``.
        api_key: sent as a bearer token; None takes the environment variable OPENAI_API_KEY, if set. It is never
            written to a run, a message or a fingerprint.
        concurrency: requests at a time.
        timeout_seconds: for one whole answer.
        attempts: how often one prompt is tried.
        first_wait_seconds: before the second attempt; doubles with every further one.
        limit_field: the request's name for the longest reply; some hosted models want ``max_completion_tokens``.
        transport: stands in for the network in tests (``httpx.MockTransport``).

    Raises:
        UnknownName: the address is not http or https, or carries a password.
    """

    def __init__(
        self,
        model: str,
        url: str,
        *,
        api_key: str | None = None,
        concurrency: int = 8,
        timeout_seconds: float = 120.0,
        attempts: int = 5,
        first_wait_seconds: float = 1.0,
        limit_field: str = "max_tokens",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        _check_url(url)
        self.model = model
        self.url = url.rstrip("/")
        self.name = f"openai:{model}@{self.url}"
        self._api_key = api_key if api_key is not None else os.environ.get(KEY_VARIABLE)
        self._concurrency = max(1, concurrency)
        self._timeout_seconds = timeout_seconds
        self._attempts = max(1, attempts)
        self._first_wait_seconds = first_wait_seconds
        self._limit_field = limit_field
        self._transport = transport

    @classmethod
    def parse(cls, spelling: str) -> Self:
        """Read ``NAME@URL``, the form used on the command line after ``openai:``.

        Raises:
            UnknownName: the text is not of that form.
        """
        found = re.fullmatch(r"(?P<model>.+?)@(?P<url>https?://.+)", spelling)
        if found is None:
            raise UnknownName(f"'{spelling}' is not NAME@URL, such as qwen2.5@http://localhost:8000/v1.")
        return cls(found["model"], found["url"])

    def fingerprint(self) -> dict[str, str]:
        """Name and address: all that can be known about a model from outside. The server may change what it serves."""
        return {"endpoint": self.name}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer every prompt once, yielding replies in the order in which they arrive.

        Closing the generator cancels what is under way. When sampling, ``decoding.seed`` goes along with every
        request; whether it makes a reply repeat is up to the server.

        Raises:
            EndpointFailed: no connection can be made, or the server refuses the key, the model or the address.
                Replies yielded before it are good.
        """

        async def work(emit: Emit) -> None:
            await self._answer_all(prompts, decoding, emit)

        if prompts:
            yield from iterate_in_background(work)

    async def _answer_all(self, prompts: Sequence[Prompt], decoding: Decoding, emit: Emit) -> None:
        waiting = iter(prompts)

        async def work(client: httpx.AsyncClient) -> None:
            for prompt in waiting:
                emit(await self._answer(client, prompt, decoding))

        async with self._open_client() as client:
            await self._probe(client)
            workers = [asyncio.create_task(work(client)) for _ in range(min(self._concurrency, len(prompts)))]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _open_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport,
            headers={"authorization": f"Bearer {self._api_key}"} if self._api_key else {},
            timeout=httpx.Timeout(self._timeout_seconds, connect=min(CONNECT_SECONDS, self._timeout_seconds)),
            limits=httpx.Limits(max_connections=self._concurrency),
        )

    async def _probe(self, client: httpx.AsyncClient) -> None:
        """Fail at once, not after all attempts of all prompts, when nobody listens. Any answer at all will do."""
        try:
            await client.get(f"{self.url}/models", timeout=CONNECT_SECONDS)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise self._unreachable(str(error)) from error
        except httpx.HTTPError:
            return  # somebody listens; whether it can chat is for the first prompt to find out

    async def _answer(self, client: httpx.AsyncClient, prompt: Prompt, decoding: Decoding) -> Reply:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            wait=self._wait_seconds,
            retry=retry_if_exception_type(TryAgainError),
            reraise=True,
        )
        try:
            return await retrying(self._ask, client, prompt, decoding)
        except EndpointRejectedError as error:
            raise EndpointFailed(
                f"{self.url} refuses to answer as {self.model} ({error}). Check the address (it usually ends in /v1), "
                f"the model's name and the key in {KEY_VARIABLE}. Replies that had arrived are kept."
            ) from error
        except TryAgainError as error:
            if error.unreachable:
                raise self._unreachable(str(error)) from error
            return _fail(prompt, f"no reply after {self._attempts} attempts; the last: {error}")
        except PromptRejectedError as error:
            return _fail(prompt, str(error))

    async def _ask(self, client: httpx.AsyncClient, prompt: Prompt, decoding: Decoding) -> Reply:
        body = compose_request(self.model, prompt, decoding, limit_field=self._limit_field)
        try:
            # httpx limits the time between two bytes; a server that drips needs a limit on the whole.
            async with asyncio.timeout(self._timeout_seconds):
                response = await client.post(f"{self.url}/chat/completions", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TryAgainError(f"no connection ({error})", unreachable=True) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TryAgainError(f"no answer within {self._timeout_seconds:g} seconds") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise TryAgainError(f"the connection broke ({error or type(error).__name__})") from error
        return read_answer(response, prompt, now_seconds=time.time())

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.wait_seconds if isinstance(error, TryAgainError) else None
        wait = self._first_wait_seconds * 2 ** (state.attempt_number - 1)
        return float(min(LONGEST_WAIT_SECONDS, max(wait, asked or 0.0)))

    def _unreachable(self, reason: str) -> EndpointFailed:
        return EndpointFailed(
            f"Cannot connect to {self.url} ({reason}). Check that the server is running and that host, port and "
            "http/https are right, then run the same command again: replies that had arrived are kept."
        )


def _fail(prompt: Prompt, reason: str) -> Reply:
    return Reply(prompt.id, prompt.language.tag, "", Finish.FAILED, error=reason)


def _check_url(url: str) -> None:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UnknownName(f"'{url}' is not an address: {error}. Write such as http://localhost:8000/v1.") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise UnknownName(f"'{url}' is not an http address. Write such as http://localhost:8000/v1.")
    if address.userinfo:
        raise UnknownName(f"The address of {address.host} carries a password. Put the key in {KEY_VARIABLE} instead.")
