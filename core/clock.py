"""Time and identifiers, passed in wherever domain code needs them."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from uuid6 import uuid7


class Clock(Protocol):
    """Wall-clock time for records and a monotonic clock for deadlines."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class FixedClock:
    """A clock that moves only when told; for tests and replays."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    elapsed: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self.elapsed += seconds


def new_id() -> str:
    """A time-ordered identifier (UUIDv7, RFC 9562), 36 characters."""
    return str(uuid7())
