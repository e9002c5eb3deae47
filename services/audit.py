"""Checking and exporting the ledger, and whether decisions still are what it says they were."""

import base64
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from compliance.ledger.chain import Entry, Event, Fault, verify
from compliance.ledger.repository import LedgerRepository
from core.database import Database
from core.errors import InvalidInput, NotFound, Unavailable
from core.telemetry import logger
from services.conversations import waiting
from services.repository import ConversationRepository

_log = logger("audit")


def verify_database(database: Database) -> dict[str, Any]:
    """Walk the chain, compare every decision's trace with the hash the ledger keeps of it."""
    with database.read() as session:
        ledger = LedgerRepository(session)
        altered: list[Fault] = []
        count, head, fault = verify(_checked(session, ledger.entries(), altered))
        stored = ledger.head()
    if fault is None and altered:
        fault = altered[0]
    if fault is None and stored != (count, head):
        fault = Fault(count + 1, "entries are missing at the end")
    return _report(count, head, fault)


def _checked(session: Session, entries: Iterator[Entry], altered: list[Fault]) -> Iterator[Entry]:
    """Pass entries through; note decisions whose stored trace is not what was hashed."""
    decisions = ConversationRepository(session)
    for entry in entries:
        if entry.event is Event.TURN_DECIDED:
            body = json.loads(entry.envelope)["body"]
            try:
                trace = decisions.decision(body["decision"]).trace
            except NotFound:
                altered.append(Fault(entry.seq, "its decision is missing"))
            else:
                if sha256(trace).hexdigest() != body["trace_sha256"]:
                    altered.append(Fault(entry.seq, "its decision's trace was altered"))
        yield entry


def export_log(database: Database, file: Path) -> dict[str, Any]:
    """Write the log as JSON lines: number, event, hashes in hexadecimal, envelope in base64.

    Raises InvalidInput when the file cannot be written.
    """
    try:
        return _write_log(database, file)
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}", mend="name another file") from error


def _write_log(database: Database, file: Path) -> dict[str, Any]:
    with database.read() as session, file.open("w", encoding="utf-8") as out:
        count, head = 0, bytes(32)
        for entry in LedgerRepository(session).entries():
            record = {
                "seq": entry.seq,
                "event": entry.event.value,
                "previous": entry.previous.hex(),
                "hash": entry.hash.hex(),
                "envelope": base64.b64encode(entry.envelope).decode(),
            }
            out.write(json.dumps(record) + "\n")
            count, head = entry.seq, entry.hash
    return {"file": str(file), "entries": count, "head": head.hex()}


def verify_export(file: Path) -> dict[str, Any]:
    """Check an exported log with nothing but this file.

    A cut end cannot be seen from the file alone: compare ``head`` with one noted elsewhere.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        entries = [_parse(line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput("the export cannot be read", mend="export it again") from error
    return _report(*verify(entries))


def _parse(line: str) -> Entry:
    record = json.loads(line)
    return Entry(
        int(record["seq"]),
        Event(record["event"]),
        base64.b64decode(record["envelope"], validate=True),
        bytes.fromhex(record["previous"]),
        bytes.fromhex(record["hash"]),
    )


def _report(count: int, head: bytes, fault: Fault | None) -> dict[str, Any]:
    report: dict[str, Any] = {"ok": fault is None, "entries": count, "head": head.hex()}
    if fault is not None:
        report["fault"] = {"seq": fault.seq, "reason": fault.reason}
    return report


def watch(database: Database, every: float, once: bool) -> int:
    """Verify again and again until interrupted; 1 when the last look found a fault."""
    stop = threading.Event()
    while True:
        status = _look(database)
        if once:
            return status
        try:
            stop.wait(every)
        except KeyboardInterrupt:
            return status


def _look(database: Database) -> int:
    try:
        report = verify_database(database)
        people = len(waiting(database))
    except Unavailable as error:
        _log.error("audit_unavailable", detail=error.message, mend=error.mend)
        return 1
    if report["ok"]:
        _log.info("ledger_ok", entries=report["entries"], waiting=people)
        return 0
    _log.error("ledger_fault", **report["fault"])
    return 1
