"""The hash chain, pure: what an entry's hash covers and how a chain is checked.

hash(n) = SHA-256(0x01 || seq as 8 bytes, big-endian || hash(n-1) || envelope bytes). The domain
byte and the fixed-width fields leave no two readings of the same bytes. The envelope is kept as
the exact bytes that were hashed, so checking never depends on how JSON was written.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

GENESIS = bytes(32)


class Event(StrEnum):
    """What happened, as subject:object:action."""

    TURN_DECIDED = "turn:decision:recorded"
    CONSENT_WITHDRAWN = "subject:consent:withdrawn"
    CONVERSATION_RELEASED = "conversation:hold:released"
    CAMPAIGN_CHANGED = "campaign:configuration:changed"
    SCRIPT_SUBMITTED = "script:version:submitted"
    SCRIPT_APPROVED = "script:version:approved"
    SCRIPT_ENFORCED = "script:version:enforced"
    SCRIPT_RETIRED = "script:version:retired"
    KEY_CREATED = "access:key:created"
    KEY_REVOKED = "access:key:revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as stored; ``envelope`` is canonical JSON, UTF-8."""

    seq: int
    event: str
    envelope: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry that does not fit, and why."""

    seq: int
    reason: str


def entry_hash(seq: int, previous: bytes, envelope: bytes) -> bytes:
    """SHA-256 over the entry, 32 bytes."""
    return sha256(b"\x01" + seq.to_bytes(8, "big") + previous + envelope).digest()


Examiner = Callable[[Event, dict[str, Any]], str | None]


def nothing_else(_event: Event, _body: dict[str, Any]) -> str | None:
    """Examines no more than the chain itself."""
    return None


def verify(
    entries: Iterable[Entry], examine: Examiner = nothing_else
) -> tuple[int, bytes, Fault | None]:
    """Walk a chain from its first entry: how many fit, the head they give, the first fault.

    ``examine`` is given each event with its body once its hash is right, and may object.
    """
    previous, count = GENESIS, 0
    for entry in entries:
        if entry.seq != count + 1:
            return count, previous, Fault(count + 1, f"entry {count + 1} is missing")
        if entry.previous != previous:
            return count, previous, Fault(entry.seq, "it does not follow the entry before it")
        if entry_hash(entry.seq, previous, entry.envelope) != entry.hash:
            return count, previous, Fault(entry.seq, "its content is not what was hashed")
        objection = _read(entry, examine)
        if objection:
            return count, previous, Fault(entry.seq, objection)
        previous, count = entry.hash, count + 1
    return count, previous, None


def _read(entry: Entry, examine: Examiner) -> str | None:
    """Why a rightly hashed entry still cannot stand: it is no event, or not the one it says."""
    try:
        envelope = json.loads(entry.envelope)
        event, body = Event(envelope["event"]), envelope["body"]
    except (ValueError, KeyError, TypeError):
        return "it cannot be read as an event"
    if event.value != entry.event:
        return "it is filed under another event"
    return examine(event, body)
