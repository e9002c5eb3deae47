"""What the small Chinese encoder learns from: clusters, words, dialogues and plain Chinese."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoder.fit import is_fitting, is_held_out
from encoder.types import Encoder


@dataclass(frozen=True)
class Corpus:
    """What is learned from; ``anchors`` is (groups, 384), row i for group i."""

    groups: list[dict[str, Any]]  # the clusters, then the words of one meaning
    clusters: int  # how many of the groups are clusters
    anchors: torch.Tensor
    grounded: list[tuple[str, str, list[str]]]  # a line, the fact it rests on, the other facts
    plain: list[str]


def gather(
    clusters: list[dict[str, Any]],
    words: list[dict[str, Any]],
    teacher: Encoder,
    dialogues: Sequence[Path],
    plain: Sequence[str],
) -> Corpus:
    """Training part only: nothing of a held-out or fitting cluster is ever read here."""
    kept = [c for c in clusters if not is_held_out(c) and not is_fitting(c)]
    groups = [*kept, *words]
    means = np.stack([teacher.encode(c["en"]).mean(axis=0) for c in groups])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    grounded: list[tuple[str, str, list[str]]] = []
    for path in dialogues:
        for line in path.read_text(encoding="utf-8").splitlines():
            grounded.extend(_grounded(json.loads(line)))
    sentences = [text for c in kept for text in [*c["zh"], *c["neg_zh"]]]
    sentences += [line for line, _, _ in grounded] + [fact for _, fact, _ in grounded]
    return Corpus(groups, len(kept), torch.from_numpy(means), grounded, [*sentences, *plain])


def load_words(path: Path) -> list[dict[str, Any]]:
    """Groups of Chinese words or sentences with one meaning and its English, a JSON line each."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [{"neg_zh": []} | json.loads(line) for line in lines if line.strip()]


def _grounded(dialogue: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    facts: list[str] = dialogue["facts"]
    found = []
    for turn in dialogue["turns"]:
        for index in turn["uses"][:1]:
            others = [fact for i, fact in enumerate(facts) if i not in turn["uses"]]
            if others:
                found += [(turn[who], facts[index], others) for who in ("seller", "customer")]
    return found


def digest(material: Corpus) -> str:
    """What was learned from, so that a retrained model can be told from a changed corpus."""
    parts = [material.groups, material.grounded, material.plain]
    return sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
