"""What the classifier sees of a message: its vector, its character n-grams, our last message."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from encoder.ngrams import grams
from encoder.types import Encoder, Vectors

VERSION = "1"
GRAM_BUCKETS = 1 << 14
_LONGEST = 1000  # characters; what a customer wants is said early


@dataclass(frozen=True, slots=True)
class Features:
    """``text`` and ``previous`` are (n, d); n-grams are ragged: rows of bucket numbers, weights.

    A message without a previous one has a zero row in ``previous``.
    """

    text: Vectors
    previous: Vectors
    buckets: list[npt.NDArray[np.int64]]
    weights: list[Vectors]


@lru_cache(maxsize=200_000)
def _bucket(gram: str) -> int:
    return zlib.crc32(b"intent\x00" + gram.encode("utf-8", "surrogatepass")) % GRAM_BUCKETS


def extract(
    encoder: Encoder, texts: Sequence[str], previous: Sequence[str | None]
) -> Features:
    """Features of messages, each with what we said before it (or None)."""
    cut = [text[:_LONGEST] for text in texts]
    before = np.zeros((len(cut), encoder.identity.dimension), dtype=np.float32)
    spoken = [i for i, text in enumerate(previous) if text]
    if spoken:
        before[spoken] = encoder.encode([(previous[i] or "")[:_LONGEST] for i in spoken])
    buckets, weights = [], []
    for text in cut:
        counted = grams(text)
        buckets.append(np.array([_bucket(g) for g in counted], dtype=np.int64))
        strength = np.array([1 + np.log(c) for c in counted.values()], dtype=np.float32)
        norm = float(np.linalg.norm(strength))
        weights.append(strength / np.float32(norm) if norm else strength)
    return Features(encoder.encode(cut), before, buckets, weights)
