"""The circuit opens after failures in a row, rests, tries once, and closes on success."""

import pytest

from core.clock import FixedClock
from llm.breaker import CircuitBreaker


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def breaker(clock: FixedClock) -> CircuitBreaker:
    return CircuitBreaker(clock, failures=3, rest_seconds=10)


def _fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed()


def test_it_opens_at_the_limit_and_not_before(breaker: CircuitBreaker) -> None:
    _fail(breaker, 2)
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()


def test_a_success_starts_the_count_again(breaker: CircuitBreaker) -> None:
    _fail(breaker, 2)
    breaker.succeeded()
    _fail(breaker, 2)
    assert breaker.admits()


def test_one_trial_after_the_rest(breaker: CircuitBreaker, clock: FixedClock) -> None:
    _fail(breaker, 3)
    clock.advance(9.9)
    assert not breaker.admits()
    clock.advance(0.2)
    assert breaker.admits()
    assert not breaker.admits()
    breaker.succeeded()
    assert breaker.admits()


def test_a_failed_trial_opens_it_again(breaker: CircuitBreaker, clock: FixedClock) -> None:
    _fail(breaker, 3)
    clock.advance(11)
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()
    clock.advance(11)
    assert breaker.admits()


def test_an_undecided_trial_may_be_repeated(breaker: CircuitBreaker, clock: FixedClock) -> None:
    _fail(breaker, 3)
    clock.advance(11)
    assert breaker.admits()
    breaker.undecided()
    assert breaker.admits()
