"""The corpus on disk: dialogues and meaning clusters, and which of them are held out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ArtifactError

HELD_OUT_ONE_IN = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """One customer line, its intent, the seller's reply and the facts the reply rests on."""

    customer: str
    intent: str
    seller: str
    uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A sales dialogue over a list of approved facts."""

    id: str
    language: str
    product: str
    facts: tuple[str, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Wordings of one meaning in one language, with near misses that mean something else."""

    id: str
    language: str
    wordings: tuple[str, ...]
    near_misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is trained on and what is never trained on; ``hashes`` maps file name to SHA-256."""

    dialogues: tuple[Dialogue, ...]
    clusters: tuple[Cluster, ...]
    held_out_dialogues: tuple[Dialogue, ...]
    held_out_clusters: tuple[Cluster, ...]
    hashes: dict[str, str]


def held_out(identifier: str) -> bool:
    """Whether a dialogue or cluster is kept from training: by its id's hash, about 5 %."""
    digest = hashlib.sha256(identifier.encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_ONE_IN == 0


def read_corpus(dialogues_dir: Path, clusters_dir: Path) -> Corpus:
    """Read ``dialogues_*.jsonl`` and ``clusters_*.jsonl``.

    Raises ArtifactError when a folder holds none of its files.
    """
    hashes: dict[str, str] = {}
    dialogues = [_dialogue(row) for row in _rows(dialogues_dir, "dialogues_*.jsonl", hashes)]
    clusters = [
        cluster
        for row in _rows(clusters_dir, "clusters_*.jsonl", hashes)
        for cluster in _clusters(row)
    ]
    return Corpus(
        dialogues=tuple(d for d in dialogues if not held_out(d.id)),
        clusters=tuple(c for c in clusters if not held_out(c.id)),
        held_out_dialogues=tuple(d for d in dialogues if held_out(d.id)),
        held_out_clusters=tuple(c for c in clusters if held_out(c.id)),
        hashes=hashes,
    )


def _rows(folder: Path, pattern: str, hashes: dict[str, str]) -> list[dict[str, Any]]:
    files = sorted(folder.glob(pattern))
    if not files:
        raise ArtifactError(
            f"no {pattern} in {folder}", mend="name the folder that holds the training corpus"
        )
    rows: list[dict[str, Any]] = []
    for file in files:
        content = file.read_bytes()
        hashes[file.name] = hashlib.sha256(content).hexdigest()
        rows += [json.loads(line) for line in content.decode().splitlines() if line.strip()]
    return rows


def _dialogue(row: dict[str, Any]) -> Dialogue:
    facts = tuple(str(fact).strip() for fact in row["facts"])
    turns = tuple(
        Turn(
            customer=str(turn["customer"]).strip(),
            intent=str(turn["intent"]),
            seller=str(turn["seller"]).strip(),
            uses=tuple(int(index) for index in turn["uses"] if 0 <= int(index) < len(facts)),
        )
        for turn in row["turns"]
    )
    return Dialogue(str(row["id"]), str(row["lang"]), str(row["product"]), facts, turns)


def _clusters(row: dict[str, Any]) -> list[Cluster]:
    return [
        Cluster(
            id=str(row["id"]),
            language=language,
            wordings=tuple(str(text).strip() for text in row[language]),
            near_misses=tuple(str(text).strip() for text in row.get(f"neg_{language}", ())),
        )
        for language in ("zh", "en")
        if len(row.get(language, ())) >= 2
    ]
