"""Values of the script library."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

RESERVED_PREFIXES = ("fallback.", "handoff.", "disclosure.", "risk.")


class State(StrEnum):
    """The life of a script version."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    IN_FORCE = "in_force"
    RETIRED = "retired"


class SlotType(StrEnum):
    """What kind of value fills a gap; it decides checking and formatting."""

    MONEY = "money"
    PERCENTAGE = "percentage"
    DATE = "date"
    INTEGER = "integer"
    TEXT = "text"
    ENUM = "enum"


@dataclass(frozen=True, slots=True)
class CatalogueValue:
    """One product fact of a campaign, kept as written until it is rendered for a locale."""

    type: SlotType
    value: str
    currency: str = ""
    label: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScriptContent:
    """What an author writes. Immutable once it belongs to a version."""

    text: str
    paraphrases: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    intent: str | None = None
    stage: str | None = None
    risk: str | None = None  # key of the risk script the system attaches


@dataclass(frozen=True, slots=True)
class ScriptVersion:
    """A version in the library with its signatures."""

    id: str
    campaign: str
    key: str
    number: int
    content: ScriptContent
    state: State
    sha256: str  # of the content's canonical form
    author: str
    approver: str | None = None
    approved_at: datetime | None = None
    in_force_from: datetime | None = None

    @property
    def reserved(self) -> bool:
        """Fallbacks, handoffs, disclosures and risk texts are chosen by key, never by likeness."""
        return self.key.startswith(RESERVED_PREFIXES)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One product's sales effort in one language and jurisdiction."""

    key: str
    name: str
    language: str
    jurisdiction: str
    domain: str
    seller: str
    product: str
    catalogue: Mapping[str, CatalogueValue]
    routes: Mapping[str, str]  # intent -> route, where the campaign differs from the default
    threshold: float | None = None  # own probability threshold; None: the calibrated one
    version: str = ""  # SHA-256 of the configuration above


class Kind(StrEnum):
    """What an indexed sentence is: something we say, or something a customer asks."""

    STATEMENT = "statement"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One script with its evidence and the probability that it is the right one."""

    key: str
    version_id: str
    probability: float
    scores: Mapping[str, float]
    veto: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """An approved script that says what the draft says."""

    candidate: Candidate
    threshold: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No script says it, with the reason and the nearest ones."""

    reason: str  # empty_library | below_threshold | vetoed
    threshold: float
    candidates: tuple[Candidate, ...]
    veto: str | None = None
