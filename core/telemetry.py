"""Structured logs without personal data, and the stopwatch behind every trace."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from core.clock import Clock


def configure_logging(level: str = "info") -> None:
    """JSON lines on standard error: ids, names and numbers, never what people wrote."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names its component."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(component=name)
    return bound


@dataclass(frozen=True, slots=True)
class Lap:
    """One stage of a turn: its name, how long it took (milliseconds) and what came out."""

    stage: str
    milliseconds: float
    outcome: str


@dataclass
class Stopwatch:
    """Laps without gaps: each lap runs from the end of the one before, so they add up."""

    clock: Clock
    laps: list[Lap] = field(default_factory=list)
    _started: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._last = self.clock.monotonic()

    def lap(self, stage: str, outcome: str) -> None:
        """Close the current stage."""
        now = self.clock.monotonic()
        self.laps.append(Lap(stage, (now - self._last) * 1000, outcome))
        self._last = now

    @property
    def elapsed(self) -> float:
        """Seconds since the stopwatch was made."""
        return self.clock.monotonic() - self._started


@contextmanager
def log_context(**values: str) -> Iterator[None]:
    """Attach identifiers to every log line of a block."""
    with structlog.contextvars.bound_contextvars(**values):
        yield
