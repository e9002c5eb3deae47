"""Drafting within a deadline, whatever the engine does. Engine trouble is a value, not an error.

Each draft runs on a daemon thread and holds one of ``workers`` slots. When the deadline passes the
caller gets its answer at once; the thread is told to stop and keeps its slot until it does. With
every slot held by such a thread a new draft is ``busy`` at once; with slots held by live drafts it
waits for one within its own deadline.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.clock import Clock
from core.errors import OnScriptError
from llm.breaker import CircuitBreaker
from llm.quality import examine, repeats
from llm.types import (
    Draft,
    DraftFailed,
    Engine,
    EngineError,
    FailureReason,
    Finish,
    GenerationParameters,
    Prompt,
    Usage,
)

# What model libraries raise on bad weights, shapes, devices, memory and networks.
_TROUBLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OnScriptError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_HEALTH = frozenset(
    {
        FailureReason.DEADLINE,
        FailureReason.UNAVAILABLE,
        FailureReason.BUSY,
        FailureReason.MISCONFIGURED,
    }
)
_PIECES_PER_TOKEN = 4
_REPEAT_CHECK_EVERY = 64


@dataclass(slots=True)
class _Run:
    """One draft in progress, shared by its thread and the caller who waits for it."""

    deadline: float
    cancel: threading.Event
    enough: Callable[[str], bool] | None
    done: threading.Event = field(default_factory=threading.Event)
    text: str = ""
    pieces: int = 0
    usage: Usage | None = None
    finish: Finish = "end"
    failure: tuple[FailureReason, str] | None = (
        FailureReason.UNAVAILABLE,
        "the engine's thread ended without an answer",
    )
    abandoned: bool = False


class Drafter:
    """Drafts with one engine; safe to share between threads.

    ``max_characters`` bounds a draft whatever the engine counts as a token. ``clock`` times the
    circuit breaker only: deadlines are real time, because the waiting is.
    """

    def __init__(
        self,
        engine: Engine,
        parameters: GenerationParameters,
        clock: Clock,
        *,
        workers: int = 2,
        max_characters: int = 2_000,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._engine = engine
        self._parameters = parameters
        self._workers = workers
        self._max_characters = max_characters
        self._breaker = breaker or CircuitBreaker(clock)
        self._slots = threading.Condition()
        self._running: list[_Run] = []

    def draft(
        self,
        prompt: Prompt,
        deadline_seconds: float,
        *,
        cancel: threading.Event | None = None,
        enough: Callable[[str], bool] | None = None,
    ) -> Draft | DraftFailed:
        """A draft, or why there is none; returns within the deadline and never raises for it.

        ``enough`` is asked with the text so far after each piece; True ends the draft early.
        Setting ``cancel`` ends it as well (the customer has written something new).
        """
        started = time.monotonic()
        run = _Run(started + deadline_seconds, cancel or threading.Event(), enough)
        if not self._breaker.admits():
            return self._failed(FailureReason.CIRCUIT_OPEN, "resting after failures", started)
        if not self._take_slot(run):
            self._breaker.undecided()
            return self._failed(FailureReason.BUSY, "no free drafting slot", started)
        threading.Thread(
            target=self._work, args=(prompt, run), name="onscript-draft", daemon=True
        ).start()
        outcome = self._outcome(run, prompt.language)
        self._report(outcome)
        if outcome is not None:
            return self._failed(*outcome, started)
        usage = run.usage or Usage(0, run.pieces, exact=False)
        milliseconds = (time.monotonic() - started) * 1_000
        return Draft(
            run.text.strip(),
            self._engine.identity,
            usage,
            milliseconds,
            run.finish,
            self._parameters,
        )

    def close(self) -> None:
        """Tell every running draft to stop, then close the engine."""
        with self._slots:
            for run in self._running:
                run.cancel.set()
        self._engine.close()

    def _take_slot(self, run: _Run) -> bool:
        with self._slots:
            while len(self._running) >= self._workers:
                left = run.deadline - time.monotonic()
                if left <= 0 or all(other.abandoned for other in self._running):
                    return False
                self._slots.wait(left)
            self._running.append(run)
            return True

    def _outcome(self, run: _Run, language: str) -> tuple[FailureReason, str] | None:
        """Wait for the thread until the deadline; None means that ``run.text`` is a draft."""
        finished = run.done.wait(max(0.0, run.deadline - time.monotonic()))
        if not finished:
            with self._slots:
                run.abandoned = True
                run.cancel.set()
                self._slots.notify_all()
            return FailureReason.DEADLINE, "the engine did not finish in time"
        if run.failure is not None:
            return run.failure
        return examine(run.text, language)

    def _report(self, outcome: tuple[FailureReason, str] | None) -> None:
        """Only trouble of the engine itself counts: a customer must not be able to open it."""
        if outcome is not None and outcome[0] in _HEALTH:
            self._breaker.failed()
        elif outcome is not None and outcome[0] is FailureReason.CANCELLED:
            self._breaker.undecided()
        else:
            self._breaker.succeeded()

    def _failed(self, reason: FailureReason, detail: str, started: float) -> DraftFailed:
        milliseconds = (time.monotonic() - started) * 1_000
        return DraftFailed(reason, detail, self._engine.identity, milliseconds)

    def _work(self, prompt: Prompt, run: _Run) -> None:
        try:
            run.failure = self._read(prompt, run)
        except EngineError as error:
            run.failure = (error.reason, str(error))
        except _TROUBLE as error:
            # The message may quote the prompt, so only the kind of error is kept.
            run.failure = (FailureReason.UNAVAILABLE, type(error).__name__)
        finally:
            with self._slots:
                self._running.remove(run)
                self._slots.notify_all()
            run.done.set()

    def _read(self, prompt: Prompt, run: _Run) -> tuple[FailureReason, str] | None:
        """Read the stream into ``run``; returns the failure, if any."""
        stream = self._engine.stream(
            prompt, self._parameters, deadline=run.deadline, cancel=run.cancel
        )
        most_pieces = self._parameters.max_new_tokens * _PIECES_PER_TOKEN + 16
        for piece in stream:
            run.text += piece
            run.pieces += 1
            if run.cancel.is_set():
                break
            if time.monotonic() >= run.deadline:
                return FailureReason.DEADLINE, "the deadline passed while drafting"
            if len(run.text) > self._max_characters or run.pieces > most_pieces:
                return FailureReason.TOO_LONG, f"cut after {run.pieces} pieces"
            if run.pieces % _REPEAT_CHECK_EVERY == 0 and repeats(run.text):
                return FailureReason.GARBAGE, "one piece repeated over and over"
            if run.enough is not None and run.enough(run.text):
                run.finish = "enough"
                return None
        if time.monotonic() >= run.deadline:
            return FailureReason.DEADLINE, "the deadline passed while drafting"
        if run.cancel.is_set():
            return FailureReason.CANCELLED, "told to stop while drafting"
        run.usage, run.finish = stream.usage, stream.finish
        return None
