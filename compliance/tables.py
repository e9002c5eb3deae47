"""Who may not be contacted: one list for all campaigns and channels."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class DoNotContact(Base):
    """A person who opted out, under a pseudonym. The bot can add a row and never remove one."""

    __tablename__ = "do_not_contact"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(64))
    conversation: Mapped[str] = mapped_column(String(200))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
