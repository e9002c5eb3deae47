"""Weight-only quantisation on CPU: int8 with a scale a row, int4 with a scale a group.

Both keep activations in bf16 and multiply packed weights with PyTorch's own CPU kernels. Rounding
is symmetric to nearest for int8 (LLM.int8() without outlier columns, Dettmers et al. 2022, as no
activation is quantised) and asymmetric for int4.
"""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import ConfigurationError

INT4_GROUP = 32
_INT8_KERNEL_ROWS = 8
"""Above so many rows (reading the prompt) unpacking once is faster than the int8 kernel."""


class Int8Linear(nn.Module):
    """A linear layer of shape (out, in) whose weights take one byte each."""

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        full = linear.weight.detach().float()
        scale = full.abs().amax(dim=1).clamp(min=1e-8) / 127.0
        packed = (full / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
        self.register_buffer("weight", packed)
        self.register_buffer("scale", scale.to(torch.bfloat16))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., in) to (..., out), both bf16."""
        flat = hidden.reshape(-1, hidden.shape[-1]).contiguous()
        if flat.shape[0] > _INT8_KERNEL_ROWS:
            full = self.weight.to(hidden.dtype) * self.scale[:, None]
            return nn.functional.linear(hidden, full, self.bias)
        out = torch._weight_int8pack_mm(flat, self.weight, self.scale)
        out = out.view(*hidden.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


class Int4Linear(nn.Module):
    """A linear layer of shape (out, in) whose weights take half a byte each, by groups of 32."""

    weight: Tensor
    scales_and_zeros: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        full = linear.weight.detach().float()
        rows, columns = full.shape
        groups = full.view(rows, columns // INT4_GROUP, INT4_GROUP)
        low, high = groups.amin(dim=2), groups.amax(dim=2)
        scale = ((high - low) / 15.0).clamp(min=1e-8)
        levels = ((groups - low[..., None]) / scale[..., None]).round().clamp(0, 15)
        packed = torch._convert_weight_to_int4pack_for_cpu(
            levels.view(rows, columns).to(torch.int32), 1
        )
        # The kernel reads weight = (level - 8) * scale + zero.
        zeros = low + 8 * scale
        both = torch.stack([scale, zeros], dim=2).transpose(0, 1).contiguous()
        self.register_buffer("weight", packed)
        self.register_buffer("scales_and_zeros", both.to(torch.bfloat16))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())
        self._rows = rows

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., in) to (..., out), both bf16."""
        flat = hidden.reshape(-1, hidden.shape[-1]).contiguous()
        out = torch._weight_int4pack_mm_for_cpu(
            flat, self.weight, INT4_GROUP, self.scales_and_zeros
        )
        out = out.view(*hidden.shape[:-1], self._rows)
        return out if self.bias is None else out + self.bias


def quantise(model: PreTrainedModel, dtype: str, device: str) -> PreTrainedModel:
    """Replace every linear layer when ``dtype`` is int8 or int4; any other model comes back as is.

    The model must be in bf16. Raises ConfigurationError for a device or a shape without kernels.
    """
    if dtype not in ("int8", "int4"):
        return model
    if device != "cpu":
        raise ConfigurationError(
            f"{dtype} in process is for CPU; {device} has no kernel here",
            mend="use bf16 or fp16 on a GPU, or serve the quantised model with vLLM (remote)",
        )
    kind = Int8Linear if dtype == "int8" else Int4Linear
    for parent, name, linear in _linears(model):
        if dtype == "int4" and (linear.in_features % INT4_GROUP or linear.out_features % 16):
            raise ConfigurationError(
                f"int4 needs layer widths divisible by {INT4_GROUP}; {name} is "
                f"{linear.out_features} x {linear.in_features}",
                mend="use int8",
            )
        setattr(parent, name, kind(linear))
    return model


def weight_bytes(model: nn.Module) -> int:
    """Bytes held by parameters and buffers, each storage counted once."""
    tensors = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in (*model.parameters(), *model.buffers())
    }
    return sum(tensors.values())


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    return [
        (parent, name, child)
        for parent in list(model.modules())
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]
