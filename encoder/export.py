"""One-off export of all-MiniLM-L6-v2 to ONNX, checked against PyTorch before anyone uses it."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import AutoModel

from core.errors import ArtifactError
from encoder.quiet import quiet

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


def export_minilm(folder: Path, target: Path) -> None:
    """Write the ONNX graph of the weights in ``folder`` to ``target``.

    Raises ArtifactError when ONNX Runtime and PyTorch disagree by more than 1e-4.
    """
    model = AutoModel.from_pretrained(
        str(folder), local_files_only=True, attn_implementation="eager"
    )
    module = _SentenceVector(model.eval()).eval()
    ids, mask = _probe(3, 17)
    batch = torch.export.Dim("batch", min=1, max=4096)
    length = torch.export.Dim("length", min=2, max=512)
    shape = {0: batch, 1: length}
    with quiet():
        program = torch.onnx.export(
            module,
            (ids, mask),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_vector"],
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
        )
    if program is None:
        raise ArtifactError("the ONNX export of all-MiniLM-L6-v2 produced nothing")
    program.save(str(target), external_data=False)
    _check(module, target)


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
