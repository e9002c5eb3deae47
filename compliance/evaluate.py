"""How good is the filter? Recall and precision on sentences that no rule was written from.

A violation counts as stopped when the verdict is block or redact, whichever rule did it; a category
counts as named when an enforced finding of that category stops the text. What only watches, or is
a suspicion, counts for nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.cases import LANGUAGES, InboundCase, OutboundCase, load_inbound, load_outbound
from compliance.engine import ComplianceEngine
from compliance.types import Action, Category, PersonalDatum, PiiType, Signal

ALL = "all"
OVERLAP = 0.5  # share of the joint length that two spans of one type must have in common
Figures = dict[str, Any]
Place = tuple[PiiType, int, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """An outbound case with what the engine said of it."""

    case: OutboundCase
    stopped: bool
    named: frozenset[str]


@dataclass(frozen=True, slots=True)
class Screened:
    """An inbound case with what the engine said of it."""

    case: InboundCase
    signals: frozenset[Signal]
    pii: tuple[Place, ...]


def measure(
    engine: ComplianceEngine,
    folder: Path | None = None,
    rules_alone: ComplianceEngine | None = None,
) -> tuple[Figures, list[Figures]]:
    """The figures of an engine, and every case that it judged wrongly.

    ``rules_alone`` is an engine without the model, to show beside it what the model adds.
    """
    outbound, inbound = load_outbound(folder), load_inbound(folder)
    judged, screened = judge(engine, outbound), screen(engine, inbound)
    figures = {"packs": engine.packs, "outbound": outbound_figures(judged)}
    if rules_alone is not None:
        figures["outbound_rules_alone"] = outbound_figures(judge(rules_alone, outbound))
    figures["inbound"] = inbound_figures(screened)
    return figures, [*wrong_outbound(judged), *wrong_inbound(screened)]


def judge(engine: ComplianceEngine, cases: Sequence[OutboundCase]) -> list[Judged]:
    """Every case by the law of its place and the rules of its sector."""
    judged = []
    for case in cases:
        verdict = engine.screen_out(
            case.text, language=case.language, jurisdiction=case.jurisdiction, domain=case.domain
        )
        named = frozenset(
            finding.category
            for finding in verdict.findings
            if not finding.observed and finding.action is not Action.ALLOW
        )
        judged.append(Judged(case, verdict.action is not Action.ALLOW, named))
    return judged


def screen(engine: ComplianceEngine, cases: Sequence[InboundCase]) -> list[Screened]:
    """Every case by all rules together: a message does not say whose law applies to it."""
    screened = []
    for case in cases:
        found = engine.screen_in(case.text, language=case.language)
        signals = frozenset(signal for signal in Signal if getattr(found, signal.value))
        screened.append(Screened(case, signals, tuple(_place(datum) for datum in found.pii)))
    return screened


def outbound_figures(judged: Sequence[Judged]) -> Figures:
    """For each language and for both: what was stopped, by kind and by category."""
    return {
        name: _outbound([one for one in judged if name in (ALL, one.case.language)])
        for name in (ALL, *LANGUAGES)
    }


def inbound_figures(screened: Sequence[Screened]) -> Figures:
    """For each language and for both: signals and personal data."""
    return {
        name: _inbound([one for one in screened if name in (ALL, one.case.language)])
        for name in (ALL, *LANGUAGES)
    }


def wrong_outbound(judged: Sequence[Judged]) -> Iterator[Figures]:
    """Violations that passed and clean sentences that were stopped, for whoever writes rules."""
    for one in judged:
        if one.stopped != bool(one.case.violations):
            yield {
                "text": one.case.text,
                "kind": one.case.kind,
                "violations": sorted(one.case.violations),
                "named": sorted(one.named),
            }


def wrong_inbound(screened: Sequence[Screened]) -> Iterator[Figures]:
    """Messages whose signals or personal data were read wrongly."""
    for one in screened:
        missed, invented = _unmatched(one.case.pii, one.pii)
        if one.signals != one.case.signals or missed or invented:
            yield {
                "text": one.case.text,
                "kind": one.case.kind,
                "missed": sorted(one.case.signals - one.signals) + _shown(one, missed),
                "invented": sorted(one.signals - one.case.signals) + _shown(one, invented),
            }


def _outbound(judged: Sequence[Judged]) -> Figures:
    wrong = [one for one in judged if one.case.violations]
    clean = [one for one in judged if not one.case.violations]
    kinds = sorted({one.case.kind for one in judged})
    return {
        "violations": _stopped(wrong),
        "clean": _stopped(clean),
        "precision": _share(_count(wrong), _count(wrong) + _count(clean)),
        "kinds": {
            kind: _stopped([one for one in judged if one.case.kind == kind]) for kind in kinds
        },
        "categories": {
            category.value: _category(judged, category)
            for category in Category
            if any(category in one.case.violations or category in one.named for one in judged)
        },
    }


def _category(judged: Sequence[Judged], category: Category) -> Figures:
    """``recall`` and ``precision`` are of stopping; ``named`` and ``name_precision`` of the name.

    ``precision`` is the share of real violations among the texts in which the category was found.
    """
    expected = [one for one in judged if category in one.case.violations]
    found = [one for one in judged if category in one.named]
    right = sum(category in one.case.violations for one in found)
    return {
        "cases": len(expected),
        "stopped": _count(expected),
        "recall": _share(_count(expected), len(expected)),
        "kinds": {
            kind: _stopped([one for one in expected if one.case.kind == kind])
            for kind in sorted({one.case.kind for one in expected})
        },
        "found": len(found),
        "precision": _share(sum(bool(one.case.violations) for one in found), len(found)),
        "named": _share(right, len(expected)),
        "name_precision": _share(right, len(found)),
    }


def _stopped(judged: Sequence[Judged]) -> Figures:
    return {
        "cases": len(judged),
        "stopped": _count(judged),
        "share": _share(_count(judged), len(judged)),
    }


def _count(judged: Sequence[Judged]) -> int:
    return sum(one.stopped for one in judged)


def _inbound(screened: Sequence[Screened]) -> Figures:
    return {
        "messages": len(screened),
        "signals": {signal.value: _signal(screened, signal) for signal in Signal},
        "pii": _personal_data(screened),
    }


def _signal(screened: Sequence[Screened], signal: Signal) -> Figures:
    expected = [one for one in screened if signal in one.case.signals]
    others = [one for one in screened if signal not in one.case.signals]
    right = sum(signal in one.signals for one in expected)
    false = sum(signal in one.signals for one in others)
    return {
        "cases": len(expected),
        "found": right,
        "recall": _share(right, len(expected)),
        "others": len(others),
        "false": false,
        "false_rate": _share(false, len(others)),
        "precision": _share(right, right + false),
        "recall_by_kind": {
            kind: _share(
                sum(signal in one.signals for one in expected if one.case.kind == kind),
                sum(one.case.kind == kind for one in expected),
            )
            for kind in sorted({one.case.kind for one in expected})
        },
    }


def _personal_data(screened: Sequence[Screened]) -> Figures:
    counts = {kind: [0, 0, 0] for kind in PiiType}
    for one in screened:
        missed, _ = _unmatched(one.case.pii, one.pii)
        for kind, tally in counts.items():
            expected = _of(kind, one.case.pii)
            tally[0] += expected
            tally[1] += _of(kind, one.pii)
            tally[2] += expected - _of(kind, missed)
    total = [sum(tally[place] for tally in counts.values()) for place in range(3)]
    named: Mapping[str, list[int]] = {kind.value: tally for kind, tally in counts.items()}
    return {
        name: {
            "expected": expected,
            "found": found,
            "matched": matched,
            "recall": _share(matched, expected),
            "precision": _share(matched, found),
        }
        for name, (expected, found, matched) in {ALL: total, **named}.items()
        if expected or found
    }


def _unmatched(
    expected: Sequence[Place], found: Sequence[Place]
) -> tuple[list[Place], list[Place]]:
    """What no span of the same type and about the same place answers, on either side."""
    left, missed = list(found), []
    for wanted in expected:
        partner = next((place for place in left if _same(wanted, place)), None)
        if partner is None:
            missed.append(wanted)
        else:
            left.remove(partner)
    return missed, left


def _same(one: Place, two: Place) -> bool:
    shared = min(one[2], two[2]) - max(one[1], two[1])
    joint = max(one[2], two[2]) - min(one[1], two[1])
    return one[0] is two[0] and shared >= OVERLAP * joint


def _of(kind: PiiType, places: Sequence[Place]) -> int:
    return sum(place[0] is kind for place in places)


def _place(datum: PersonalDatum) -> Place:
    return datum.type, datum.start, datum.end


def _shown(one: Screened, places: Sequence[Place]) -> list[str]:
    return [f"{kind.value}: {one.case.text[start:end]}" for kind, start, end in places]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
