"""What would a pack have stopped? Rules run over texts of the past, without touching any record."""

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.engine import ComplianceEngine
from compliance.matcher import Matcher
from compliance.normalise import fold
from compliance.pack import Pack
from compliance.types import Action

SHOWN = 20


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """How many texts a rule hit, and the indexes of the first of them."""

    rule: str
    category: str
    action: Action
    observed: bool
    texts: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A text that two sets of packs judge differently."""

    index: int
    before: Action
    after: Action


def simulate(pack: Pack, texts: Iterable[str]) -> tuple[RuleEffect, ...]:
    """The effect of every rule of ``pack``, in the pack's order; rules without a hit included."""
    matcher = Matcher([pack])
    met: list[list[int]] = [[] for _ in matcher.rules]
    for index, text in enumerate(texts):
        hits = matcher.scan(fold(text))[0]
        for rule in {hit.rule for hit in hits if not matcher.is_suspect(hit)}:
            met[rule].append(index)
    return tuple(
        RuleEffect(
            rule=bound.rule.id,
            category=bound.subject,
            action=bound.rule.action,
            observed=not bound.enforced,
            texts=len(found),
            first=tuple(found[:SHOWN]),
        )
        for bound, found in zip(matcher.rules, met, strict=True)
    )


def changes(
    before: ComplianceEngine,
    after: ComplianceEngine,
    texts: Iterable[str],
    *,
    jurisdiction: str | None = None,
    domain: str | None = None,
) -> tuple[Change, ...]:
    """Outbound texts whose action would differ if ``after`` replaced ``before``."""
    found = []
    for index, text in enumerate(texts):
        one = before.screen_out(text, jurisdiction=jurisdiction, domain=domain).action
        two = after.screen_out(text, jurisdiction=jurisdiction, domain=domain).action
        if one is not two:
            found.append(Change(index, one, two))
    return tuple(found)
