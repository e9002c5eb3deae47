"""Train the triage head: dropout, label smoothing, temperature per language; deterministic.

Seconds on two cores: the encoder is frozen, so every message is encoded once. The head is a small
hidden layer and a linear layer over the sentence vector, a linear layer over hashed character
n-grams, and one over the vector of our last message (affirm and deny need it).
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as save_safetensors
from torch import nn

from encoder.types import Encoder, Vectors
from intent.classifier import Classifier, IntentModel, family_mass, logits, softmax
from intent.corpus import Split, Utterance, corpus_hash, load_corpus
from intent.evaluate import choose_threshold, report
from intent.features import GRAM_BUCKETS, VERSION, Features, extract
from intent.types import Label, family

LABELS = tuple(Label)
HIDDEN = 128
EPOCHS = 24
BATCH = 64
TOLERANCE = 0.10  # share of answered held-out messages that may be taken for another family
_CHUNK = 256

Progress = Callable[[str, int, int], None]


class Head(nn.Module):
    """The trained part; its layers are what ``classifier.logits`` computes in NumPy."""

    def __init__(self, dimension: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimension, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(LABELS))
        self.linear = nn.Linear(dimension, len(LABELS), bias=False)
        self.previous = nn.Linear(dimension, len(LABELS), bias=False)
        self.grams = nn.EmbeddingBag(GRAM_BUCKETS, len(LABELS), mode="sum")
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.previous.weight)
        nn.init.zeros_(self.grams.weight)

    def forward(
        self,
        text: torch.Tensor,
        previous: torch.Tensor,
        buckets: torch.Tensor,
        offsets: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        seen = self.dropout(text)
        hidden = self.hidden(seen)
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        total: torch.Tensor = self.out(self.dropout(hidden)) + self.linear(seen)
        total = total + self.previous(previous)
        kept = self.dropout(weights)
        return total + self.grams(buckets, offsets, per_sample_weights=kept)


def train(
    encoder: Encoder,
    output: Path,
    corpus: Path | None = None,
    seed: int = 7,
    progress: Progress = lambda _stage, _done, _total: None,
) -> dict[str, Any]:
    """Train, calibrate, measure and write ``model.safetensors`` and ``card.json``.

    Returns the card. Raises InvalidInput for a corpus that cannot be trained on.
    """
    utterances = load_corpus(corpus)
    parts = {split: [u for u in utterances if u.split is split] for split in Split}
    features = {split: _features(encoder, parts[split], progress) for split in Split}
    head = _fit(features[Split.TRAIN], parts[Split.TRAIN], encoder, seed, progress)
    tensors = {
        name: value.detach().numpy().astype(np.float32) for name, value in head.named_parameters()
    }
    tensors = {name: _halve(value) for name, value in tensors.items()}
    dev = parts[Split.DEV]
    raw = logits(tensors, features[Split.DEV])
    temperature = _temperatures(raw, dev)
    threshold = _thresholds(raw, dev, temperature)
    blob = save_safetensors({name: value.astype(np.float16) for name, value in tensors.items()})
    card: dict[str, Any] = {
        "version": "1",
        "sha256": sha256(blob).hexdigest(),
        "encoder": str(encoder.identity),
        "features": VERSION,
        "labels": [label.value for label in LABELS],
        "corpus_sha256": corpus_hash(corpus),
        "utterances": {split.value: len(parts[split]) for split in Split},
        "seed": seed,
        "temperature": temperature,
        "threshold": threshold,
        "tolerance": TOLERANCE,
        "command": "onscript intent train",
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "model.safetensors").write_bytes(blob)
    _write(output, card)
    model = Classifier(encoder, IntentModel.load(encoder, output))
    test = parts[Split.TEST]
    card["test"] = report(test, model.classify_many([u.text for u in test], _before(test)))
    _write(output, card)
    return card


def _write(output: Path, card: dict[str, Any]) -> None:
    (output / "card.json").write_text(
        json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _halve(value: Vectors) -> Vectors:
    """What the stored half-precision weights will be read back as."""
    rounded: Vectors = value.astype(np.float16).astype(np.float32)
    return rounded


def _before(utterances: Sequence[Utterance]) -> list[str | None]:
    return [u.previous for u in utterances]


def _features(encoder: Encoder, utterances: list[Utterance], progress: Progress) -> Features:
    pieces = []
    for start in range(0, len(utterances), _CHUNK):
        chunk = utterances[start : start + _CHUNK]
        pieces.append(extract(encoder, [u.text for u in chunk], _before(chunk)))
        progress("encode", min(start + _CHUNK, len(utterances)), len(utterances))
    return Features(
        np.concatenate([p.text for p in pieces]),
        np.concatenate([p.previous for p in pieces]),
        [row for p in pieces for row in p.buckets],
        [row for p in pieces for row in p.weights],
    )


def _fit(
    features: Features,
    utterances: list[Utterance],
    encoder: Encoder,
    seed: int,
    progress: Progress,
) -> Head:
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    head = Head(encoder.identity.dimension)
    target = torch.tensor([LABELS.index(u.label) for u in utterances])
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimiser = torch.optim.AdamW(head.parameters(), lr=4e-3, weight_decay=0.01)
    steps = EPOCHS * ((len(utterances) + BATCH - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    head.train()
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(utterances), generator=generator).split(BATCH):
            optimiser.zero_grad()
            loss(head(*_batch(features, rows.tolist())), target[rows]).backward()
            optimiser.step()
            schedule.step()
        progress("train", epoch + 1, EPOCHS)
    return head.eval()


def _batch(features: Features, rows: list[int]) -> tuple[torch.Tensor, ...]:
    buckets = [features.buckets[row] for row in rows]
    offsets = np.cumsum([0, *(len(b) for b in buckets[:-1])])
    return (
        torch.from_numpy(features.text[rows]),
        torch.from_numpy(features.previous[rows]),
        torch.from_numpy(np.concatenate(buckets)),
        torch.from_numpy(offsets.astype(np.int64)),
        torch.from_numpy(np.concatenate([features.weights[row] for row in rows])),
    )


def _by_language(utterances: Sequence[Utterance]) -> dict[str, list[int]]:
    return {
        language: [i for i, u in enumerate(utterances) if u.language == language]
        for language in ("zh", "en")
    }


def _temperatures(raw: Vectors, utterances: Sequence[Utterance]) -> dict[str, float]:
    """The temperature of each language with the least negative log likelihood on dev."""
    grid = np.exp(np.linspace(np.log(0.3), np.log(3.0), 120))
    found = {}
    for language, rows in _by_language(utterances).items():
        wanted = [LABELS.index(utterances[i].label) for i in rows]

        def loss(t: float, rows: list[int] = rows, wanted: list[int] = wanted) -> float:
            scores = softmax(raw[rows] / np.float32(t))
            return float(-np.log(scores[range(len(rows)), wanted] + 1e-12).mean())

        found[language] = round(float(min(grid, key=loss)), 4)
    return found


def _thresholds(
    raw: Vectors, utterances: Sequence[Utterance], temperature: dict[str, float]
) -> dict[str, float]:
    found = {}
    for language, rows in _by_language(utterances).items():
        scores = softmax(raw[rows] / np.float32(temperature[language]))
        best = [LABELS[int(row.argmax())] for row in scores]
        right = [utterances[i].label in family(b) for i, b in zip(rows, best, strict=True)]
        masses = [family_mass(row, LABELS) for row in scores]
        found[language] = round(choose_threshold(masses, right, TOLERANCE), 4)
    return found
