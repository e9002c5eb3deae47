"""What the model reads of a text: all of a short one, the sentences of a longer one."""

import re
from dataclasses import dataclass
from itertools import pairwise

from compliance.normalise import fold

MOST = 8  # pieces of one text: the cost of a text is bounded
LONGEST = 4000  # characters that are read; rules read all of them
_MARKS = str.maketrans("，！；：？（）", ",!;:?()")  # encoders read either form alike
_WHOLE = 2  # so many sentences are read as one: a thought often needs two
_END = re.compile(r"[。！？!?；;\n]+|\.+(?=\s|$)|$")


@dataclass(frozen=True, slots=True)
class Piece:
    """``reading`` stands for ``text[start:end]`` of the original, disguises undone."""

    reading: str
    start: int
    end: int


def pieces(text: str) -> list[Piece]:
    """At most 8 pieces in order; the sentences of a longer text run together in 8 parts."""
    folded = fold(text)
    read = folded.text[:LONGEST]
    found = []
    for start, end in _joined(_sentences(read)):
        first, last = folded.in_original(start, end)
        found.append(Piece(_reading(text[first:last], read[start:end]), first, last))
    return found


def whole(text: str) -> str:
    """How a text reads when it is not cut: what training shows the model."""
    return _reading(text, fold(text).text)


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans without the space around them; what holds no letter or digit is no sentence."""
    found, start = [], 0
    for match in _END.finditer(text):
        sentence = text[start : match.end()]
        if any(character.isalnum() for character in sentence):
            left = len(sentence) - len(sentence.lstrip())
            found.append((start + left, start + len(sentence.rstrip())))
        start = match.end()
    return found


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(spans) <= _WHOLE:
        return [(spans[0][0], spans[-1][1])] if spans else []
    parts = min(MOST, len(spans))
    edges = [len(spans) * part // parts for part in range(parts + 1)]
    return [(spans[first][0], spans[last - 1][1]) for first, last in pairwise(edges)]


def _reading(written: str, folded: str) -> str:
    """As written where only case and full-width marks were folded: a cache then serves all."""
    return written if written.lower().translate(_MARKS) == folded else folded
