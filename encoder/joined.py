"""The shipped encoder: meaning (MiniLM, taught Chinese) joined with character n-grams.

cos(a, b) of two joined vectors is  w * cos(dense) + (1 - w) * cos(n-grams), with w fitted per
language on the meaning clusters of encoder/corpus (see ``encoder.fit`` and weights/card.json).
The share of the dense half falls with the letters and signs of a text that it was not taught: a
Thai sentence counts by its n-grams alone, with an English word in it mostly by them.
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

VERSION = "3"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TAUGHT = re.compile(f"[A-Za-z\u00c0-\u024f{_HAN}]")
# letters and emoji, but no digits and no usual punctuation or currency
_SIGN = re.compile(
    r"[^\W\d_]|[^\w\s!-~\u00a0-\u00bf\u20a0-\u20bf\u2000-\u206f\u3000-\u303f\uff00-\uff65]"
)
_MEND = "restore encoder/weights from the repository, or refit: onscript encoder fit"


@dataclass(frozen=True)
class JoinWeights:
    """Share of the dense half per language (0..1) and the n-gram bucket weights per language."""

    dense: dict[str, float]
    center: dict[str, Vectors]  # (dense dimension,) taken off before joining
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
            join = card["join"]
            digest = hashlib.sha256(raw).hexdigest()
            if digest != join["sha256"]:
                raise ArtifactError("the encoder's join weights are corrupt (SHA-256)", mend=_MEND)
            tensors = load_safetensors(raw)
            shares = join["dense_share"]
            return cls(
                dense={language: float(share) for language, share in shares.items()},
                center={language: tensors[f"center.{language}"] for language in shares},
                idf={language: tensors[f"idf.{language}"] for language in shares},
                digest=digest,
                fitted_for=str(join["dense"]),
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
        taught, signs = len(_TAUGHT.findall(text)), len(_SIGN.findall(text))
        return self._weights.dense[language] * (taught / signs if signs else 1.0)
