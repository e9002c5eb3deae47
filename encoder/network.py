"""all-MiniLM-L6-v2 taught Chinese, in PyTorch: rows for Chinese words, low-rank adapters."""

import json
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save as save_safetensors
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize
from transformers import BertModel

from encoder.vocabulary import PIECES, Vocabulary


class _Adapter(nn.Module):
    """A weight plus a product of two thin matrices (Hu et al. 2021); zero to begin with."""

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = weight + self.b @ self.a
        return changed


def load_base(folder: Path, dropout: float = 0.0, attention: str = "eager") -> BertModel:
    """MiniLM's transformer from the package's folder."""
    # it would report the pooler that is left out on purpose
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its own gap
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # its own gap
    return BertModel.from_pretrained(
        str(folder),
        local_files_only=True,
        attn_implementation=attention,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
        add_pooling_layer=False,
    )


def adapt(model: BertModel, rank: int) -> None:
    """Put an adapter into every linear layer of the transformer."""
    for layer in list(model.encoder.modules()):
        if isinstance(layer, nn.Linear):
            adapter = _Adapter(layer.out_features, layer.in_features, rank)
            parametrize.register_parametrization(layer, "weight", adapter)


def adapters_of(model: BertModel) -> dict[str, torch.Tensor]:
    """The adapters' matrices, by the name of their layer and ``.a`` or ``.b``."""
    found: dict[str, torch.Tensor] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, _Adapter):
            owner = name.removesuffix(".parametrizations.weight.0")
            found |= {f"{owner}.a": layer.a, f"{owner}.b": layer.b}
    return found


class TaughtNetwork(nn.Module):
    """MiniLM's frozen weights with what is learned beside them."""

    def __init__(self, folder: Path, words: torch.Tensor, rank: int, dropout: float) -> None:
        """``words`` (rows, 384): first values of the rows after MiniLM's own."""
        super().__init__()
        self.base = load_base(folder, dropout, "sdpa").requires_grad_(False)
        self.words = nn.Embedding(*words.shape)
        self.words.weight.data.copy_(words)
        adapt(self.base, rank)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, 384) L2-normalised vectors of (n, length) token rows under a 0/1 mask."""
        pieces = self.base.embeddings.word_embeddings(ids.clamp(max=PIECES - 1))
        words = self.words((ids - PIECES).clamp(min=0))
        inputs = torch.where((ids >= PIECES).unsqueeze(-1), words, pieces)
        states = self.base(inputs_embeds=inputs, attention_mask=mask).last_hidden_state
        real = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * real).sum(1) / real.sum(1)
        return functional.normalize(mean.float(), dim=-1)

    def learned(self) -> dict[str, torch.Tensor]:
        """What training changes: ``words`` and, by the name of its layer, ``.a`` and ``.b``."""
        return {"words": self.words.weight} | adapters_of(self.base)

    def replace_learned(self, tensors: dict[str, torch.Tensor]) -> None:
        """Set what training changes; the names are those of ``learned``."""
        with torch.no_grad():
            for name, tensor in self.learned().items():
                tensor.copy_(tensors[name])


def pack(vocabulary: Vocabulary, learned: dict[str, torch.Tensor]) -> bytes:
    """One safetensors file of half-precision tensors; the words are its metadata."""
    tensors = {
        name: np.ascontiguousarray(tensor.detach().cpu().numpy().astype(np.float16))
        for name, tensor in sorted(learned.items())
    }
    words = json.dumps(vocabulary.words, ensure_ascii=False)
    return save_safetensors(tensors, metadata={"words": words})


def merged(folder: Path, weights: Path) -> BertModel:
    """An ordinary BertModel with the learned rows and adapters built in."""
    model = load_base(folder)
    tensors = _read(weights)
    with torch.no_grad():
        rows = tensors.pop("words")
        pieces = model.embeddings.word_embeddings.weight
        table = nn.Embedding(len(pieces) + len(rows), pieces.shape[1])
        table.weight.copy_(torch.cat([pieces, rows]))
        model.embeddings.word_embeddings = table
        model.config.vocab_size = table.num_embeddings
    _build_in(model, tensors)
    return model


def _read(weights: Path) -> dict[str, torch.Tensor]:
    with safe_open(str(weights), framework="pt") as file:
        return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a mapping


def _build_in(model: BertModel, tensors: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name in sorted({name.rpartition(".")[0] for name in tensors}):
            change = tensors[f"{name}.b"] @ tensors[f"{name}.a"]
            model.get_parameter(f"{name}.weight").add_(change)
