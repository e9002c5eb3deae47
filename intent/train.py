"""Train the triage head: dropout, label smoothing, temperature per language; deterministic.

The encoder is frozen, so every message is encoded once. The head is a small hidden layer and a
linear layer over the sentence vector, a linear layer over the n-grams of the message, and two over
our last message (affirm and deny need it). Two heads with different seeds are trained and
averaged; the average of their logits is again one head, twice as wide inside.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors
from torch import nn

from core.errors import InvalidInput
from encoder.types import Encoder, Vectors
from intent.classifier import (
    Classifier,
    IntentModel,
    family_mass,
    logits,
    softmax,
    unpack,
    weigh,
)
from intent.corpus import Split, Utterance, corpus_hash, load_corpus
from intent.evaluate import choose_threshold, report
from intent.features import VERSION, Codes, Features, extract
from intent.types import Label, family

LABELS = tuple(Label)
TOLERANCE = 0.15  # share of answered held-out messages that may be taken for another family
_CHUNK = 256

Progress = Callable[[str, int, int], None]
Tensors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is trained; the defaults were chosen on the training and dev splits."""

    hidden: int = 128
    dropout: float = 0.4
    smoothing: float = 0.05
    epochs: int = 15
    batch: int = 256
    rate: float = 3e-3
    gram_rate: float = 24e-3  # rare n-grams are seen seldom and must learn from few looks
    decay: float = 0.01
    text_scale: float = 3.0
    previous_scale: float = 1.5
    cue_scale: float = 0.5
    balance: float = 0.5  # 0: every message counts the same; 1: every label does
    members: int = 2
    components: int = 384  # of the sentence vector


class Head(nn.Module):
    """The trained part; its layers are what ``classifier.logits`` computes in NumPy."""

    def __init__(self, dimension: int, grams: int, cues: int, labels: int, recipe: Recipe) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimension, recipe.hidden)
        self.out = nn.Linear(recipe.hidden, labels)
        self.linear = nn.Linear(dimension, labels, bias=False)
        self.previous = nn.Linear(dimension, labels, bias=False)
        self.grams = nn.EmbeddingBag(max(1, grams), labels, mode="sum")
        self.cues = nn.EmbeddingBag(max(1, cues), labels, mode="sum")
        self.dropout = nn.Dropout(recipe.dropout)
        for layer in (self.linear, self.previous, self.grams, self.cues):
            nn.init.zeros_(layer.weight)

    def forward(
        self, text: torch.Tensor, previous: torch.Tensor, grams: "_Bag", cues: "_Bag"
    ) -> torch.Tensor:
        seen = self.dropout(text)
        hidden = self.hidden(seen)
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        total: torch.Tensor = self.out(self.dropout(hidden)) + self.linear(seen)
        total = total + self.previous(self.dropout(previous))
        for bag, layer in ((grams, self.grams), (cues, self.cues)):
            kept = self.dropout(bag.strength)
            total = total + layer(bag.rows, bag.offsets, per_sample_weights=kept)
        return total


@dataclass(frozen=True, slots=True)
class _Bag:
    rows: torch.Tensor
    offsets: torch.Tensor
    strength: torch.Tensor


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Sorted codes that at least two training messages share, and how rare each is."""

    code: Codes
    rarity: Vectors

    @classmethod
    def of(cls, rows: Sequence[Codes], fewest: int) -> "Vocabulary":
        """Keep the codes of at least ``fewest`` rows; rarity is the smoothed inverse frequency."""
        seen = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        code, count = np.unique(seen, return_counts=True)
        kept = count >= fewest
        rarity = np.log((1 + len(rows)) / (1 + count[kept])) + 1
        return cls(code[kept], rarity.astype(np.float16).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Material:
    """What a head learns from: label numbers, and how much each message counts."""

    features: Features
    target: npt.NDArray[np.int64]
    weight: Vectors
    labels: int


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
    for split, part in parts.items():
        if not part:
            raise InvalidInput(f"no utterance falls into {split.value}", mend="write more of them")
    dev = parts[Split.DEV]
    material = _material(encoder, parts[Split.TRAIN], progress)
    blob = save_safetensors(fit(material, Recipe(), seed, progress))
    raw = logits(_reread(blob), features_of(encoder, dev, progress))
    temperature = _temperatures(raw, dev)
    card: dict[str, Any] = {
        "version": "2",
        "sha256": sha256(blob).hexdigest(),
        "encoder": str(encoder.identity),
        "features": VERSION,
        "labels": [label.value for label in LABELS],
        "corpus_sha256": corpus_hash(corpus),
        "utterances": {split.value: len(parts[split]) for split in Split},
        "seed": seed,
        "temperature": temperature,
        "threshold": _thresholds(raw, dev, temperature),
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


def features_of(encoder: Encoder, utterances: Sequence[Utterance], progress: Progress) -> Features:
    """Features of many utterances, each text encoded once."""
    pieces = []
    for start in range(0, len(utterances), _CHUNK):
        chunk = utterances[start : start + _CHUNK]
        pieces.append(extract(encoder, [u.text for u in chunk], _before(chunk)))
        progress("encode", min(start + _CHUNK, len(utterances)), len(utterances))
    return Features(
        np.concatenate([p.text for p in pieces]),
        np.concatenate([p.previous for p in pieces]),
        [row for p in pieces for row in p.grams],
        np.concatenate([p.gain for p in pieces]),
        [row for p in pieces for row in p.cues],
    )


def fit(
    material: Material,
    recipe: Recipe,
    seed: int,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Tensors:
    """The averaged head as the half-precision tensors that are stored."""
    grams = Vocabulary.of(material.features.grams, 2)
    cues = Vocabulary.of(material.features.cues, 3)
    basis = principal_basis(material.features.text, recipe.components, seed)
    with _deterministic():
        heads = [
            _fit_one(material, (grams, cues), basis, recipe, seed + member, progress)
            for member in range(recipe.members)
        ]
    return _average(heads, (grams, cues), basis, recipe)


def principal_basis(vectors: Vectors, components: int, seed: int) -> Vectors:
    """(d, components) orthonormal directions that hold most of the vectors' length.

    Subspace iteration from a random start (Halko et al. 2011). Training in it is several times
    quicker than in the full space; the basis is folded into the weights afterwards.
    """
    start = np.random.default_rng(seed).standard_normal(
        (vectors.shape[1], min(components, *vectors.shape)), dtype=np.float32
    )
    basis: Vectors = np.linalg.qr(start)[0]
    for _ in range(3):
        basis = np.linalg.qr(vectors.T @ (vectors @ basis))[0]
    return basis


@contextmanager
def _deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _fit_one(
    material: Material,
    vocabularies: tuple[Vocabulary, Vocabulary],
    basis: Vectors,
    recipe: Recipe,
    seed: int,
    progress: Progress,
) -> Head:
    grams, cues = vocabularies
    features, count = material.features, len(material.target)
    text = torch.from_numpy(features.text @ basis * np.float32(recipe.text_scale))
    previous = torch.from_numpy(features.previous @ basis * np.float32(recipe.previous_scale))
    gram_rows = [weigh(grams.code, grams.rarity, row) for row in features.grams]
    gram_rows = [(r, s * g) for (r, s), g in zip(gram_rows, features.gain, strict=True)]
    cue_rows = [weigh(cues.code, cues.rarity, row) for row in features.cues]
    cue_rows = [(r, s * np.float32(recipe.cue_scale)) for r, s in cue_rows]
    target, weight = torch.from_numpy(material.target), torch.from_numpy(material.weight)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    head = Head(text.shape[1], len(grams.code), len(cues.code), material.labels, recipe).train()
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing, reduction="none")
    optimiser, schedule = _optimiser(head, recipe, count)
    for epoch in range(recipe.epochs):
        order = torch.randperm(count, generator=generator)
        for rows in torch.split(order, recipe.batch):
            optimiser.zero_grad()
            chosen = rows.tolist()
            guess = head(
                text[rows], previous[rows], _bag(gram_rows, chosen), _bag(cue_rows, chosen)
            )
            (loss(guess, target[rows]) * weight[rows]).mean().backward()
            optimiser.step()
            schedule.step()
        progress("train", epoch + 1, recipe.epochs)
    return head.eval()


def _optimiser(
    head: Head, recipe: Recipe, count: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR]:
    sparse = [head.grams.weight, head.cues.weight]
    dense = [p for p in head.parameters() if all(p is not q for q in sparse)]
    rates = [recipe.rate, recipe.gram_rate]
    optimiser = torch.optim.AdamW(
        [
            {"params": dense, "lr": rates[0], "weight_decay": recipe.decay},
            {"params": sparse, "lr": rates[1], "weight_decay": 0.0},
        ]
    )
    steps = recipe.epochs * ((count + recipe.batch - 1) // recipe.batch)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=rates, total_steps=max(2, steps)
    )


def _bag(rows: Sequence[tuple[Codes, Vectors]], chosen: Sequence[int]) -> _Bag:
    found = [rows[i] for i in chosen]
    offsets = np.cumsum([0, *(len(r) for r, _ in found[:-1])]).astype(np.int64)
    return _Bag(
        torch.from_numpy(np.concatenate([r for r, _ in found])),
        torch.from_numpy(offsets),
        torch.from_numpy(np.concatenate([s for _, s in found])),
    )


def _average(
    heads: Sequence[Head],
    vocabularies: tuple[Vocabulary, Vocabulary],
    basis: Vectors,
    recipe: Recipe,
) -> Tensors:
    """Mean of the members' logits as one head; basis and scales of the inputs folded in."""
    grams, cues = vocabularies
    members = [
        {name: value.detach().numpy() for name, value in head.named_parameters()} for head in heads
    ]

    def mean(name: str, scale: float = 1.0) -> Vectors:
        found: Vectors = np.mean([m[name] for m in members], axis=0) * np.float32(scale)
        return found

    tensors: Tensors = {
        "hidden.weight": np.concatenate([m["hidden.weight"] for m in members])
        @ basis.T
        * np.float32(recipe.text_scale),
        "hidden.bias": np.concatenate([m["hidden.bias"] for m in members]),
        "out.weight": np.concatenate([m["out.weight"] for m in members], axis=1) / len(members),
        "out.bias": mean("out.bias"),
        "linear.weight": mean("linear.weight", recipe.text_scale) @ basis.T,
        "previous.weight": mean("previous.weight", recipe.previous_scale) @ basis.T,
        "grams.weight": mean("grams.weight")[: max(1, len(grams.code))],
        "grams.rarity": grams.rarity,
        "cues.weight": mean("cues.weight", recipe.cue_scale)[: max(1, len(cues.code))],
        "cues.rarity": cues.rarity,
    }
    stored: Tensors = {name: value.astype(np.float16) for name, value in tensors.items()}
    stored["grams.code"] = grams.code.astype(np.uint32)
    stored["cues.code"] = cues.code.astype(np.uint32)
    return stored


def _material(encoder: Encoder, utterances: Sequence[Utterance], progress: Progress) -> Material:
    target = np.array([LABELS.index(u.label) for u in utterances], dtype=np.int64)
    weight = np.ones(len(utterances), dtype=np.float32)
    for rows in _by_language(utterances).values():
        weight[rows] = balance_weights(target[rows], len(LABELS), Recipe().balance)
    return Material(features_of(encoder, utterances, progress), target, weight, len(LABELS))


def balance_weights(target: npt.NDArray[np.int64], labels: int, power: float) -> Vectors:
    """(n,) weights with mean about one that lift rare labels: (mean count / count) ** power."""
    count = np.bincount(target, minlength=labels).clip(min=1)
    weights: Vectors = ((count.mean() / count) ** power)[target].astype(np.float32)
    return weights


def _reread(blob: bytes) -> Mapping[str, npt.NDArray[Any]]:
    return unpack(load_safetensors(blob))


def _write(output: Path, card: dict[str, Any]) -> None:
    (output / "card.json").write_text(
        json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _before(utterances: Sequence[Utterance]) -> list[str | None]:
    return [u.previous for u in utterances]


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

        found[language] = round(float(min(grid, key=loss)), 4) if rows else 1.0
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
