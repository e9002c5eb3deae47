"""A changed byte anywhere in the log or in what it speaks of is found and named."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from compliance.engine import ComplianceEngine
from core.database import Database
from core.errors import InvalidInput
from services.audit import export_log, verify_database, verify_export, watch
from services.turn import take_turn
from services.types import TurnRequest
from tests.services.parts import build_parts


@pytest.fixture
def talked(shop: Database, engine: ComplianceEngine) -> Database:
    parts = build_parts(shop, engine)
    for number in range(3):
        take_turn(TurnRequest("shop", "c1", "how much?", f"m{number}"), parts)
    return shop


def change(database: Database, sql: str) -> None:
    with database.begin() as session:
        session.execute(text(sql))


def test_an_honest_log_verifies(talked: Database) -> None:
    report = verify_database(talked)
    assert report["ok"]
    assert report["entries"] > 3
    assert watch(talked, every=0, once=True) == 0


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM decision WHERE id IN (SELECT min(id) FROM decision)", "is missing"),
        ("UPDATE ledger_entry SET envelope = previous WHERE seq = 5", "not what was hashed"),
        ("UPDATE ledger_entry SET previous = hash WHERE seq = 6", "does not follow"),
        ("UPDATE ledger_head SET seq = seq + 1", "missing at the end"),
        ("UPDATE outbound_message SET text = 'another'", "handed out is not what was decided"),
        ("UPDATE ledger_entry SET event = 'access:key:created' WHERE seq = 5", "another event"),
        ("UPDATE script_version SET text = 'Send money'", "not those that were approved"),
    ],
)  # fmt: skip
def test_tampering_is_named(talked: Database, sql: str, reason: str) -> None:
    if "decision" in sql:
        change(talked, "DELETE FROM outbound_message")  # so that the database lets one go
    change(talked, sql)
    report = verify_database(talked)
    assert not report["ok"]
    assert reason in report["fault"]["reason"]
    assert watch(talked, every=0, once=True) == 1


def test_an_edited_trace_is_found(talked: Database) -> None:
    with talked.begin() as session:
        row = session.execute(text("SELECT id, trace FROM decision ORDER BY id")).first()
        assert row is not None
        trace = json.loads(bytes(row.trace))
        trace["reply"]["text"] = "something else was said"
        session.execute(
            text("UPDATE decision SET trace = :t WHERE id = :i"),
            {"t": json.dumps(trace).encode(), "i": row.id},
        )
    assert "trace was altered" in verify_database(talked)["fault"]["reason"]


def test_every_flipped_byte_of_an_export_is_found(talked: Database, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    exported = export_log(talked, file)
    assert verify_export(file) == {
        "ok": True, "entries": exported["entries"], "head": exported["head"],
    }  # fmt: skip
    lines = file.read_text().splitlines()
    for index, line in enumerate(lines):
        record = json.loads(line)
        for name in ("hash", "previous", "envelope"):
            digits = record[name]
            flipped = ("0" if digits[0] != "0" else "1") + digits[1:]
            changed = [*lines[:index], json.dumps(record | {name: flipped}), *lines[index + 1 :]]
            file.write_text("\n".join(changed))
            assert not verify_export(file)["ok"], (index, name)
    file.write_text("\n".join(lines[:3] + lines[4:]))
    assert verify_export(file)["fault"] == {"seq": 4, "reason": "entry 4 is missing"}


def test_an_unreadable_export_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"\xff\xfe not a log")
    with pytest.raises(InvalidInput, match="cannot be read"):
        verify_export(file)
