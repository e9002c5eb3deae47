"""What goes into a draft and what comes out: plain values, and the seam to a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Literal, Protocol

from core.errors import InvalidInput

Role = Literal["customer", "seller"]
ChatRole = Literal["system", "user", "assistant"]
Finish = Literal["end", "length", "enough"]
"""The model ended, its token limit did, or the caller had read enough."""


@dataclass(frozen=True, slots=True)
class PromptInput:
    """What the model may know: redacted customer text and approved facts, nothing else.

    ``history`` is oldest first. ``stage`` is the campaign's name for where the sale stands.
    """

    language: str
    product: str
    seller: str
    facts: tuple[str, ...]
    customer: str
    history: tuple[tuple[Role, str], ...] = ()
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat model's prompt."""

    role: ChatRole
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt: ``messages`` for chat models, ``text`` in the house model's format.

    ``template`` names the template and its version; ``sha256`` covers template, messages and text.
    """

    language: str
    messages: tuple[Message, ...]
    text: str
    template: str
    sha256: str


@dataclass(frozen=True, slots=True)
class GenerationParameters:
    """How a draft is sampled; the defaults are the recommended ones for a sales dialogue.

    ``max_length`` bounds prompt and draft together, ``max_new_tokens`` the draft alone.
    ``num_beams`` above 1 needs an engine that can search; the streaming engines refuse it.
    """

    temperature: float = 0.95
    top_k: int = 50
    top_p: float = 0.95
    num_beams: int = 1
    max_length: int = 512
    max_new_tokens: int = 64
    do_sample: bool = True
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise one InvalidInput that names every parameter out of range."""
        checks = {
            "temperature must be above 0 and at most 2": 0 < self.temperature <= 2,
            "top_k must be at least 1": self.top_k >= 1,
            "top_p must be above 0 and at most 1": 0 < self.top_p <= 1,
            "num_beams must be 1 to 16": 1 <= self.num_beams <= 16,
            "max_length must be 2 to 131072": 2 <= self.max_length <= 131_072,
            "max_new_tokens must be 1 to 4096": 1 <= self.max_new_tokens <= 4_096,
            "max_new_tokens must be below max_length": self.max_new_tokens < self.max_length,
            "repetition_penalty must be 0.5 to 2": 0.5 <= self.repetition_penalty <= 2,
            "no_repeat_ngram_size must be 0 to 32": 0 <= self.no_repeat_ngram_size <= 32,
            "num_beams above 1 excludes do_sample": self.num_beams == 1 or not self.do_sample,
            "seed must be 0 to 2^63 - 1": 0 <= self.seed < 2**63,
        }
        broken = [message for message, holds in checks.items() if not holds]
        if broken:
            raise InvalidInput(
                "generation parameters: " + "; ".join(broken),
                mend="the recommended set is temperature 0.95, top_k 50, top_p 0.95, num_beams 1, "
                "max_length 512",
            )


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written; ``exact`` is False where the engine did not count them."""

    prompt_tokens: int
    new_tokens: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model wrote a draft: name, revision or weights hash, precision and engine."""

    name: str
    revision: str
    dtype: str
    engine: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote. It is screened and matched, never sent."""

    text: str
    model: ModelIdentity
    usage: Usage
    milliseconds: float
    finish: Finish
    parameters: GenerationParameters


class FailureReason(StrEnum):
    """Why there is no draft."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    CIRCUIT_OPEN = "circuit_open"
    EMPTY = "empty"
    GARBAGE = "garbage"
    WRONG_LANGUAGE = "wrong_language"
    TOO_LONG = "too_long"
    REFUSED = "refused"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class DraftFailed:
    """A draft that did not come about; a value, because the turn goes on with a fallback.

    ``detail`` is written by us and holds no customer text.
    """

    reason: FailureReason
    detail: str
    model: ModelIdentity
    milliseconds: float = 0.0


class EngineError(Exception):
    """A model could not draft; ``reason`` is what becomes of it. Raised by engines only."""

    reason = FailureReason.UNAVAILABLE


class EngineBusy(EngineError):
    """The model refuses more work for now (HTTP 429, a full queue)."""

    reason = FailureReason.BUSY


class EngineRefused(EngineError):
    """The model or its provider declined this prompt."""

    reason = FailureReason.REFUSED


class EngineMisconfigured(EngineError):
    """Wrong key, model name or address: an operator must mend it."""

    reason = FailureReason.MISCONFIGURED


class EngineTimeout(EngineError):
    """The engine saw the deadline pass."""

    reason = FailureReason.DEADLINE


@dataclass(slots=True)
class Stream:
    """Pieces of text as they are written; ``usage`` and ``finish`` are set when they end."""

    pieces: Iterator[str]
    usage: Usage | None = None
    finish: Finish = "end"

    def __iter__(self) -> Iterator[str]:
        return self.pieces


class Engine(Protocol):
    """The seam to a model: a real one in process, a remote one, a scripted one."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def stream(
        self, prompt: Prompt, parameters: GenerationParameters, *, deadline: float, cancel: Event
    ) -> Stream:
        """Write a draft piece by piece.

        ``deadline`` is a ``time.monotonic`` value; the engine stops soon after it or after
        ``cancel`` is set, but nobody relies on that. Raises EngineError.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...
