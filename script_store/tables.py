"""Tables of the script library."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import Base, UtcDateTime


class CampaignRow(Base):
    """One product's sales effort; ``config`` holds catalogue, routes and threshold."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint("jurisdiction IN ('CN','US','EU','UK')", name="jurisdiction"),
    )

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(35))
    jurisdiction: Mapped[str] = mapped_column(String(8))
    domain: Mapped[str] = mapped_column(String(20))
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(default=0)  # rises with every change in force
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScriptRow(Base):
    """A thing we may say, known by its key within a campaign."""

    __tablename__ = "script"
    __table_args__ = (UniqueConstraint("campaign", "key"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"))
    key: Mapped[str] = mapped_column(String(100))
    versions: Mapped[list["ScriptVersionRow"]] = relationship(back_populates="script")


class ScriptVersionRow(Base):
    """Immutable words with their signatures; the database itself refuses one pair of eyes."""

    __tablename__ = "script_version"
    __table_args__ = (
        UniqueConstraint("script_id", "number"),
        CheckConstraint(
            "state IN ('draft','in_review','approved','in_force','retired')", name="state"
        ),
        CheckConstraint(
            "approver IS NULL OR lower(trim(approver)) <> lower(trim(author))", name="four_eyes"
        ),
        CheckConstraint(
            "state IN ('draft','in_review') OR (approver IS NOT NULL AND approved_at IS NOT NULL)"
            " OR (state = 'retired' AND approver IS NULL)",
            name="approved_by_someone",
        ),
        Index(
            "uq_script_version_one_in_force",
            "script_id",
            unique=True,
            sqlite_where=text("state = 'in_force'"),
            postgresql_where=text("state = 'in_force'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    script_id: Mapped[str] = mapped_column(ForeignKey("script.id"), index=True)
    number: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    paraphrases: Mapped[list[str]] = mapped_column(JSON)
    questions: Mapped[list[str]] = mapped_column(JSON)
    intent: Mapped[str | None] = mapped_column(String(40))
    stage: Mapped[str | None] = mapped_column(String(40))
    risk: Mapped[str | None] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(100))
    approver: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    in_force_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    script: Mapped[ScriptRow] = relationship(back_populates="versions")


class SentenceVectorRow(Base):
    """A sentence's vector, kept under the identity of the encoder that made it."""

    __tablename__ = "sentence_vector"

    encoder: Mapped[str] = mapped_column(String(120), primary_key=True)
    text_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
