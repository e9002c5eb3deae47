"""What the turn asks of the world. Each port has a real adapter; tests bring deterministic ones."""

from contextlib import AbstractContextManager
from typing import Protocol

from compliance.types import Screening, Verdict
from encoder.types import Encoder
from intent.types import Intent
from llm.types import Draft, DraftFailed, Prompt
from script_store.library import Library
from services.types import Answer, Decision, Inbound, TurnRequest


class Inbox(Protocol):
    """Receives messages once and in order, and records what was decided."""

    def receive(self, request: TurnRequest) -> AbstractContextManager[Inbound | Answer]:
        """Hold the conversation while its message is answered.

        Gives the earlier Answer for a repeated message. Raises Conflict when a message id comes
        back with another text, and Busy when another turn of the conversation does not end.
        """
        ...

    def record(self, decision: Decision) -> Answer:
        """Write inbound, decision, ledger entry and outbound message in one transaction."""
        ...


class Compliance(Protocol):
    """The filter on both directions."""

    def screen_in(
        self, text: str, *, language: str | None = None, jurisdiction: str | None = None
    ) -> Screening: ...

    def screen_out(
        self,
        text: str,
        *,
        language: str | None = None,
        jurisdiction: str | None = None,
        domain: str | None = None,
        by_rules: bool = False,
    ) -> Verdict: ...

    @property
    def packs(self) -> tuple[str, ...]: ...


class Triage(Protocol):
    """The small intent model."""

    @property
    def identity(self) -> str: ...

    def classify(self, text: str, previous: str | None = None) -> Intent: ...


class Drafting(Protocol):
    """The LLM, bounded in time; trouble is a value."""

    def draft(self, prompt: Prompt, deadline_seconds: float) -> Draft | DraftFailed: ...

    def close(self) -> None: ...


class Shelf(Protocol):
    """Libraries in force, by campaign."""

    def library(self, campaign: str) -> Library:
        """The campaign's current snapshot. Raises NotFound for an unknown campaign."""
        ...

    def common(self, language: str) -> Library | None:
        """The language's own starter scripts, the last resort before a person."""
        ...

    @property
    def encoder(self) -> Encoder: ...
