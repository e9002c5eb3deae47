"""The meaning clusters, and which of them are never learned from."""

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def load_clusters(folder: Path) -> list[dict[str, Any]]:
    """All meaning clusters of a folder, in file and line order."""
    lines: Iterable[str] = (
        line
        for path in sorted(folder.glob("clusters_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [json.loads(line) for line in lines if line.strip()]


def is_held_out(cluster: dict[str, Any]) -> bool:
    """A tenth of the clusters, by a hash of their id, judge and are never learned from."""
    return zlib.crc32(str(cluster["id"]).encode()) % 10 == 0


def is_fitting(cluster: dict[str, Any]) -> bool:
    """Another twentieth fits the join and is watched in training; no weight is trained on it."""
    return zlib.crc32(str(cluster["id"]).encode()) % 20 == 1


def sentences(clusters: Iterable[dict[str, Any]], language: str) -> list[str]:
    """All wordings and near misses of a language."""
    keys = (language, f"neg_{language}")
    return [text for cluster in clusters for key in keys for text in cluster[key]]


def load_graded(folder: Path, language: str) -> list[dict[str, Any]]:
    """Pairs ``a``, ``b`` with a ``grade``, 0 (unrelated) to 5 (the same); none without a file."""
    path = folder / f"graded_{language}.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
