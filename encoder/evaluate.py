"""How well an encoder tells meanings apart, on clusters it has not learned from."""

from typing import Any

import numpy as np
from scipy.stats import spearmanr

from encoder.types import Encoder, Vectors

LIBRARY = 90  # one right meaning among ninety, the size the targets speak of
_LIBRARIES = 20
_QUANTILES = (5, 50, 95, 99, 99.5)


def judge(encoder: Encoder, clusters: list[dict[str, Any]], language: str) -> float:
    """Mean recall@1 over libraries of 90 clusters (all of them when there are fewer).

    Each wording is the query once, the other wordings of all clusters of the library stand.
    """
    return ranks(encoder, clusters, language)[0]


def ranks(encoder: Encoder, clusters: list[dict[str, Any]], language: str) -> tuple[float, float]:
    """Recall@1 and mean reciprocal rank, as ``judge`` draws them."""
    texts = [(row, text) for row, c in enumerate(clusters) for text in c[language]]
    owners = np.array([row for row, _ in texts])
    vectors = encoder.encode([text for _, text in texts])
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2.0)
    draw = np.random.default_rng(0)
    first, reciprocal = [], []
    for _ in range(_LIBRARIES if len(clusters) > LIBRARY else 1):
        size = min(LIBRARY, len(clusters))
        drawn = np.sort(draw.choice(len(clusters), size=size, replace=False))
        here = np.isin(owners, drawn)
        places = _places(scores[np.ix_(here, here)], owners[here])
        first.append(float(np.mean(places == 1)))
        reciprocal.append(float(np.mean(1 / places)))
    return float(np.mean(first)), float(np.mean(reciprocal))


def _places(scores: Vectors, owners: Vectors) -> Vectors:
    """Rank (1 is best) of each row's own meaning, a meaning counting by its best wording."""
    meanings = np.unique(owners)
    best = np.stack([scores[:, owners == m].max(axis=1) for m in meanings], axis=1)
    own = best[np.arange(len(owners)), np.searchsorted(meanings, owners)]
    places: Vectors = (best > own[:, None]).sum(axis=1) + 1
    return places


def measure(encoder: Encoder, clusters: list[dict[str, Any]], language: str) -> dict[str, Any]:
    """Recall@1 and reciprocal rank of 90, near misses told apart, cosines of unrelated wordings.

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
    recall, reciprocal = ranks(encoder, clusters, language)
    return {
        "recall_at_1_of_90": round(recall, 4),
        "mean_reciprocal_rank_of_90": round(reciprocal, 4),
        "near_miss_below": round(float(np.mean(best)), 4),
        "near_miss_below_pairs": round(float(np.mean(pairs)), 4),
        "unrelated_cosine": quantiles,
    }


def across(encoder: Encoder, clusters: list[dict[str, Any]]) -> float:
    """Recall@1 of a Chinese wording's own English one among those of 90 drawn clusters."""
    drawn = np.random.default_rng(0).permutation(len(clusters))[:LIBRARY]
    chosen = [clusters[place] for place in drawn]
    chinese = encoder.encode([c["zh"][0] for c in chosen])
    english = encoder.encode([c["en"][0] for c in chosen])
    return float(np.mean((chinese @ english.T).argmax(axis=1) == np.arange(len(chosen))))


def graded(encoder: Encoder, pairs: list[dict[str, Any]]) -> float:
    """Spearman's rank correlation of cosines with graded similarity.

    Each pair has ``a``, ``b`` and a ``grade`` of 0 to 5.
    """
    left = encoder.encode([pair["a"] for pair in pairs])
    right = encoder.encode([pair["b"] for pair in pairs])
    cosines = (left * right).sum(axis=1)
    return float(spearmanr(cosines, [pair["grade"] for pair in pairs]).statistic)
