"""Rule packs: what a YAML file must say, and what is wrong with one that does not.

A pack is one sector's or jurisdiction's rules as data, with its legal citations and with examples
that must and must not match. ``mark`` on a citation is REGULATION.md's: V text read, S secondary
source read, M from memory.
"""

import hashlib
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import re2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from compliance.linear import compiled
from compliance.normalise import fold
from compliance.types import Action, Category, Direction, Jurisdiction, Signal
from core.errors import ConfigurationError

# The safe loader in C where PyYAML was built with it: packs are read at every start.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DOMAINS = frozenset({"insurance", "finance", "education", "health", "telecom", "general"})
# One unit of the gap of a ``near``: anything inside the sentence; a decimal point does not end it.
_GAP = "(?:[^。！？.!?\n]|\\.[0-9])"


class PackError(ConfigurationError):
    """A rule pack that cannot be used; the message names the file, the rule and the field."""

    code, title = "rule_pack", "Rule pack refused"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(_Strict):
    """The same words for both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Citation(_Strict):
    """An article of law and how far it was checked."""

    text: str = Field(min_length=1)
    mark: Literal["V", "S", "M"]

    def __str__(self) -> str:
        return f"{self.text} [{self.mark}]"


class Near(_Strict):
    """A word of each group, at most ``within`` characters between them, in one sentence."""

    words: tuple[tuple[Annotated[str, Field(min_length=1)], ...], ...] = Field(min_length=2)
    within: int = Field(default=8, ge=0, le=200)
    ordered: bool = True

    @field_validator("words")
    @classmethod
    def _no_empty_group(cls, words: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        if not all(words):
            raise ValueError("a group holds no word")
        if len(words) > 5:
            raise ValueError("more than five groups; split the rule")
        if blank := [word for group in words for word in group if not folded_term(word)]:
            raise ValueError(f"nothing is left of the word {blank[0]!r} after normalisation")
        return words

    @model_validator(mode="after")
    def _few_orders(self) -> Self:
        if not self.ordered and len(self.words) > 3:
            raise ValueError("at most three groups in any order; split the rule")
        return self

    def pattern(self, *, exact: bool) -> str:
        """RE2 source; not exact leaves out the distance, which keeps the shared set small."""
        gap = f"{_GAP}{{0,{self.within}}}?" if exact else f"{_GAP}*"
        groups = ["(?:" + "|".join(map(_word, group)) + ")" for group in self.words]
        orders = [groups] if self.ordered else permutations(groups)
        return "|".join(gap.join(order) for order in orders)


class Match(_Strict):
    """What a rule looks for: literals, RE2 patterns, words near each other."""

    terms: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    patterns: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    near: tuple[Near, ...] = ()

    @field_validator("patterns")
    @classmethod
    def _usable(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_checked, patterns))

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.terms or self.patterns or self.near):
            raise ValueError("needs terms, patterns or near")
        if blank := [term for term in self.terms if not folded_term(term)]:
            raise ValueError(f"nothing is left of the term {blank[0]!r} after normalisation")
        return self


class Unless(_Strict):
    """What clears a hit: an overlapping literal or pattern, or a denial before it."""

    terms: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    patterns: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    negated: bool = False

    @field_validator("patterns")
    @classmethod
    def _usable(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_checked, patterns))


class Examples(_Strict):
    """Sentences that the rule must, and must not, find something in."""

    match: tuple[str, ...] = Field(min_length=1)
    no_match: tuple[str, ...] = Field(min_length=1)


class Rule(_Strict):
    """One rule of a pack. Exactly one of ``category`` and ``signal`` is given."""

    id: str = Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$")
    category: Category | None = None
    signal: Signal | None = None
    action: Action
    mode: Literal["enforce", "observe"] = "enforce"
    languages: tuple[Literal["zh", "en"], ...] = ("zh", "en")
    citation: str | None = None
    reason: Bilingual
    suggestion: Bilingual | None = None
    match: Match
    unless: Unless = Unless()
    pinyin: Literal["off", "suspect", "block"] = "off"
    examples: Examples

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.category is None) == (self.signal is None):
            raise ValueError("give exactly one of category and signal")
        if self.category is not None and self.citation is None:
            raise ValueError("a rule with a category needs a citation")
        return self

    @property
    def subject(self) -> str:
        """The category or signal that a finding carries."""
        return str(self.category or self.signal)


class Pack(_Strict):
    """A whole pack with the SHA-256 of the bytes it was read from."""

    pack: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    version: str = Field(pattern=r"^[0-9][0-9A-Za-z.]*$")
    title: Bilingual
    jurisdictions: tuple[Jurisdiction | Literal["*"], ...] = Field(min_length=1)
    domains: tuple[str, ...] = Field(default=("*",), min_length=1)
    direction: Literal["inbound", "outbound", "both"]
    citations: dict[str, Citation] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)
    sha256: str

    @field_validator("domains")
    @classmethod
    def _known_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(domains) - DOMAINS - {"*"}:
            raise ValueError(f"unknown domain {sorted(unknown)[0]!r}; known: {sorted(DOMAINS)}")
        return domains

    @property
    def identity(self) -> str:
        """``name@version#hash12``: what every finding and the ledger name."""
        return f"{self.pack}@{self.version}#{self.sha256[:12]}"

    def applies(
        self, direction: Direction, jurisdiction: Jurisdiction | None, domain: str | None
    ) -> bool:
        """Whether the pack speaks here; an unknown place or sector gets the strictest union."""
        return (
            self.direction in ("both", direction)
            and (jurisdiction is None or {"*", jurisdiction} & set(self.jurisdictions) != set())
            and (domain is None or {"*", domain} & set(self.domains) != set())
        )

    def cited(self, rule: Rule) -> str:
        """The rule's citation as a finding shows it: the article and its mark."""
        return str(self.citations[rule.citation]) if rule.citation else ""


def folded_term(term: str) -> str:
    """A literal as it is searched for: folded, hyphens and runs of blanks as one space."""
    return " ".join(fold(term).text.replace("-", " ").split())


def parse_pack(raw: bytes, source: str) -> Pack:
    """Check the bytes of one pack file; ``source`` names it in errors. Raises ``PackError``."""
    try:
        content = yaml.load(raw.decode("utf-8"), Loader=_LOADER)  # noqa: S506 -- a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PackError(f"{source}: not readable YAML: {error}", mend="mend the syntax") from error
    if not isinstance(content, dict):
        raise PackError(f"{source}: a pack is a mapping", mend="start with 'pack: name'")
    try:
        pack = Pack.model_validate({**content, "sha256": hashlib.sha256(raw).hexdigest()})
    except ValidationError as error:
        raise _explained(error, content, source) from error
    _check_references(pack, source)
    return pack


def read_pack(path: Path) -> Pack:
    """``parse_pack`` of a file."""
    return parse_pack(path.read_bytes(), path.name)


def _check_references(pack: Pack, source: str) -> None:
    seen: set[str] = set()
    for rule in pack.rules:
        if rule.id in seen:
            raise PackError(f"{source}: rule {rule.id}: id: used twice", mend="rename one of them")
        seen.add(rule.id)
        if rule.citation is not None and rule.citation not in pack.citations:
            raise PackError(
                f"{source}: rule {rule.id}: citation: no citation {rule.citation!r} in this pack",
                mend="add it under citations, or name one of " + ", ".join(pack.citations),
            )


def _explained(error: ValidationError, content: dict[str, Any], source: str) -> PackError:
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    where = source
    if place[:1] == ["rules"] and len(place) > 1 and isinstance(place[1], int):
        where += f": rule {_rule_name(content, place[1])}"
        place = place[2:]
    field = ".".join(map(str, place)) or "(whole)"
    count = error.error_count() - 1
    more = f" ({count} more)" if count else ""
    return PackError(f"{where}: {field}: {first['msg']}{more}", mend=_mend(first["type"], field))


def _rule_name(content: dict[str, Any], index: int) -> str:
    rules = content.get("rules")
    rule = rules[index] if isinstance(rules, list) and index < len(rules) else None
    name = rule.get("id") if isinstance(rule, dict) else None
    return str(name) if name else f"number {index + 1}"


def _mend(kind: str, field: str) -> str:
    if kind == "extra_forbidden":
        return f"remove {field!r}: the schema does not know it"
    if kind == "missing":
        return f"add {field!r}"
    return f"correct {field!r}"


def _checked(pattern: str) -> str:
    if any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
        raise ValueError(
            f"look-around in {pattern!r}: RE2 has none; write the exception under unless.patterns"
        )
    try:
        found = compiled(pattern)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"bad pattern {pattern!r}: {reason}") from error
    if found.search(b"") is not None:
        raise ValueError(f"the pattern {pattern!r} matches the empty text")
    return pattern


def _word(word: str) -> str:
    folded = folded_term(word)
    body = "[\\s\\-]+".join(re2.escape(part) for part in folded.split(" "))
    left = "\\b" if _is_word(folded[:1]) else ""
    right = "\\b" if _is_word(folded[-1:]) else ""
    return f"{left}{body}{right}"


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
