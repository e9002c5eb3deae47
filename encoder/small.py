"""The small Chinese encoder, served by ONNX Runtime from one file that ships with the package.

A text is read as characters and pairs of neighbours. Both are hashed, so there is no vocabulary
and no unknown token: a character nobody has seen still gets rows of its own. Its vectors live in
the space of all-MiniLM-L6-v2 (see ``encoder.train``). Importing this module loads no torch.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from core.errors import ArtifactError
from encoder.ngrams import fold
from encoder.types import EncoderIdentity, Vectors

DIMENSION = 384
CHARACTER_ROWS = 4096  # rows of each of the two character tables
PAIR_ROWS = 16384
WINDOW = 64  # tokens read at once; a longer text is the mean of its windows
_WINDOWS = 16  # more than a thousand tokens is a document, not a message
_LONGEST = 8000  # characters looked at
_BATCH = 64
_TOKEN = re.compile(r"[a-z]+|\S")
_STOPS = frozenset("。!?;\n.,、:")
_MEND = "restore encoder/weights from the repository, or train again: onscript encoder train"

Codes = npt.NDArray[np.int64]


@lru_cache(maxsize=100_000)
def _character(token: str) -> tuple[int, int]:
    # Two independent rows a token: two tokens share both once in sixteen million.
    code = zlib.crc32(token.encode("utf-8", "surrogatepass"))
    return code % CHARACTER_ROWS, CHARACTER_ROWS + (code // CHARACTER_ROWS) % CHARACTER_ROWS


@lru_cache(maxsize=200_000)
def _pair(left: str, right: str) -> int:
    return 1 + zlib.crc32(f"{left}\x1f{right}".encode("utf-8", "surrogatepass")) % (PAIR_ROWS - 1)


def tokens(text: str) -> list[str]:
    """Folded characters; a run of Latin letters is one token and white space is none."""
    return _TOKEN.findall(fold(text[:_LONGEST]))


def codes(parts: Sequence[str]) -> Codes:
    """(len(parts), 3): two character rows and the row of the pair with the token before."""
    before = ["", *parts[:-1]]
    rows = [(*_character(p), _pair(b, p)) for b, p in zip(before, parts, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(len(rows), 3)


def windows(parts: Sequence[str]) -> list[Sequence[str]]:
    """Pieces of at most WINDOW tokens, cut after a stop in their second half where there is one."""
    pieces: list[Sequence[str]] = []
    start = 0
    while start < len(parts) and len(pieces) < _WINDOWS:
        end = min(start + WINDOW, len(parts))
        if end < len(parts):
            stops = (i for i in range(end, start + WINDOW // 2, -1) if parts[i - 1] in _STOPS)
            end = next(stops, end)
        pieces.append(parts[start:end])
        start = end
    return pieces


def padded(pieces: Sequence[Codes]) -> tuple[Codes, Vectors]:
    """(n, length, 3) codes filled with zeros and the (n, length) mask of what is real."""
    length = max(len(piece) for piece in pieces)
    block = np.zeros((len(pieces), length, 3), dtype=np.int64)
    mask = np.zeros((len(pieces), length), dtype=np.float32)
    for row, piece in enumerate(pieces):
        block[row, : len(piece)] = piece
        mask[row, : len(piece)] = 1.0
    return block, mask


class SmallEncoder:
    """384-dimensional sentence vectors of Chinese texts, comparable with MiniLM's of English."""

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        digest = hashlib.sha256(graph).hexdigest()
        self._identity = EncoderIdentity("onscript-small-zh", "1", digest[:12], DIMENSION)

    @classmethod
    def shipped(cls, folder: Path | None = None, threads: int = 1) -> "SmallEncoder":
        """Load ``small.onnx``. Raises ArtifactError when it is missing or not as its card says."""
        root = folder or Path(str(files("encoder"))) / "weights"
        try:
            expected = json.loads((root / "small_card.json").read_text(encoding="utf-8"))["sha256"]
            graph = (root / "small.onnx").read_bytes()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError("the small encoder's weights cannot be read", mend=_MEND) from error
        if hashlib.sha256(graph).hexdigest() != expected:
            raise ArtifactError("the small encoder's weights are corrupt (SHA-256)", mend=_MEND)
        return cls(graph, threads)

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), 384) L2-normalised float32; a text without any token gives all zeros."""
        pieces: list[Codes] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            for piece in windows(tokens(text)):
                pieces.append(codes(piece))
                owners.append(row)
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            block, mask = padded([pieces[i] for i in chosen])
            found = self._session.run(["sentence_vector"], {"codes": block, "mask": mask})[0]
            weights = mask.sum(axis=1, keepdims=True)  # a longer window says more
            np.add.at(vectors, [owners[i] for i in chosen], found * weights)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9)
        return vectors
