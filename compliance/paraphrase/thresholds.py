"""Where a head may speak: thresholds for a stated precision, and the figures of the card."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compliance.paraphrase.corpus import LANGUAGES, Sentence
from compliance.types import Category
from encoder.types import Vectors

Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How heads are trained and thresholds chosen."""

    landmarks: int = 1024
    width: float = 0.5
    lift: float = 0.6  # see kernel.spread_scale
    decay: float = 1e-6
    balance: float = 0.5
    fewest: int = 20  # sentences that a category needs before a head is trained
    lawful: float = 0.95  # share of held-out lawful sentences near the law that must pass
    ordinary: float = 0.98  # the same for talk that comes nowhere near it
    precision: float = 0.8  # the least, among as many lawful sentences as violations, to block
    support: int = 5  # held-out violations that must be among what a category stops


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a category speaks, and whether it may block there."""

    score: float
    enforced: bool


@dataclass(frozen=True)
class Judged:
    """(n,) probabilities of a violation, (n,) the category each would be named, the sentences."""

    scores: Vectors
    named: npt.NDArray[np.int64]
    sentences: tuple[Sentence, ...]

    @property
    def violating(self) -> Truth:
        """Which of the sentences are violations."""
        return np.array([bool(sentence.categories) for sentence in self.sentences], dtype=bool)


def choose(held: Judged, categories: int, recipe: Recipe) -> list[Threshold]:
    """A threshold a category, from the held-out sentences that would be named so.

    Lawful ones must pass in the recipe's share. The corpus has a lawful twin for each violation,
    which no real conversation has, so precision on it is far below what an operator will see; a
    category that does not even reach the recipe's there only watches.
    """
    ordinary = np.array([sentence.ordinary for sentence in held.sentences])
    near = ~held.violating & ~ordinary
    found = []
    for category in range(categories):
        mine = held.named == category
        score = max(
            _passing(held.scores[mine & near], recipe.lawful),
            _passing(held.scores[mine & ordinary], recipe.ordinary),
        )
        stopped = held.violating[mine & (held.scores >= score)]
        enough = stopped.sum() >= max(recipe.support, recipe.precision * len(stopped))
        found.append(Threshold(score, bool(enough)))
    return found


def _passing(lawful: Vectors, share: float) -> float:
    """Just above the score that this share of lawful sentences does not exceed."""
    if not len(lawful):
        return 0.5
    reached = float(np.quantile(lawful, share, method="higher"))
    return round(min(reached + 1e-4, 1.0), 4)


def report(
    judged: Judged, categories: Sequence[Category], thresholds: Sequence[Threshold]
) -> dict[str, Any]:
    """Share of violations and of lawful sentences that are stopped, and each category's figures.

    ``ordinary`` is talk that comes nowhere near the law; ``lawful`` comes close.
    """
    limit = np.array([threshold.score for threshold in thresholds])[judged.named]
    enforced = np.array([threshold.enforced for threshold in thresholds])[judged.named]
    reached = judged.scores >= limit
    stopped, wrong = reached & enforced, judged.violating
    tongue = np.array([sentence.language for sentence in judged.sentences])
    ordinary = np.array([sentence.ordinary for sentence in judged.sentences])
    parts = {"violations": wrong, "lawful": ~wrong & ~ordinary, "ordinary": ordinary}
    return {
        "stopped": {
            name: {language: _mean(stopped[part & (tongue == language)]) for language in LANGUAGES}
            for name, part in parts.items()
        },
        "heads": {
            category.value: _head(judged, reached, stopped, head, category)
            for head, category in enumerate(categories)
        },
    }


def _head(
    judged: Judged, reached: Truth, stopped: Truth, head: int, category: Category
) -> dict[str, Any]:
    """``precision`` is of violations among what is named so; ``named`` of the name itself."""
    mine = np.array([category in sentence.categories for sentence in judged.sentences])
    said = reached & (judged.named == head)
    return {
        "cases": int(mine.sum()),
        "stopped": _mean(stopped[mine]),
        "named": _mean((judged.named == head)[mine]),
        "hits": int(said.sum()),
        "precision": _mean(judged.violating[said]),
    }


def _mean(hits: Truth) -> float | None:
    return round(float(hits.mean()), 4) if len(hits) else None
