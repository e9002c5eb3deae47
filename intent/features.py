"""What the classifier sees of a message: its vector, its n-grams, and what we said before it.

N-grams of characters and of words are kept as 32-bit codes; the model's vocabulary knows the codes
it learned from, all others count for nothing. Of our last message only the last sentence is read
as n-grams, because that is the question a customer answers.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from core.text import detect_language
from encoder.ngrams import fold
from encoder.types import Encoder, Vectors

VERSION = "2"
GRAM_GAIN = {"zh": 1.0, "en": 0.5}  # spelling says more in Chinese, the vector more in English
_LONGEST = 1000  # characters; what a customer wants is said early
_SHORT = 12  # a message this short is also known as a whole
_CJK = "\u3040-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"(?P<cjk>[{_CJK}]+)|(?P<word>[^\\W_{_CJK}]+)|(?P<symbol>\\S)")
_SENTENCE_END = re.compile(r"(?<=[.!?。])\s*")

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """``text`` and ``previous`` are (n, d); n-gram codes are ragged, each row without repeats.

    A message without a previous one has a zero row in ``previous`` and no ``cues``.
    """

    text: Vectors
    previous: Vectors
    grams: list[Codes]
    gain: Vectors  # (n,) how much the n-grams of the message count
    cues: list[Codes]


def extract(encoder: Encoder, texts: Sequence[str], previous: Sequence[str | None]) -> Features:
    """Features of messages, each with what we said before it (or None)."""
    cut = [text[:_LONGEST] for text in texts]
    before = np.zeros((len(cut), encoder.identity.dimension), dtype=np.float32)
    spoken = [i for i, text in enumerate(previous) if text]
    if spoken:
        before[spoken] = encoder.encode([(previous[i] or "")[:_LONGEST] for i in spoken])
    return Features(
        encoder.encode(cut),
        before,
        [_codes(message_grams(text)) for text in cut],
        np.array([GRAM_GAIN[detect_language(text)] for text in cut], dtype=np.float32),
        [_codes(previous_grams(text[:_LONGEST])) if text else _codes(()) for text in previous],
    )


def message_grams(text: str) -> set[str]:
    """Character n-grams of runs, n-grams of words, the two ends, and a short text as a whole."""
    folded = fold(text)
    found = _grams(folded, 4)
    if len(folded) <= _SHORT:
        found.add(f"=={folded}")
    return found


def previous_grams(text: str) -> set[str]:
    """The same of the last sentence of our message, marked, with whether it was a question."""
    folded = fold(text)
    sentences = [part for part in _SENTENCE_END.split(folded) if part.strip()]
    last = sentences[-1] if sentences else folded
    longest = 2 if detect_language(text) == "zh" else 3
    found = {f"p|{gram}" for gram in _grams(last, longest)} | {"p"}
    if last.rstrip().endswith("?"):
        found.add("p?")
    return found


def _grams(folded: str, longest: int) -> set[str]:
    runs = _runs(folded)
    found: set[str] = {"?"} if "?" in folded else set()
    words = ["^"]
    for cjk, run in runs:
        words.append("#" if cjk else run)
        padded, first, last = (run, 1, longest) if cjk else (f" {run} ", 2, longest + 1)
        for size in range(first, last + 1):
            found.update(padded[i : i + size] for i in range(len(padded) - size + 1))
    words.append("$")
    if any(not cjk for cjk, _ in runs):
        found.update(f"w:{word}" for word in words[1:-1] if word != "#")
        found.update(f"b:{a}_{b}" for a, b in pairwise(words))
        found.update("t:" + "_".join(t) for t in zip(words, words[1:], words[2:], strict=False))
    if any(cjk for cjk, _ in runs):
        start, end = runs[0][1], runs[-1][1]
        found.update((f"^{start[:2]}", f"^^{start[:1]}", f"${end[-2:]}", f"$${end[-1:]}"))
    return found


def _runs(folded: str) -> list[tuple[bool, str]]:
    """Runs of CJK (True), words and single symbols (False); punctuation is left out."""
    return [
        (match.lastgroup == "cjk", match.group())
        for match in _RUN.finditer(folded)
        if match.lastgroup != "symbol" or unicodedata.category(match.group())[0] in "SM"
    ]


def _codes(grams: Iterable[str]) -> Codes:
    return np.unique(np.array([_code(gram) for gram in grams], dtype=np.int64))


@lru_cache(maxsize=200_000)
def _code(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "surrogatepass"))
