"""The shipped encoder: meaning (MiniLM for English, ours for Chinese) joined with n-grams.

cos(a, b) of two joined vectors is  w * cos(dense) + (1 - w) * cos(n-grams), with w fitted per
language on the meaning clusters of encoder/corpus (see ``encoder.fit`` and weights/card.json).
A text in a script that neither dense encoder was taught counts by its n-grams alone, because its
dense vector would be that of every other unknown text.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors.numpy import load as load_safetensors

from core.errors import ArtifactError, EncoderMismatch
from core.text import detect_language
from encoder import ngrams
from encoder.types import Encoder, EncoderIdentity, Vectors

VERSION = "2"
_TAUGHT = re.compile("[A-Za-z0-9\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MEND = "restore encoder/weights from the repository, or refit: onscript encoder fit"


@dataclass(frozen=True)
class JoinWeights:
    """Share of the dense half per language (0..1) and the n-gram bucket weights per language."""

    dense: dict[str, float]
    center: dict[str, Vectors]  # (384,) mean dense vector per language, taken off before joining
    idf: dict[str, Vectors]  # (BUCKETS,) each
    digest: str
    fitted_for: str = ""  # identity of the dense encoder, where they were fitted for one

    @classmethod
    def shipped(cls, folder: Path | None = None) -> "JoinWeights":
        """Load the fitted weights. Raises ArtifactError when they are missing or corrupt."""
        root = folder or Path(str(files("encoder"))) / "weights"
        try:
            card = json.loads((root / "card.json").read_text(encoding="utf-8"))
            raw = (root / "joined.safetensors").read_bytes()
            digest = hashlib.sha256(raw).hexdigest()
            if digest != card["sha256"]:
                raise ArtifactError("the encoder's join weights are corrupt (SHA-256)", mend=_MEND)
            tensors = load_safetensors(raw)
            languages = list(card["dense_share"])
            return cls(
                dense={language: float(card["dense_share"][language]) for language in languages},
                center={language: tensors[f"center.{language}"] for language in languages},
                idf={language: tensors[f"idf.{language}"] for language in languages},
                digest=digest,
                fitted_for=str(card.get("dense", "")),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError("the encoder's join weights cannot be read", mend=_MEND) from error


class JoinedEncoder:
    """Dense and lexical halves side by side in one L2-normalised vector."""

    def __init__(self, dense: Encoder, weights: JoinWeights) -> None:
        """Raises EncoderMismatch when the weights were fitted for another dense encoder."""
        inner = dense.identity
        if weights.fitted_for not in ("", str(inner)):
            raise EncoderMismatch(
                f"the join was fitted for {weights.fitted_for}, not for {inner}",
                mend="refit: onscript encoder fit",
            )
        self._dense = dense
        self._weights = weights
        digest = hashlib.sha256(f"{inner}|{weights.digest}".encode()).hexdigest()[:12]
        self._split = inner.dimension
        self._identity = EncoderIdentity(
            f"{inner.name}+ngrams", VERSION, digest, inner.dimension + ngrams.BUCKETS
        )

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        joined = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        if not texts:
            return joined
        joined[:, : self._split] = self._dense.encode(texts)
        for row, text in enumerate(texts):
            language = detect_language(text)
            wording = ngrams.embed(text, self._weights.idf[language])
            share = self._share(text, language, bool(wording.any()))
            dense = joined[row, : self._split] - self._weights.center[language]
            norm = float(np.linalg.norm(dense))
            joined[row, : self._split] = dense * np.float32(np.sqrt(share) / max(norm, 1e-9))
            joined[row, self._split :] = np.float32(np.sqrt(1 - share)) * wording
        joined /= np.linalg.norm(joined, axis=1, keepdims=True).clip(min=1e-9)
        return joined

    def _share(self, text: str, language: str, worded: bool) -> float:
        if not worded:
            return 1.0
        return self._weights.dense[language] if _TAUGHT.search(text) else 0.0
