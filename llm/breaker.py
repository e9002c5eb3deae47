"""A circuit breaker: after several failures in a row the engine is left alone for a while.

Closed: everything passes. Open: nothing passes until ``rest_seconds`` are over. Half-open: one
draft is let through as a trial; its success closes the circuit, its failure opens it again.
"""

import threading

from core.clock import Clock


class CircuitBreaker:
    """Thread-safe; opens after ``failures`` consecutive failures, rests ``rest_seconds``."""

    def __init__(self, clock: Clock, *, failures: int = 5, rest_seconds: float = 20.0) -> None:
        self._clock = clock
        self._limit = failures
        self._rest = rest_seconds
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._opened: float | None = None
        self._trial = False

    def admits(self) -> bool:
        """Whether a draft may start now; while half-open, True once until it is reported."""
        with self._lock:
            if self._opened is None:
                return True
            if self._trial or self._clock.monotonic() - self._opened < self._rest:
                return False
            self._trial = True
            return True

    def succeeded(self) -> None:
        """The engine answered: close the circuit."""
        with self._lock:
            self._in_a_row = 0
            self._opened = None
            self._trial = False

    def failed(self) -> None:
        """The engine failed: count it, and open the circuit at the limit or after a trial."""
        with self._lock:
            self._in_a_row += 1
            if self._trial or self._in_a_row >= self._limit:
                self._opened = self._clock.monotonic()
                self._trial = False

    def undecided(self) -> None:
        """The draft ended for reasons that say nothing of the engine: a trial may be repeated."""
        with self._lock:
            self._trial = False
