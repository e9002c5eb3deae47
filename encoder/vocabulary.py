"""How a text becomes the token rows of the shipped encoder: MiniLM's pieces and Chinese words.

Everything but Han characters is read by MiniLM's own WordPiece. A run of Han characters is cut
into the fewest words of a list (single characters count a little more than words), each with a
row of its own after MiniLM's. What neither list knows is read as two of a number of spare rows,
by two hashes of its spelling: two unknown words share both once in a quarter of a million.
"""

import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property

import opencc
from tokenizers import Tokenizer

from core.text import clean_text

PIECES = 30522  # rows of MiniLM's own vocabulary; the Chinese rows follow
SPARE_ROWS = 512
WINDOW = 126  # tokens read at once, beside the two that frame them
_WINDOWS = 16  # more than two thousand tokens is a document, not a message
_LONGEST = 8000  # characters looked at
_UNKNOWN, _START, _END = 100, 101, 102
_CHARACTER_COST = 1.2  # against 1 for a word: words win where both could stand
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(f"([{_HAN}]+)")
_STOPS = frozenset("。，！？；：、,.!?;:")
_PUNCTUATION = str.maketrans("，。？！；：、“”‘’（）《》【】～", ',.?!;:,""\'\'()""[]~')

Blocked = Callable[[str], bool]


def han_runs(text: str) -> list[str]:
    """The runs of Han characters of a text, in order."""
    return _RUNS.findall(text)


class Vocabulary:
    """Words with their rows; the order of the words is the order of the rows."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._rows = {word: PIECES + place for place, word in enumerate(self.words)}
        self._longest = max((len(word) for word in self.words), default=1)

    @property
    def size(self) -> int:
        """Rows after MiniLM's: the words, then the spare ones."""
        return len(self.words) + SPARE_ROWS

    def rows(self, word: str) -> tuple[int, ...]:
        """The row of a word, or the two spare rows that its spelling hashes to."""
        known = self._rows.get(word)
        if known is not None:
            return (known,)
        code = zlib.crc32(word.encode("utf-8"))
        first = PIECES + len(self.words)
        return first + code % SPARE_ROWS, first + code // SPARE_ROWS % SPARE_ROWS

    def segment(self, run: str, blocked: Blocked | None = None) -> list[str]:
        """Cut a run of Han characters into the fewest words; ``blocked`` words do not count."""
        run = self._simplified(run)
        cheapest = [0.0] + [float("inf")] * len(run)
        cut = [0] * (len(run) + 1)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - self._longest), end):
                word = run[start:end]
                if len(word) > 1 and (word not in self._rows or (blocked and blocked(word))):
                    continue
                cost = cheapest[start] + (1.0 if len(word) > 1 else _CHARACTER_COST)
                if cost < cheapest[end] - 1e-9:
                    cheapest[end], cut[end] = cost, start
        words: list[str] = []
        end = len(run)
        while end:
            words.append(run[cut[end] : end])
            end = cut[end]
        return words[::-1]

    @cached_property
    def _converter(self) -> opencc.OpenCC:
        return opencc.OpenCC("t2s")

    def _simplified(self, run: str) -> str:
        if all(character in self._rows for character in run):
            return run
        return str(self._converter.convert(run))


class Reader:
    """Texts to windows of token rows; safe for threads."""

    def __init__(self, pieces: Tokenizer, vocabulary: Vocabulary | None = None) -> None:
        """``pieces`` is MiniLM's tokenizer without padding.

        Without a ``vocabulary`` it reads everything, as MiniLM's authors did.
        """
        self._pieces = pieces
        self.vocabulary = vocabulary

    def rows(self, text: str, blocked: Blocked | None = None) -> list[list[int]]:
        """Windows of token rows, each framed as MiniLM expects; one empty window for no text.

        ``blocked`` names words that are read by their parts, which training uses.
        """
        text = clean_text(text[:_LONGEST])
        if self.vocabulary is None:
            return [self._pieces.encode(text).ids]
        folded = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
        found: list[int] = []
        stops: list[bool] = []
        for place, part in enumerate(_RUNS.split(folded)):
            if not part:
                continue
            if place % 2:
                for word in self.vocabulary.segment(part, blocked):
                    rows = self.vocabulary.rows(word)
                    found.extend(rows)
                    stops.extend(False for _ in rows)
            else:
                read = self._pieces.encode(part, add_special_tokens=False)
                for row, (start, end) in zip(read.ids, read.offsets, strict=True):
                    word = part[start:end]
                    rows = self.vocabulary.rows(word) if row == _UNKNOWN else (row,)
                    found.extend(rows)
                    stops.extend(word in _STOPS for _ in rows)
        return [[_START, *piece, _END] for piece in _windows(found, stops)]


def _windows(rows: list[int], stops: list[bool]) -> list[list[int]]:
    """Pieces of at most WINDOW rows, cut after a stop in their second half where there is one."""
    if len(rows) <= WINDOW:
        return [rows]
    pieces: list[list[int]] = []
    start = 0
    while start < len(rows) and len(pieces) < _WINDOWS:
        end = min(start + WINDOW, len(rows))
        if end < len(rows):
            after_stop = (i for i in range(end, start + WINDOW // 2, -1) if stops[i - 1])
            end = next(after_stop, end)
        pieces.append(rows[start:end])
        start = end
    return pieces
