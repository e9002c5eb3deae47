"""Literals of many rules found in one pass over a text (Aho and Corasick, 1975)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import ahocorasick
import re2

_NO_WORD_BEFORE = "(?:^|[^a-z0-9])"
_NO_WORD_AFTER = "(?:[^a-z0-9]|$)"


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal with the rules that own it and which of its ends must be word ends."""

    length: int
    rules: tuple[int, ...]
    left: bool
    right: bool


def is_word(character: str) -> bool:
    """Whether a character is part of a Latin word: Han characters bound no words."""
    return character.isascii() and character.isalnum()


class Automaton:
    """Immutable once built. ``bounded`` asks Latin literals to stand as whole words."""

    def __init__(self, entries: Iterable[tuple[str, int]], *, bounded: bool) -> None:
        owners: dict[str, dict[int, None]] = {}
        for literal, rule in entries:
            owners.setdefault(literal, {})[rule] = None
        self._automaton = ahocorasick.Automaton()
        for literal, rules in owners.items():
            left, right = bounded and is_word(literal[0]), bounded and is_word(literal[-1])
            self._automaton.add_word(literal, Literal(len(literal), tuple(rules), left, right))
        self.empty = not owners
        self._literals = tuple(owners)
        self._bounded = bounded
        if owners:
            self._automaton.make_automaton()

    def find(self, text: str) -> Iterator[tuple[int, int, Literal]]:
        """(start, end, literal) of every occurrence, ends unchecked."""
        if not self.empty:
            for last, literal in self._automaton.iter(text):
                yield last + 1 - literal.length, last + 1, literal

    def gate(self) -> str:
        """An RE2 pattern that matches wherever ``find`` could find a literal with good ends.

        An automaton of thousands of literals is walked from node to node all over memory; the
        pattern rides in a set that is scanned anyway, and only its match asks for the walk.
        """
        groups: dict[tuple[bool, bool], list[str]] = {}
        for literal in self._literals:
            ends = (self._bounded and is_word(literal[0]), self._bounded and is_word(literal[-1]))
            groups.setdefault(ends, []).append(re2.escape(literal).replace("\\ ", "[ \\-]"))
        return "|".join(
            f"{_NO_WORD_BEFORE if left else ''}(?:{'|'.join(literals)})"
            f"{_NO_WORD_AFTER if right else ''}"
            for (left, right), literals in groups.items()
        )
