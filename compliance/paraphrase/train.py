"""Train the paraphrase model: is it a violation, and of which category; with stated precision.

The encoder is frozen, so every sentence is encoded once and the rest is convex: L-BFGS finds the
same heads every time. Scores for calibration and thresholds are cross-fitted: each sentence is
scored by heads that were trained on other folds. A separate part is only ever measured on.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_safetensors

from compliance.paraphrase.corpus import FOLDS, Sentence, corpus_hash, load_corpus
from compliance.paraphrase.heads import Heads, fit_heads, platt
from compliance.paraphrase.kernel import Kernel, scaled, spread_scale, whitening
from compliance.paraphrase.model import CARD, WEIGHTS, sigmoid
from compliance.paraphrase.sentences import whole
from compliance.paraphrase.thresholds import Judged, Recipe, Threshold, choose, report
from compliance.types import Category
from core.errors import InvalidInput
from encoder.types import Encoder, Vectors

_CHUNK = 64
Progress = Callable[[str, int, int], None]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """A kernel with its heads: the first says violation or not, the others name the category."""

    kernel: Kernel
    heads: Heads

    def logits(self, vectors: Vectors) -> Vectors:
        """(n, 1 + categories)."""
        return self.heads.logits(self.kernel.likeness(vectors))


def train(
    encoder: Encoder,
    output: Path,
    corpus: Path | None = None,
    talk: Sequence[Sentence] = (),
    progress: Progress = lambda _stage, _done, _total: None,
    recipe: Recipe | None = None,
) -> dict[str, Any]:
    """Train, calibrate, measure and write ``model.safetensors`` and ``card.json``.

    ``talk`` holds further lawful sentences. Returns the card. Raises InvalidInput for a corpus that
    cannot be trained on.
    """
    recipe = recipe or Recipe()
    sentences = [*load_corpus(corpus), *talk]
    vectors = _encoded(encoder, sentences, progress)
    card, tensors = learn(sentences, vectors, recipe, progress)
    blob = save_safetensors(tensors)
    card = {
        "version": "1",
        "encoder": str(encoder.identity),
        "sha256": sha256(blob).hexdigest(),
    } | card
    card |= {"corpus_sha256": corpus_hash(corpus), "command": "onscript compliance train"}
    output.mkdir(parents=True, exist_ok=True)
    (output / WEIGHTS).write_bytes(blob)
    (output / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return card


def learn(
    sentences: Sequence[Sentence], vectors: Vectors, recipe: Recipe, progress: Progress
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The card's figures and the tensors, from sentences whose vectors are known."""
    testing = np.array([sentence.is_test for sentence in sentences])
    taught = [sentence for sentence in sentences if not sentence.is_test]
    test = [sentence for sentence in sentences if sentence.is_test]
    categories = _learnable(taught, recipe)
    crossed, fitted = _cross_fitted(vectors[~testing], taught, categories, recipe, progress)
    slope, offset = platt(crossed[:, 0], _violating(taught))
    held = _judged(crossed, slope, offset, taught)
    thresholds = choose(held, len(categories), recipe)
    tensors = _tensors(fitted, slope, offset)
    tested = _judged(fitted.logits(vectors[testing]), slope, offset, test)
    card = _card(categories, thresholds, recipe) | {
        "sentences": _counts(taught, test),
        "left_out": sorted(set(Category) - set(categories)),
        "held_out": report(held, categories, thresholds),
        "test": report(tested, categories, thresholds),
    }
    return card, tensors


def _learnable(taught: Sequence[Sentence], recipe: Recipe) -> list[Category]:
    counts = {c: sum(c in sentence.categories for sentence in taught) for c in Category}
    found = [category for category, count in counts.items() if count >= recipe.fewest]
    if not found or all(sentence.categories for sentence in taught):
        raise InvalidInput(
            "the paraphrase corpus is too small to learn from",
            mend=f"write at least {recipe.fewest} sentences of a category, and lawful ones",
        )
    return found


def _encoded(encoder: Encoder, sentences: Sequence[Sentence], progress: Progress) -> Vectors:
    found = []
    for start in range(0, len(sentences), _CHUNK):
        chunk = sentences[start : start + _CHUNK]
        found.append(encoder.encode([whole(sentence.text) for sentence in chunk]))
        progress("encode", start + len(chunk), len(sentences))
    return np.concatenate(found)


def _cross_fitted(
    vectors: Vectors,
    taught: Sequence[Sentence],
    categories: Sequence[Category],
    recipe: Recipe,
    progress: Progress,
) -> tuple[Vectors, Fitted]:
    """Logits of every sentence by heads that never saw it, and the heads trained on all."""
    folds = np.array([sentence.fold for sentence in taught])
    crossed = np.zeros((len(taught), 1 + len(categories)), dtype=np.float32)
    for fold in range(FOLDS):
        rows, held = np.flatnonzero(folds != fold), folds == fold
        part = _fit(vectors[rows], [taught[row] for row in rows.tolist()], categories, recipe)
        crossed[held] = part.logits(vectors[held])
        progress("train", fold + 1, FOLDS + 1)
    fitted = _fit(vectors, taught, categories, recipe)
    progress("train", FOLDS + 1, FOLDS + 1)
    return crossed, fitted


def _fit(
    vectors: Vectors, taught: Sequence[Sentence], categories: Sequence[Category], recipe: Recipe
) -> Fitted:
    """The head for violations learns from all sentences, the others from violations alone."""
    scale = spread_scale(vectors, recipe.lift).astype(np.float16).astype(np.float32)
    chosen = scaled(vectors[_landmarks(taught, recipe.landmarks)], scale)
    kernel = Kernel(scale, chosen.astype(np.float16).astype(np.float32), recipe.width)
    white = whitening(kernel)
    features = kernel.likeness(vectors) @ white
    violating = _violating(taught)
    names = np.array([[c in sentence.categories for c in categories] for sentence in taught])
    first = fit_heads(features, violating[:, None], recipe.decay, recipe.balance)
    others = fit_heads(features[violating], names[violating], recipe.decay, recipe.balance)
    weight = np.concatenate([first.weight, others.weight]) @ white.T
    return Fitted(kernel, Heads(weight, np.concatenate([first.bias, others.bias])))


def _landmarks(taught: Sequence[Sentence], most: int) -> list[int]:
    """Violations and lawful sentences in turn, in the order of their texts' CRC-32."""
    order = sorted(range(len(taught)), key=lambda row: taught[row].digest)
    wrong = [row for row in order if taught[row].categories]
    right = [row for row in order if not taught[row].categories]
    share = min(len(right), max(most // 2, most - len(wrong)))
    return sorted(wrong[: most - share] + right[:share])


def _violating(sentences: Sequence[Sentence]) -> Truth:
    return np.array([bool(sentence.categories) for sentence in sentences], dtype=bool)


def _judged(logits: Vectors, slope: float, offset: float, sentences: Sequence[Sentence]) -> Judged:
    scores = sigmoid(logits[:, 0] * slope + offset)
    return Judged(scores, logits[:, 1:].argmax(axis=1), tuple(sentences))


def _tensors(fitted: Fitted, slope: float, offset: float) -> dict[str, npt.NDArray[Any]]:
    """As they are stored: the calibration is folded into the first head."""
    weight, bias = fitted.heads.weight.copy(), fitted.heads.bias.copy()
    weight[0], bias[0] = weight[0] * slope, bias[0] * slope + offset
    return {
        "scale": fitted.kernel.scale.astype(np.float16),
        "landmarks": fitted.kernel.landmarks.astype(np.float16),
        "weight": weight.astype(np.float32),
        "bias": bias.astype(np.float32),
    }


def _card(
    categories: Sequence[Category], thresholds: Sequence[Threshold], recipe: Recipe
) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "heads": {
            category.value: {"threshold": threshold.score, "enforced": threshold.enforced}
            for category, threshold in zip(categories, thresholds, strict=True)
        },
    }


def _counts(taught: Sequence[Sentence], test: Sequence[Sentence]) -> dict[str, Any]:
    return {
        name: {
            "violations": sum(bool(sentence.categories) for sentence in part),
            "lawful": sum(not sentence.categories for sentence in part),
        }
        for name, part in (("train", taught), ("test", test))
    }
