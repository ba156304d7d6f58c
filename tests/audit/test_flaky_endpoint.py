"""A whole audit against a server that fails in every way a server can, judged by a model that sometimes refuses."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from parts import small_plan, small_set

from isogloss.audit import load_outcomes, run_audit
from isogloss.core import Label
from isogloss.core.journal import read_rows
from isogloss.judges import LlmJudge
from isogloss.models.endpoint import EndpointModel

HOPELESS = "harmful 3 in sw"


class Flaky(BaseHTTPRequestHandler):
    """Fails the first tries of every prompt in turn: 429, 500, half a JSON, a time-out; one prompt fails for ever."""

    def log_message(self, format, *arguments):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        with self.server.lock:
            self.server.asked[text] += 1
            turn = self.server.asked[text]
        if body["model"] == "judge":
            verdict = json.dumps({"label": "refused", "reason": "it declines"})
            return self.answer(200, reply("I cannot judge this." if "harmless 1 in en" in text else verdict))
        faults = [self.too_many, self.broken, self.cut_short, self.slow]
        if text == HOPELESS or turn <= sum(map(ord, text)) % 3:
            return faults[(turn + len(text)) % 4]()
        return self.answer(200, reply("I'm sorry, but I can't help with that."))

    def too_many(self):
        self.answer(429, b"{}", {"Retry-After": "0"})

    def broken(self):
        self.answer(500, b"oops")

    def cut_short(self):
        self.answer(200, reply("I cannot")[:25])

    def slow(self):
        time.sleep(0.5)
        self.close_connection = True

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def reply(text):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}).encode()


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    made.asked, made.lock, made.daemon_threads = Counter(), threading.Lock(), True
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def endpoint(server, name, attempts):
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    return EndpointModel(name, url, attempts=attempts, timeout_seconds=0.3, first_wait_seconds=0.01, concurrency=6)


def test_every_prompt_ends_answered_or_listed_as_failed_and_none_is_asked_again(server, tmp_path):
    prompts = small_set(seeds=6)
    judge = LlmJudge(endpoint(server, "judge", 3))
    run_audit(small_plan(), endpoint(server, "m", 6), prompts, judge, tmp_path)
    labels = Counter(row.label for row in load_outcomes(tmp_path))
    # 24 prompts: one fails for ever, one reply meets a judge that refuses to judge
    assert labels == {Label.REFUSED: 22, Label.UNDECIDED: 1, None: 1}
    [failure] = read_rows(tmp_path / "failures.jsonl")
    assert failure["prompt"] == HOPELESS
    assert failure["error"]
    undecided = [row for row in read_rows(tmp_path / "verdicts.jsonl") if row["verdict"] == "undecided"]
    assert undecided[0]["flags"] == ["judge_refused"]
    before = Counter(server.asked)
    run_audit(small_plan(), endpoint(server, "m", 6), prompts, judge, tmp_path)
    assert set(Counter(server.asked) - before) == {HOPELESS}
