"""Readings of one text in which evasions become plain, each knowing where its characters came from.

Every reading is a ``Projection``. ``folded`` comes from the original, all others from ``folded``.
Positions are worked out only when something was found: most texts are clean, and for them the
readings cost one ``str.translate`` each.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from compliance.character_tables import fold_table, pinyin_table
from compliance.types import View

HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Separators that end or order a clause: honest writers use them, so they are taken out only
# beside a character standing alone ("保。本" but not "有质保。本产品").
CLAUSE = '。！？；，、：,!?;:\n（）()“”‘’"《》〈〉【】「」『』\\[\\]—–…/'
_LATIN_NOISE = "*_~|^.+=#\\-`•·"
_KNOWN_SYMBOLS = "，。！？；：、（）“”‘’—–…《》"

# The same conditions in RE2's language: they ride in the engine's one pattern set, so that a
# derived reading is built only for a text that needs it.
TRIGGERS: dict[View, tuple[str, ...]] = {
    View.COMPACT: (
        f"[{HAN}](?:[^\\pL\\pN{CLAUSE}]|_)+[{HAN}]",
        f"(?:^|[^{HAN}])[{HAN}][^\\pL\\pN]+[{HAN}]",
        f"[{HAN}][^\\pL\\pN]+[{HAN}](?:[^{HAN}]|$)",
        "(?:^|[^a-z0-9])[a-z0-9](?:[ .]{1,3}[a-z0-9]){2}",
        f"[a-z][{_LATIN_NOISE}]+[a-z]",
        f"[a-z][^\\x00-\\x7f\\pL\\pN{_KNOWN_SYMBOLS}]+[a-z]",
    ),
    View.LEET: (
        "[a-z][0-9@$!|€£]+[a-z]",
        "[a-z]{2}[013457$@]{1,3}(?:[^0-9a-z]|$)",
        "(?:^|[^0-9a-z])[@$013457][a-z]{2}",
    ),
    View.SQUEEZED: ("|".join(f"{letter}{{3}}" for letter in "abcdefghijklmnopqrstuvwxyz"),),
}

_SEPARATORS = re.compile(
    f"(?<=[{HAN}])(?:[^\\w{CLAUSE}]|_)+(?=[{HAN}])"
    f"|(?<![{HAN}][{HAN}])(?<=[{HAN}])(?:[^\\w]|_)+(?=[{HAN}])"
    f"|(?<=[{HAN}])(?:[^\\w]|_)+(?=[{HAN}](?![{HAN}]))"
    f"|(?<=[a-z])(?:[{_LATIN_NOISE}]|[^\\x00-\\x7f\\w{_KNOWN_SYMBOLS}])+(?=[a-z])"
)
_SPELLED = re.compile(r"(?<![a-z0-9])[a-z0-9](?:[ .]{1,3}[a-z0-9](?![a-z0-9])){2,}")
_SPELLING_GAP = re.compile(r"[ .]{1,3}")
_REPEATS = re.compile(f"([a-z])\\1{{2,}}|([{HAN}])\\2+")
_RUNS = re.compile(f"([a-z{HAN}])\\1+")
_LEET = str.maketrans("013457@$!|€£", "oieastasiiel")
_LEET_L = str.maketrans("013457@$!|€£", "oleastasllel")
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
        lengths = [len(table[ord(character)]) for character in text]
        if len(folded) == len(text) and max(lengths) == 1:
            return range(len(text))
        return [index for index, length in enumerate(lengths) for _ in range(length)]

    return Projection(View.FOLDED, folded, positions)


def compact(folded: Projection) -> Projection | None:
    """What was put between characters taken out: 保*本, 保 本, 保。本, f r e e, gu.aran.teed."""
    gaps = sorted(_gaps(folded.text))
    return _keeping(folded, View.COMPACT, _outside(gaps, len(folded.text))) if gaps else None


def squeeze(folded: Projection) -> Projection | None:
    """Every run of one letter or Han character made single, where a text stretches or doubles."""
    if not is_stretched(folded.text):
        return None
    gaps = [(match.start() + 1, match.end()) for match in _RUNS.finditer(folded.text)]
    return _keeping(folded, View.SQUEEZED, _outside(gaps, len(folded.text)))


def squeezed_term(term: str) -> str:
    """A term in the form that ``squeeze`` leaves of it."""
    return _RUNS.sub(r"\1", term)


def leet(folded: Projection) -> tuple[Projection, ...]:
    """Digits and signs read as the letters they imitate; 1 stands for i or for l."""
    readings = {folded.text.translate(table) for table in (_LEET, _LEET_L)} - {folded.text}
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


def _gaps(text: str) -> set[tuple[int, int]]:
    gaps = {match.span() for match in _SEPARATORS.finditer(text)}
    for run in _SPELLED.finditer(text):
        for gap in _SPELLING_GAP.finditer(text, run.start(), run.end()):
            # Wider gaps stand between words: one space of them stays.
            gaps.add((gap.start() + (gap.end() - gap.start() > 1), gap.end()))
    return gaps


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
