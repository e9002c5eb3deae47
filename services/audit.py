"""Checking and exporting the ledger, and whether decisions still are what it says they were."""

import base64
import json
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

from compliance.ledger.chain import Entry, Event, Fault, verify
from compliance.ledger.repository import LedgerRepository
from core.database import Database
from core.errors import InvalidInput, NotFound, Unavailable
from core.telemetry import logger
from script_store.repository import ScriptRepository, content_sha256
from services.conversations import waiting
from services.repository import ConversationRepository

_log = logger("audit")


def verify_database(database: Database) -> dict[str, Any]:
    """Walk the chain; compare what it speaks of with what is stored today.

    Every decision's trace and what was handed out for it, and the words of every approved script.
    """
    with database.read() as session:
        ledger, conversations = LedgerRepository(session), ConversationRepository(session)
        examiner = _Examiner(conversations, ScriptRepository(session))
        count, head, fault = verify(ledger.entries(), examiner)
        if fault is None and ledger.head() != (count, head):
            fault = Fault(count + 1, "entries are missing at the end")
        if fault is None and conversations.decisions() != examiner.decided:
            fault = Fault(count, "there are decisions that the ledger does not know")
    return _report(count, head, fault)


class _Examiner:
    """Objects to an entry whose subject is no longer what was recorded."""

    def __init__(self, conversations: ConversationRepository, scripts: ScriptRepository) -> None:
        self._conversations = conversations
        self._scripts = scripts
        self.decided = 0

    def __call__(self, event: Event, body: dict[str, Any]) -> str | None:
        try:
            if event is Event.TURN_DECIDED:
                self.decided += 1
                return self._decision(body)
            if event is Event.SCRIPT_APPROVED:
                version = self._scripts.version(body["version"])
                if content_sha256(version.content) != body["sha256"]:
                    return f"the words of script {body['key']} are not those that were approved"
        except NotFound as error:
            return f"what it speaks of is missing: {error.message}"
        return None

    def _decision(self, body: dict[str, Any]) -> str | None:
        trace = self._conversations.decision(body["decision"]).trace
        if sha256(trace).hexdigest() != body["trace_sha256"]:
            return "its decision's trace was altered"
        if json.loads(trace)["reply"]["text"] != self._conversations.sent_text(body["decision"]):
            return "what was handed out is not what was decided"
        return None


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
                "event": entry.event,
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
    if not entries:
        raise InvalidInput("the export is empty", mend="export it again")
    return _report(*verify(entries))


def _parse(line: str) -> Entry:
    record = json.loads(line)
    return Entry(
        int(record["seq"]),
        str(record["event"]),
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
