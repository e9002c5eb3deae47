"""The encoder in force, assembled from its parts."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from core.errors import ConfigurationError
from encoder.batching import BatchingEncoder
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.minilm import MiniLM
from encoder.types import Encoder

SHIPPED = "shipped"


def load_dense(
    home: Path, threads: int = 1, model: str = SHIPPED, device: str = "auto"
) -> BatchingEncoder:
    """The dense half. The shipped one writes its ONNX graph at the first call (seconds)."""
    inner: Encoder
    if model == SHIPPED:
        inner = MiniLM.taught(home, threads)
    else:
        if find_spec("sentence_transformers") is None:
            raise ConfigurationError(
                "a configured encoder needs sentence-transformers",
                mend="pip install 'onscript[encoders]', or unset ONSCRIPT_ENCODER",
            )
        from encoder.configured import ConfiguredEncoder  # noqa: PLC0415 - loads torch

        inner = ConfiguredEncoder(model, device)
    return BatchingEncoder(inner)


def load_encoder(
    home: Path, threads: int = 1, model: str = SHIPPED, device: str = "auto"
) -> JoinedEncoder:
    """Both halves joined. Raises ArtifactError when a weights file is missing or corrupt."""
    dense = load_dense(home, threads, model, device)
    return JoinedEncoder(dense, JoinWeights.shipped(fitted_folder(home, model)))


def fitted_folder(home: Path, model: str) -> Path | None:
    """Where what was fitted for a configured encoder is kept; None for the shipped one.

    The shipped one's join, intent model and calibration are parts of their packages.
    """
    if model == SHIPPED:
        return None
    return home / "models" / f"fitted-{hashlib.sha256(model.encode()).hexdigest()[:12]}"
