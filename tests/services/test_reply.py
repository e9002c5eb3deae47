"""Composing a reply: approved parts only, in order, and the fallback chain to its end."""

import copy
import json
from typing import Any

import pytest

from compliance.engine import ComplianceEngine
from intent.types import Intent, Label
from llm.types import DraftFailed, FailureReason, ModelIdentity
from script_store.library import Library
from script_store.types import Candidate, Match, NoMatch
from services.calibrating import library_of
from services.campaign_file import parse_campaign
from services.reply import Seeker, Shelves, answer
from services.types import (
    ConversationState,
    Matched,
    Reply,
    Route,
    RouteDecision,
    Source,
)
from tests.services.parts import SHOP, WordingEncoder

FAILED = Matched(DraftFailed(FailureReason.DEADLINE, "", ModelIdentity("none", "", "", "none")))


def library(*without: str, key: str = "shop", **changed: str) -> Library:
    """The shop's scripts less some, with some texts changed."""
    document: dict[str, Any] = copy.deepcopy(SHOP)
    document["campaign"]["key"] = key
    document["scripts"] = [
        script | ({"text": changed[script["key"]]} if script["key"] in changed else {})
        for script in document["scripts"]
        if script["key"] not in without
    ]
    return library_of(parse_campaign(json.dumps(document).encode()), WordingEncoder())


def reply(
    engine: ComplianceEngine,
    own: Library,
    route: Route,
    *,
    reason: str = "test",
    common: Library | None = None,
    label: Label = Label.ASK_PRICE,
    matched: Matched = FAILED,
    sent: int = 0,
    fallbacks: int = 0,
    text: str = "how much is the box",
) -> Reply:
    state = ConversationState("someone", sent=sent, fallbacks=fallbacks)
    seeker = Seeker(Shelves(own, common), WordingEncoder(), text, state)
    intent = Intent(label, 0.9, False, {}, "test")
    return answer(seeker, RouteDecision(route, reason), intent, matched, engine)


def match(own: Library, key: str) -> Matched:
    script = own.get(key)
    assert script is not None
    candidate = Candidate(key, script.version.id, 0.9, {})
    return Matched(match=Match(candidate, 0.6, (candidate,)))


def keys(found: Reply) -> list[tuple[str, str]]:
    return [(part.role, part.key) for part in found.parts]


def test_the_first_reply_discloses_and_later_ones_are_labelled(engine: ComplianceEngine) -> None:
    own = library()
    first = reply(engine, own, Route.LLM, matched=match(own, "price.box"))
    later = reply(engine, own, Route.LLM, matched=match(own, "price.box"), sent=1)
    assert keys(first) == [("disclosure", "disclosure.first"), ("body", "price.box")]
    assert keys(later) == [("body", "price.box"), ("label", "disclosure.label")]
    assert later.text == "The box costs $24.00 a week.\n[automated]"


def test_the_risk_text_follows_its_script(engine: ComplianceEngine) -> None:
    own = library()
    found = reply(engine, own, Route.LLM, matched=match(own, "delivery.day"), sent=1)
    assert keys(found) == [
        ("body", "delivery.day"),
        ("risk", "risk.weather"),
        ("label", "disclosure.label"),
    ]


def test_every_part_is_an_approved_text(engine: ComplianceEngine) -> None:
    own = library()
    found = reply(engine, own, Route.LLM, matched=match(own, "delivery.day"))
    for part in found.parts:
        script = own.get(part.key)
        assert script is not None
        assert (part.text, part.version_id) == (script.text, script.version.id)
        assert part.sha256 == script.version.sha256


@pytest.mark.parametrize(
    ("route", "label", "key", "source"),
    [
        (Route.SCRIPT, Label.GREETING, "hello", Source.SCRIPT),
        (Route.STOP, Label.GREETING, "stopped", Source.STOP),
        (Route.HANDOFF, Label.REQUEST_HUMAN, "person", Source.HANDOFF),
        (Route.HANDOFF, Label.COMPLAINT, "handoff.default", Source.HANDOFF),
        (Route.FALLBACK, Label.GREETING, "fallback.default", Source.FALLBACK),
        (Route.SCRIPT, Label.GOODBYE, "fallback.default", Source.FALLBACK),
        (Route.LLM, Label.ASK_PRICE, "fallback.ask_price", Source.FALLBACK),
        (Route.LLM, Label.INTEREST, "fallback.default", Source.FALLBACK),
    ],
)
def test_each_route_has_its_script(
    engine: ComplianceEngine, route: Route, label: Label, key: str, source: Source
) -> None:
    found = reply(engine, library(), route, label=label)
    assert (found.key, found.source) == (key, source)


@pytest.mark.parametrize("reason", ["distress", "minor"])
def test_who_needs_care_is_answered_gently(engine: ComplianceEngine, reason: str) -> None:
    found = reply(engine, library(), Route.HANDOFF, reason=reason, label=Label.ASK_PRICE)
    assert found.key == "gentle"


@pytest.mark.parametrize("reason", ["opted_out_before", "held_by_a_person"])
def test_silence_is_kept(engine: ComplianceEngine, reason: str) -> None:
    for route in Route:
        found = reply(engine, library(), route, reason=reason)
        assert (found.text, found.source, found.reason) == (None, Source.NONE, reason)


def test_the_fallback_chain_ends_with_a_person_and_then_with_silence(
    engine: ComplianceEngine,
) -> None:
    gone: list[str] = []
    for key in ("fallback.ask_price", "fallback.default", "handoff.default"):
        assert reply(engine, library(*gone), Route.LLM).key == key
        gone.append(key)
    last = reply(engine, library(*gone), Route.LLM)
    assert (last.text, last.source, last.reason) == (None, Source.NONE, "no_approved_reply")


def test_a_second_fallback_in_a_row_calls_a_person(engine: ComplianceEngine) -> None:
    found = reply(engine, library(), Route.LLM, fallbacks=1)
    assert found.key == "handoff.default"
    assert found.reason == "draft_failed_deadline, again"


def test_the_languages_common_scripts_stand_in(engine: ComplianceEngine) -> None:
    bare = library(*(script["key"] for script in SHOP["scripts"]))
    found = reply(engine, bare, Route.STOP, common=library(key="global.en"))
    assert found.key == "stopped"
    assert {part.campaign for part in found.parts} == {"global.en"}


def test_the_campaigns_own_script_comes_before_the_common_one(engine: ComplianceEngine) -> None:
    common = library(key="global.en", stopped="Goodbye from all of us.")
    found = reply(engine, library(), Route.STOP, common=common)
    assert found.parts[-1].campaign == "shop"


def test_a_script_that_a_rule_blocks_now_is_passed_over(engine: ComplianceEngine) -> None:
    own = library(**{"price.box": "Guaranteed profit, 100% risk free, we guarantee it!"})
    found = reply(engine, own, Route.LLM, matched=match(own, "price.box"))
    assert found.source is Source.FALLBACK
    assert found.reason == "script_not_sendable"


@pytest.mark.parametrize("reason", list(FailureReason))
def test_a_failed_draft_gives_its_reason(engine: ComplianceEngine, reason: FailureReason) -> None:
    failed = Matched(DraftFailed(reason, "", ModelIdentity("none", "", "", "none")))
    assert reply(engine, library(), Route.LLM, matched=failed).reason == f"draft_failed_{reason}"


@pytest.mark.parametrize("reason", ["below_threshold", "vetoed", "empty_library"])
def test_no_match_gives_its_reason(engine: ComplianceEngine, reason: str) -> None:
    unmatched = Matched(match=NoMatch(reason, 0.6, ()))
    assert reply(engine, library(), Route.LLM, matched=unmatched).reason == reason


def test_a_blocked_draft_gives_its_reason(engine: ComplianceEngine) -> None:
    verdict = engine.screen_out(
        "Guaranteed profit, 100% risk free, we guarantee it!", language="en"
    )
    found = reply(engine, library(), Route.LLM, matched=Matched(verdict=verdict))
    assert found.reason == "draft_blocked"
