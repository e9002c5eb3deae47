"""What an encoder is, and the identity that travels with every vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Two vectors may be compared only when their identities are equal."""

    name: str
    version: str
    weights: str  # first 12 hexadecimal digits of the weights' SHA-256
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}@{self.version}#{self.weights}/{self.dimension}"


class Encoder(Protocol):
    """Anything that turns texts into comparable vectors."""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, version, weights and dimension, stored with every vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """An L2-normalised float32 array of shape (len(texts), dimension); never NaN."""
        ...
