"""Fit what joins the two halves of the shipped encoder, on the meaning clusters.

For every language: the inverse document frequency of each n-gram bucket and the share of the
dense half that finds most other wordings first; for Chinese also the mean dense vector, which is
taken off. Shares are fitted on clusters the small encoder never saw (a twentieth), since on those
it was trained on it would look better than it is. The card's figures are of the held-out tenth.
"""

import json
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_safetensors

from encoder import ngrams
from encoder.cached import CachedEncoder
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.types import Encoder, Vectors

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # some wording always counts
_LIBRARY = 90  # one right script among ninety, the size the targets speak of
_LIBRARIES = 20
_QUANTILES = (5, 50, 95, 99, 99.5)


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
    """Another twentieth fits the join of Chinese: the small encoder is not trained on it either."""
    return zlib.crc32(str(cluster["id"]).encode()) % 20 == 1


def inverse_document_frequency(texts: list[str]) -> Vectors:
    """(BUCKETS,) weights log(1 + N / (1 + df)), scaled to mean one."""
    seen = np.zeros(ngrams.BUCKETS, dtype=np.float64)
    for text in texts:
        seen += ngrams.embed(text) != 0
    idf = np.log(1 + len(texts) / (1 + seen))
    weights: Vectors = (idf / idf.mean()).astype(np.float32)
    return weights


def judge(encoder: Encoder, clusters: list[dict[str, Any]], language: str) -> float:
    """Mean recall@1 over libraries of 90 clusters (all of them when there are fewer).

    Each wording is the query once, the other wordings of all clusters of the library stand.
    """
    texts = [(row, text) for row, c in enumerate(clusters) for text in c[language]]
    owners = np.array([row for row, _ in texts])
    vectors = encoder.encode([text for _, text in texts])
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2.0)
    draw = np.random.default_rng(0)
    found = []
    for _ in range(_LIBRARIES if len(clusters) > _LIBRARY else 1):
        size = min(_LIBRARY, len(clusters))
        here = np.isin(owners, draw.choice(len(clusters), size=size, replace=False))
        best = scores[np.ix_(here, here)].argmax(axis=1)
        found.append(float(np.mean(owners[here][best] == owners[here])))
    return float(np.mean(found))


def measure(encoder: Encoder, clusters: list[dict[str, Any]], language: str) -> dict[str, Any]:
    """Recall@1 of 90, near misses told apart, and the cosines of unrelated wordings.

    ``near_miss_below``: share of clusters in which some other wording scores above every near
    miss of the first one; ``near_miss_below_pairs``: the same for a random wording and near miss.
    """
    best, pairs = [], []
    for cluster in clusters:
        vectors = encoder.encode(cluster[language])
        same = vectors[1:] @ vectors[0]
        other = encoder.encode(cluster[f"neg_{language}"]) @ vectors[0]
        best.append(same.max() > other.max())
        pairs.append(float(np.mean(same[:, None] > other[None, :])))
    first = encoder.encode([c[language][0] for c in clusters])
    unrelated = (first @ first.T)[np.triu_indices(len(clusters), 1)]
    quantiles = {f"p{q:g}": round(float(np.percentile(unrelated, q)), 3) for q in _QUANTILES}
    return {
        "recall_at_1_of_90": round(judge(encoder, clusters, language), 4),
        "near_miss_below": round(float(np.mean(best)), 4),
        "near_miss_below_pairs": round(float(np.mean(pairs)), 4),
        "unrelated_cosine": quantiles,
    }


def fit(dense: Encoder, corpus: Path, output: Path) -> dict[str, Any]:
    """Fit, judge and write ``joined.safetensors`` and ``card.json``; returns the card."""
    dense = CachedEncoder(dense, capacity=50_000)
    clusters = load_clusters(corpus)
    known = [c for c in clusters if not is_held_out(c)]
    fitting = {"zh": [c for c in known if is_fitting(c)], "en": known}
    judging = [c for c in clusters if is_held_out(c)]
    tensors = _tensors(dense, known)
    shares: dict[str, float] = {}
    figures: dict[str, Any] = {}
    for language in ("zh", "en"):
        curve = {
            share: judge(_joined(dense, tensors, share), fitting[language], language)
            for share in SHARES
        }
        shares[language] = max(curve, key=lambda share: curve[share])
        figures[language] = {
            "recall_at_1_of_90_fitting": {str(s): round(v, 4) for s, v in curve.items()},
            "held_out": measure(_joined(dense, tensors, shares[language]), judging, language),
            "held_out_dense_alone": measure(dense, judging, language),
            "held_out_ngrams_alone": measure(_joined(dense, tensors, 0.0), judging, language),
        }
    raw = save_safetensors(tensors)
    output.mkdir(parents=True, exist_ok=True)
    (output / "joined.safetensors").write_bytes(raw)
    card = {
        "what": "join of MiniLM (English), the small encoder (Chinese) and character n-grams",
        "sha256": sha256(raw).hexdigest(),
        "dense": str(dense.identity),
        "dense_share": shares,
        "clusters": {"fitting": {k: len(v) for k, v in fitting.items()}, "held_out": len(judging)},
        "figures": figures,
        "command": "onscript encoder fit",
    }
    (output / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def _tensors(dense: Encoder, clusters: list[dict[str, Any]]) -> dict[str, Vectors]:
    tensors: dict[str, Vectors] = {}
    for language in ("zh", "en"):
        texts = [text for c in clusters for text in c[language]]
        tensors[f"idf.{language}"] = inverse_document_frequency(texts)
        center = dense.encode(texts).mean(axis=0).astype(np.float32)
        tensors[f"center.{language}"] = center if language == "zh" else np.zeros_like(center)
    return tensors


def _joined(dense: Encoder, tensors: dict[str, Vectors], share: float) -> JoinedEncoder:
    return JoinedEncoder(dense, _weights(tensors, {"zh": share, "en": share}))


def _weights(tensors: dict[str, Vectors], shares: dict[str, float]) -> JoinWeights:
    return JoinWeights(
        dense=shares,
        center={key: tensors[f"center.{key}"] for key in shares},
        idf={key: tensors[f"idf.{key}"] for key in shares},
        digest="fitting",
    )
