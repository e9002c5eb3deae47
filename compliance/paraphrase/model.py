"""The paraphrase model at run time: logistic heads over a sentence's likeness to known ones.

The first head says how probable a violation is, calibrated; the others name its category. All
categories feed the first, because each has too few sentences to be sure alone. A probability at or
above the threshold of the named category is an opinion. The thresholds were chosen on held-out
sentences for a stated precision, which the model's card keeps beside the figures.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from compliance.paraphrase.kernel import Kernel
from compliance.paraphrase.sentences import pieces
from compliance.paraphrase.types import Opinion
from compliance.types import Category
from core.errors import ArtifactError
from encoder.types import Encoder, EncoderIdentity, Vectors

WEIGHTS, CARD = "model.safetensors", "card.json"
_MEND = "restore compliance/paraphrase/weights from the repository, or: onscript compliance train"


def shipped_folder() -> Path:
    """Where the model of the shipped encoder lives in the package."""
    return Path(str(files(__package__))) / "weights"


@dataclass(frozen=True)
class ParaphraseModel:
    """``weight`` is (1 + categories, landmarks), ``bias`` (1 + categories,)."""

    categories: tuple[Category, ...]
    kernel: Kernel
    weight: Vectors
    bias: Vectors
    threshold: tuple[float, ...]
    enforced: tuple[bool, ...]
    identity: str

    @classmethod
    def load(cls, encoder: EncoderIdentity, folder: Path | None = None) -> "ParaphraseModel":
        """Read model.safetensors and card.json.

        Raises ArtifactError when they are missing, corrupt, or made for another encoder.
        """
        root = folder or shipped_folder()
        try:
            card: dict[str, Any] = json.loads((root / CARD).read_text(encoding="utf-8"))
            raw = (root / WEIGHTS).read_bytes()
        except (OSError, ValueError) as error:
            raise ArtifactError("the paraphrase model cannot be read", mend=_MEND) from error
        digest = hashlib.sha256(raw).hexdigest()
        if not isinstance(card, dict) or digest != card.get("sha256"):
            raise ArtifactError("the paraphrase model is corrupt (SHA-256 differs)", mend=_MEND)
        try:
            _check_purpose(card, encoder)
            return cls._assembled(card, load_safetensors(raw), digest)
        except (KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
            raise ArtifactError(f"the paraphrase model's card lacks {error}", mend=_MEND) from error

    @classmethod
    def _assembled(
        cls, card: Mapping[str, Any], tensors: Mapping[str, Vectors], digest: str
    ) -> "ParaphraseModel":
        heads = card["heads"]
        plain = {name: value.astype(np.float32) for name, value in tensors.items()}
        return cls(
            categories=tuple(Category(name) for name in heads),
            kernel=Kernel(plain["scale"], plain["landmarks"], float(card["recipe"]["width"])),
            weight=plain["weight"],
            bias=plain["bias"],
            threshold=tuple(float(head["threshold"]) for head in heads.values()),
            enforced=tuple(bool(head["enforced"]) for head in heads.values()),
            identity=f"paraphrase@{card['version']}#{digest[:12]}",
        )

    def judge(self, vectors: Vectors) -> list[tuple[float, int]]:
        """For each row of (n, dimension): probability of a violation, and its category's place."""
        logits = self.kernel.likeness(vectors) @ self.weight.T + self.bias
        scores = sigmoid(logits[:, 0])
        return list(zip(scores.tolist(), logits[:, 1:].argmax(axis=1).tolist(), strict=True))


class ParaphraseReader:
    """The model beside its encoder. As safe to share between threads as the encoder is."""

    def __init__(self, encoder: Encoder, model: ParaphraseModel) -> None:
        self._encoder = encoder
        self._model = model

    @property
    def identity(self) -> str:
        """Name, version and weights of the model."""
        return self._model.identity

    def opinions(self, text: str) -> tuple[Opinion, ...]:
        """One encode of all pieces; in the order of the text."""
        read = pieces(text)
        if not read:
            return ()
        judged = self._model.judge(self._encoder.encode([piece.reading for piece in read]))
        return tuple(
            Opinion(
                category=self._model.categories[head],
                score=round(score, 4),
                start=piece.start,
                end=piece.end,
                enforced=self._model.enforced[head],
            )
            for piece, (score, head) in zip(read, judged, strict=True)
            if score >= self._model.threshold[head]
        )


def sigmoid(logits: Vectors) -> Vectors:
    """Probabilities; large negative logits do not overflow."""
    found: Vectors = (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
    return found


def _check_purpose(card: Mapping[str, Any], encoder: EncoderIdentity) -> None:
    if card["encoder"] != str(encoder):
        raise ArtifactError(
            f"the paraphrase model was trained on {card['encoder']}, the encoder here is {encoder}",
            mend="train it again: onscript compliance train",
        )
