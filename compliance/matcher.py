"""Many rules over one text in one pass: an Aho-Corasick automaton for literals, one RE2 set for
patterns, and the further readings of the text only where a trigger in the same set asks for them.

No loop over rules runs on a clean text. RE2 is linear in the text whatever an operator writes.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import re2

from compliance import normalise
from compliance.automaton import Automaton, is_word
from compliance.linear import Span, as_folded, character_spans, compiled, pattern_options
from compliance.negation import is_denied
from compliance.normalise import Projection
from compliance.pack import Pack, Rule, folded_term
from compliance.separators import SPELLED, TRIGGERS
from compliance.types import Action, View

_RANK = {view: rank for rank, view in enumerate(View)}
# A flood of hits of one rule tells nothing new; a rule that redacts still gets them all.
_HITS_PER_RULE = 64
_GLUED_LENGTH = 6
_LATIN_RUN = 48
_SENTINEL = 0


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with what findings say of it, and its terms as they are searched for."""

    rule: Rule
    pack: str
    citation: str
    subject: str
    enforced: bool
    terms: tuple[str, ...]


def _bind(pack: Pack, rule: Rule) -> BoundRule:
    return BoundRule(
        rule=rule,
        pack=pack.identity,
        citation=pack.cited(rule),
        subject=rule.subject,
        enforced=rule.mode == "enforce",
        terms=tuple(map(folded_term, rule.match.terms)),
    )


@dataclass(frozen=True, slots=True)
class Hit:
    """One match of ``rule`` (its index in the matcher) in one reading of the text."""

    rule: int
    reading: Projection
    start: int
    end: int

    @property
    def folded(self) -> Span:
        """Where the hit stands in the folded reading."""
        return self.reading.in_folded(self.start, self.end)


class Matcher:
    """The rules of some packs, compiled. ``extra`` patterns ride in the same set (personal data).

    The set has a sentinel that always matches: RE2 reports running out of memory as "no match",
    and a filter must not take that for a clean text.
    """

    def __init__(self, packs: Sequence[Pack], extra: Sequence[str] = ()) -> None:
        self.rules = tuple(_bind(pack, rule) for pack in packs for rule in pack.rules)
        self.identities = tuple(pack.identity for pack in packs)
        self._exact: dict[int, tuple[int, Any]] = {}
        self._extra: dict[int, int] = {}
        self._triggers: dict[int, View] = {}
        self._sources: list[str] = []
        self._build_automata()
        self._set = re2.Set.SearchSet(pattern_options())
        self._fill_set(extra)
        self._set.Compile()
        self._exceptions = {
            index: (
                tuple(map(folded_term, bound.rule.unless.terms)),
                tuple(map(compiled, bound.rule.unless.patterns)),
            )
            for index, bound in enumerate(self.rules)
            if bound.rule.unless.terms or bound.rule.unless.patterns
        }

    def scan(self, folded: Projection) -> tuple[list[Hit], list[int]]:
        """The hits that stand, in every reading, and the extra patterns found (their numbers)."""
        encoded = folded.text.encode()
        hits: list[Hit] = []
        extra: list[int] = []
        wanted: set[View] = set()
        places = self._matched(encoded)
        for place in places:
            if place in self._exact:
                hits += self._pattern_hits(place, folded, encoded)
            elif place == self._gate:
                hits += self._literal_hits(self._plain, folded)
            elif place in self._triggers:
                wanted.add(self._triggers[place])
            elif place in self._extra:
                extra.append(self._extra[place])
        if not folded.text.isascii() and normalise.is_stretched(folded.text):
            wanted.add(View.SQUEEZED)  # RE2 knows no back-reference to find 保保本本 by
        if wanted:
            hits += self._derived_hits(folded, wanted, places)
        if not self._spoken.empty:
            hits += self._spoken_hits(folded)
        return (self._standing(hits, folded) if hits else hits), extra

    def is_suspect(self, hit: Hit) -> bool:
        """Whether the hit rests on sound alone and its rule wants that only reported."""
        spoken = hit.reading.view in (View.PINYIN, View.INITIALS)
        return spoken and self.rules[hit.rule].rule.pinyin != "block"

    def _fill_set(self, extra: Sequence[str]) -> None:
        self._add("")  # the sentinel
        self._gate = -1 if self._plain.empty else self._add(self._plain.gate())
        for view, sources in TRIGGERS.items():
            self._triggers.update({self._add(source): view for source in sources})
        self._spelled = self._sources.index(SPELLED)
        for number, source in enumerate(extra):
            self._extra[self._add(source)] = number
        for index, bound in enumerate(self.rules):
            for source in bound.rule.match.patterns:
                self._exact[self._add(source)] = (index, compiled(source))
            for near in bound.rule.match.near:
                place = self._add(near.pattern(exact=False))
                self._exact[place] = (index, compiled(near.pattern(exact=True)))

    def _add(self, source: str) -> int:
        self._sources.append(source)
        place: int = self._set.Add(as_folded(source))
        return place

    def _build_automata(self) -> None:
        pairs = [(term, index) for index, bound in enumerate(self.rules) for term in bound.terms]
        glued = [(term.replace(" ", ""), index) for term, index in pairs if " " in term]
        whole = [(term, index) for term, index in glued if len(term) >= _GLUED_LENGTH]
        spoken = [
            (term, index)
            for term, index in pairs
            if self.rules[index].rule.pinyin != "off" and normalise.is_han(term) and len(term) > 1
        ]
        self._plain = Automaton([*pairs, *whole], bounded=True)
        self._squeezed = Automaton(
            [(normalise.squeezed_term(term), index) for term, index in pairs], bounded=True
        )
        self._spoken = Automaton(
            [(normalise.romanise(term), index) for term, index in spoken], bounded=False
        )
        self._sounded = Automaton(
            [(normalise.sounded(term), index) for term, index in spoken], bounded=False
        )
        self._initials: dict[str, list[int]] = {}
        for term, index in spoken:
            if len(term) >= 4:
                self._initials.setdefault(normalise.initials(term), []).append(index)

    def _matched(self, encoded: bytes) -> list[int]:
        found: list[int] = self._set.Match(encoded) or []
        if _SENTINEL in found:
            return found
        sources = enumerate(self._sources)
        return [place for place, source in sources if compiled(source).search(encoded)]

    def _literal_hits(self, automaton: Automaton, reading: Projection) -> list[Hit]:
        return [
            Hit(rule, reading, start, end)
            for start, end, literal in automaton.find(reading.text.replace("-", " "))
            if (not literal.left or _is_word_edge(reading, start))
            and (not literal.right or _is_word_edge(reading, end))
            for rule in literal.rules
        ]

    def _pattern_hits(self, place: int, reading: Projection, encoded: bytes) -> list[Hit]:
        rule, pattern = self._exact[place]
        return [Hit(rule, reading, *span) for span in character_spans(pattern, encoded)]

    def _derived_hits(
        self, folded: Projection, wanted: set[View], places: Sequence[int]
    ) -> Iterator[Hit]:
        readings: list[Projection] = []
        if View.COMPACT in wanted and (compact := normalise.compact(folded)) is not None:
            readings.append(compact)
        if View.LEET in wanted:
            readings += normalise.leet(folded)
        if View.SQUEEZED in wanted:
            yield from self._stretched_hits(folded)
            readings += normalise.unstretched(folded)
        for reading in readings:
            encoded = reading.text.encode()
            hits: list[Hit] = []
            found = self._matched(encoded)
            # Where letters stand alone, a gap that was taken out may be where a word ends: the
            # gate cannot see that.
            if self._gate in found or self._spelled in places:
                hits += self._literal_hits(self._plain, reading)
            for place in found:
                if place in self._exact:
                    hits += self._pattern_hits(place, reading, encoded)
            yield from (hit for hit in hits if not _is_plain(hit))

    def _stretched_hits(self, folded: Projection) -> Iterator[Hit]:
        reading = normalise.squeeze(folded)
        if reading is None:
            return
        for hit in self._literal_hits(self._squeezed, reading):
            start, end = hit.folded
            if normalise.is_stretched(folded.text[start:end]) and not self._spells(hit, folded):
                yield hit

    def _spoken_hits(self, folded: Projection) -> Iterator[Hit]:
        if not normalise.has_latin(folded.text):
            reading = normalise.sounds(folded)
            found = self._sounded.find(reading.text)
        else:
            reading = normalise.pinyin(folded)
            found = (
                (start, end, literal)
                for start, end, literal in self._spoken.find(reading.text)
                if _is_syllable_edge(reading, start) and _is_syllable_edge(reading, end)
            )
            yield from self._initial_hits(folded)
        for start, end, literal in found:
            for rule in literal.rules:
                hit = Hit(rule, reading, start, end)
                if not self._spells(hit, folded):
                    yield hit

    def _initial_hits(self, folded: Projection) -> Iterator[Hit]:
        length = len(folded.text)
        typed = Projection(View.INITIALS, folded.text, lambda: range(length), folded)
        for token, start, end in normalise.latin_tokens(folded):
            for rule in self._initials.get(token, ()):
                yield Hit(rule, typed, start, end)

    def _spells(self, hit: Hit, folded: Projection) -> bool:
        start, end = hit.folded
        written = folded.text[start:end]
        return written in self.rules[hit.rule].terms

    def _standing(self, hits: list[Hit], folded: Projection) -> list[Hit]:
        """Hits that no exception clears, the plainest and longest of those that overlap."""
        exceptions: dict[tuple[int, int], list[Span]] = {}
        taken: dict[int, list[Span]] = {}
        standing = []
        for hit in sorted(hits, key=_preference):
            span = hit.folded
            chosen = taken.setdefault(hit.rule, [])
            rule = self.rules[hit.rule].rule
            full = len(chosen) >= _HITS_PER_RULE and rule.action is not Action.REDACT
            if full or _overlaps(chosen, span):
                continue
            if hit.rule in self._exceptions and self._is_excepted(hit, folded, exceptions):
                continue
            if rule.unless.negated and is_denied(folded.text, *span):
                continue
            chosen.insert(bisect_left(chosen, span), span)
            standing.append(hit)
        return standing

    def _is_excepted(
        self, hit: Hit, folded: Projection, known: dict[tuple[int, int], list[Span]]
    ) -> bool:
        for reading, span in ((hit.reading, (hit.start, hit.end)), (folded, hit.folded)):
            key = (hit.rule, id(reading))
            if key not in known:
                known[key] = _merged(self._exception_spans(hit.rule, reading))
            if _overlaps(known[key], span):
                return True
        return False

    def _exception_spans(self, rule: int, reading: Projection) -> Iterator[Span]:
        terms, patterns = self._exceptions[rule]
        searched = reading.text.replace("-", " ")
        for term in terms:
            at = searched.find(term)
            while at >= 0:
                yield at, at + len(term)
                at = searched.find(term, at + len(term))
        for pattern in patterns:
            yield from character_spans(pattern, reading.text.encode())


def _preference(hit: Hit) -> tuple[int, int, int, int]:
    return hit.rule, _RANK[hit.reading.view], hit.start, -hit.end


def _overlaps(spans: list[Span], span: Span) -> bool:
    """Whether ``span`` meets one of the spans, which are sorted and do not meet each other."""
    at = bisect_left(spans, (span[1], 0))
    return at > 0 and spans[at - 1][1] > span[0]


def _merged(spans: Iterator[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _is_plain(hit: Hit) -> bool:
    """A derived reading that shows what the folded text shows already says nothing new."""
    base = hit.reading.base or hit.reading
    if hit.start == 0 and hit.end == len(hit.reading.text) < len(base.text):
        return False  # an anchored pattern: "-T" is no more than T
    start, end = hit.folded
    return base.text[start:end] == hit.reading.text[hit.start : hit.end]


def _is_word_edge(reading: Projection, at: int) -> bool:
    text = reading.text
    if at in (0, len(text)) or not (is_word(text[at - 1]) and is_word(text[at])):
        return True
    # In "a f r e e gift" the gaps that were taken out still part the words.
    return reading.base is not None and reading.kept[at] - reading.kept[at - 1] > 1


def _is_syllable_edge(reading: Projection, at: int) -> bool:
    kept = reading.kept
    if reading.base is None or at in (0, len(kept)):
        return True
    before, after = kept[at - 1], kept[at]
    written = reading.base.text
    if before == after:
        return False
    if after - before > 1 or not (is_word(written[before]) and is_word(written[after])):
        return True
    left = written[max(0, before - _LATIN_RUN) : before + 1]
    right = written[after : after + _LATIN_RUN]
    return normalise.is_pinyin(_latin_tail(left)) and normalise.is_pinyin(_latin_head(right))


def _latin_head(text: str) -> str:
    return "".join(takewhile(is_word, text))


def _latin_tail(text: str) -> str:
    return _latin_head(text[::-1])[::-1]
