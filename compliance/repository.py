"""The do-not-contact list; the caller's transaction commits."""

from datetime import datetime

from sqlalchemy.orm import Session

from compliance.tables import DoNotContact


class ConsentRepository:
    """Opt-outs within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def opted_out(self, subject: str) -> bool:
        """Whether this person asked not to be contacted, on any channel."""
        return self._session.get(DoNotContact, subject) is not None

    def opt_out(self, subject: str, reason: str, conversation: str, at: datetime) -> bool:
        """Put a person on the list; False when they were on it already."""
        if self.opted_out(subject):
            return False
        self._session.add(
            DoNotContact(subject=subject, reason=reason, conversation=conversation, since=at)
        )
        self._session.flush()
        return True
