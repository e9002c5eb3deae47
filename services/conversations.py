"""What people do with a conversation: read a decision, release a hold."""

from compliance.ledger.chain import Event
from compliance.ledger.repository import LedgerRepository
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, NotFound
from services.inbox import check_id, stored_answer
from services.repository import ConversationRepository
from services.types import Answer


def read_decision(database: Database, decision_id: str) -> Answer:
    """A decision as it was recorded. Raises NotFound."""
    check_id("decision id", decision_id)
    with database.read() as session:
        return stored_answer(ConversationRepository(session).decision(decision_id))


def release(database: Database, clock: Clock, conversation: str, by: str) -> None:
    """Give a conversation back to the bot. An opt-out stays: nobody undoes that here."""
    check_id("conversation", conversation)
    check_id("name", by)
    at = clock.now()
    with database.begin() as session:
        row = ConversationRepository(session).get(conversation)
        if row is None:
            raise NotFound("there is no such conversation")
        if row.held_since is None and not row.needs_person:
            raise Conflict("the conversation is not held by a person")
        row.held_since, row.needs_person, row.fallbacks = None, False, 0
        latest = ConversationRepository(session).latest_decision(conversation)
        LedgerRepository(session).append(
            Event.CONVERSATION_RELEASED, {"decision": latest, "by": by}, at
        )


def waiting(database: Database) -> list[dict[str, object]]:
    """Conversations that wait for a person, longest first."""
    with database.read() as session:
        return [
            {
                "conversation": row.id,
                "campaign": row.campaign,
                "bot_silent": row.held_since is not None,
                "since": (row.held_since or row.created_at).isoformat(),
            }
            for row in ConversationRepository(session).held()
        ]
