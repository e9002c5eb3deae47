"""What the shipped encoder learns from: meaning clusters, words, dialogues."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from encoder import ngrams
from encoder.clusters import is_fitting, is_held_out
from encoder.ngrams import fold
from encoder.types import Encoder, Vectors
from encoder.vocabulary import han_runs

LANGUAGES = ("zh", "en")
_TWIN = 0.6  # cosine of n-grams


@dataclass(frozen=True)
class Grounded:
    """A line of a dialogue, the fact it rests on and the other facts of that dialogue."""

    line: str
    fact: str
    others: tuple[str, ...]
    language: str


@dataclass(frozen=True)
class Material:
    """Training part only: nothing of a held-out or fitting cluster is in it."""

    clusters: list[dict[str, Any]]
    families: list[list[int]]  # places of clusters about neighbouring meanings
    groups: list[dict[str, Any]]  # Chinese words or short sentences of one meaning, with English
    glosses: dict[str, str]  # Chinese word to its English
    grounded: list[Grounded]
    labelled: list[tuple[str, str]]  # a customer's message and its intent

    def labels(self) -> list[str]:
        """The intents that occur, sorted."""
        return sorted({label for _, label in self.labelled})

    def counts(self) -> dict[str, int]:
        """How much there is of each kind."""
        return {
            "clusters": len(self.clusters),
            "families": len(self.families),
            "groups": len(self.groups),
            "glosses": len(self.glosses),
            "grounded_lines": len(self.grounded),
            "labelled_messages": len(self.labelled),
        }

    def digest(self) -> str:
        """What was learned from, so that a retrained model can be told from a changed corpus."""
        lines = [[g.line, g.fact, g.others] for g in self.grounded]
        parts = [self.clusters, self.groups, self.glosses, lines, self.labelled]
        return sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()

    def words(self) -> list[str]:
        """Rows of the vocabulary: the glossed words, then further characters of the material."""
        texts = [
            text for c in self.clusters for key in ("zh", "neg_zh", "ask_zh") for text in c[key]
        ]
        texts += [text for group in self.groups for text in group["zh"]]
        texts += [text for g in self.grounded if g.language == "zh" for text in (g.line, g.fact)]
        found = {char for text in [*texts, *self.glosses] for run in han_runs(text) for char in run}
        return [*self.glosses, *sorted(found - self.glosses.keys())]


def gather(
    clusters: Sequence[dict[str, Any]],
    corpus: Path,
    dialogues: Sequence[Path] = (),
    labelled: Sequence[tuple[str, str]] = (),
    kept_back: frozenset[str] = frozenset(),
) -> Material:
    """Everything to learn from in a corpus folder, dialogues whose lines name their facts, and
    customers' messages with their intents (their training split: the caller sees to it).

    ``kept_back`` names dialogues that judge something and are not learned from. A cluster with a
    wording much like one of a held-out or fitting cluster is left out as well.
    """
    judging = [c for c in clusters if is_held_out(c) or is_fitting(c)]
    free = [c for c in clusters if not is_held_out(c) and not is_fitting(c)]
    alike = twins(free, judging)
    kept = [_complete(c) for c in free if c["id"] not in alike]
    known = {fold(text) for c in judging for text in c["zh"]}
    groups = [json.loads(line) for line in _lines(corpus / "groups_zh.jsonl")]
    groups = [g for g in groups if not known & {fold(text) for text in g["zh"]}]
    glosses = load_glosses(corpus / "words_zh.tsv")
    talks = [json.loads(line) for path in dialogues for line in _lines(path)]
    used = [talk for talk in talks if talk["id"] not in kept_back]
    grounded = [line for talk in used for line in _grounded(talk)]
    return Material(kept, _families(kept), groups, glosses, grounded, list(labelled))


def twins(clusters: Sequence[dict[str, Any]], judging: Sequence[dict[str, Any]]) -> set[str]:
    """Ids of clusters with a wording whose n-grams are nearly those of a judging wording."""
    found: set[str] = set()
    if not judging:
        return found
    for language in LANGUAGES:
        theirs = csr_array(np.stack([ngrams.embed(t) for c in judging for t in c[language]])).T
        for cluster in clusters:
            own = csr_array(np.stack([ngrams.embed(text) for text in cluster[language]]))
            if float((own @ theirs).max()) > _TWIN:
                found.add(cluster["id"])
    return found


def load_glosses(path: Path) -> dict[str, str]:
    """Chinese word to its English, from lines of word, tab, English."""
    pairs = (line.split("\t") for line in _lines(path))
    return {word: gloss for word, gloss in pairs}


def anchors(teacher: Encoder, groups: Sequence[Sequence[str]]) -> Vectors:
    """(len(groups), 384): the mean direction of the teacher's vectors of each group's English."""
    flat = [text for group in groups for text in group]
    ends = np.cumsum([len(group) for group in groups])[:-1]
    means = np.stack([part.mean(axis=0) for part in np.split(teacher.encode(flat), ends)])
    found: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return found


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _complete(cluster: dict[str, Any]) -> dict[str, Any]:
    return {"ask_zh": [], "ask_en": []} | cluster


def _families(clusters: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Clusters of one product or situation; by domain where a file names no family."""
    places: dict[str, list[int]] = {}
    for place, cluster in enumerate(clusters):
        prefix = str(cluster["id"]).partition("-")[0]
        family = cluster.get("family") or f"{prefix}:{cluster['domain']}"
        places.setdefault(str(family), []).append(place)
    return list(places.values())


def _grounded(dialogue: dict[str, Any]) -> Iterator[Grounded]:
    facts: list[str] = dialogue["facts"]
    for turn in dialogue["turns"]:
        for index in turn["uses"][:1]:
            others = tuple(fact for i, fact in enumerate(facts) if i not in turn["uses"])
            if others:
                for who in ("seller", "customer"):
                    yield Grounded(turn[who], facts[index], others, dialogue["lang"])
