"""Readings of one text in which evasions become plain, each knowing where its characters came from.

Every reading is a ``Projection``. ``folded`` comes from the original, all others from ``folded``.
Positions are worked out only when something was found: most texts are clean, and for them the
readings cost one ``str.translate`` each.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial

from compliance.character_tables import fold_table, pinyin_table, sound_table
from compliance.separators import HAN, gaps
from compliance.types import View

_REPEATS = re.compile(f"([a-z])\\1{{2,}}|([{HAN}])\\2+")
_RUNS = re.compile(f"([a-z{HAN}])\\1+")
_LONG_RUNS = re.compile(f"([a-z{HAN}])\\1{{2,}}")
_PAIRS = re.compile(r"(.)\1")
_DOUBLED = re.compile(f"([a-z])\\1([a-z])\\2([a-z])\\3|([{HAN}])\\4([{HAN}])\\5")
_MIXED = re.compile("[0-9@$!|€£]*[a-z][a-z0-9@$!|€£]*")
_IMITATION = re.compile("[a-z][0-9@$!|]|[0-9@$!|][a-z]")
_LEET = str.maketrans("013457@$!|€£", "oieastasiiel")
_LEET_L = str.maketrans("013457@$!|€£", "oleastasllel")
_LATIN = re.compile("[a-z]")
_ALL_HAN = re.compile(f"[{HAN}]+")
_LATIN_TOKEN = re.compile(r"(?<![a-z0-9])[a-z]{4,8}(?![a-z0-9])")


@dataclass
class Projection:
    """One reading: its text, and the way back. ``base`` is ``None`` for the folded reading."""

    view: View
    text: str
    positions: Callable[[], Sequence[int]]
    base: "Projection | None" = None

    @cached_property
    def kept(self) -> Sequence[int]:
        """For each character, its index in the base's text (or in the original)."""
        return self.positions()

    def in_base(self, start: int, end: int) -> tuple[int, int]:
        """The span of the base's text that ``text[start:end]`` was made from."""
        if self.view is View.SQUEEZED and self.base is not None:
            after = self.kept[end] if end < len(self.kept) else len(self.base.text)
            return self.kept[start], after
        return self.kept[start], self.kept[end - 1] + 1

    def in_folded(self, start: int, end: int) -> tuple[int, int]:
        """The span of the folded reading behind ``text[start:end]``."""
        return (start, end) if self.base is None else self.in_base(start, end)

    def in_original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that ``text[start:end]`` was made from."""
        first, last = self.in_folded(start, end)
        return (self.base or self).in_base(first, last)


def fold(text: str) -> Projection:
    """NFKC, case, accents, invisible marks, look-alike letters and traditional characters."""
    if text.isascii() and text.isprintable():
        return Projection(View.FOLDED, text.lower(), lambda: range(len(text)))
    table = fold_table()
    folded = text.translate(table)

    def positions() -> Sequence[int]:
        if len(folded) == len(text) and table.irregular.isdisjoint(text):
            return range(len(text))
        lengths = [len(table[ord(character)]) for character in text]
        return [index for index, length in enumerate(lengths) for _ in range(length)]

    return Projection(View.FOLDED, folded, positions)


def compact(folded: Projection) -> Projection | None:
    """What was put between characters taken out: 保*本, 保 本, 保。本, f r e e, gu.aran.teed."""
    found = gaps(folded.text)
    return _keeping(folded, View.COMPACT, _outside(found, len(folded.text))) if found else None


def squeeze(folded: Projection) -> Projection | None:
    """Every run of one letter or Han character made single, where a text stretches or doubles."""
    if not is_stretched(folded.text):
        return None
    return _shortened(folded, _RUNS, 1)


def unstretched(folded: Projection) -> Iterator[Projection]:
    """Runs of three and more cut to one and to two, and a text that doubles letters halved."""
    if _LONG_RUNS.search(folded.text) is not None:
        yield _shortened(folded, _LONG_RUNS, 1)
        yield _shortened(folded, _LONG_RUNS, 2)
    if _DOUBLED.search(folded.text) is not None:
        yield _shortened(folded, _PAIRS, 1)


def _shortened(folded: Projection, runs: re.Pattern[str], left: int) -> Projection:
    cut = [(match.start() + left, match.end()) for match in runs.finditer(folded.text)]
    return _keeping(folded, View.SQUEEZED, _outside(cut, len(folded.text)))


def squeezed_term(term: str) -> str:
    """A term in the form that ``squeeze`` leaves of it."""
    return _RUNS.sub(r"\1", term)


def leet(folded: Projection) -> tuple[Projection, ...]:
    """Digits and signs read as the letters they imitate; 1 stands for i or for l."""
    text = folded.text
    readings = {_MIXED.sub(partial(_imitated, table), text) for table in (_LEET, _LEET_L)}
    if len(_IMITATION.findall(text)) > 1:  # then whole words may be written in digits: 17 0ff
        readings |= {text.translate(table) for table in (_LEET, _LEET_L)}
    readings -= {text}
    length = len(folded.text)
    return tuple(
        Projection(View.LEET, text, lambda: range(length), folded) for text in sorted(readings)
    )


def pinyin(folded: Projection) -> Projection:
    """Han characters as toneless syllables, run together with pinyin typed in Latin letters."""
    table = pinyin_table()

    def positions() -> Sequence[int]:
        lengths = (len(table.get(ord(mark), mark) or "") for mark in folded.text)
        return [index for index, length in enumerate(lengths) for _ in range(length)]

    if folded.text.isascii():  # the same, at a quarter of the cost
        text = folded.text.replace(" ", "").replace("'", "").replace("-", "")
    else:
        text = folded.text.translate(table)
    return Projection(View.PINYIN, text, positions, folded)


def sounds(folded: Projection) -> Projection:
    """Each Han character as one private character for its syllable; the rest as it is."""
    length = len(folded.text)
    text = folded.text.translate(sound_table())
    return Projection(View.PINYIN, text, lambda: range(length), folded)


def has_latin(text: str) -> bool:
    """Whether a folded text holds a Latin letter."""
    return _LATIN.search(text) is not None


def sounded(term: str) -> str:
    """A Han term in the form that ``sounds`` leaves of it."""
    return term.translate(sound_table())


def latin_tokens(folded: Projection) -> Iterator[tuple[str, int, int]]:
    """Words of four to eight Latin letters with their span: what initials are typed as."""
    for match in _LATIN_TOKEN.finditer(folded.text):
        yield match.group(), match.start(), match.end()


def is_han(text: str) -> bool:
    """Whether every character is a Han character."""
    return bool(text) and _ALL_HAN.fullmatch(text) is not None


def is_stretched(text: str) -> bool:
    """Whether a letter is repeated three times or a Han character twice."""
    return _REPEATS.search(text) is not None


def is_pinyin(latin: str) -> bool:
    """Whether a run of Latin letters reads as pinyin syllables and nothing else."""
    return not latin or _syllables().fullmatch(latin) is not None


def romanise(term: str) -> str:
    """A Han term as toneless pinyin without spaces."""
    return term.translate(pinyin_table())


def initials(term: str) -> str:
    """The first letters of a Han term's syllables."""
    table = pinyin_table()
    return "".join((table.get(ord(character)) or character)[0] for character in term)


@cache
def _syllables() -> re.Pattern[str]:
    known = sorted({syllable for syllable in pinyin_table().values() if syllable})
    return re.compile("(?:" + "|".join(sorted(known, key=len, reverse=True)) + ")++")


def _imitated(table: dict[int, int], word: re.Match[str]) -> str:
    return word.group().translate(table)


def _outside(gaps: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    pieces, at = [], 0
    for start, end in gaps:
        if start > at:
            pieces.append((at, start))
        at = max(at, end)
    return [*pieces, (at, length)]


def _keeping(folded: Projection, view: View, pieces: list[tuple[int, int]]) -> Projection:
    text = "".join(folded.text[start:end] for start, end in pieces)

    def positions() -> Sequence[int]:
        return [index for start, end in pieces for index in range(start, end)]

    return Projection(view, text, positions, folded)
