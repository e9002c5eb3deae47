"""The calibrator that ships: logistic weights per language, fitted on development pairs.

A fit builds libraries, runs the very search that serves, and learns from it which evidence means
"this is the right script". The threshold is the lowest at which at most the tolerated share of
served scripts was wrong on pairs that the weights were not fitted on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from core.errors import ArtifactError, InvalidInput
from encoder.types import Encoder, EncoderIdentity
from script_store.library import Library
from script_store.matching import (
    FEATURES,
    REPEAT_FEATURES,
    Calibration,
    choose,
    features,
    probability,
)
from script_store.types import Match

TOLERANCE = 0.05  # share of served scripts that may be wrong
EVEN = 0.5  # never serve a script that is more likely wrong than right
_RARELY = 0.02  # share of right scripts that the question may speak against
_LAID_BEFORE = 4  # statements a model may be given
_LAID_BEFORE_SMALL = 2  # and one that repeats them
_MEND = "fit it again: onscript scripts calibrate"
_Floats = np.ndarray[Any, np.dtype[np.float64]]


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
                {name: float(fitted["weights"][name]) for name in FEATURES},
                float(fitted["bias"]),
                float(fitted["threshold"]),
                str(identity),
                float(fitted["question_margin"]),
                {name: float(fitted["repeat_weights"][name]) for name in REPEAT_FEATURES},
                float(fitted["repeat_bias"]),
            )
            for language, fitted in card["languages"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError("the match calibration cannot be read", mend=_MEND) from error


@dataclass(frozen=True, slots=True)
class Case:
    """One draft to be matched in reply to one message, and the script that would be right."""

    customer: str
    draft: str
    key: str | None
    kind: str
    opposes: str | None = None

    @property
    def made(self) -> bool:
        """Made from a pair rather than written by a person."""
        return self.kind.startswith("echo")


def cases(library: Library, encoder: Encoder, pairs: Sequence[Pair]) -> list[Case]:
    """Each pair as it stands, and as a weak model would draft it.

    A small model often repeats one of the statements laid before it, the right one or not. So each
    message is also tried with the right script repeated (``echo_right``) and with a wrong one
    (``echo_wrong``: the last of those laid before the model, or the nearest when none is right).
    """
    found = []
    for pair in pairs:
        found.append(Case(pair.customer, pair.draft, pair.key, pair.kind, pair.opposes))
        right = library.get(pair.key) if pair.key else None
        if right is not None:
            found.append(Case(pair.customer, right.text, pair.key, "echo_right"))
        if pair.opposes is None:
            near = library.retrieve(encoder, pair.customer, _LAID_BEFORE)
            wrong = [script for script in near if script.version.key != pair.key]
            found += [
                Case(pair.customer, script.text, pair.key, "echo_wrong")
                for script in (wrong[:1] if pair.key is None else wrong[-1:])
            ]
    return found


def fit_language(
    library: Library,
    encoder: Encoder,
    pairs: Sequence[Pair],
    tolerance: float,
    bare: Library | None = None,
) -> tuple[Calibration, dict[str, Any]]:
    """Weights and threshold from the dev half (the threshold by cross-fitting), figures on test.

    ``bare`` is the same library as somebody writes it who gives texts only, no questions and no
    paraphrases; weights and threshold are fitted on both, so that a probability means the same.
    """
    both = [library] if bare is None else [library, bare]
    dev = cases(library, encoder, [pair for pair in pairs if pair.split == "dev"])
    test = cases(library, encoder, [pair for pair in pairs if pair.split == "test"])
    customers = sorted({case.customer for case in dev})
    first = set(customers[0::2])
    folds = [[c for c in dev if c.customer in first], [c for c in dev if c.customer not in first]]
    served: list[tuple[float, bool]] = []
    for held, fitted_on in (folds, folds[::-1]):
        weights = _fit_weights(both, encoder, fitted_on)
        served += [one for found in both for one in _served(found, encoder, held, weights)]
    fitted = _fit_weights(both, encoder, dev)
    threshold = _threshold(served, tolerance)
    margin = _question_margin(library, encoder, dev)
    repeats = _fit_repeats(library, encoder, [pair for pair in pairs if pair.split == "dev"])
    calibration = Calibration(
        fitted.weights, fitted.bias, threshold, str(encoder.identity), margin, *repeats
    )
    measured = {
        "dev": figures(library, encoder, dev, calibration),
        "test": figures(library, encoder, test, calibration),
    }
    if bare is not None:
        measured["test_texts_only"] = figures(bare, encoder, test, calibration)
    return calibration, measured


def _fit_weights(
    libraries: Sequence[Library], encoder: Encoder, fitted_on: Sequence[Case]
) -> Calibration:
    """Weights over every script that the search brings up.

    Only drafts that people wrote are fitted on. Flips are left out: likeness cannot tell them
    apart, that is the veto's business. The intent is not used: pairs come without a triage.
    """
    rows: list[list[float]] = []
    right: list[bool] = []
    written = [case for case in fitted_on if case.opposes is None and not case.made]
    for library, case in product(libraries, written):
        evidence = library.evidence(encoder, case.draft, case.customer)
        for item, row in zip(evidence, features(evidence, None), strict=True):
            rows.append([row[name] for name in FEATURES])
            right.append(item.key == case.key)
    weights, bias = _logistic(rows, right, FEATURES)
    return Calibration(weights, bias, EVEN)


def _fit_repeats(
    library: Library, encoder: Encoder, dev: Sequence[Pair]
) -> tuple[dict[str, float], float]:
    """Weights of the question alone: each statement laid before a model, repeated as its draft."""
    rows: list[list[float]] = []
    right: list[bool] = []
    for pair in dev:
        if pair.opposes is not None:
            continue
        for script in library.retrieve(encoder, pair.customer, _LAID_BEFORE_SMALL):
            evidence = library.evidence(encoder, script.text, pair.customer)
            for item, row in zip(evidence, features(evidence, None), strict=True):
                if item.version_id == script.version.id:
                    rows.append([row[name] for name in REPEAT_FEATURES])
                    right.append(item.key == pair.key)
    return _logistic(rows, right, REPEAT_FEATURES)


def _logistic(
    rows: list[list[float]], right: list[bool], names: Sequence[str]
) -> tuple[dict[str, float], float]:
    """L2-regularised logistic regression: weights by name, and the bias."""
    x, y = np.array(rows), np.array(right, dtype=np.float64)

    def loss(parameters: _Floats) -> tuple[float, _Floats]:
        w, b = parameters[:-1], parameters[-1]
        z = np.clip(x @ w + b, -60, 60)
        p = 1 / (1 + np.exp(-z))
        nll = -(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)).sum()
        gap = p - y
        return float(nll + 0.05 * (w @ w)), np.append(x.T @ gap + 0.1 * w, gap.sum())

    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    weights = {name: round(float(w), 5) for name, w in zip(names, found[:-1], strict=True)}
    return weights, round(float(found[-1]), 5)


def _served(
    library: Library, encoder: Encoder, held: Sequence[Case], calibration: Calibration
) -> list[tuple[float, bool]]:
    """For each written case the best script's probability and whether it is the right one."""
    found = []
    for case in held:
        if case.opposes is not None or case.made:
            continue
        evidence = library.evidence(encoder, case.draft, case.customer)
        best, key = max(
            (probability(row, calibration), item.key)
            for item, row in zip(evidence, features(evidence, None), strict=True)
        )
        found.append((best, key == case.key))
    return found


def _question_margin(library: Library, encoder: Encoder, dev: Sequence[Case]) -> float:
    """How far behind another script the right one may fall in answering what was asked.

    All but two in a hundred right scripts of the dev half stay within it.
    """
    behind = [
        -row["question_lead"]
        for case in dev
        if case.key is not None and not case.made
        for evidence in [library.evidence(encoder, case.draft, case.customer)]
        for item, row in zip(evidence, features(evidence, None), strict=True)
        if item.key == case.key
    ]
    return round(float(np.quantile(behind, 1 - _RARELY)), 4)


def _threshold(served: Sequence[tuple[float, bool]], tolerance: float) -> float:
    """The lowest probability above which at most ``tolerance`` of the scripts were wrong."""
    wrong, best = 0, 1.0
    for count, (chance, right) in enumerate(sorted(served, reverse=True), 1):
        wrong += not right
        if wrong <= tolerance * count:
            best = chance
    return round(max(best, EVEN), 4)


def figures(
    library: Library, encoder: Encoder, judged: Sequence[Case], calibration: Calibration
) -> dict[str, Any]:
    """What is served: right, wrong, opposite or a fallback, by kind of case."""
    outcome: dict[str, list[str]] = {}
    for case in judged:
        evidence = library.evidence(encoder, case.draft, case.customer)
        given = frozenset(item.version_id for item in evidence) if case.made else frozenset()
        result = choose(case.draft, evidence, calibration, given=given)
        served = result.candidate.key if isinstance(result, Match) else None
        outcome.setdefault(case.kind, []).append(_verdict(served, case))
    written = [v for kind, found in outcome.items() if not kind.startswith("echo") for v in found]
    answerable = sum(c.key is not None and not c.made for c in judged)
    served_count = len(written) - written.count("fallback")
    return {
        "cases": len(judged),
        "coverage": round(written.count("right") / max(1, answerable), 4),
        "wrong_of_served": round(1 - written.count("right") / max(1, served_count), 4),
        "kinds": {
            kind: {name: found.count(name) for name in sorted(set(found))}
            for kind, found in sorted(outcome.items())
        },
    }


def _verdict(served: str | None, case: Case) -> str:
    if served is None:
        return "fallback"
    if served == case.key:
        return "right"
    return "opposite" if served == case.opposes else "wrong"
