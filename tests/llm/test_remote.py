"""The remote engine against a real HTTP server on loopback that behaves well and badly."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.clock import FixedClock
from core.errors import ConfigurationError
from llm.drafting import Drafter
from llm.engines.remote import Endpoint, RemoteEngine
from llm.prompt import render_prompt
from llm.types import (
    Draft,
    DraftFailed,
    FailureReason,
    GenerationParameters,
    Prompt,
    PromptInput,
)

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    """Answers every request with ``answer`` and keeps what was asked."""

    daemon_threads = True
    answer: Answer
    asked: list[dict[str, Any]]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = {"path": self.path, "key": self.headers["Authorization"], "body": json.loads(body)}
        self.server.asked.append(sent)
        self.server.answer(self)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join(5)


@pytest.fixture
def prompt() -> Prompt:
    return render_prompt(PromptInput("en", "Moonplan", "Lin", ("$29 a month",), "how much?"))


def _events(*events: object, done: bool = True, pause: float = 0.0) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.end_headers()
        for event in events:
            content = event if isinstance(event, str) else json.dumps(event)
            handler.wfile.write(f"data: {content}\n\n".encode())
            handler.wfile.flush()
            time.sleep(pause)
        if done:
            handler.wfile.write(b"data: [DONE]\n\n")

    return answer


def _status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def _says(text: str, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


def _draft(
    server: _Server, answer: Answer, prompt: Prompt, seconds: float = 5
) -> Draft | DraftFailed:
    server.answer = answer
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    engine = RemoteEngine(Endpoint(url, "some-model", "secret"))
    drafter = Drafter(engine, GenerationParameters(max_new_tokens=40), FixedClock())
    try:
        return drafter.draft(prompt, seconds)
    finally:
        drafter.close()


def test_a_completion_is_streamed(server: _Server, prompt: Prompt) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 7}}
    answer = _events(_says("It costs "), _says("$29 a month.", "stop"), usage)
    draft = _draft(server, answer, prompt)
    assert isinstance(draft, Draft)
    assert draft.text == "It costs $29 a month."
    assert (draft.usage.prompt_tokens, draft.usage.new_tokens) == (90, 7)
    asked = server.asked[0]
    assert asked["path"] == "/v1/chat/completions"
    assert asked["key"] == "Bearer secret"
    body = asked["body"]
    assert (body["model"], body["stream"], body["max_tokens"]) == ("some-model", True, 40)
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0.95, 0.95, 50)
    assert [m["role"] for m in body["messages"]] == ["system", "user"]


def test_a_character_split_between_chunks_arrives_whole(server: _Server, prompt: Prompt) -> None:
    raw = b"data: " + json.dumps(_says("It costs £29."), ensure_ascii=False).encode() + b"\n\n"

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        place = raw.index("£".encode()) + 1
        for part in (b": comment\n\n", raw[:place], raw[place:], b"data: [DONE]"):
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(0.05)

    draft = _draft(server, answer, prompt)
    assert isinstance(draft, Draft), draft
    assert draft.text == "It costs £29."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_status(500), FailureReason.UNAVAILABLE),
        (_status(503), FailureReason.UNAVAILABLE),
        (_status(504), FailureReason.DEADLINE),
        (_status(429), FailureReason.BUSY),
        (_status(401), FailureReason.MISCONFIGURED),
        (_status(404), FailureReason.MISCONFIGURED),
        (_status(204), FailureReason.UNAVAILABLE),
        (_status(200), FailureReason.UNAVAILABLE),
        (_events(_says("It cos"), done=False), FailureReason.UNAVAILABLE),
        (_events("{not json"), FailureReason.UNAVAILABLE),
        (_events("[1]"), FailureReason.UNAVAILABLE),
        (_events({"error": {"message": "boom"}}), FailureReason.UNAVAILABLE),
        (_events(_says("", "content_filter")), FailureReason.REFUSED),
        (_events({"choices": [{"delta": {"refusal": "no"}}]}), FailureReason.REFUSED),
        (_events({"choices": []}, {}), FailureReason.EMPTY),
        (_events(*(_says(f"word {number} ") for number in range(3_000))), FailureReason.TOO_LONG),
        (_events("x" * 5_000_000), FailureReason.UNAVAILABLE),
    ],
)
def test_trouble_becomes_a_reason(
    server: _Server, prompt: Prompt, answer: Answer, reason: FailureReason
) -> None:
    outcome = _draft(server, answer, prompt)
    assert isinstance(outcome, DraftFailed), outcome
    assert outcome.reason is reason
    assert "boom" not in outcome.detail


def test_a_redirect_is_refused_and_the_key_goes_nowhere(server: _Server, prompt: Prompt) -> None:
    other = f"http://localhost:{server.server_address[1]}/v1/chat/completions"
    outcome = _draft(server, _status(307, Location=other), prompt)
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason is FailureReason.MISCONFIGURED
    assert len(server.asked) == 1


def test_a_slow_stream_ends_at_the_deadline(server: _Server, prompt: Prompt) -> None:
    started = time.monotonic()
    outcome = _draft(server, _events(*[_says("slow ")] * 50, pause=0.1), prompt, seconds=0.5)
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason is FailureReason.DEADLINE
    assert time.monotonic() - started < 1


def test_a_silent_server_ends_at_the_deadline(server: _Server, prompt: Prompt) -> None:
    outcome = _draft(server, lambda _: time.sleep(1), prompt, seconds=0.3)
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason is FailureReason.DEADLINE


def test_nobody_listening(prompt: Prompt) -> None:
    engine = RemoteEngine(Endpoint("http://127.0.0.1:9/v1", "m"))
    outcome = Drafter(engine, GenerationParameters(), FixedClock()).draft(prompt, 2)
    engine.close()
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason is FailureReason.UNAVAILABLE


@pytest.mark.parametrize(
    "url", ["", "vllm:8000", "ftp://models.example/v1", "http://u:p@host/v1", "http://"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Endpoint(url, "m")


def test_a_key_is_not_sent_in_clear_outside_the_own_network() -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Endpoint("http://models.example.com/v1", "m", "key")
    for url in ("https://models.example.com/v1", "http://vllm:8000/v1", "http://10.0.0.4/v1"):
        assert Endpoint(url, "m", "key").base_url == url
