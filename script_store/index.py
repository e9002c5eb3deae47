"""The vector index of one campaign: FAISS, exact inner product over L2-normalised vectors.

It is immutable. A change of the library builds a new one beside it and swaps; a turn keeps the one
it started with, and every decision names its generation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from core.errors import EncoderMismatch, InvalidInput
from encoder.types import EncoderIdentity, Vectors
from script_store.types import Kind


@dataclass(frozen=True, slots=True)
class IndexedSentence:
    """One vector's meaning: which script version it stands for and as what."""

    version_id: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result; ``score`` is a cosine in -1..1."""

    sentence: IndexedSentence
    score: float


class VectorIndex:
    """Sentences of one kind with their vectors."""

    def __init__(
        self, identity: EncoderIdentity, sentences: Sequence[IndexedSentence], vectors: Vectors
    ) -> None:
        """``vectors`` is (len(sentences), identity.dimension), float32, L2-normalised."""
        if vectors.shape != (len(sentences), identity.dimension):
            raise EncoderMismatch(
                f"the vectors have shape {vectors.shape}, the encoder {identity.name} "
                f"makes {identity.dimension} dimensions",
                mend="restart: the scripts are then encoded anew",
            )
        if not np.isfinite(vectors).all():
            raise InvalidInput("a vector is not finite")
        self.identity = identity
        self._sentences = tuple(sentences)
        self._index = faiss.IndexFlatIP(identity.dimension)
        if len(sentences):
            self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def __len__(self) -> int:
        return len(self._sentences)

    def search(self, identity: EncoderIdentity, queries: Vectors, k: int) -> list[list[Hit]]:
        """The ``k`` nearest sentences of each query row.

        Raises EncoderMismatch when the queries were made by another encoder.
        """
        if identity != self.identity:
            raise EncoderMismatch(
                f"the index was built with {self.identity}, the query with {identity}",
                mend="restart: the scripts are then encoded anew",
            )
        if not self._sentences or not len(queries):
            return [[] for _ in range(len(queries))]
        scores, places = self._index.search(
            np.ascontiguousarray(queries), min(k, len(self._sentences))
        )
        return [
            [Hit(self._sentences[p], float(s)) for s, p in zip(row, at, strict=True) if p >= 0]
            for row, at in zip(scores, places, strict=True)
        ]
