"""Likeness to known sentences: what the heads of the paraphrase model stand on.

A vector is scaled, brought to length one and compared with landmark sentences by a Gaussian kernel
(Williams and Seeger 2001, the Nyström method). A straight line through the encoder's space cannot
part "we never promise" from "never a loss"; the neighbourhood of known sentences can.
"""

from dataclasses import dataclass

import numpy as np

from encoder.types import Vectors

_FLOOR = 0.05  # of the widest spread; a direction nobody has seen must not count for all


@dataclass(frozen=True)
class Kernel:
    """``scale`` is (dimension,), ``landmarks`` (n, dimension) of length one, ``width`` > 0."""

    scale: Vectors
    landmarks: Vectors
    width: float

    def likeness(self, vectors: Vectors) -> Vectors:
        """(m, dimension) vectors of the encoder to (m, landmarks), each 0..1."""
        gap = 2 - 2 * (scaled(vectors, self.scale) @ self.landmarks.T)
        found: Vectors = np.exp(-self.width * gap.clip(min=0)).astype(np.float32)
        return found


def spread_scale(vectors: Vectors, power: float) -> Vectors:
    """(dimension,) factors that lift directions which vary little: spread ** -power.

    In the joined encoder those are the n-grams: wording tells a promise from its denial.
    """
    spread = vectors.std(axis=0)
    lifted = (spread + _FLOOR * spread.max()) ** -power
    found: Vectors = (lifted / lifted.max()).astype(np.float32)
    return found


def scaled(vectors: Vectors, scale: Vectors) -> Vectors:
    """Scaled and of length one; a zero vector stays zero."""
    found = vectors * scale
    result: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True).clip(min=1e-9)
    return result


def whitening(kernel: Kernel) -> Vectors:
    """(landmarks, landmarks): likeness @ whitening is the Nyström feature map."""
    gap = (2 - 2 * (kernel.landmarks @ kernel.landmarks.T)).clip(min=0).astype(np.float64)
    values, directions = np.linalg.eigh(np.exp(-kernel.width * gap))
    found: Vectors = (directions / np.sqrt(values.clip(min=1e-4))).astype(np.float32)
    return found
