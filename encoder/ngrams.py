"""Character n-grams hashed into a fixed number of buckets: the lexical half of the encoder.

Chinese: single characters, pairs and triples. English and other scripts: the same inside words
padded with spaces, as in fastText's subwords. Hashing needs no vocabulary, so a character nobody
has seen before still gets a place of its own; unknown scripts do not collapse onto one vector.
"""

import unicodedata
import zlib
from collections import Counter
from functools import lru_cache

import numpy as np

from encoder.types import Vectors

BUCKETS = 2048
_LONGEST = 2000  # characters looked at; a longer text is a document, not a message


def fold(text: str) -> str:
    """NFKC, lower case, white space to single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _is_cjk(character: str) -> bool:
    return "\u3040" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def grams(text: str) -> Counter[str]:
    """Counts of the n-grams of a text, 1 to 3 for CJK runs, 2 to 4 inside padded other words."""
    counts: Counter[str] = Counter()
    for run in _runs(fold(text)[:_LONGEST]):
        shortest, longest = (1, 3) if _is_cjk(run[0]) else (2, 4)
        padded = run if _is_cjk(run[0]) else f" {run} "
        for size in range(shortest, longest + 1):
            counts.update(padded[i : i + size] for i in range(len(padded) - size + 1))
    return counts


def _runs(text: str) -> list[str]:
    """Split into maximal runs of CJK, of letters and digits, and single symbols."""
    runs: list[str] = []
    kind = ""
    for character in text:
        now = "c" if _is_cjk(character) else "w" if character.isalnum() else ""
        if character.isspace():
            kind = ""
        elif now and now == kind:
            runs[-1] += character
        else:
            if now or unicodedata.category(character)[0] in "SM":
                runs.append(character)
            kind = now
    return runs


@lru_cache(maxsize=200_000)
def _bucket(gram: str) -> tuple[int, float]:
    code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
    return (code >> 1) % BUCKETS, 1.0 if code & 1 else -1.0


def _weight(gram: str, count: int) -> float:
    # Longer n-grams are rarer and say more; repeated ones say little more than one does.
    rarity = {1: 0.5, 2: 1.0, 3: 1.2, 4: 1.2}[len(gram)]
    return rarity * float(1.0 + np.log(count))


def embed(text: str, idf: Vectors | None = None) -> Vectors:
    """One L2-normalised vector of shape (BUCKETS,); a text without content gives all zeros.

    ``idf`` (BUCKETS,) weighs each bucket by how rare it is in ordinary messages.
    """
    vector = np.zeros(BUCKETS, dtype=np.float32)
    for gram, count in grams(text).items():
        index, sign = _bucket(gram)
        vector[index] += sign * _weight(gram, count)
    if idf is not None:
        vector *= idf
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector
