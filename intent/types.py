"""The 21 intents and what triage says of a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Label(StrEnum):
    """What a customer may want. The names are fixed: campaigns, logs and corpora hold them."""

    GREETING = "greeting"
    INTEREST = "interest"
    ASK_PRICE = "ask_price"
    ASK_PRODUCT = "ask_product"
    ASK_PROCESS = "ask_process"
    OBJECTION_PRICE = "objection_price"
    OBJECTION_TRUST = "objection_trust"
    OBJECTION_NEED = "objection_need"
    OBJECTION_TIMING = "objection_timing"
    NOT_INTERESTED = "not_interested"
    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    REQUEST_HUMAN = "request_human"
    ASK_IF_BOT = "ask_if_bot"
    PRIVACY_REQUEST = "privacy_request"
    AFFIRM = "affirm"
    DENY = "deny"
    GOODBYE = "goodbye"
    ABUSE = "abuse"
    VULNERABLE = "vulnerable"
    OUT_OF_SCOPE = "out_of_scope"


INTERESTED = frozenset(
    {
        Label.INTEREST,
        Label.ASK_PRICE,
        Label.ASK_PRODUCT,
        Label.ASK_PROCESS,
        Label.OBJECTION_PRICE,
        Label.OBJECTION_TRUST,
        Label.OBJECTION_NEED,
        Label.OBJECTION_TIMING,
    }
)  # a customer who asks or doubts is interested; which of these it is matters less


def family(label: Label) -> frozenset[Label]:
    """Labels that lead to the same treatment: the interested ones, every other one by itself."""
    return INTERESTED if label in INTERESTED else frozenset({label})


@dataclass(frozen=True, slots=True)
class Intent:
    """A label with its calibrated confidence (0..1).

    ``abstain`` when the probability of the label's whole family is too low to act on: being torn
    between asking and doubting the price is no reason to give up.
    """

    label: Label
    confidence: float
    abstain: bool
    scores: Mapping[str, float]
    model: str
