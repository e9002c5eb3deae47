"""Any sentence-transformers model in place of the shipped one, on a CPU or a GPU.

Needs the extra: pip install 'onscript[encoders]'. Only safetensors are read and no code of the
model runs.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer

from core.errors import ArtifactError
from core.text import clean_text
from encoder.types import EncoderIdentity, Vectors

VERSION = "1"


class ConfiguredEncoder:
    """Dense vectors of a model from a folder or a hub.

    ``device`` is ``auto`` (a GPU when there is one), ``cpu``, ``cuda`` or ``cuda:1``; on a GPU the
    model runs in half precision. Raises ArtifactError when the model cannot be loaded.
    """

    def __init__(self, name: str, device: str = "auto", batch: int = 64) -> None:
        chosen = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        precision = torch.float16 if chosen.startswith("cuda") else torch.float32
        try:
            self._model = SentenceTransformer(
                name,
                device=chosen,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": precision},
            )
        except (OSError, ValueError, RuntimeError, AssertionError, SafetensorError) as error:
            raise ArtifactError(
                f"the encoder {name} cannot be loaded: {type(error).__name__}",
                mend="let ONSCRIPT_ENCODER name a folder or hub id with safetensors weights",
            ) from error
        self._batch = batch
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise ArtifactError(f"the encoder {name} gives no sentence vectors")
        self._identity = EncoderIdentity(
            Path(name).name, VERSION, _digest(self._model)[:12], int(dimension)
        )

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) L2-normalised float32."""
        if not texts:
            return np.zeros((0, self._identity.dimension), dtype=np.float32)
        found = self._model.encode(
            [clean_text(text) for text in texts],
            batch_size=self._batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        vectors: Vectors = np.nan_to_num(np.asarray(found, dtype=np.float32))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9)
        return vectors


def _digest(model: SentenceTransformer) -> str:
    """SHA-256 over all that shapes a vector, wherever it came from.

    The modules with their settings (pooling, normalisation), the tokeniser, prompts, the longest
    text, and names, shapes and values of the weights as loaded: half precision is another model.
    """
    found = hashlib.sha256()
    settings: list[Any] = [
        [type(module).__name__, getattr(module, "get_config_dict", dict)()] for module in model
    ]
    parts = [settings, model.prompts, model.default_prompt_name, model.max_seq_length]
    found.update(json.dumps(parts, default=str, sort_keys=True).encode())
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    found.update(backend.to_str().encode() if backend is not None else b"")
    for name, tensor in sorted(model.state_dict().items()):
        found.update(f"{name}{tuple(tensor.shape)}".encode())
        found.update(tensor.detach().float().cpu().numpy().tobytes())
    return found.hexdigest()
