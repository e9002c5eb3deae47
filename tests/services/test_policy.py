"""Where a message goes, for every intent and everything that overrules it."""

from itertools import product

import pytest

from compliance.types import Screening
from core.errors import InvalidInput
from intent.types import INTERESTED, Intent, Label
from services.policy import DEFAULT_ROUTES, next_lead, route, routes_of
from services.types import ConversationState, Lead, Route

FREE = ConversationState("someone")


def intent(label: Label = Label.ASK_PRICE, abstain: bool = False) -> Intent:
    return Intent(label, 0.9, abstain, {}, "test")


def screening(
    opt_out: bool = False, injection: bool = False, distress: bool = False, minor: bool = False
) -> Screening:
    return Screening("text", (), opt_out, injection, distress, minor, (), ())


@pytest.mark.parametrize("label", list(Label))
def test_every_intent_has_a_route(label: Label) -> None:
    expected = {
        Label.REQUEST_HUMAN: Route.HANDOFF,
        Label.VULNERABLE: Route.HANDOFF,
        Label.COMPLAINT: Route.HANDOFF,
        Label.OPT_OUT: Route.STOP,
        Label.OUT_OF_SCOPE: Route.FALLBACK,
    }.get(label, Route.LLM if label in INTERESTED else Route.SCRIPT)
    assert DEFAULT_ROUTES[label] is expected
    assert route(intent(label), screening(), FREE, DEFAULT_ROUTES).route is expected


@pytest.mark.parametrize(
    ("label", "abstain", "held", "distress"),
    list(product([Label.ASK_PRICE, Label.REQUEST_HUMAN], *[[False, True]] * 3)),
)
def test_opting_out_wins_over_everything(
    label: Label, abstain: bool, held: bool, distress: bool
) -> None:
    state = ConversationState("someone", held=held)
    decided = route(
        intent(label, abstain), screening(opt_out=True, distress=distress), state, DEFAULT_ROUTES
    )
    assert (decided.route, decided.reason) == (Route.STOP, "opt_out_rule")


def test_who_has_opted_out_stays_out() -> None:
    state = ConversationState("someone", opted_out=True, held=True)
    decided = route(intent(), screening(opt_out=True), state, DEFAULT_ROUTES)
    assert (decided.route, decided.reason) == (Route.STOP, "opted_out_before")


def test_an_intent_to_opt_out_stops_where_the_model_is_sure_of_it() -> None:
    sure = route(intent(Label.OPT_OUT), screening(), FREE, DEFAULT_ROUTES)
    unsure = route(intent(Label.OPT_OUT, abstain=True), screening(), FREE, DEFAULT_ROUTES)
    assert (sure.route, sure.reason) == (Route.STOP, "opt_out_intent")
    assert (unsure.route, unsure.reason) == (Route.FALLBACK, "unsure_of_intent")


@pytest.mark.parametrize("label", sorted(set(Label) - {Label.OPT_OUT}))
def test_a_persons_hold_silences_the_bot(label: Label) -> None:
    state = ConversationState("someone", held=True)
    decided = route(intent(label), screening(distress=True), state, DEFAULT_ROUTES)
    assert (decided.route, decided.reason) == (Route.HANDOFF, "held_by_a_person")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (screening(distress=True), "distress"),
        (screening(minor=True), "minor"),
        (screening(distress=True, minor=True), "distress"),
    ],
)
def test_people_who_need_care_reach_a_person(found: Screening, reason: str) -> None:
    for abstain in (False, True):
        decided = route(intent(abstain=abstain), found, FREE, DEFAULT_ROUTES)
        assert (decided.route, decided.reason) == (Route.HANDOFF, reason)


def test_an_injection_changes_no_route() -> None:
    for label in Label:
        assert route(intent(label), screening(injection=True), FREE, DEFAULT_ROUTES) == route(
            intent(label), screening(), FREE, DEFAULT_ROUTES
        )


def test_a_campaign_may_change_its_routes() -> None:
    table = routes_of({"greeting": "llm", "ask_price": "script"})
    assert table[Label.GREETING] is Route.LLM
    assert route(intent(), screening(), FREE, table).route is Route.SCRIPT
    assert {
        label: table[label] for label in Label if label not in (Label.GREETING, Label.ASK_PRICE)
    } == {
        label: DEFAULT_ROUTES[label]
        for label in Label
        if label not in (Label.GREETING, Label.ASK_PRICE)
    }


@pytest.mark.parametrize("target", sorted(set(Route) - {Route.STOP}))
def test_no_campaign_may_send_an_opt_out_elsewhere(target: Route) -> None:
    with pytest.raises(InvalidInput, match="opt_out"):
        routes_of({"opt_out": target})


@pytest.mark.parametrize("label", sorted(set(Label) - {Label.OPT_OUT}))
def test_nothing_else_stops(label: Label) -> None:
    with pytest.raises(InvalidInput, match="nothing else"):
        routes_of({label: "stop"})


@pytest.mark.parametrize("change", [{"buy": "llm"}, {"greeting": "moon"}, {"": ""}])
def test_unknown_names_are_refused_with_those_that_exist(change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        routes_of(change)
    assert "handoff" in caught.value.mend
    assert "ask_price" in caught.value.mend


@pytest.mark.parametrize(
    ("before", "label", "after"),
    [
        (Lead.NEW, Label.ASK_PRICE, Lead.INTERESTED),
        (Lead.NOT_INTERESTED, Label.OBJECTION_TRUST, Lead.INTERESTED),
        (Lead.INTERESTED, Label.NOT_INTERESTED, Lead.NOT_INTERESTED),
        (Lead.INTERESTED, Label.OPT_OUT, Lead.NOT_INTERESTED),
        (Lead.INTERESTED, Label.GREETING, Lead.INTERESTED),
        (Lead.NEW, Label.DENY, Lead.NEW),
    ],
)
def test_interest_follows_what_is_said(before: Lead, label: Label, after: Lead) -> None:
    assert next_lead(before, intent(label)) is after
    assert next_lead(before, intent(label, abstain=True)) is before
