"""Conversations, messages, decisions and keys in the database; the caller's transaction commits."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.clock import new_id
from core.database import Base
from core.errors import NotFound
from llm.types import Role
from services.tables import ApiKeyRow, ConversationRow, DecisionRow, InboundRow, OutboundRow
from services.types import ConversationState, Decision, Lead

__all__ = [
    "ApiKeyRepository",
    "ConversationRepository",
    "ConversationRow",
    "DecisionRow",
    "InboundRow",
]

_REMEMBERED = 3  # exchanges laid before the LLM


class ConversationRepository:
    """Reads and writes one turn's rows within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, conversation: str) -> ConversationRow | None:
        """The conversation, locked against other writers until the transaction ends."""
        return self._session.get(ConversationRow, conversation, with_for_update=True)

    def open(self, conversation: str, campaign: str, subject: str, at: datetime) -> ConversationRow:
        """A new conversation. Raises IntegrityError when another writer was quicker."""
        row = ConversationRow(
            id=conversation,
            campaign=campaign,
            subject=subject,
            lead=Lead.NEW.value,
            sent=0,
            fallbacks=0,
            needs_person=False,
            created_at=at,
        )
        self._insert(row)
        return row

    def add_inbound(self, decision: Decision) -> None:
        """The customer's message as it was screened."""
        inbound = decision.inbound
        self._insert(
            InboundRow(
                id=inbound.id,
                conversation=inbound.request.conversation,
                message_id=inbound.request.message_id,
                digest=inbound.digest,
                text=decision.screening.text,
                received_at=inbound.received_at,
            )
        )

    def add_decision(self, decision: Decision, seq: int, trace: bytes, at: datetime) -> None:
        """The decision with the exact trace that ledger entry ``seq`` holds the hash of."""
        self._insert(
            DecisionRow(
                id=decision.id,
                conversation=decision.inbound.request.conversation,
                inbound_id=decision.inbound.id,
                route=decision.route.route.value,
                source=decision.reply.source.value,
                intent=decision.intent.label.value,
                script_key=decision.reply.key,
                ledger_seq=seq,
                trace=trace,
                created_at=at,
            )
        )

    def add_outbound(self, decision: Decision, at: datetime) -> None:
        """What the customer receives. The reply must have a text."""
        body = next(part for part in decision.reply.parts if part.role == "body")
        self._insert(
            OutboundRow(
                id=new_id(),
                decision_id=decision.id,
                conversation=decision.inbound.request.conversation,
                body_version=body.version_id,
                body=body.text,
                text=decision.reply.text or "",
                created_at=at,
            )
        )

    def _insert(self, row: Base) -> None:
        """Insert now, so that what refers to the row may follow."""
        self._session.add(row)
        self._session.flush()

    def inbound(self, conversation: str, message_id: str) -> InboundRow | None:
        """A message received before under this id."""
        return self._session.scalar(
            select(InboundRow).where(
                InboundRow.conversation == conversation, InboundRow.message_id == message_id
            )
        )

    def decision_for(self, inbound_id: str) -> DecisionRow | None:
        """The decision that answered a message."""
        return self._session.scalar(select(DecisionRow).where(DecisionRow.inbound_id == inbound_id))

    def decision(self, decision_id: str) -> DecisionRow:
        """Raises NotFound."""
        row = self._session.get(DecisionRow, decision_id)
        if row is None:
            raise NotFound("there is no decision with this id")
        return row

    def latest_decision(self, conversation: str) -> str | None:
        """Id of a conversation's last decision."""
        return self._session.scalar(
            select(DecisionRow.id)
            .where(DecisionRow.conversation == conversation)
            .order_by(DecisionRow.id.desc())
            .limit(1)
        )

    def sent_text(self, decision_id: str) -> str | None:
        """What was handed out for a decision; None when nothing was."""
        return self._session.scalar(
            select(OutboundRow.text).where(OutboundRow.decision_id == decision_id)
        )

    def decisions(self) -> int:
        """How many decisions there are."""
        return self._session.scalar(select(func.count()).select_from(DecisionRow)) or 0

    def held(self) -> list[ConversationRow]:
        """Conversations that wait for a person, longest first."""
        return list(
            self._session.scalars(
                select(ConversationRow)
                .where(
                    ConversationRow.held_since.is_not(None) | ConversationRow.needs_person.is_(True)
                )
                .order_by(ConversationRow.created_at)
            )
        )

    def state(self, row: ConversationRow, opted_out: bool) -> ConversationState:
        """What the turn needs to know of what went before."""
        history = self._history(row.id)
        previous = next((text for role, text in reversed(history) if role == "seller"), None)
        return ConversationState(
            subject=row.subject,
            sent=row.sent,
            opted_out=opted_out,
            held=row.held_since is not None,
            lead=Lead(row.lead),
            previous=previous,
            fallbacks=row.fallbacks,
            history=history,
        )

    def _history(self, conversation: str) -> tuple[tuple[Role, str], ...]:
        rows = self._session.execute(
            select(InboundRow.text, OutboundRow.body)
            .join(DecisionRow, DecisionRow.inbound_id == InboundRow.id)
            .outerjoin(OutboundRow, OutboundRow.decision_id == DecisionRow.id)
            .where(DecisionRow.conversation == conversation)
            .order_by(DecisionRow.id.desc())
            .limit(_REMEMBERED)
        ).all()
        history: list[tuple[Role, str]] = []
        for customer, seller in reversed(rows):
            history.append(("customer", customer))
            if seller is not None:
                history.append(("seller", seller))
        return tuple(history)


class ApiKeyRepository:
    """Keys of integrators within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, name: str, digest: str, at: datetime) -> None:
        """Keep a key's digest under a name."""
        self._session.add(ApiKeyRow(digest=digest, name=name, created_at=at))
        self._session.flush()

    def name_of(self, digest: str) -> str | None:
        """Whose valid key this is; None for an unknown or revoked one."""
        row = self._session.get(ApiKeyRow, digest)
        return row.name if row is not None and row.revoked_at is None else None

    def by_name(self, name: str) -> ApiKeyRow | None:
        """A key's row by the name it was given."""
        return self._session.scalar(select(ApiKeyRow).where(ApiKeyRow.name == name))
