"""The calibrator that ships: logistic weights per language, fitted on development pairs.

A fit builds libraries, runs the very search that serves, and learns from it which evidence means
"this is the right script". The threshold is the lowest at which at most the tolerated share of
served scripts was wrong on pairs that the weights were not fitted on.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from core.errors import ArtifactError, InvalidInput
from encoder.types import Encoder, EncoderIdentity
from script_store.library import Library
from script_store.matching import FEATURES, Calibration, choose, features, probability
from script_store.types import Match

TOLERANCE = 0.05  # share of served scripts that may be wrong
EVEN = 0.5  # never serve a script that is more likely wrong than right
_MEND = "fit it again: onscript scripts calibrate --shipped"


@dataclass(frozen=True, slots=True)
class Pair:
    """A customer's message and a draft with the script that is right, or None when none is."""

    campaign: str
    customer: str
    draft: str
    key: str | None
    kind: str
    split: str
    opposes: str | None = None


def shipped_folder() -> Path:
    """Where the calibration and the pairs live in the package."""
    return Path(str(files("script_store")))


def load_pairs(language: str, folder: Path | None = None) -> list[Pair]:
    """The development pairs of a language. Raises InvalidInput naming the line."""
    path = (folder or shipped_folder() / "pairs") / f"{language}.jsonl"
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            pairs.append(Pair(**{name: value for name, value in json.loads(line).items()}))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{path.name}:{number}: {error}") from error
    return pairs


def load_calibrations(
    identity: EncoderIdentity, path: Path | None = None
) -> dict[str, Calibration]:
    """By language. Raises ArtifactError when missing or fitted on another encoder's scores."""
    place = path or shipped_folder() / "calibration.json"
    try:
        card = json.loads(place.read_text(encoding="utf-8"))
        if card["encoder"] != str(identity):
            raise ArtifactError(
                f"the calibration was fitted on {card['encoder']}, the encoder is {identity}",
                mend=_MEND,
            )
        return {
            language: Calibration(
                fitted["weights"], fitted["bias"], fitted["threshold"], card["encoder"]
            )
            for language, fitted in card["languages"].items()
        }
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError("the match calibration cannot be read", mend=_MEND) from error


def fit_language(
    library: Library, encoder: Encoder, pairs: Sequence[Pair], tolerance: float
) -> tuple[Calibration, dict[str, Any]]:
    """Weights from the dev half, threshold from the dev half by cross-fitting, figures on test."""
    dev = [pair for pair in pairs if pair.split == "dev"]
    test = [pair for pair in pairs if pair.split == "test"]
    folds = [dev[0::2], dev[1::2]]
    served: list[tuple[float, bool]] = []
    for held, fitted_on in (folds, folds[::-1]):
        calibration = _fit_weights(library, encoder, fitted_on)
        served += _served(library, encoder, held, calibration)
    threshold = _threshold(served, tolerance)
    weights = _fit_weights(library, encoder, dev)
    calibration = Calibration(weights.weights, weights.bias, threshold, str(encoder.identity))
    return calibration, {
        "dev": figures(library, encoder, dev, calibration),
        "test": figures(library, encoder, test, calibration),
    }


def _rows(
    library: Library, encoder: Encoder, pairs: Sequence[Pair]
) -> tuple[list[dict[str, float]], list[bool]]:
    rows, right = [], []
    for pair in pairs:
        if pair.opposes is not None:
            continue  # the veto's business; likeness cannot and should not tell these apart
        evidence = library.evidence(encoder, pair.draft, pair.customer)
        for item, row in zip(evidence, features(evidence, _intent(library, pair)), strict=True):
            rows.append(row)
            right.append(item.key == pair.key)
    return rows, right


def _intent(library: Library, pair: Pair) -> str | None:
    script = library.get(pair.key) if pair.key else None
    return script.version.content.intent if script else None


def _fit_weights(library: Library, encoder: Encoder, pairs: Sequence[Pair]) -> Calibration:
    """L2-regularised logistic regression; all scores count, the right script's as much as all."""
    rows, right = _rows(library, encoder, pairs)
    x = np.array([[row[name] for name in FEATURES] for row in rows])
    y = np.array(right, dtype=float)
    used = np.array([name != "intent" for name in FEATURES])

    def loss(parameters: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        w, b = parameters[:-1] * used, parameters[-1]
        p = 1 / (1 + np.exp(-(x @ w + b)))
        nll = -(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)).sum()
        gap = p - y
        gradient = np.append((x.T @ gap) * used + 0.1 * w, gap.sum())
        return float(nll + 0.05 * (w @ w)), gradient

    start: Callable[[int], np.ndarray[Any, Any]] = np.zeros
    found = minimize(loss, start(len(FEATURES) + 1), jac=True, method="L-BFGS-B").x
    weights = {n: round(float(w), 5) for n, w in zip(FEATURES, found[:-1] * used, strict=True)}
    return Calibration(weights, round(float(found[-1]), 5), 0.5)


def _served(
    library: Library, encoder: Encoder, pairs: Sequence[Pair], calibration: Calibration
) -> list[tuple[float, bool]]:
    """For each pair the best script's probability and whether serving it would be right."""
    found = []
    for pair in pairs:
        if pair.opposes is not None:
            continue
        evidence = library.evidence(encoder, pair.draft, pair.customer)
        rows = features(evidence, None)
        scored = [
            (probability(row, calibration), item.key)
            for item, row in zip(evidence, rows, strict=True)
        ]
        best, key = max(scored)
        found.append((best, key == pair.key))
    return found


def _threshold(served: Sequence[tuple[float, bool]], tolerance: float) -> float:
    """The lowest probability above which at most ``tolerance`` of the scripts were wrong."""
    ranked = sorted(served, reverse=True)
    wrong, best = 0, 1.0
    for count, (chance, right) in enumerate(ranked, 1):
        wrong += not right
        if wrong / count <= tolerance:
            best = chance
    return round(max(best, EVEN), 4)


def figures(
    library: Library, encoder: Encoder, pairs: Sequence[Pair], calibration: Calibration
) -> dict[str, Any]:
    """What is served on pairs: coverage of answerable drafts, wrong scripts, per kind."""
    outcome: dict[str, list[str]] = {}
    for pair in pairs:
        evidence = library.evidence(encoder, pair.draft, pair.customer)
        result = choose(pair.draft, evidence, calibration)
        served = result.candidate.key if isinstance(result, Match) else None
        bad = pair.opposes if pair.opposes is not None else None
        verdict = (
            "right"
            if served == pair.key and served is not None
            else "fallback"
            if served is None
            else "opposite"
            if served == bad
            else "wrong"
        )
        outcome.setdefault(pair.kind, []).append(verdict)
    everything = [v for verdicts in outcome.values() for v in verdicts]
    answerable = [p for p in pairs if p.key is not None]
    served_count = sum(v != "fallback" for v in everything)
    return {
        "pairs": len(pairs),
        "coverage": round(everything.count("right") / max(1, len(answerable)), 4),
        "wrong_of_served": round(
            (everything.count("wrong") + everything.count("opposite")) / max(1, served_count), 4
        ),
        "kinds": {
            kind: {name: verdicts.count(name) for name in sorted(set(verdicts))}
            for kind, verdicts in sorted(outcome.items())
        },
    }
