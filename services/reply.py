"""From what a turn decided to the bytes a customer receives: approved parts, in a fixed order."""

from collections.abc import Iterator
from dataclasses import dataclass

from compliance.types import Action
from encoder.types import Encoder
from intent.types import Intent, Label
from llm.types import DraftFailed
from script_store.library import Library, RenderedScript
from script_store.types import Match, NoMatch
from services.ports import Compliance
from services.types import ConversationState, Matched, Part, Reply, Route, RouteDecision, Source

DISCLOSURE, LABEL = "disclosure.first", "disclosure.label"
FALLBACK, HANDOFF = "fallback.default", "handoff.default"
SILENT = frozenset({"opted_out_before", "held_by_a_person"})


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where approved words may come from: the campaign first, then the language's common ones."""

    own: Library
    common: Library | None

    def find(self, key: str) -> tuple[Library, RenderedScript] | None:
        """The first in-force script with that key."""
        for library in (self.own, self.common):
            script = library.get(key) if library is not None else None
            if library is not None and script is not None:
                return library, script
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """A script proposed as the reply's body, and why."""

    source: Source
    reason: str
    library: Library
    script: RenderedScript


@dataclass(frozen=True, slots=True)
class Seeker:
    """Looks for approved words for one redacted message."""

    shelves: Shelves
    encoder: Encoder
    text: str
    state: ConversationState

    def scripted(self, label: Label, source: Source, reason: str) -> Iterator[Choice]:
        """Scripts written for an intent: the campaign's nearest, then the common ones'."""
        for library in (self.shelves.own, self.shelves.common):
            if library is not None:
                script = library.nearest_for(self.encoder, label.value, self.text)
                if script is not None:
                    yield Choice(source, reason, library, script)

    def keyed(self, key: str, source: Source, reason: str) -> Iterator[Choice]:
        """The script with a reserved key, where there is one."""
        found = self.shelves.find(key)
        if found:
            yield Choice(source, reason, *found)

    def fallbacks(self, label: Label, reason: str) -> Iterator[Choice]:
        """The intent's fallback, the campaign's, the common one, then a person.

        A customer who has just had a fallback is not given another: a person is called instead.
        """
        if self.state.fallbacks > 0:
            yield from self.keyed(HANDOFF, Source.HANDOFF, f"{reason}, again")
        for key in (f"fallback.{label.value}", FALLBACK):
            yield from self.keyed(key, Source.FALLBACK, reason)
        yield from self.keyed(HANDOFF, Source.HANDOFF, reason)


def answer(
    seeker: Seeker,
    decided: RouteDecision,
    intent: Intent,
    matched: Matched,
    compliance: Compliance,
) -> Reply:
    """The first proposed script that composes and passes the filter once more.

    Nothing is sent to someone who opted out before or whom a person is serving; where no approved
    text can be said at all the reply is empty too, and the conversation waits for a person.
    """
    if decided.reason in SILENT:
        return Reply(Source.NONE, decided.reason)
    campaign = seeker.shelves.own.campaign
    for choice in _choices(seeker, decided, intent, matched):
        reply = compose(seeker.shelves, choice, seeker.state)
        if reply is None or reply.text is None:
            continue
        verdict = compliance.screen_out(
            reply.text,
            language=campaign.language,
            jurisdiction=campaign.jurisdiction,
            domain=campaign.domain,
            by_rules=True,  # a person approved these words; a model may not unsay them
        )
        if verdict.action is not Action.BLOCK:
            return reply
    return Reply(Source.NONE, "no_approved_reply")


def _choices(
    seeker: Seeker, decided: RouteDecision, intent: Intent, matched: Matched
) -> Iterator[Choice]:
    """Approved scripts that may answer, best first."""
    reason = decided.reason
    if decided.route is Route.STOP:
        yield from seeker.scripted(Label.OPT_OUT, Source.STOP, reason)
        return
    if decided.route is Route.HANDOFF:
        gentle = reason in {"distress", "minor"}
        label = Label.VULNERABLE if gentle else intent.label
        yield from seeker.scripted(label, Source.HANDOFF, reason)
        yield from seeker.keyed(HANDOFF, Source.HANDOFF, reason)
        return
    if decided.route is Route.SCRIPT:
        yield from seeker.scripted(intent.label, Source.SCRIPT, reason)
        reason = "no_script_for_intent"
    if decided.route is Route.LLM:
        if isinstance(matched.match, Match):
            own = seeker.shelves.own
            script = own.get_version(matched.match.candidate.version_id)
            yield Choice(Source.MATCH, "matched", own, script)
        reason = why_unmatched(matched)
    yield from seeker.fallbacks(intent.label, reason)


def why_unmatched(matched: Matched) -> str:
    """The reason of a fallback on the LLM's route."""
    if isinstance(matched.draft, DraftFailed):
        return f"draft_failed_{matched.draft.reason.value}"
    if matched.verdict is not None and matched.verdict.action is Action.BLOCK:
        return "draft_blocked"
    if isinstance(matched.match, NoMatch):
        return matched.match.reason
    return "script_not_sendable"


def compose(shelves: Shelves, choice: Choice, state: ConversationState) -> Reply | None:
    """Join disclosure, body, risk text and label; None when a text the law asks for is missing.

    An AI says that it is one, before the first reply and beside every later one (标识办法 4,
    AI Act 50(1), Cal. B&P 17941).
    """
    parts = [_part("body", choice.library, choice.script)]
    risk = choice.script.version.content.risk
    if risk is not None:
        found = choice.library.get(risk)
        if found is None:
            return None
        parts.append(_part("risk", choice.library, found))
    notice = shelves.find(DISCLOSURE if state.sent == 0 else LABEL)
    if notice is None:
        return None
    if state.sent == 0:
        parts.insert(0, _part("disclosure", *notice))
    else:
        parts.append(_part("label", *notice))
    return Reply(choice.source, choice.reason, tuple(parts))


def _part(role: str, library: Library, script: RenderedScript) -> Part:
    version = script.version
    return Part(role, library.campaign.key, version.key, version.id, version.sha256, script.text)
