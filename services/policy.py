"""Where a message goes: the campaign's table of routes, and what wins over every table."""

from collections.abc import Mapping

from compliance.types import Screening
from core.errors import InvalidInput
from intent.types import INTERESTED, Intent, Label
from services.types import ConversationState, Lead, Route, RouteDecision

_PEOPLE = frozenset({Label.REQUEST_HUMAN, Label.VULNERABLE, Label.COMPLAINT})

DEFAULT_ROUTES: Mapping[Label, Route] = {
    label: Route.LLM
    if label in INTERESTED
    else Route.HANDOFF
    if label in _PEOPLE
    else Route.STOP
    if label is Label.OPT_OUT
    else Route.FALLBACK
    if label is Label.OUT_OF_SCOPE
    else Route.SCRIPT
    for label in Label
}


def routes_of(overrides: Mapping[str, str]) -> dict[Label, Route]:
    """The default table with a campaign's changes.

    Raises InvalidInput for an unknown intent or route, and for any change to opt_out, which no
    campaign may touch (个人信息保护法 15, GDPR 21(3), 47 CFR 64.1200(a)(10)).
    """
    table = dict(DEFAULT_ROUTES)
    for name, target in overrides.items():
        try:
            label, route = Label(name), Route(target)
        except ValueError:
            raise InvalidInput(
                f"policy.routes: {name} -> {target} names no intent or route",
                mend=f"routes: {', '.join(Route)}; intents: {', '.join(Label)}",
            ) from None
        if (label is Label.OPT_OUT) != (route is Route.STOP):
            raise InvalidInput(
                f"policy.routes: {name} -> {target}: opt_out always stops, and nothing else does"
            )
        table[label] = route
    return table


def route(
    intent: Intent,
    screening: Screening,
    state: ConversationState,
    table: Mapping[Label, Route],
) -> RouteDecision:
    """Decide where the message goes. Opting out wins over everything, also over a human's hold."""
    if state.opted_out:
        return RouteDecision(Route.STOP, "opted_out_before")
    if screening.opt_out:
        return RouteDecision(Route.STOP, "opt_out_rule")
    if intent.label is Label.OPT_OUT and not intent.abstain:
        return RouteDecision(Route.STOP, "opt_out_intent")
    if state.held:
        return RouteDecision(Route.HANDOFF, "held_by_a_person")
    if screening.distress or screening.minor:
        return RouteDecision(Route.HANDOFF, "distress" if screening.distress else "minor")
    if intent.abstain:
        return RouteDecision(Route.FALLBACK, "unsure_of_intent")
    return RouteDecision(table[intent.label], f"intent_{intent.label.value}")


def next_lead(lead: Lead, intent: Intent) -> Lead:
    """How interest changes with one message."""
    if intent.abstain:
        return lead
    if intent.label in INTERESTED:
        return Lead.INTERESTED
    if intent.label in {Label.NOT_INTERESTED, Label.OPT_OUT}:
        return Lead.NOT_INTERESTED
    return lead
