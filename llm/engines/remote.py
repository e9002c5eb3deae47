"""Drafting with any OpenAI-compatible endpoint (vLLM, a provider) over streamed HTTP.

Redirects are refused, certificates are checked, proxies of the environment are not used, a key is
not sent in clear outside the own network, and nothing the server says reaches a log or a draft's
failure: only its status does.
"""

import ipaddress
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from core.errors import ConfigurationError
from llm.types import (
    EngineBusy,
    EngineError,
    EngineMisconfigured,
    EngineRefused,
    EngineTimeout,
    GenerationParameters,
    ModelIdentity,
    Prompt,
    Stream,
    Usage,
)

_MAX_EVENT = 256 * 1024
_MAX_ANSWER = 4 * 1024 * 1024
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and what: ``base_url`` ends before ``/chat/completions``.

    ``extensions`` sends the parameters that vLLM knows and the original protocol does not.
    """

    base_url: str
    model: str
    api_key: str | None = None
    extensions: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigurationError for an address that is not one, or a key sent in clear."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ConfigurationError(
                "the LLM base URL is not an http(s) address",
                mend="set ONSCRIPT_LLM_BASE_URL to something like http://vllm:8000/v1",
            )
        if self.api_key and parts.scheme == "http" and not _own_network(parts.hostname):
            raise ConfigurationError(
                "an API key would travel unencrypted", mend="use https in ONSCRIPT_LLM_BASE_URL"
            )


class RemoteEngine:
    """Streams chat completions; one HTTP client, shared by all drafts."""

    def __init__(self, endpoint: Endpoint, *, transport: httpx.BaseTransport | None = None) -> None:
        self._endpoint = endpoint
        headers = {"Accept": "text/event-stream"}
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        self._client = httpx.Client(
            headers=headers, follow_redirects=False, trust_env=False, transport=transport
        )

    @property
    def identity(self) -> ModelIdentity:
        """The model's name at the endpoint; its weights are the endpoint's affair."""
        host = urlsplit(self._endpoint.base_url).hostname or ""
        return ModelIdentity(self._endpoint.model, f"served by {host}", "remote", "remote")

    def stream(
        self,
        prompt: Prompt,
        parameters: GenerationParameters,
        *,
        deadline: float,
        cancel: threading.Event,
    ) -> Stream:
        """Ask for one completion; the request starts when the first piece is read."""
        if parameters.num_beams > 1:
            raise EngineMisconfigured("streamed completions know no beam search")
        stream = Stream(iter(()))
        stream.pieces = self._pieces(prompt, parameters, stream, deadline, cancel)
        return stream

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _pieces(
        self,
        prompt: Prompt,
        parameters: GenerationParameters,
        stream: Stream,
        deadline: float,
        cancel: threading.Event,
    ) -> Iterator[str]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise EngineTimeout("no time left to ask")
        body = request_body(self._endpoint, prompt, parameters)
        url = self._endpoint.base_url.rstrip("/") + "/chat/completions"
        timeout = httpx.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        with (
            _as_engine_errors(),
            self._client.stream("POST", url, json=body, timeout=timeout) as response,
        ):
            _check_answer(response)
            for event in _events(response, deadline, cancel):
                yield from _read_event(event, stream)


def request_body(
    endpoint: Endpoint, prompt: Prompt, parameters: GenerationParameters
) -> dict[str, Any]:
    """The JSON of ``POST /chat/completions``."""
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [{"role": m.role, "content": m.content} for m in prompt.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": parameters.max_new_tokens,
        "temperature": parameters.temperature if parameters.do_sample else 0.0,
        "top_p": parameters.top_p if parameters.do_sample else 1.0,
        "seed": parameters.seed,
        "n": 1,
    }
    if endpoint.extensions:
        body["repetition_penalty"] = parameters.repetition_penalty
        if parameters.do_sample:
            body["top_k"] = parameters.top_k
    return body


def _check_answer(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise EngineMisconfigured(f"the endpoint redirects (HTTP {status}); redirects are refused")
    if status == 429:
        raise EngineBusy("the endpoint is at its limit (HTTP 429)")
    if status in (408, 504):
        raise EngineTimeout(f"the endpoint timed out (HTTP {status})")
    if 400 <= status < 500:
        raise EngineMisconfigured(f"the endpoint does not accept the request (HTTP {status})")
    if status != 200:
        raise EngineError(f"the endpoint failed (HTTP {status})")
    if "text/event-stream" not in response.headers.get("content-type", ""):
        raise EngineError("the endpoint did not answer with an event stream")


def _events(
    response: httpx.Response, deadline: float, cancel: threading.Event
) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of the stream up to ``[DONE]``; the stream must not just break off."""
    for line in _lines(response, deadline, cancel):
        if not line.startswith(b"data:"):
            continue
        content = line[5:].strip()
        if content == b"[DONE]":
            return
        try:
            event = json.loads(content)
        except ValueError as error:
            raise EngineError("the endpoint sent an event that is not JSON") from error
        if not isinstance(event, dict):
            raise EngineError("the endpoint sent an event of the wrong shape")
        yield event
    if not cancel.is_set():
        raise EngineError("the stream broke off")


def _lines(response: httpx.Response, deadline: float, cancel: threading.Event) -> Iterator[bytes]:
    """Lines of the body, with bounds on a line and on the whole, checked between chunks."""
    rest = b""
    seen = 0
    for chunk in response.iter_bytes():
        seen += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        if seen > _MAX_ANSWER or len(rest) > _MAX_EVENT:
            raise EngineError("the endpoint sent too much")
        yield from lines
        if cancel.is_set():
            return
        if time.monotonic() >= deadline:
            raise EngineTimeout("the deadline passed while reading")
    if rest:
        yield rest


def _read_event(event: Mapping[str, Any], stream: Stream) -> Iterator[str]:
    if event.get("error"):
        raise EngineError("the endpoint reported an error in the stream")
    usage = event.get("usage")
    if isinstance(usage, dict):
        stream.usage = _usage(usage)
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return
    delta = choice.get("delta")
    if isinstance(delta, dict):
        if delta.get("refusal"):
            raise EngineRefused("the model declined")
        if isinstance(delta.get("content"), str):
            yield delta["content"]
    reason = choice.get("finish_reason")
    if reason == "content_filter":
        raise EngineRefused("the provider filtered the answer")
    if reason == "length":
        stream.finish = "length"


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(read, written) if isinstance(read, int) and isinstance(written, int) else None


@contextmanager
def _as_engine_errors() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise EngineTimeout("the endpoint did not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise EngineError(f"the endpoint cannot be reached ({type(error).__name__})") from error


def _own_network(host: str) -> bool:
    """Loopback, a private address, or a name without a dot, as container networks give."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private
