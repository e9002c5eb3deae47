"""Values of a turn, from the request to the recorded decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from compliance.types import Screening, Verdict
from core.telemetry import Lap
from intent.types import Intent
from llm.types import Draft, DraftFailed, Role
from script_store.types import Match, NoMatch


class Route(StrEnum):
    """Where a message goes after triage."""

    SCRIPT = "script"
    LLM = "llm"
    HANDOFF = "handoff"
    STOP = "stop"
    FALLBACK = "fallback"


class Source(StrEnum):
    """Which kind of approved text the customer received."""

    SCRIPT = "script"  # the intent's own script
    MATCH = "match"  # the script that says what the draft says
    FALLBACK = "fallback"
    HANDOFF = "handoff"
    STOP = "stop"  # the one confirmation of an opt-out
    NONE = "none"  # nothing is sent: opted out, or a person has taken over


class Lead(StrEnum):
    """What we know of the customer's interest."""

    NEW = "new"
    INTERESTED = "interested"
    NOT_INTERESTED = "not_interested"


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One message as a channel delivered it."""

    campaign: str
    conversation: str
    text: str
    message_id: str
    customer: str | None = None  # the channel's id of the person; default: the conversation


@dataclass(frozen=True, slots=True)
class ConversationState:
    """What the turn needs to know of what went before."""

    subject: str  # pseudonym of the person
    sent: int = 0  # messages we have sent
    opted_out: bool = False
    held: bool = False  # a person has taken over; the bot is silent until released
    lead: Lead = Lead.NEW
    previous: str | None = None  # our last message
    fallbacks: int = 0  # fallbacks sent in a row
    history: tuple[tuple[Role, str], ...] = ()  # redacted, oldest first


@dataclass(frozen=True, slots=True)
class Inbound:
    """A genuine, new message with its conversation's state."""

    id: str
    request: TurnRequest
    text: str  # cleaned, not yet redacted; never stored
    digest: str  # keyed hash of the raw text
    language: str
    received_at: datetime
    state: ConversationState


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """Where to and why."""

    route: Route
    reason: str


@dataclass(frozen=True, slots=True)
class Part:
    """One approved version inside an outbound message."""

    role: str  # disclosure | body | risk | label
    campaign: str
    key: str
    version_id: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What answers the customer: approved parts joined in a fixed order, or nothing."""

    source: Source
    reason: str
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str | None:
        """The bytes the customer receives; None when nothing is sent."""
        return "\n".join(part.text for part in self.parts) if self.parts else None

    @property
    def key(self) -> str | None:
        """The key of the body script."""
        return next((part.key for part in self.parts if part.role == "body"), None)


@dataclass(frozen=True, slots=True)
class Matched:
    """What drafting brought: the draft, what the filter says of it and the script it means."""

    draft: Draft | DraftFailed | None = None
    verdict: Verdict | None = None
    match: Match | NoMatch | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything a turn decided, with every score; recorded as one canonical JSON document."""

    id: str
    inbound: Inbound
    screening: Screening
    intent: Intent
    route: RouteDecision
    draft: Draft | DraftFailed | None
    verdict: Verdict | None
    match: Match | NoMatch | None
    reply: Reply
    lead: Lead
    versions: Mapping[str, str]
    laps: tuple[Lap, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets: the decision's id and its trace; ``replayed`` for a repeated message."""

    id: str
    trace: Mapping[str, Any]
    replayed: bool = False
