"""Tables of the turn: conversations, what came in, what was decided, what went out; access keys."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class ConversationRow(Base):
    """One dialogue with one person; ``busy_*`` is the lease of the turn in progress."""

    __tablename__ = "conversation"
    __table_args__ = (
        CheckConstraint("lead IN ('new','interested','not_interested')", name="lead"),
    )

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    lead: Mapped[str] = mapped_column(String(20), default="new")
    sent: Mapped[int] = mapped_column(default=0)
    fallbacks: Mapped[int] = mapped_column(default=0)
    held_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    needs_person: Mapped[bool] = mapped_column(default=False)
    busy_by: Mapped[str | None] = mapped_column(String(36))
    busy_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InboundRow(Base):
    """A customer's message, redacted; the digest recognises a repeat without keeping the text."""

    __tablename__ = "inbound_message"
    __table_args__ = (UniqueConstraint("conversation", "message_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversation.id"))
    message_id: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DecisionRow(Base):
    """What a turn decided; ``trace`` is the exact canonical JSON whose hash is in the ledger."""

    __tablename__ = "decision"
    __table_args__ = (Index("ix_decision_conversation", "conversation", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversation.id"))
    inbound_id: Mapped[str] = mapped_column(ForeignKey("inbound_message.id"), unique=True)
    route: Mapped[str] = mapped_column(String(20), index=True)
    source: Mapped[str] = mapped_column(String(20))
    intent: Mapped[str] = mapped_column(String(40), index=True)
    script_key: Mapped[str | None] = mapped_column(String(100))
    ledger_seq: Mapped[int] = mapped_column(ForeignKey("ledger_entry.seq"))
    trace: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class OutboundRow(Base):
    """What the customer receives, with a stable id that makes a duplicate recognisable."""

    __tablename__ = "outbound_message"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decision.id"), unique=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversation.id"), index=True)
    body_version: Mapped[str] = mapped_column(ForeignKey("script_version.id"))
    body: Mapped[str] = mapped_column(Text)  # without disclosure, risk text and label
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiKeyRow(Base):
    """A key an integrator signs in with; only its SHA-256 is kept (it has 256 random bits)."""

    __tablename__ = "api_key"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
