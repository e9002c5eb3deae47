"""Fit what joins the two halves of the encoder, on the meaning clusters.

For every language: the inverse document frequency of each n-gram bucket, the mean dense vector,
which is taken off where that helps, and the share of the dense half that finds most other wordings
first. Shares are fitted on a twentieth of the clusters that no weight was trained on; the card's
figures are of the held-out tenth.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_safetensors

from encoder import ngrams
from encoder.cached import CachedEncoder
from encoder.clusters import is_fitting, is_held_out, load_clusters, sentences
from encoder.evaluate import across, judge, measure
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.types import Encoder, Vectors

SHARES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # some wording always counts
LANGUAGES = ("zh", "en")


def inverse_document_frequency(texts: list[str]) -> Vectors:
    """(BUCKETS,) weights log(1 + N / (1 + df)), scaled to mean one."""
    seen = np.zeros(ngrams.BUCKETS, dtype=np.float64)
    for text in texts:
        seen += ngrams.embed(text) != 0
    idf = np.log(1 + len(texts) / (1 + seen))
    weights: Vectors = (idf / idf.mean()).astype(np.float32)
    return weights


def fit(
    encoder: Encoder,
    corpus: Path,
    output: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Fit, judge, write ``joined.safetensors`` and the ``join`` of ``card.json``; returns that.

    ``progress`` hears how many sentences of how many are encoded.
    """
    dense = CachedEncoder(encoder, capacity=200_000)
    clusters = load_clusters(corpus)
    dense.warm([t for key in LANGUAGES for t in sentences(clusters, key)], progress)
    known = [c for c in clusters if not is_held_out(c)]
    fitting = [c for c in known if is_fitting(c)]
    judging = [c for c in clusters if is_held_out(c)]
    tensors: dict[str, Vectors] = {}
    shares: dict[str, float] = {}
    figures: dict[str, Any] = {"held_out_across_languages": round(across(dense, judging), 4)}
    for language in LANGUAGES:
        texts = [text for c in known for text in c[language]]
        tensors[f"idf.{language}"] = inverse_document_frequency(texts)
        mean = dense.encode(texts).mean(axis=0).astype(np.float32)
        options = [
            (judge(_joined(dense, tensors, language, share, center), fitting, language), share, c)
            for c, center in enumerate((np.zeros_like(mean), mean))
            for share in SHARES
        ]
        best, shares[language], centered = max(options, key=lambda option: option[0])
        tensors[f"center.{language}"] = mean * centered
        figures[language] = _figures(dense, tensors, language, shares[language], judging)
        figures[language]["fitting_recall_at_1_of_90"] = round(best, 4)
    raw = save_safetensors(tensors)
    output.mkdir(parents=True, exist_ok=True)
    (output / "joined.safetensors").write_bytes(raw)
    join = {
        "what": "join of the dense encoder with character n-grams",
        "sha256": sha256(raw).hexdigest(),
        "dense": str(dense.identity),
        "dense_share": shares,
        "centered": {k: bool(tensors[f"center.{k}"].any()) for k in LANGUAGES},
        "clusters": {"fitting": len(fitting), "held_out": len(judging)},
        "figures": figures,
        "command": "onscript encoder fit",
    }
    card = output / "card.json"
    known_card = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    card.write_text(json.dumps(known_card | {"join": join}, indent=1) + "\n", encoding="utf-8")
    return join


def _figures(
    dense: Encoder,
    tensors: dict[str, Vectors],
    language: str,
    share: float,
    judging: list[dict[str, Any]],
) -> dict[str, Any]:
    center = tensors[f"center.{language}"]
    joined = _joined(dense, tensors, language, share, center)
    worded = _joined(dense, tensors, language, 0.0, center)
    return {
        "held_out": measure(joined, judging, language),
        "held_out_dense_alone": measure(dense, judging, language),
        "held_out_ngrams_alone": measure(worded, judging, language),
    }


def _joined(
    dense: Encoder, tensors: dict[str, Vectors], language: str, share: float, center: Vectors
) -> JoinedEncoder:
    """The join of one language; a text that looks like the other one is joined the same way."""
    weights = JoinWeights(
        dense=dict.fromkeys(LANGUAGES, share),
        center=dict.fromkeys(LANGUAGES, center),
        idf=dict.fromkeys(LANGUAGES, tensors[f"idf.{language}"]),
        digest="fitting",
    )
    return JoinedEncoder(dense, weights)
