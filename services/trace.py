"""The trace of a turn: one JSON document with every score, as it is stored, hashed and shown."""

from hashlib import sha256
from typing import Any

from compliance.types import Screening, Verdict
from core.json import plain
from core.telemetry import Lap
from intent.types import Intent
from llm.types import Draft, DraftFailed
from script_store.types import Candidate, Match, NoMatch
from services.types import Decision, Reply

RECORDED_SCORES = 5


def trace_of(decision: Decision) -> dict[str, Any]:
    """Everything the turn decided. Customer text appears only redacted."""
    inbound = decision.inbound
    request = inbound.request
    return {
        "id": decision.id,
        "conversation": request.conversation,
        "campaign": request.campaign,
        "message_id": request.message_id,
        "received_at": inbound.received_at.isoformat(),
        "language": inbound.language,
        "inbound": _inbound(decision.screening, inbound.digest),
        "intent": intent_json(decision.intent),
        "route": plain(decision.route),
        "draft": _draft(decision.draft, decision.verdict),
        "verdict": _verdict(decision.verdict),
        "match": match_json(decision.match),
        "reply": _reply(decision.reply),
        "lead": decision.lead.value,
        "versions": dict(decision.versions),
        **timing(decision.laps),
    }


def timing(laps: tuple[Lap, ...] | list[Lap]) -> dict[str, Any]:
    """Stages in order, milliseconds each, and their sum."""
    stages = [
        {"stage": lap.stage, "milliseconds": round(lap.milliseconds, 3), "outcome": lap.outcome}
        for lap in laps
    ]
    total = round(sum(lap.milliseconds for lap in laps), 3)
    return {"stages": stages, "milliseconds": total}


def intent_json(intent: Intent) -> dict[str, Any]:
    """Label, confidence and the best few scores."""
    best = sorted(intent.scores.items(), key=lambda pair: -pair[1])[:RECORDED_SCORES]
    return {
        "label": intent.label.value,
        "confidence": round(intent.confidence, 4),
        "abstain": intent.abstain,
        "scores": {name: round(score, 4) for name, score in best},
    }


def match_json(match: Match | NoMatch | None) -> dict[str, Any] | None:
    """The stable form of ``onscript scripts match``."""
    if match is None:
        return None
    served = match.candidate if isinstance(match, Match) else None
    top = served or (match.candidates[0] if match.candidates else None)
    body: dict[str, Any] = {
        "match": served.key if served else None,
        "probability": top.probability if top else 0.0,
        "threshold": round(match.threshold, 6),
        "candidates": [_candidate(candidate) for candidate in match.candidates],
    }
    if isinstance(match, NoMatch):
        body["reason"] = match.reason
        if match.veto:
            body["veto"] = match.veto
    return body


def _candidate(candidate: Candidate) -> dict[str, Any]:
    body = {
        "key": candidate.key,
        "probability": candidate.probability,
        "scores": dict(candidate.scores),
    }
    return body | {"veto": candidate.veto} if candidate.veto else body


def _inbound(screening: Screening, digest: str) -> dict[str, Any]:
    return {
        "text": screening.text,
        "digest": digest,
        "opt_out": screening.opt_out,
        "injection": screening.injection,
        "distress": screening.distress,
        "minor": screening.minor,
        "pii": [datum.type.value for datum in screening.pii],
        "findings": [finding.to_json() for finding in screening.findings],
    }


def _draft(draft: Draft | DraftFailed | None, verdict: Verdict | None) -> dict[str, Any] | None:
    """The draft with personal data masked: a model may invent or repeat some."""
    if draft is None:
        return None
    body: dict[str, Any] = plain(draft) | {"failed": isinstance(draft, DraftFailed)}
    if isinstance(draft, Draft) and verdict is not None:
        body["sha256"] = sha256(draft.text.encode("utf-8", "surrogatepass")).hexdigest()
        body["text"] = verdict.text
    return body


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "action": verdict.action.value,
        "text": verdict.text,
        "findings": [finding.to_json() for finding in verdict.findings],
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "source": reply.source.value,
        "reason": reply.reason,
        "key": reply.key,
        "parts": [plain(part) for part in reply.parts],
    }
