"""Packs from a folder, each proved by its own examples before it may be used."""

from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from compliance.matcher import Matcher
from compliance.normalise import fold
from compliance.pack import Pack, PackError, Rule, read_pack


def load_packs(
    directory: Path | None = None, *, verified: frozenset[str] = frozenset()
) -> tuple[Pack, ...]:
    """Every ``*.yaml`` pack of a folder, by default the shipped ones. Raises ``PackError``.

    ``verified`` holds SHA-256 hashes of packs whose examples have passed before: they are not run
    again. Either all packs are good or none is returned, so what runs stays in force.
    """
    if directory is None:
        with as_file(files(__package__) / "packs") as shipped:
            return load_packs(shipped, verified=verified)
    packs = tuple(read_pack(path) for path in sorted(directory.glob("*.yaml")))
    if not packs:
        raise PackError(f"{directory.name}: no rule packs", mend="add at least one .yaml pack")
    _check_unique(packs)
    for pack in packs:
        if pack.sha256 not in verified:
            check_examples(pack)
    return packs


def check_examples(pack: Pack) -> None:
    """Run every rule's examples; raises ``PackError`` naming all that fail."""
    failures = failing_examples(pack)
    if failures:
        shown = "; ".join(failures[:5]) + (f" ({len(failures) - 5} more)" if failures[5:] else "")
        raise PackError(
            f"{pack.pack}: failing examples: {shown}", mend="correct the rule or its examples"
        )


def failing_examples(pack: Pack) -> list[str]:
    """One line for each example that its rule does not treat as the pack says."""
    matcher = Matcher([pack])
    failures = []
    for index, bound in enumerate(matcher.rules):
        for text in bound.rule.examples.match:
            if index not in {hit.rule for hit in matcher.scan(fold(text))[0]}:
                failures.append(_failure(bound.rule, "match", text))
        for text in bound.rule.examples.no_match:
            hits = matcher.scan(fold(text))[0]
            if index in {hit.rule for hit in hits if not matcher.is_suspect(hit)}:
                failures.append(_failure(bound.rule, "no_match", text))
    return failures


def find_rules(packs: Iterable[Pack], wanted: str) -> list[tuple[Pack, Rule]]:
    """Rules whose id, subject, citation, reason or terms hold ``wanted``, for a search box."""
    needle = wanted.casefold()
    return [
        (pack, rule) for pack in packs for rule in pack.rules if needle in _searchable(pack, rule)
    ]


def _searchable(pack: Pack, rule: Rule) -> str:
    parts = (rule.id, rule.subject, pack.cited(rule), rule.reason.zh, rule.reason.en)
    return "\n".join((*parts, *rule.match.terms)).casefold()


def _failure(rule: Rule, kind: str, text: str) -> str:
    return f"rule {rule.id}: examples.{kind}: {text!r}"


def _check_unique(packs: Sequence[Pack]) -> None:
    owners: dict[str, str] = {}
    for pack in packs:
        if pack.pack in owners.values():
            raise PackError(f"{pack.pack}: pack: name used by two files", mend="rename one")
        for rule in pack.rules:
            if rule.id in owners:
                raise PackError(
                    f"{pack.pack}: rule {rule.id}: id: also in pack {owners[rule.id]}",
                    mend="rename one of them",
                )
            owners[rule.id] = pack.pack
