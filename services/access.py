"""API keys: made once, shown once, kept only as a hash."""

import secrets
from hashlib import sha256

from compliance.ledger.chain import Event
from compliance.ledger.repository import LedgerRepository
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, InvalidInput, Unauthenticated
from services.repository import ApiKeyRepository

PREFIX = "osk_"


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def create_key(database: Database, clock: Clock, name: str) -> str:
    """A new key for ``name``, 256 random bits; it cannot be shown again. Raises Conflict."""
    if not name.strip() or len(name) > 100:
        raise InvalidInput("a key needs a name of 1 to 100 characters")
    key = PREFIX + secrets.token_urlsafe(32)
    at = clock.now()
    with database.begin() as session:
        keys = ApiKeyRepository(session)
        if keys.by_name(name) is not None:
            raise Conflict(f"there is a key named {name!r} already", mend="choose another name")
        keys.add(name, _digest(key), at)
        LedgerRepository(session).append(Event.KEY_CREATED, {"name": name}, at)
    return key


def revoke_key(database: Database, clock: Clock, name: str) -> None:
    """The key stops working with the next request. Raises InvalidInput for an unknown name."""
    at = clock.now()
    with database.begin() as session:
        row = ApiKeyRepository(session).by_name(name)
        if row is None or row.revoked_at is not None:
            raise InvalidInput(f"there is no key in use named {name!r}")
        row.revoked_at = at
        LedgerRepository(session).append(Event.KEY_REVOKED, {"name": name}, at)


def authenticate(database: Database, key: str) -> str:
    """Whose key this is. Raises Unauthenticated, with the same words for every reason."""
    with database.read() as session:
        name = ApiKeyRepository(session).name_of(_digest(key)) if key else None
    if name is None:
        raise Unauthenticated(
            "a valid API key is needed",
            mend="send Authorization: Bearer KEY; make one: onscript key create NAME",
        )
    return name
