"""The do-not-contact list; the caller's transaction commits."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from compliance.tables import DoNotContact

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class ConsentRepository:
    """Opt-outs within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def opted_out(self, subject: str) -> bool:
        """Whether this person asked not to be contacted, on any channel."""
        return self._session.get(DoNotContact, subject) is not None

    def opt_out(self, subject: str, reason: str, conversation: str, at: datetime) -> bool:
        """Put a person on the list; False when they were on it already."""
        # two conversations of one person may opt out at the same moment
        insert = _INSERTS[self._session.get_bind().dialect.name]
        statement = (
            insert(DoNotContact)
            .values(subject=subject, reason=reason, conversation=conversation, since=at)
            .on_conflict_do_nothing()
            .returning(DoNotContact.subject)
        )
        return self._session.execute(statement).scalar() is not None
