"""What the filter says: categories, findings, verdicts. Plain values, no behaviour of their own."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.json import canonical


class Category(StrEnum):
    """What a finding on the outbound side is about. The names are fixed: the ledger holds them."""

    ABSOLUTE_CLAIM = "absolute_claim"
    GUARANTEED_OUTCOME = "guaranteed_outcome"
    RISK_FREE = "risk_free"
    MEDICAL_CLAIM = "medical_claim"
    EDUCATION_PROMISE = "education_promise"
    AUTHORITY_ENDORSEMENT = "authority_endorsement"
    FALSE_URGENCY = "false_urgency"
    DISPARAGEMENT = "disparagement"
    MISLEADING_FREE = "misleading_free"
    REBATE_INDUCEMENT = "rebate_inducement"
    GUARANTEED_APPROVAL = "guaranteed_approval"
    INVESTMENT_ADVICE = "investment_advice"
    DISCRIMINATION = "discrimination"
    CREDENTIAL_REQUEST = "credential_request"
    IMPERSONATES_HUMAN = "impersonates_human"
    OFF_PLATFORM_PAYMENT = "off_platform_payment"
    PROFANITY = "profanity"
    PROMPT_LEAK = "prompt_leak"
    LEGAL_OR_TAX_ADVICE = "legal_or_tax_advice"
    PERSONAL_DATA = "personal_data"


class Signal(StrEnum):
    """What an inbound message tells us about the person or their aim."""

    OPT_OUT = "opt_out"
    INJECTION = "injection"
    DISTRESS = "distress"
    MINOR = "minor"


class Action(StrEnum):
    """What happens to the text; ``allow`` on a finding means it is reported and nothing more."""

    ALLOW = "allow"
    REDACT = "redact"
    BLOCK = "block"


SEVERITY: dict[Action, int] = {Action.ALLOW: 0, Action.REDACT: 1, Action.BLOCK: 2}


class Direction(StrEnum):
    """Towards us or towards the customer."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class View(StrEnum):
    """The reading of the text in which a rule fired, from the plainest to the most inventive."""

    ORIGINAL = "original"
    FOLDED = "folded"
    COMPACT = "compact"
    LEET = "leet"
    SQUEEZED = "squeezed"
    PINYIN = "pinyin"
    INITIALS = "initials"
    MODEL = "model"


class PiiType(StrEnum):
    """Kinds of personal data that are found and masked."""

    PHONE = "phone"
    CN_ID = "cn_id"
    BANK_CARD = "bank_card"
    EMAIL = "email"
    PASSPORT = "passport"
    ADDRESS = "address"
    NAME = "name"
    PLATE = "plate"
    SSN = "ssn"
    IBAN = "iban"


class Jurisdiction(StrEnum):
    """Whose law applies to the conversation."""

    CN = "CN"
    US = "US"
    EU = "EU"
    UK = "UK"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule hit. ``start`` and ``end`` index the text as it was given, end exclusive.

    ``pack`` is ``name@version#hash12``; ``category`` a ``Category`` value or, for what a customer
    wrote, a ``Signal`` value; ``citation`` is "article [mark]" as REGULATION.md marks it;
    ``observed`` is true where the rule only watches; ``score`` is set by a model, not a rule.
    """

    rule: str
    pack: str
    category: str
    citation: str
    start: int
    end: int
    view: View
    action: Action
    observed: bool = False
    reason_zh: str = ""
    reason_en: str = ""
    suggestion_zh: str = ""
    suggestion_en: str = ""
    score: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        return {
            "rule": self.rule,
            "pack": self.pack,
            "category": self.category,
            "citation": self.citation,
            "start": self.start,
            "end": self.end,
            "view": self.view.value,
            "action": self.action.value,
            "observed": self.observed,
            "reason": {"zh": self.reason_zh, "en": self.reason_en},
            "suggestion": {"zh": self.suggestion_zh, "en": self.suggestion_en},
        } | ({} if self.score is None else {"score": self.score})


@dataclass(frozen=True, slots=True)
class PersonalDatum:
    """Personal data of one kind at one place in the text as it was given."""

    type: PiiType
    start: int
    end: int

    def to_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        return {"type": self.type.value, "start": self.start, "end": self.end}


def strongest(findings: tuple[Finding, ...]) -> Action:
    """The severest action any enforced finding asks for; a watching rule asks for none."""
    actions = (finding.action for finding in findings if not finding.observed)
    return max(actions, key=SEVERITY.__getitem__, default=Action.ALLOW)


@dataclass(frozen=True, slots=True)
class Verdict:
    """May this be said? ``text`` is what was asked about with personal data masked."""

    action: Action
    text: str
    findings: tuple[Finding, ...]
    pii: tuple[PersonalDatum, ...]
    packs: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the whole verdict: equal input and packs give an equal digest."""
        return hashlib.sha256(canonical(self.to_json() | {"packs": self.packs})).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        return {
            "action": self.action.value,
            "text": self.text,
            "findings": [finding.to_json() for finding in self.findings],
            "opt_out": False,
            "injection": False,
            "pii": [datum.to_json() for datum in self.pii],
        }


@dataclass(frozen=True, slots=True)
class Screening:
    """What a customer's message holds. ``text`` has typed masks where personal data stood.

    ``action`` is reported, never obeyed: a message from a customer is always answered.
    """

    text: str
    findings: tuple[Finding, ...]
    opt_out: bool
    injection: bool
    distress: bool
    minor: bool
    pii: tuple[PersonalDatum, ...]
    packs: tuple[str, ...]

    @property
    def action(self) -> Action:
        """``block`` where an enforced rule says so, ``redact`` where data was masked."""
        asked = strongest(self.findings)
        return Action.REDACT if asked is Action.ALLOW and self.pii else asked

    @property
    def digest(self) -> str:
        """SHA-256 over the whole screening: equal input and packs give an equal digest."""
        return hashlib.sha256(canonical(self.to_json() | {"packs": self.packs})).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        return {
            "action": self.action.value,
            "text": self.text,
            "findings": [finding.to_json() for finding in self.findings],
            "opt_out": self.opt_out,
            "injection": self.injection,
            "distress": self.distress,
            "minor": self.minor,
            "pii": [datum.to_json() for datum in self.pii],
        }
