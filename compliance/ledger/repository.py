"""Appending to the ledger and reading it back; the caller's transaction commits."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.ledger.chain import Entry, Event, entry_hash
from compliance.ledger.tables import LedgerEntry, LedgerHead
from core.errors import ConfigurationError
from core.json import canonical

_PAGE = 1000


class LedgerRepository:
    """The ledger within one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> None:
        """Wait for every other writer of the ledger; what they committed is visible from here.

        Whoever changes scripts, catalogue or consent appends an event in the same transaction, so a
        check made under this lock cannot be overtaken.
        """
        self._locked_head()

    def append(self, event: Event, body: Mapping[str, Any], at: datetime) -> Entry:
        """Add one event behind the current head, in the caller's transaction."""
        head = self._locked_head()
        envelope = canonical({"event": event.value, "at": at, "body": body})
        seq = head.seq + 1
        digest = entry_hash(seq, head.hash, envelope)
        self._session.add(
            LedgerEntry(
                seq=seq,
                event=event.value,
                envelope=envelope,
                previous=head.hash,
                hash=digest,
                recorded_at=at,
            )
        )
        entry = Entry(seq, event, envelope, head.hash, digest)
        head.seq, head.hash = seq, digest
        self._session.flush()
        return entry

    def _locked_head(self) -> LedgerHead:
        head = self._session.get(LedgerHead, 1, with_for_update=True, populate_existing=True)
        if head is None:
            raise ConfigurationError("the ledger has no head", mend="run: onscript db upgrade")
        return head

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the last entry."""
        head = self._session.get(LedgerHead, 1)
        return (head.seq, head.hash) if head else (0, bytes(32))

    def entries(self) -> Iterator[Entry]:
        """Every entry in order, a page at a time."""
        last = 0
        while True:
            rows = self._session.scalars(
                select(LedgerEntry)
                .where(LedgerEntry.seq > last)
                .order_by(LedgerEntry.seq)
                .limit(_PAGE)
            ).all()
            for row in rows:
                yield Entry(row.seq, row.event, row.envelope, row.previous, row.hash)
            if len(rows) < _PAGE:
                return
            last = rows[-1].seq
