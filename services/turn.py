"""One turn, top to bottom: from a customer's message to an approved reply.

The steps are those of docs/architecture.md. Everything here is plain values; models, database and
clocks come through ports. Blocked, failed and below-threshold are values, not errors, so that the
record of a block is never rolled back. No transaction is open while a model runs.
"""

from dataclasses import dataclass, replace

from compliance.types import Action, Screening
from core.clock import Clock, new_id
from core.telemetry import Stopwatch
from core.text import primary_language
from intent.types import Intent
from llm.prompt import render_prompt
from llm.types import DraftFailed, PromptInput
from script_store.library import Library
from script_store.types import Match
from services.policy import next_lead, route, routes_of
from services.ports import Compliance, Drafting, Inbox, Shelf, Triage
from services.reply import Seeker, Shelves, answer
from services.trace import timing
from services.types import Answer, Decision, Inbound, Matched, Route, TurnRequest


@dataclass(frozen=True, slots=True)
class TurnParts:
    """The real parts behind the steps."""

    inbox: Inbox
    compliance: Compliance
    triage: Triage
    drafting: Drafting
    shelf: Shelf
    clock: Clock
    draft_seconds: float
    llm: str  # identity of the configured engine, for the record
    facts: int = 6  # approved scripts laid before the LLM
    repeats: bool = False  # the LLM is known to repeat what it is given, right or wrong


def take_turn(request: TurnRequest, parts: TurnParts) -> Answer:
    """Answer one message. Raises only before anything was recorded (see ``Inbox.receive``)."""
    watch = Stopwatch(parts.clock)

    # 1 receive: genuine, new, in order?
    with parts.inbox.receive(request) as inbound:
        if isinstance(inbound, Answer):
            return inbound
        library = parts.shelf.library(request.campaign)
        shelves = Shelves(library, parts.shelf.common(library.campaign.language))
        watch.lap("receive", "new")

        # 2 screen in: opt-out? personal data? injection? distress?
        screening = _screen_in(inbound, library, parts.compliance)
        watch.lap("screen_in", _signals(screening))

        # 3 triage: what does the customer want, how sure are we?
        intent = parts.triage.classify(screening.text, inbound.state.previous)
        watch.lap("triage", f"{intent.label.value}{' (unsure)' if intent.abstain else ''}")

        # 4 route: script, LLM, handoff, stop or fallback?
        table = routes_of(library.campaign.routes)
        decided = route(intent, screening, inbound.state, table)
        watch.lap("route", decided.route.value)

        # 5 draft, 6 screen out, 7 match: only for an interested customer
        matched = Matched()
        if decided.route is Route.LLM:
            matched = _draft_and_match(inbound, screening, intent, library, parts, watch)

        # 8 fall back, 9 render: the first approved text that may be said
        seeker = Seeker(shelves, parts.shelf.encoder, screening.text, inbound.state)
        reply = answer(seeker, decided, intent, matched, parts.compliance)
        watch.lap("reply", reply.source.value)

        # 10 record: one transaction
        lead = next_lead(inbound.state.lead, intent)
        recorded = parts.inbox.record(
            Decision(
                id=new_id(),
                inbound=inbound,
                screening=screening,
                intent=intent,
                route=decided,
                draft=matched.draft,
                verdict=matched.verdict,
                match=matched.match,
                reply=reply,
                lead=lead,
                versions=_versions(shelves, parts),
                laps=tuple(watch.laps),
            )
        )
        watch.lap("record", "committed")
        return replace(recorded, trace={**recorded.trace, **timing(watch.laps)})


def _screen_in(inbound: Inbound, library: Library, compliance: Compliance) -> Screening:
    return compliance.screen_in(
        inbound.text, language=inbound.language, jurisdiction=library.campaign.jurisdiction
    )


def _signals(screening: Screening) -> str:
    named = {
        "opt_out": screening.opt_out,
        "injection": screening.injection,
        "distress": screening.distress,
        "minor": screening.minor,
        "personal_data": bool(screening.pii),
    }
    return ", ".join(name for name, raised in named.items() if raised) or "clean"


def _draft_and_match(
    inbound: Inbound,
    screening: Screening,
    intent: Intent,
    library: Library,
    parts: TurnParts,
    watch: Stopwatch,
) -> Matched:
    """Steps 5 to 7; each that fails ends here with what is known."""
    campaign = library.campaign
    facts = library.retrieve(parts.shelf.encoder, screening.text, parts.facts)
    prompt = render_prompt(
        PromptInput(
            language=primary_language(campaign.language),
            product=campaign.product,
            seller=campaign.seller,
            facts=tuple(script.text for script in facts),
            history=inbound.state.history,
            customer=screening.text,
            stage=inbound.state.lead.value,
        )
    )
    draft = parts.drafting.draft(prompt, parts.draft_seconds)
    if isinstance(draft, DraftFailed):
        watch.lap("draft", f"failed: {draft.reason.value}")
        return Matched(draft)
    watch.lap("draft", f"{draft.usage.new_tokens} tokens")

    verdict = parts.compliance.screen_out(
        draft.text,
        language=campaign.language,
        jurisdiction=campaign.jurisdiction,
        domain=campaign.domain,
    )
    watch.lap("screen_out", verdict.action.value)
    if verdict.action is Action.BLOCK:
        return Matched(draft, verdict)

    given = frozenset(script.version.id for script in facts) if parts.repeats else frozenset()
    match = library.match(
        parts.shelf.encoder, verdict.text, screening.text, intent.label.value, given
    )
    if isinstance(match, Match):
        watch.lap("match", f"{match.candidate.key} p={match.candidate.probability:.2f}")
    else:
        watch.lap("match", match.reason)
    return Matched(draft, verdict, match)


def _versions(shelves: Shelves, parts: TurnParts) -> dict[str, str]:
    libraries = [shelves.own, *([shelves.common] if shelves.common else [])]
    return {
        "campaign": shelves.own.campaign.version,
        "library": " ".join(library.generation for library in libraries),
        "encoder": str(parts.shelf.encoder.identity),
        "intent": parts.triage.identity,
        "llm": parts.llm,
        "packs": " ".join(parts.compliance.packs),
    }
