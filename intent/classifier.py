"""Triage at run time: a small trained head over the shared vector, in plain NumPy.

scores = softmax(logits / temperature of the language). When the best score is under the
language's threshold the classifier abstains; the threshold was chosen on held-out messages for a
stated tolerance and is kept in the model's card.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from core.errors import ArtifactError
from core.text import detect_language
from encoder.types import Encoder, Vectors
from intent.features import VERSION, Codes, Features, extract
from intent.types import Intent, Label, family

LANGUAGES = ("zh", "en")
_MEND = "restore intent/model from the repository, or train it: onscript intent train"


@dataclass(frozen=True)
class IntentModel:
    """Weights of the head with what they were trained for."""

    tensors: Mapping[str, npt.NDArray[Any]]
    labels: tuple[Label, ...]
    temperature: Mapping[str, float]
    threshold: Mapping[str, float]
    identity: str

    @classmethod
    def load(cls, encoder: Encoder, folder: Path | None = None) -> "IntentModel":
        """Read model.safetensors and card.json.

        Raises ArtifactError when they are missing, corrupt, or made for other features.
        """
        root = folder or Path(str(files("intent"))) / "model"
        try:
            card: dict[str, Any] = json.loads((root / "card.json").read_text(encoding="utf-8"))
            raw = (root / "model.safetensors").read_bytes()
        except (OSError, ValueError) as error:
            raise ArtifactError("the intent model cannot be read", mend=_MEND) from error
        digest = hashlib.sha256(raw).hexdigest()
        if not isinstance(card, dict) or digest != card.get("sha256"):
            raise ArtifactError("the intent model is corrupt (SHA-256 differs)", mend=_MEND)
        try:
            _check_purpose(card, encoder)
            return cls(
                tensors=unpack(load_safetensors(raw)),
                labels=tuple(Label(name) for name in card["labels"]),
                temperature={name: float(card["temperature"][name]) for name in LANGUAGES},
                threshold={name: float(card["threshold"][name]) for name in LANGUAGES},
                identity=f"intent-head@{card['version']}#{digest[:12]}",
            )
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise ArtifactError(f"the intent model's card lacks {error}", mend=_MEND) from error


def _check_purpose(card: Mapping[str, Any], encoder: Encoder) -> None:
    if card["features"] != VERSION or card["encoder"] != str(encoder.identity):
        raise ArtifactError(
            f"the intent model was trained on {card['encoder']} (features {card['features']}), "
            f"the encoder here is {encoder.identity} ({VERSION})",
            mend="train it again: onscript intent train",
        )


def unpack(stored: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Half-precision weights as float32, 32-bit vocabulary codes as int64."""
    return {
        name: value.astype(np.int64 if name.endswith(".code") else np.float32)
        for name, value in stored.items()
    }


def logits(tensors: Mapping[str, npt.NDArray[Any]], features: Features) -> Vectors:
    """(n, labels) raw scores."""
    hidden = features.text @ tensors["hidden.weight"].T + tensors["hidden.bias"]
    hidden = hidden * (1 / (1 + np.exp(-1.702 * hidden)))  # GELU, sigmoid form as in training
    out = hidden @ tensors["out.weight"].T + tensors["out.bias"]
    out += features.text @ tensors["linear.weight"].T
    out += features.previous @ tensors["previous.weight"].T
    for row, (grams, cues) in enumerate(zip(features.grams, features.cues, strict=True)):
        rows, strength = weigh(tensors["grams.code"], tensors["grams.rarity"], grams)
        out[row] += features.gain[row] * (strength @ tensors["grams.weight"][rows])
        rows, strength = weigh(tensors["cues.code"], tensors["cues.rarity"], cues)
        out[row] += strength @ tensors["cues.weight"][rows]
    result: Vectors = out.astype(np.float32)
    return result


def weigh(vocabulary: Codes, rarity: Vectors, codes: Codes) -> tuple[Codes, Vectors]:
    """Rows of the known codes in a sorted vocabulary, and their L2-normalised strengths."""
    rows = np.searchsorted(vocabulary, codes).clip(max=max(0, len(vocabulary) - 1))
    rows = rows[vocabulary[rows] == codes] if len(vocabulary) else rows[:0]
    strength = rarity[rows]
    norm = float(np.linalg.norm(strength))
    return rows, strength / np.float32(norm) if norm else strength


def softmax(raw: Vectors) -> Vectors:
    """Row-wise probabilities."""
    shifted = np.exp(raw - raw.max(axis=1, keepdims=True))
    result: Vectors = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def family_mass(scores: Vectors, labels: Sequence[Label]) -> float:
    """Probability that the message belongs to the family of its best label (0..1)."""
    kin = family(labels[int(scores.argmax())])
    return float(sum(s for s, label in zip(scores, labels, strict=True) if label in kin))


class Classifier:
    """The triage of a turn."""

    def __init__(self, encoder: Encoder, model: IntentModel) -> None:
        self._encoder = encoder
        self._model = model

    @property
    def identity(self) -> str:
        """Name, version and weights of the model, for the record."""
        return self._model.identity

    def classify(self, text: str, previous: str | None = None) -> Intent:
        """What one message wants, read in the light of our last message."""
        return self.classify_many([text], [previous])[0]

    def classify_many(self, texts: Sequence[str], previous: Sequence[str | None]) -> list[Intent]:
        """The same for many messages in one batch."""
        if not texts:
            return []
        raw = logits(self._model.tensors, extract(self._encoder, texts, previous))
        languages = [detect_language(text) for text in texts]
        warmth = np.array([self._model.temperature[name] for name in languages], dtype=np.float32)
        scores = softmax(raw / warmth[:, None])
        return [self._intent(row, lang) for row, lang in zip(scores, languages, strict=True)]

    def _intent(self, scores: Vectors, language: str) -> Intent:
        best = int(scores.argmax())
        confidence = float(scores[best])
        return Intent(
            label=self._model.labels[best],
            confidence=confidence,
            abstain=family_mass(scores, self._model.labels) < self._model.threshold[language],
            scores={
                label.value: float(score)
                for label, score in zip(self._model.labels, scores, strict=True)
            },
            model=self._model.identity,
        )
