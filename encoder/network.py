"""The small encoder's network in PyTorch, and its export to the ONNX file that is served."""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from core.errors import ArtifactError
from encoder.quiet import quiet
from encoder.small import CHARACTER_ROWS, DIMENSION, PAIR_ROWS, WINDOW

_HEADS = 8
_TOLERANCE = 5e-3  # the file keeps its weights in half precision


def _rotation(length: int, width: int) -> torch.Tensor:
    """(2, length, width) cosines and sines of rotary positions (Su et al. 2021)."""
    rates = 100.0 ** -(torch.arange(0, width, 2) / width)  # short texts: a small base
    angles = torch.outer(torch.arange(length), rates).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()])


def _rotate(x: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    left, right = x.chunk(2, dim=-1)
    turned = torch.cat([-right, left], dim=-1)
    length = x.shape[-2]
    return x * rotation[0, :length] + turned * rotation[1, :length]


class _Layer(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        heads = self.qkv(self.norms[0](x)).view(rows, length, 3, _HEADS, width // _HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        query, key = _rotate(query, rotation), _rotate(key, rotation)
        scores = query @ key.transpose(-1, -2) * (width // _HEADS) ** -0.5 + bias
        mixed = (self.dropout(scores.softmax(dim=-1)) @ value).transpose(1, 2)
        x = x + self.dropout(self.out(mixed.reshape(rows, length, width)))
        deeper: torch.Tensor = self.down(functional.gelu(self.up(self.norms[1](x))))
        added: torch.Tensor = x + self.dropout(deeper)
        return added


class SmallNetwork(nn.Module):
    """Hashed characters and pairs, a few transformer layers, mean pooling to MiniLM's space."""

    rotation: torch.Tensor

    def __init__(
        self, width: int = 256, layers: int = 3, inner: int = 768, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.characters = nn.Embedding(2 * CHARACTER_ROWS, width)
        self.pairs = nn.Embedding(PAIR_ROWS, width)
        nn.init.normal_(self.characters.weight, std=0.5)
        nn.init.zeros_(self.pairs.weight)  # a pair never seen in training says nothing
        self.layers = nn.ModuleList(_Layer(width, inner, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, DIMENSION)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("rotation", _rotation(WINDOW, width // _HEADS), persistent=False)

    def hidden(self, codes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, length, width) states of (n, length, 3) codes under a 0/1 mask (n, length)."""
        x = self.characters(codes[..., 0]) + self.characters(codes[..., 1])
        x = self.dropout(x + self.pairs(codes[..., 2]))
        bias = ((mask - 1.0) * 1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias, self.rotation)
        states: torch.Tensor = self.norm(x)
        return states

    def forward(self, codes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.hidden(codes, mask) * mask.unsqueeze(-1)
        mean = states.sum(1) / mask.sum(1, keepdim=True).clamp(min=1.0)
        return functional.normalize(self.project(mean), dim=-1)


def export(network: SmallNetwork) -> bytes:
    """The ONNX file, weights in half precision, checked against PyTorch.

    Raises ArtifactError when ONNX Runtime and PyTorch disagree by more than 0.005.
    """
    network = network.eval()
    codes, mask = _probe(3, 17)
    batch = torch.export.Dim("batch", min=1, max=4096)
    length = torch.export.Dim("length", min=1, max=WINDOW)
    with quiet():
        program = torch.onnx.export(
            network,
            (codes, mask),
            dynamo=True,
            input_names=["codes", "mask"],
            output_names=["sentence_vector"],
            dynamic_shapes={"codes": {0: batch, 1: length}, "mask": {0: batch, 1: length}},
        )
    if program is None:
        raise ArtifactError("the ONNX export of the small encoder produced nothing")
    graph = _halved(program.model_proto)
    _check(network, graph)
    return graph


def _halved(model: onnx.ModelProto) -> bytes:
    """Large float32 weights stored as float16 behind a Cast that ONNX Runtime folds at load."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < 1024:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    for node in graph.node:  # where the exporter ran says nothing about the model
        del node.metadata_props[:]
        node.doc_string = ""
    raw: bytes = model.SerializeToString(deterministic=True)
    return raw


def _probe(rows: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows * length)
    codes = torch.randint(0, CHARACTER_ROWS, (rows, length, 3), generator=generator)
    mask = torch.ones(rows, length)
    mask[-1, (length + 1) // 2 :] = 0  # padding must be part of the traced graph
    return codes, mask


def _check(network: SmallNetwork, graph: bytes) -> None:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for rows, length in ((1, 1), (1, 5), (2, 8), (4, WINDOW)):
        codes, mask = _probe(rows, length)
        with torch.inference_mode():
            expected = network(codes, mask).numpy()
        found = session.run(["sentence_vector"], {"codes": codes.numpy(), "mask": mask.numpy()})[0]
        if float(np.abs(found - expected).max()) > _TOLERANCE:
            raise ArtifactError(
                "the exported small encoder does not agree with PyTorch",
                mend="report the versions of torch, onnx and onnxruntime: pip freeze",
            )
