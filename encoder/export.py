"""One-off export of the shipped encoder to ONNX, checked against PyTorch before anyone uses it."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import BertModel

from core.errors import ArtifactError

_TOLERANCE = 1e-4


class _SentenceVector(torch.nn.Module):
    """Mean pooling over real tokens, then L2 normalisation, as the model was trained."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=-1)


def export(model: BertModel, target: Path) -> None:
    """Write the ONNX graph of a sentence encoder of MiniLM's shape to ``target``.

    Raises ArtifactError when ONNX Runtime and PyTorch disagree by more than 1e-4.
    """
    module = _SentenceVector(model.train(False)).train(False)
    inputs = ["input_ids", "attention_mask"]
    batch = torch.export.Dim("batch", min=1, max=4096)
    length = torch.export.Dim("length", min=2, max=512)
    shape = {0: batch, 1: length}
    with _quiet():
        program = torch.onnx.export(
            module,
            _probe(3, 17),
            dynamo=True,
            input_names=inputs,
            output_names=["sentence_vector"],
            dynamic_shapes=dict.fromkeys(inputs, shape),
        )
    if program is None:
        raise ArtifactError("the ONNX export of the encoder produced nothing")
    program.save(str(target), external_data=False)
    _check(module, target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's progress prints and deprecation notes; errors still surface."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _probe(rows: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows * length)
    ids = torch.randint(1000, 20000, (rows, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[-1, length // 2 :] = 0  # padding must be part of the traced graph
    return ids, mask


def _check(module: torch.nn.Module, graph: Path) -> None:
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    for rows, length in ((1, 5), (2, 8), (4, 64)):
        ids, mask = _probe(rows, length)
        with torch.inference_mode():
            expected = module(ids, mask).numpy()
        inputs = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        found = session.run(["sentence_vector"], inputs)[0]
        if float(np.abs(found - expected).max()) > _TOLERANCE:
            raise ArtifactError(
                "the exported encoder does not agree with PyTorch",
                mend="report the versions of torch, onnx and onnxruntime: pip freeze",
            )
