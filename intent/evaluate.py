"""How good is triage? Accuracy, calibration and what abstaining costs, per language."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from intent.corpus import Utterance
from intent.types import Intent, Label, family


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = 10
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017)."""
    confidence, hit = np.array(confidences), np.array(right, dtype=float)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[places == b].mean() - hit[places == b].mean()) * float((places == b).mean())
        for b in range(bins)
        if (places == b).any()
    ]
    return float(sum(gaps))


def choose_threshold(
    confidences: Sequence[float], right: Sequence[bool], tolerance: float
) -> float:
    """The lowest threshold at which at most ``tolerance`` of the answered messages are wrong."""
    order = np.argsort(-np.array(confidences), kind="stable")
    wrong = 1.0 - np.array(right, dtype=float)[order]
    risk = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    fine = np.flatnonzero(risk <= tolerance)
    if len(fine) == 0:
        return 1.0
    return float(np.array(confidences)[order][fine[-1]])


def report(utterances: Sequence[Utterance], intents: Sequence[Intent]) -> dict[str, Any]:
    """Figures per language: accuracy, calibration, coverage, risk, recall per intent."""
    result: dict[str, Any] = {}
    for language in sorted({u.language for u in utterances}):
        pairs = [(u, i) for u, i in zip(utterances, intents, strict=True) if u.language == language]
        right = [i.label == u.label for u, i in pairs]
        treated = [u.label in family(i.label) for u, i in pairs]
        answered = [hit for hit, (_, i) in zip(treated, pairs, strict=True) if not i.abstain]
        result[language] = {
            "messages": len(pairs),
            "accuracy": _share(right),
            "ece": round(expected_calibration_error([i.confidence for _, i in pairs], right), 4),
            "answered": round(len(answered) / max(1, len(pairs)), 4),
            "family_accuracy": _share(treated),
            "family_accuracy_when_answered": _share(answered),
            "recall": _recalls(pairs),
            "precision": _precisions(pairs),
        }
    return result


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / max(1, len(hits)), 4)


def _recalls(pairs: Sequence[tuple[Utterance, Intent]]) -> dict[str, float]:
    """Of the messages that want something, the share that we said so of."""
    hits: defaultdict[Label, list[bool]] = defaultdict(list)
    for utterance, intent in pairs:
        hits[utterance.label].append(intent.label == utterance.label)
    return {label.value: _share(hits[label]) for label in Label if hits[label]}


def _precisions(pairs: Sequence[tuple[Utterance, Intent]]) -> dict[str, float]:
    """Of the messages that we said want something, the share that do."""
    hits: defaultdict[Label, list[bool]] = defaultdict(list)
    for utterance, intent in pairs:
        hits[intent.label].append(intent.label == utterance.label)
    return {label.value: _share(hits[label]) for label in Label if hits[label]}
