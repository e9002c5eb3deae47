"""Step 1 and step 10 in the database: receive a message once and in order; record what came of it.

A conversation is leased while its message is answered, so turns of one conversation never overlap,
and no transaction is open meanwhile. What is recorded is recorded whole or not at all.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from compliance.ledger.chain import Event
from compliance.ledger.repository import LedgerRepository
from compliance.repository import ConsentRepository
from core.clock import Clock, new_id
from core.database import Database
from core.errors import (
    Busy,
    Conflict,
    InvalidInput,
    LibraryChanged,
    NotFound,
    TooLarge,
    Unavailable,
)
from core.json import canonical
from core.secret import Pseudonyms
from core.telemetry import logger
from core.text import clean_text, detect_language, has_content
from script_store.repository import ScriptRepository
from services.repository import (
    ConversationRepository,
    ConversationRow,
    DecisionRow,
    InboundRow,
)
from services.trace import trace_of
from services.types import Answer, Decision, Inbound, Reply, Route, Source, TurnRequest

LONGEST_TEXT = 20_000
LONGEST_ID = 200
_POLL_SECONDS, _SLOWEST_POLL = 0.02, 0.25
_STILL_ANSWERING = "an earlier message of this conversation is still being answered"
_log = logger("inbox")


class DatabaseInbox:
    """The inbox over SQLite or PostgreSQL."""

    def __init__(
        self,
        database: Database,
        pseudonyms: Pseudonyms,
        clock: Clock,
        turn_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._turn_seconds = turn_seconds
        self._sleep = sleep

    @contextmanager
    def receive(self, request: TurnRequest) -> Iterator[Inbound | Answer]:
        """Lease the conversation for one new message; see ``ports.Inbox``."""
        check(request)
        received = self._wait_for_lease(request)
        try:
            yield received
        finally:
            if isinstance(received, Inbound):
                self._release(received)

    def _wait_for_lease(self, request: TurnRequest) -> Inbound | Answer:
        deadline = self._clock.monotonic() + self._turn_seconds
        pause = _POLL_SECONDS
        while True:
            try:
                return self._lease(request)
            except (Busy, IntegrityError):
                # IntegrityError: another process opened the same conversation at the same moment
                if self._clock.monotonic() >= deadline:
                    raise Busy(
                        "an earlier message of this conversation is still being answered"
                    ) from None
            self._sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_POLL)

    def _lease(self, request: TurnRequest) -> Inbound | Answer:
        now = self._clock.now()
        digest = self._pseudonyms.of("message", request.text)
        with self._database.begin() as session:
            conversations = ConversationRepository(session)
            earlier = conversations.inbound(request.conversation, request.message_id)
            if earlier is not None:
                return _earlier(conversations, earlier, digest)
            row = conversations.get(request.conversation)
            if row is None:
                if ScriptRepository(session).generation(request.campaign) is None:
                    raise no_campaign(request.campaign)
                subject = self._subject(request)
                row = conversations.open(request.conversation, request.campaign, subject, now)
            _check_free(row, request, now)
            self._name(ConsentRepository(session), row, request, now)
            inbound_id = new_id()
            row.busy_by = inbound_id
            row.busy_until = now + timedelta(seconds=self._turn_seconds * 2)
            opted_out = ConsentRepository(session).opted_out(row.subject)
            text = clean_text(request.text)
            return Inbound(
                id=inbound_id,
                request=request,
                text=text,
                digest=digest,
                language=detect_language(text),
                received_at=now,
                state=conversations.state(row, opted_out),
            )

    def _subject(self, request: TurnRequest) -> str:
        if request.customer is None:
            return self._pseudonyms.of("anonymous", request.conversation)
        return self._pseudonyms.of("person", request.customer)

    def _name(
        self,
        consent: ConsentRepository,
        row: ConversationRow,
        request: TurnRequest,
        now: datetime,
    ) -> None:
        """Tie an anonymous conversation to the person once the channel knows who it is."""
        subject = self._subject(request)
        if request.customer is None or row.subject == subject:
            return
        if row.subject != self._pseudonyms.of("anonymous", row.id):
            raise Conflict(
                "this conversation belongs to another customer",
                mend="use one conversation id per customer",
            )
        if consent.opted_out(row.subject):
            consent.opt_out(subject, "opt_out_before_named", row.id, now)
        row.subject = subject

    def _release(self, inbound: Inbound) -> None:
        """Give the lease back where recording did not; it ends by itself should this fail."""
        try:
            with self._database.begin() as session:
                row = ConversationRepository(session).get(inbound.request.conversation)
                if row is not None and row.busy_by == inbound.id:
                    row.busy_by = row.busy_until = None
        except Unavailable as error:
            _log.warning("lease_kept", message=inbound.id, why=error.code)

    def record(self, decision: Decision) -> Answer:
        """Inbound, decision, ledger entry and outbound message in one transaction."""
        inbound, request = decision.inbound, decision.inbound.request
        at = self._clock.now()
        with self._database.begin() as session:
            conversations = ConversationRepository(session)
            row = conversations.get(request.conversation)
            if row is None or row.busy_by != inbound.id:
                raise Busy("the turn took too long and lost its conversation; nothing was recorded")
            ledger = LedgerRepository(session)
            ledger.lock()
            _check_libraries(session, decision)
            if ConsentRepository(session).opted_out(row.subject):
                decision = _silenced(decision)
            trace = trace_of(decision)
            stored = canonical(trace)
            conversations.add_inbound(decision)
            withdrawn = decision.route.reason.startswith("opt_out_") and ConsentRepository(
                session
            ).opt_out(row.subject, decision.route.reason, row.id, at)
            conversation = self._pseudonyms.of("conversation", row.id)
            entry = ledger.append(Event.TURN_DECIDED, _envelope(trace, stored, conversation), at)
            if withdrawn:
                body = {"subject": row.subject, "conversation": conversation}
                ledger.append(Event.CONSENT_WITHDRAWN, body | {"decision": decision.id}, at)
            conversations.add_decision(decision, entry.seq, stored, at)
            if decision.reply.text is not None:
                conversations.add_outbound(decision, at)
            _advance(row, decision, at)
        return Answer(decision.id, trace)


def _check_libraries(session: Session, decision: Decision) -> None:
    """Raise LibraryChanged unless what was decided from is still what is in force."""
    scripts = ScriptRepository(session)
    for snapshot in decision.versions["library"].split():
        campaign, _, generation = snapshot.rpartition("/")
        if str(scripts.generation(campaign)) != generation:
            raise LibraryChanged("the scripts changed while answering; nothing was recorded")


def _silenced(decision: Decision) -> Decision:
    """The person opted out in another conversation while this one was being answered."""
    if decision.route.route is Route.STOP:
        return decision
    return replace(decision, reply=Reply(Source.NONE, "opted_out_meanwhile"))


def no_campaign(key: str) -> NotFound:
    """The error for a campaign that nobody loaded."""
    return NotFound(f"there is no campaign {key!r}", mend="list them: onscript campaign list")


def check_id(name: str, value: str) -> str:
    """An identifier that any database can hold, or InvalidInput."""
    if not value.strip() or len(value) > LONGEST_ID or clean_text(value) != value:
        raise InvalidInput(
            f"{name} must be 1 to {LONGEST_ID} valid characters", mend=f"send a non-empty {name}"
        )
    return value


def check(request: TurnRequest) -> None:
    """Raise InvalidInput or TooLarge for what cannot be a message."""
    for name in ("campaign", "conversation", "message_id", "customer"):
        value = getattr(request, name)
        if value is not None:
            check_id(name, value)
    if len(request.text) > LONGEST_TEXT:
        raise TooLarge(
            f"the text has {len(request.text)} characters",
            mend=f"send at most {LONGEST_TEXT} characters in one message",
        )
    if not has_content(clean_text(request.text).replace("\ufffd", "")):
        raise InvalidInput("the text is empty", mend="send at least one visible character in text")


def stored_answer(row: DecisionRow, replayed: bool = False) -> Answer:
    """A decision as it was recorded."""
    trace: dict[str, Any] = json.loads(row.trace)
    return Answer(row.id, trace, replayed)


def _earlier(conversations: ConversationRepository, row: InboundRow, digest: str) -> Answer:
    if row.digest != digest:
        raise Conflict(
            "this message id was received before with another text",
            mend="use a new message_id for a new message",
        )
    decision = conversations.decision_for(row.id)
    if decision is None:
        raise Conflict("the message was received but its decision is missing")
    return stored_answer(decision, replayed=True)


def _check_free(row: ConversationRow, request: TurnRequest, now: datetime) -> None:
    if row.campaign != request.campaign:
        raise Conflict(
            "this conversation belongs to another campaign",
            mend="use one conversation id per campaign",
        )
    if row.busy_by is not None and row.busy_until is not None and row.busy_until > now:
        raise Busy(_STILL_ANSWERING)


def _envelope(trace: dict[str, Any], stored: bytes, conversation: str) -> dict[str, Any]:
    """What the ledger keeps for good: pseudonyms and hashes, never a text of the customer."""
    match = trace["match"] or {}
    return {
        "decision": trace["id"],
        "conversation": conversation,
        "campaign": trace["campaign"],
        "inbound_digest": trace["inbound"]["digest"],
        "intent": trace["intent"]["label"],
        "confidence": trace["intent"]["confidence"],
        "route": trace["route"],
        "match": match.get("match"),
        "probability": match.get("probability"),
        "threshold": match.get("threshold"),
        "source": trace["reply"]["source"],
        "reason": trace["reply"]["reason"],
        "parts": [
            {key: part[key] for key in ("role", "campaign", "key", "version_id", "sha256")}
            for part in trace["reply"]["parts"]
        ],
        "versions": trace["versions"],
        "trace_sha256": sha256(stored).hexdigest(),
    }


def _advance(row: ConversationRow, decision: Decision, at: datetime) -> None:
    """What the conversation remembers of this turn; the lease ends here."""
    source = decision.reply.source
    row.lead = decision.lead.value
    row.busy_by = row.busy_until = None
    if decision.route.route is Route.HANDOFF and row.held_since is None:
        row.held_since = at
    if source is Source.HANDOFF or decision.reply.reason == "no_approved_reply":
        row.needs_person = True
    if decision.reply.text is not None:
        row.sent += 1
        row.fallbacks = row.fallbacks + 1 if source is Source.FALLBACK else 0
