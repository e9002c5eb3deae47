"""The encoder that works out of the box, assembled from its shipped parts."""

from pathlib import Path

from encoder.bilingual import BilingualEncoder
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.types import Encoder


def load_dense(home: Path, threads: int = 1) -> Encoder:
    """The dense half of both languages. The first call writes MiniLM's ONNX graph (seconds)."""
    return BilingualEncoder.load(home, threads)


def load_encoder(home: Path, threads: int = 1) -> JoinedEncoder:
    """Both halves joined. Raises ArtifactError when a weights file is missing or corrupt."""
    return JoinedEncoder(load_dense(home, threads), JoinWeights.shipped())
