"""Whatever the engine does, the caller has an answer within the deadline."""

import threading
import time

import pytest

from core.clock import FixedClock
from core.errors import ArtifactError
from llm.breaker import CircuitBreaker
from llm.drafting import Drafter
from llm.engines.scripted import Performance, ScriptedEngine
from llm.prompt import render_prompt
from llm.types import (
    Draft,
    DraftFailed,
    EngineBusy,
    EngineRefused,
    FailureReason,
    GenerationParameters,
    Prompt,
    PromptInput,
)

_GOOD = Performance(("It costs ", "$29 a month, ", "and you can cancel any time."))


@pytest.fixture
def prompt() -> Prompt:
    return render_prompt(PromptInput("en", "Moonplan", "Lin", ("$29 a month",), "how much?"))


def _drafter(*performances: Performance, **options: object) -> Drafter:
    engine = ScriptedEngine(performances)
    return Drafter(engine, GenerationParameters(), FixedClock(), **options)  # type: ignore[arg-type]  # options vary by test


def _reason(outcome: Draft | DraftFailed) -> FailureReason:
    assert isinstance(outcome, DraftFailed), outcome
    return outcome.reason


def test_a_good_engine_gives_a_draft(prompt: Prompt) -> None:
    draft = _drafter(_GOOD).draft(prompt, 5)
    assert isinstance(draft, Draft)
    assert draft.text == "It costs $29 a month, and you can cancel any time."
    assert draft.usage.new_tokens == 3
    assert draft.model.engine == "scripted"


@pytest.mark.parametrize(
    ("performance", "reason"),
    [
        (Performance(()), FailureReason.EMPTY),
        (Performance(("", " ", "\n")), FailureReason.EMPTY),
        (Performance(("\x01\x02 garbage",)), FailureReason.GARBAGE),
        (Performance(("no ",), endless=True), FailureReason.GARBAGE),
        (Performance(("",), endless=True), FailureReason.TOO_LONG),
        (Performance(tuple(map(chr, range(97, 123))) * 4000), FailureReason.TOO_LONG),
        (Performance(("word " * 100_000,)), FailureReason.TOO_LONG),
        (Performance(("没有按要求用英文来回答。",)), FailureReason.WRONG_LANGUAGE),
        (
            Performance(("It costs",), error=RuntimeError("out of memory")),
            FailureReason.UNAVAILABLE,
        ),
        (Performance(error=KeyError("weights")), FailureReason.UNAVAILABLE),
        (Performance(error=ArtifactError("gone")), FailureReason.UNAVAILABLE),
        (Performance(error=EngineBusy("full")), FailureReason.BUSY),
        (Performance(error=EngineRefused("declined")), FailureReason.REFUSED),
    ],
)
def test_trouble_is_a_value(
    prompt: Prompt, performance: Performance, reason: FailureReason
) -> None:
    assert _reason(_drafter(performance).draft(prompt, 5)) is reason


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_even_an_interrupt_in_the_engine_is_a_value(prompt: Prompt) -> None:
    outcome = _drafter(Performance(error=SystemExit(3))).draft(prompt, 5)
    assert _reason(outcome) is FailureReason.UNAVAILABLE
    time.sleep(0.1)  # let the thread's own report arrive while this test still expects it


def test_what_an_error_says_is_not_repeated(prompt: Prompt) -> None:
    secret = "the customer's phone is 13800000000"
    outcome = _drafter(Performance(error=ValueError(secret))).draft(prompt, 5)
    assert isinstance(outcome, DraftFailed)
    assert "138" not in outcome.detail


def test_a_hang_ends_at_the_deadline(prompt: Prompt) -> None:
    drafter = _drafter(Performance(hang_seconds=1.5))
    started = time.monotonic()
    assert _reason(drafter.draft(prompt, 0.2)) is FailureReason.DEADLINE
    assert time.monotonic() - started < 0.6


def test_a_slow_stream_ends_at_the_deadline(prompt: Prompt) -> None:
    drafter = _drafter(Performance(("slow ", "but ", "sure "), pause_seconds=0.15, endless=True))
    started = time.monotonic()
    assert _reason(drafter.draft(prompt, 0.4)) is FailureReason.DEADLINE
    assert time.monotonic() - started < 0.8


def test_stuck_slots_are_busy_at_once_and_come_back(prompt: Prompt) -> None:
    drafter = _drafter(Performance(hang_seconds=0.8), _GOOD, workers=1)
    assert _reason(drafter.draft(prompt, 0.1)) is FailureReason.DEADLINE
    started = time.monotonic()
    assert _reason(drafter.draft(prompt, 5)) is FailureReason.BUSY
    assert time.monotonic() - started < 0.2
    time.sleep(1.0)
    assert isinstance(drafter.draft(prompt, 5), Draft)


def test_a_live_slot_is_waited_for(prompt: Prompt) -> None:
    slow = Performance(_GOOD.pieces, pause_seconds=0.1)
    drafter = _drafter(slow, slow, workers=1)
    outcomes: list[Draft | DraftFailed] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(drafter.draft(prompt, 5))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [type(outcome) for outcome in outcomes] == [Draft, Draft]


def test_the_caller_can_drop_a_draft(prompt: Prompt) -> None:
    drafter = _drafter(Performance(("more words ", "and words "), pause_seconds=0.1, endless=True))
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    started = time.monotonic()
    assert _reason(drafter.draft(prompt, 5, cancel=cancel)) is FailureReason.CANCELLED
    assert time.monotonic() - started < 1


def test_reading_stops_when_enough_is_known(prompt: Prompt) -> None:
    drafter = _drafter(_GOOD)
    draft = drafter.draft(prompt, 5, enough=lambda text: "$29" in text)
    assert isinstance(draft, Draft)
    assert draft.text == "It costs $29 a month,"
    assert draft.finish == "enough"


def test_failures_open_the_circuit_and_a_trial_closes_it(prompt: Prompt) -> None:
    clock = FixedClock()
    broken = Performance(error=OSError())
    engine = ScriptedEngine((broken, broken, _GOOD))
    breaker = CircuitBreaker(clock, failures=2, rest_seconds=30)
    drafter = Drafter(engine, GenerationParameters(), clock, breaker=breaker)
    assert _reason(drafter.draft(prompt, 5)) is FailureReason.UNAVAILABLE
    assert _reason(drafter.draft(prompt, 5)) is FailureReason.UNAVAILABLE
    assert _reason(drafter.draft(prompt, 5)) is FailureReason.CIRCUIT_OPEN
    assert len(engine.prompts) == 2
    clock.advance(31)
    assert isinstance(drafter.draft(prompt, 5), Draft)
    assert isinstance(drafter.draft(prompt, 5), Draft)


def test_what_a_customer_can_provoke_does_not_open_the_circuit(prompt: Prompt) -> None:
    clock = FixedClock()
    garbage = Performance(("\x01\x02 words",))
    breaker = CircuitBreaker(clock, failures=2, rest_seconds=30)
    drafter = Drafter(
        ScriptedEngine((garbage,) * 4 + (_GOOD,)), GenerationParameters(), clock, breaker=breaker
    )
    for _ in range(4):
        assert _reason(drafter.draft(prompt, 5)) is FailureReason.GARBAGE
    assert isinstance(drafter.draft(prompt, 5), Draft)


def test_closing_stops_what_runs(prompt: Prompt) -> None:
    drafter = _drafter(Performance(("on and on ", "we go "), pause_seconds=0.05, endless=True))
    threading.Timer(0.2, drafter.close).start()
    assert _reason(drafter.draft(prompt, 5)) is FailureReason.CANCELLED
