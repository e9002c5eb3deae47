"""A small campaign and a small encoder for tests of the library."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from encoder import ngrams
from encoder.types import EncoderIdentity, Vectors
from script_store.matching import FEATURES, Calibration
from script_store.repository import content_sha256
from script_store.types import (
    Campaign,
    CatalogueValue,
    ScriptContent,
    ScriptVersion,
    SlotType,
    State,
)

CAMPAIGN = Campaign(
    key="box",
    name="Vegetable box",
    language="en",
    jurisdiction="US",
    domain="general",
    seller="Corner Shop",
    product="a weekly vegetable box",
    catalogue={"price": CatalogueValue(SlotType.MONEY, "24.00", "USD")},
    routes={},
    version="1" * 64,
)

CALIBRATION = Calibration(
    dict.fromkeys(FEATURES, 0.0) | {"draft": 14.0, "lead": 2.0}, -8.0, 0.6, "wording"
)

SCRIPTS = {
    "price": ScriptContent(
        "The box costs {price} a week.",
        ("You pay $24.00 for the box each week.",),
        ("how much is the box", "what does the box cost"),
        "ask_price",
    ),
    "delivery": ScriptContent(
        "We deliver on a weekday you choose.",
        (),
        ("when do you deliver", "which day does it come"),
        "ask_process",
        risk="risk.weather",
    ),
    "farm": ScriptContent("Everything comes from farms near you.", intent="ask_product"),
    "risk.weather": ScriptContent("Heavy snow may delay a delivery."),
    "fallback.default": ScriptContent("I am not sure; shall I ask a colleague?"),
}


def version(key: str, content: ScriptContent) -> ScriptVersion:
    """A version in force, as the repository would give it."""
    return ScriptVersion(
        id=f"{key}-1",
        campaign="box",
        key=key,
        number=1,
        content=content,
        state=State.IN_FORCE,
        sha256=content_sha256(content),
        author="ann",
        approver="bob",
    )


def versions(**changed: ScriptContent | None) -> list[ScriptVersion]:
    """The scripts in force; None takes one away."""
    found = SCRIPTS | {name.replace("__", "."): content for name, content in changed.items()}
    return [version(key, content) for key, content in sorted(found.items()) if content]


@dataclass
class WordingEncoder:
    """Real character n-grams without a model file; remembers what it was asked to encode."""

    name: str = "wording"
    encoded: list[str] = field(default_factory=list)

    @property
    def identity(self) -> EncoderIdentity:
        return EncoderIdentity(self.name, "1", "none", ngrams.BUCKETS)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        if not texts:
            return np.zeros((0, ngrams.BUCKETS), dtype=np.float32)
        return np.stack([ngrams.embed(text) for text in texts])
