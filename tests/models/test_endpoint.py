"""Endpoint models retry what may pass, report what does not, and clean up after themselves."""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from isogloss.core import Finish, Kind, Language, Prompt
from isogloss.core.errors import EndpointFailed, UnknownName
from isogloss.models import Decoding, EndpointModel

DECODING = Decoding(max_new_tokens=8)
Handler = Callable[[httpx.Request], Any]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def ask(count: int) -> list[Prompt]:
    english = Language.parse("en")
    return [
        Prompt(id=f"p{number}", text=f"text {number}", language=english, kind=Kind.HARMLESS, seed_id=f"p{number}")
        for number in range(count)
    ]


def say(text: str) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def asked_text(request: httpx.Request) -> str:
    return str(json.loads(request.content)["messages"][-1]["content"])


def build(handler: Handler, **options: Any) -> EndpointModel:
    """A model whose network is a function of the request to chat; the probe is always answered."""

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(404)
        result = handler(request)
        response = await result if asyncio.iscoroutine(result) else result
        assert isinstance(response, httpx.Response)
        return response

    settings = {"first_wait_seconds": 0.001, "attempts": 3} | options
    return EndpointModel("m", "http://host/v1", transport=httpx.MockTransport(handle), **settings)


def test_every_prompt_is_answered_once() -> None:
    seen: Counter[str] = Counter()

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url == "http://host/v1/chat/completions"
        seen[asked_text(request)] += 1
        return say("re: " + asked_text(request))

    replies = {reply.prompt_id: reply.text for reply in build(handle).reply(ask(30), DECODING)}
    assert replies == {f"p{number}": f"re: text {number}" for number in range(30)}
    assert set(seen.values()) == {1}


def test_requests_run_side_by_side_up_to_the_limit() -> None:
    running, most = 0, 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return say("x")

    assert len(list(build(handle, concurrency=3).reply(ask(12), DECODING))) == 12
    assert most == 3


def test_a_quick_reply_does_not_wait_for_a_slow_one() -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2 if asked_text(request) == "text 0" else 0)
        return say("x")

    order = [reply.prompt_id for reply in build(handle, concurrency=2).reply(ask(3), DECODING)]
    assert order == ["p1", "p2", "p0"]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(200, text='{"choices": [{"message": {"content": "cut'),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.ConnectError("refused"),
    ],
)
def test_trouble_that_passes_is_not_seen(trouble: httpx.Response | Exception) -> None:
    tries: Counter[str] = Counter()

    def handle(request: httpx.Request) -> httpx.Response:
        tries[asked_text(request)] += 1
        if tries[asked_text(request)] == 1:
            if isinstance(trouble, Exception):
                raise trouble
            return httpx.Response(trouble.status_code, content=trouble.content)
        return say("there")

    assert [reply.text for reply in build(handle).reply(ask(2), DECODING)] == ["there", "there"]
    assert set(tries.values()) == {2}


def test_a_prompt_that_keeps_failing_fails_alone() -> None:
    tries: Counter[str] = Counter()

    def handle(request: httpx.Request) -> httpx.Response:
        tries[asked_text(request)] += 1
        return httpx.Response(503, text="overloaded") if asked_text(request) == "text 1" else say("x")

    replies = {reply.prompt_id: reply for reply in build(handle).reply(ask(3), DECODING)}
    assert tries["text 1"] == 3
    assert replies["p1"].finish == Finish.FAILED
    assert replies["p1"].error == "no reply after 3 attempts; the last: HTTP 503: overloaded"
    assert {replies["p0"].finish, replies["p2"].finish} == {Finish.STOP}


def test_a_rejected_prompt_is_not_tried_again() -> None:
    tries: Counter[str] = Counter()

    def handle(request: httpx.Request) -> httpx.Response:
        tries[asked_text(request)] += 1
        return httpx.Response(400, text="context too long")

    [reply] = build(handle).reply(ask(1), DECODING)
    assert (reply.finish, reply.error) == (Finish.FAILED, "HTTP 400: context too long")
    assert tries["text 0"] == 1


def test_the_wait_that_a_server_asks_for_is_kept() -> None:
    times: list[float] = []

    def handle(_: httpx.Request) -> httpx.Response:
        times.append(time.monotonic())
        return httpx.Response(429, headers={"retry-after": "0.15"}) if len(times) == 1 else say("x")

    assert [reply.text for reply in build(handle).reply(ask(1), DECODING)] == ["x"]
    assert times[1] - times[0] >= 0.15


def test_a_server_that_drips_is_cut_off() -> None:
    async def handle(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return say("late")

    [reply] = build(handle, timeout_seconds=0.02, attempts=2).reply(ask(1), DECODING)
    assert reply.error == "no reply after 2 attempts; the last: no answer within 0.02 seconds"


def test_a_refused_key_stops_everything_and_keeps_what_had_come() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return say("x") if asked_text(request) == "text 0" else httpx.Response(401, text="bad key")

    seen: list[str] = []
    replies = build(handle, concurrency=1, api_key="sk-secret").reply(ask(3), DECODING)
    with pytest.raises(EndpointFailed, match=r"http://host/v1 refuses to answer as m \(HTTP 401: bad key\)"):
        seen.extend(reply.prompt_id for reply in replies)
    assert seen == ["p0"]


def test_a_server_that_goes_away_stops_everything_and_keeps_what_had_come() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if asked_text(request) == "text 0":
            return say("x")
        raise httpx.ConnectError("refused")

    replies = build(handle, concurrency=1).reply(ask(3), DECODING)
    assert next(replies).prompt_id == "p0"
    with pytest.raises(EndpointFailed, match="Cannot connect to http://host/v1"):
        next(replies)


def test_closing_early_asks_no_further_prompt() -> None:
    asked: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(asked_text(request))
        await asyncio.sleep(0.01)
        return say("x")

    replies = build(handle, concurrency=1).reply(ask(1000), DECODING)
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    count = len(asked)
    assert count <= 3
    time.sleep(0.05)
    assert len(asked) == count
    assert not [thread for thread in threading.enumerate() if thread.name == "isogloss-endpoint"]


def test_the_key_is_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers.get("authorization"))
        return say("x")

    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    models = [build(handle), build(handle, api_key="sk-argument"), build(handle, api_key="")]
    for model in models:
        list(model.reply(ask(1), DECODING))
        assert "sk-" not in model.name + str(model.fingerprint()) + repr(model)
    assert keys == ["Bearer sk-environment", "Bearer sk-argument", None]


def test_name_and_address_are_parsed() -> None:
    model = EndpointModel.parse("org/name:7b@http://localhost:8000/v1/")
    assert (model.model, model.url) == ("org/name:7b", "http://localhost:8000/v1")
    assert model.name == "openai:org/name:7b@http://localhost:8000/v1"


@pytest.mark.parametrize(
    "spelling", ["name", "@http://host", "name@host", "name@ftp://host", "name@http://", "name@http://u:p@host/v1"]
)
def test_a_wrong_address_is_refused(spelling: str) -> None:
    with pytest.raises(UnknownName):
        EndpointModel.parse(spelling)


def test_no_prompt_needs_no_connection() -> None:
    assert list(EndpointModel("m", "http://127.0.0.1:9/v1").reply([], DECODING)) == []


def test_nobody_listening_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        # Bound and not listening: the connection is refused, and no other process can take the port meanwhile.
        start = time.monotonic()
        with pytest.raises(EndpointFailed, match=rf"Cannot connect to {url}.*Check that the server is running"):
            list(EndpointModel("m", url).reply(ask(5), DECODING))
    assert time.monotonic() - start < 5


class Flaky(BaseHTTPRequestHandler):
    """Answers every prompt at its third try: first it is busy, then it cuts its answer short."""

    protocol_version = "HTTP/1.1"
    tries: Counter[str]

    def do_GET(self) -> None:
        self._send(200, b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["messages"][-1]["content"]
        self.tries[text] += 1
        answer = json.dumps({"choices": [{"message": {"content": f"re: {text}"}, "finish_reason": "stop"}]}).encode()
        if self.tries[text] == 1:
            self._send(429, b"busy", {"retry-after": "0.01"})
        elif self.tries[text] == 2:
            self._send(200, answer[:20], {"content-length": str(len(answer))})
            self.close_connection = True
        else:
            self._send(200, answer)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"content-length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's screen clean."""


@contextmanager
def serving(tries: Counter[str]) -> Iterator[str]:
    handler = type("Counted", (Flaky,), {"tries": tries})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


def test_a_flaky_server_on_a_real_socket_answers_in_the_end() -> None:
    tries: Counter[str] = Counter()
    with serving(tries) as url:
        model = EndpointModel("m", url, first_wait_seconds=0.001, timeout_seconds=10)
        replies = {reply.prompt_id: reply.text for reply in model.reply(ask(12), DECODING)}
    assert replies == {f"p{number}": f"re: text {number}" for number in range(12)}
    assert set(tries.values()) == {3}
