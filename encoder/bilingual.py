"""One dense encoder of two: mostly Han texts go to the small encoder, all others to MiniLM.

Both speak of the same 384-dimensional space, since the small one learned from MiniLM's vectors.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.errors import EncoderMismatch
from core.text import detect_language
from encoder.minilm import MiniLM
from encoder.small import SmallEncoder
from encoder.types import Encoder, EncoderIdentity, Vectors


class BilingualEncoder:
    """Each text to the encoder of its language."""

    def __init__(self, chinese: Encoder, english: Encoder) -> None:
        """Raises EncoderMismatch when the two give vectors of different lengths."""
        both = (chinese.identity, english.identity)
        if both[0].dimension != both[1].dimension:
            raise EncoderMismatch("the Chinese and the English encoder differ in dimension")
        self._encoders: dict[str, Encoder] = {"zh": chinese, "en": english}
        digest = hashlib.sha256(f"{both[0]}|{both[1]}".encode()).hexdigest()[:12]
        self._identity = EncoderIdentity(
            f"{both[1].name}+{both[0].name}", "1", digest, both[0].dimension
        )

    @classmethod
    def load(cls, home: Path, threads: int = 1) -> "BilingualEncoder":
        """The shipped pair. Raises ArtifactError when either cannot be read."""
        return cls(SmallEncoder.shipped(threads=threads), MiniLM.load(home, threads))

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        languages = [detect_language(text) for text in texts]
        for language, encoder in self._encoders.items():
            rows = [row for row, found in enumerate(languages) if found == language]
            if rows:
                vectors[rows] = encoder.encode([texts[row] for row in rows])
        return vectors
