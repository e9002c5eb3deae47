"""Logistic heads and their calibration, fitted by L-BFGS: convex, so always the same answer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from compliance.paraphrase.model import sigmoid
from encoder.types import Vectors

Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Heads:
    """``weight`` is (heads, features), ``bias`` is (heads,)."""

    weight: Vectors
    bias: Vectors

    def logits(self, features: Vectors) -> Vectors:
        """(n, heads)."""
        found: Vectors = features @ self.weight.T + self.bias
        return found


def fit_heads(features: Vectors, truth: Truth, decay: float, balance: float) -> Heads:
    """One-vs-rest: weighted logistic loss with an L2 penalty; ``truth`` is (n, heads).

    ``balance`` 0: every sentence counts the same; 1: both sides of a head count the same.
    """
    inputs = np.concatenate([features, np.ones((len(features), 1), dtype=np.float32)], axis=1)
    share = truth.mean(axis=0).clip(1e-6, 1 - 1e-6)
    weights = np.where(truth, (0.5 / share) ** balance, (0.5 / (1 - share)) ** balance)
    weights = (weights / weights.sum(axis=0)).astype(np.float32)
    signs = np.where(truth, -1.0, 1.0).astype(np.float32)
    shape = (truth.shape[1], inputs.shape[1])

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        rows = flat.reshape(shape).astype(np.float32)
        margins: Vectors = (signs * (inputs @ rows.T)).astype(np.float32)
        penalised = rows.copy()
        penalised[:, -1] = 0  # the bias is free
        value = (weights * np.logaddexp(0, margins)).sum() + decay / 2 * (penalised**2).sum()
        slope = (weights * signs * sigmoid(margins)).T @ inputs + decay * penalised
        return float(value), slope.astype(np.float64).ravel()

    options = {"maxiter": 300, "maxcor": 20}
    start = np.zeros(shape).ravel()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    rows = found.x.reshape(shape).astype(np.float32)
    return Heads(rows[:, :-1], rows[:, -1])


def platt(logits: Vectors, truth: Truth) -> tuple[float, float]:
    """Slope and offset that make logits into probabilities (Platt 1999, with his soft targets)."""
    right, wrong = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (right + 1) / (right + 2), 1 / (wrong + 2))
    values = logits.astype(np.float64)

    def loss(pair: npt.NDArray[np.float64]) -> float:
        scaled = pair[0] * values + pair[1]
        return float((np.logaddexp(0, scaled) - target * scaled).mean())

    bounds = [(0.05, 20.0), (None, None)]
    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])
