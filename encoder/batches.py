"""What one training step looks at, drawn from (seed, step) alone."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from encoder.material import LANGUAGES, Material, anchors
from encoder.types import Encoder


class Sizes(Protocol):
    """How much of each kind a batch holds (``train.Recipe`` says it)."""

    @property
    def families(self) -> int: ...
    @property
    def relatives(self) -> int: ...
    @property
    def clusters(self) -> int: ...
    @property
    def groups(self) -> int: ...
    @property
    def glosses(self) -> int: ...
    @property
    def grounded(self) -> int: ...
    @property
    def labelled(self) -> int: ...


@dataclass(frozen=True)
class Batch:
    """Texts in the order wordings, near misses, questions, words, lines, facts, messages.

    Wordings are two Chinese of each cluster, then two English; ``owners`` names their cluster.
    Near misses are one Chinese and one English of each cluster in turn.
    ``english`` and ``chinese`` are the teacher's vectors that the wordings of either language
    should stay near or come near, ``answers`` the place among wordings and misses that answers
    each question, ``words`` the teacher's vectors of the words' English, ``labels`` the place of
    each message's intent.
    """

    texts: list[str]
    sizes: list[int]
    owners: torch.Tensor
    english: torch.Tensor
    chinese: torch.Tensor
    answers: torch.Tensor
    words: torch.Tensor
    labels: torch.Tensor


class Batches:
    """Draws batches; asks the teacher once for all the vectors it needs."""

    def __init__(self, material: Material, teacher: Encoder, sizes: Sizes) -> None:
        self._material = material
        self._sizes = sizes
        english = [c["en"] for c in material.clusters]
        flat = [text for texts in english for text in texts]
        self._said = dict(zip(flat, torch.from_numpy(teacher.encode(flat)), strict=True))
        self._means = torch.from_numpy(anchors(teacher, english))
        self._glossed = list(material.glosses)
        named = [*(g["en"] for g in material.groups), *([g] for g in material.glosses.values())]
        places = {label: place for place, label in enumerate(material.labels())}
        self._labels = torch.tensor([places[label] for _, label in material.labelled]).long()
        self._named = torch.from_numpy(anchors(teacher, named))

    def draw(self, draw: np.random.Generator) -> Batch:
        """One batch; equal generators give equal batches."""
        chosen = self._choose(draw)
        clusters = [self._material.clusters[i] for i in chosen]
        count = len(clusters)
        wordings: dict[str, list[list[str]]] = {key: [[], []] for key in LANGUAGES}
        misses: list[str] = []
        for cluster in clusters:
            for key in LANGUAGES:
                for place, pick in enumerate(draw.choice(len(cluster[key]), 2, replace=False)):
                    wordings[key][place].append(cluster[key][pick])
                near = cluster[f"neg_{key}"]
                misses.append(near[draw.integers(len(near))])
        asked, answers = _questions(clusters, draw)
        words, wanted = self._words(draw)
        lines, facts = self._grounded(draw)
        said = [*wordings["zh"][0], *wordings["zh"][1], *wordings["en"][0], *wordings["en"][1]]
        spoken = [_unstopped(text, draw) for text in said]
        labelled = self._material.labelled
        picked = draw.permutation(len(labelled))[: self._sizes.labelled]
        messages = [labelled[i][0] for i in picked]
        parts = [spoken, misses, asked, words, lines, facts, messages]
        means = self._means[torch.from_numpy(chosen)]
        return Batch(
            texts=[text for part in parts for text in part],
            sizes=[len(part) for part in parts],
            owners=torch.from_numpy(chosen).repeat(4),
            english=torch.stack([self._said[text] for text in said[2 * count :]]),
            chinese=means.repeat(2, 1),
            answers=torch.tensor(answers, dtype=torch.long),
            words=wanted,
            labels=self._labels[torch.from_numpy(picked)],
        )

    def _choose(self, draw: np.random.Generator) -> Any:
        """Places of clusters: some whole families, the rest from everywhere."""
        sizes, families = self._sizes, self._material.families
        chosen: list[int] = []
        for pick in draw.choice(len(families), min(sizes.families, len(families)), replace=False):
            chosen += draw.permutation(families[pick])[: sizes.relatives].tolist()
        everywhere = draw.permutation(len(self._material.clusters)).tolist()
        chosen += [i for i in everywhere if i not in set(chosen)]
        return np.array(chosen[: sizes.clusters], dtype=np.int64)

    def _words(self, draw: np.random.Generator) -> tuple[list[str], torch.Tensor]:
        """One Chinese wording of some groups, then some glossed words, with their English."""
        groups = self._material.groups
        picked = draw.permutation(len(groups))[: self._sizes.groups]
        texts = [groups[i]["zh"][draw.integers(len(groups[i]["zh"]))] for i in picked]
        single = draw.permutation(len(self._glossed))[: self._sizes.glosses]
        texts += [self._glossed[i] for i in single]
        places = np.concatenate([picked, len(groups) + single])
        return texts, self._named[torch.from_numpy(places)]

    def _grounded(self, draw: np.random.Generator) -> tuple[list[str], list[str]]:
        """Lines, and for each of them its fact; then one other fact a line."""
        grounded = self._material.grounded
        picked = [grounded[i] for i in draw.permutation(len(grounded))[: self._sizes.grounded]]
        others = [g.others[draw.integers(len(g.others))] for g in picked]
        return [g.line for g in picked], [*(g.fact for g in picked), *others]


def _questions(
    clusters: list[dict[str, Any]], draw: np.random.Generator
) -> tuple[list[str], list[int]]:
    """A question of each cluster that has some, and the place of a wording that answers it.

    The languages take turns; wordings stand in the order of ``Batch``.
    """
    asked: list[str] = []
    answers: list[int] = []
    for place, cluster in enumerate(clusters):
        language = int(draw.integers(2))
        questions = cluster[f"ask_{LANGUAGES[language]}"]
        if questions:
            asked.append(questions[draw.integers(len(questions))])
            answers.append(2 * len(clusters) * language + place)
    return asked, answers


def _unstopped(text: str, draw: np.random.Generator) -> str:
    """Customers often leave the closing stop out, so training does as well."""
    if len(text) > 1 and text[-1] in "。." and draw.random() < 0.4:
        return text[:-1]
    return text
