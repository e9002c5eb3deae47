"""Small deterministic parts for tests of the turn: wording vectors, fixed triage, a campaign."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compliance.engine import ComplianceEngine
from compliance.library import load_packs
from core.clock import Clock, SystemClock
from core.database import Database
from core.secret import Pseudonyms
from core.settings import Settings
from encoder import ngrams
from encoder.types import EncoderIdentity, Vectors
from intent.types import Intent, Label
from llm.drafting import Drafter
from llm.engines.scripted import Performance, ScriptedEngine
from llm.types import Engine, GenerationParameters
from script_store.matching import FEATURES, Calibration
from services.campaign_file import parse_campaign
from services.campaigns import CampaignLoader
from services.inbox import DatabaseInbox
from services.ports import Drafting
from services.shelf import DatabaseShelf
from services.turn import TurnParts

SHOP = {
    "campaign": {
        "key": "shop",
        "name": "Corner shop",
        "language": "en",
        "jurisdiction": "US",
        "domain": "general",
        "seller": "Corner Shop",
        "product": "a weekly vegetable box",
        "catalogue": {
            "price": {"type": "money", "value": "24.00", "currency": "USD"},
            "days": {"type": "integer", "value": "7"},
        },
    },
    "scripts": [
        {
            "key": "price.box",
            "intent": "ask_price",
            "text": "The box costs {price} a week.",
            "paraphrases": ["You pay $24.00 for the box each week."],
            "questions": ["how much is the box", "what does the box cost"],
        },
        {
            "key": "delivery.day",
            "intent": "ask_process",
            "text": "We deliver every {days} days, on a weekday you choose.",
            "questions": ["when do you deliver", "which day does it come"],
            "risk": "risk.weather",
        },
        {"key": "hello", "intent": "greeting", "text": "Hello, how can we help?"},
        {"key": "stopped", "intent": "opt_out", "text": "You will not hear from us again."},
        {"key": "person", "intent": "request_human", "text": "A colleague takes over from here."},
        {"key": "gentle", "intent": "vulnerable", "text": "Thank you. A person will help."},
        {"key": "no.value", "intent": "ask_price", "text": "It is {unknown_slot} cheaper."},
        {"key": "risk.weather", "text": "Heavy snow may delay a delivery."},
        {"key": "fallback.default", "text": "I am not sure about that; shall I ask a colleague?"},
        {"key": "fallback.ask_price", "text": "Prices depend on the box; shall I ask a colleague?"},
        {"key": "handoff.default", "text": "A colleague will answer you here."},
        {"key": "disclosure.first", "text": "I am an automated assistant of Corner Shop."},
        {"key": "disclosure.label", "text": "[automated]"},
    ],
}  # fmt: skip


class WordingEncoder:
    """Vectors of wording alone: real n-grams, no model file."""

    identity = EncoderIdentity("wording", "1", "none", ngrams.BUCKETS)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, ngrams.BUCKETS), dtype=np.float32)
        return np.stack([ngrams.embed(text) for text in texts])


@dataclass
class FixedTriage:
    """Says what it was told to say."""

    label: Label = Label.ASK_PRICE
    confidence: float = 0.9
    abstain: bool = False
    identity: str = "fixed"
    seen: list[str] = field(default_factory=list)

    def classify(self, text: str, previous: str | None = None) -> Intent:
        self.seen.append(text)
        scores = {self.label.value: self.confidence}
        return Intent(self.label, self.confidence, self.abstain, scores, self.identity)


CALIBRATION = Calibration(
    dict.fromkeys(FEATURES, 0.0) | {"draft": 14.0, "lead": 2.0}, -8.0, 0.6, "wording"
)


def compliance() -> ComplianceEngine:
    """The engine over the packs that ship."""
    return ComplianceEngine(load_packs(Settings().packs))


def load_shop(database: Database, engine: ComplianceEngine, shop: dict[str, Any] = SHOP) -> None:
    """Bring the shop's scripts into force."""
    parsed = parse_campaign(json.dumps(shop).encode())
    CampaignLoader(database, engine, SystemClock()).load(parsed, "ann", "bob")


def drafting(*pieces: str, clock: Clock | None = None, **more: Any) -> Drafter:
    """A drafter whose engine writes these pieces."""
    return drafter(ScriptedEngine([Performance(pieces=pieces, **more)]), clock)


def drafter(engine: Engine, clock: Clock | None = None) -> Drafter:
    """A drafter over an engine."""
    return Drafter(engine, GenerationParameters(), clock or SystemClock())


def build_parts(
    database: Database,
    engine: ComplianceEngine,
    triage: FixedTriage | None = None,
    drafts: Drafting | None = None,
    clock: Clock | None = None,
    draft_seconds: float = 2.0,
    turn_seconds: float = 3.0,
) -> TurnParts:
    """Parts of a turn over a real database."""
    clock = clock or SystemClock()
    shelf = DatabaseShelf(database, WordingEncoder(), {"en": CALIBRATION, "zh": CALIBRATION})
    return TurnParts(
        inbox=DatabaseInbox(database, Pseudonyms(b"0" * 32), clock, turn_seconds),
        compliance=engine,
        triage=triage or FixedTriage(),
        drafting=drafts or drafting("The box costs $24.00 a week."),
        shelf=shelf,
        clock=clock,
        draft_seconds=draft_seconds,
        llm="scripted",
    )
