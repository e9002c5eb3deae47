"""Starting weights that can already copy: a few attention heads planted as an induction circuit.

Small models copy from their context once two kinds of heads have formed: one that looks at the
token before, and one that looks for where the current token stood before and repeats what followed
it (Olsson et al. 2022, "In-context Learning and Induction Heads"). Left alone these form late; a
few million tokens on a CPU do not reach them. So we start with both in place and train from there.
Shapes are in the layout of Llama's rotary attention, where frequency f turns the pair (f, f+n/2).
"""

import math

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

PLANTED_HEADS = 2

_SHARPNESS = 6.0
_PREVIOUS_SHARE = 0.7
_MATCH_GAIN = 1.3
_COPY_SHARE = 1.0


def plant_copying(model: LlamaForCausalLM) -> None:
    """Scale residual outputs by depth and plant the circuit in the first two layers.

    Needs ``attention_bias=True``. Random directions come from torch's global generator.
    """
    config = model.config
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_((2 * config.num_hidden_layers) ** -0.5)
            layer.mlp.down_proj.weight.mul_((2 * config.num_hidden_layers) ** -0.5)
        embedding = float(model.model.embed_tokens.weight.norm(dim=1).mean())
        for head in range(PLANTED_HEADS):
            _plant(model, head, embedding)


def _plant(model: LlamaForCausalLM, head: int, embedding: float) -> None:
    first, second = (model.model.layers[index].self_attn for index in range(2))
    width = model.config.hidden_size
    size = width // model.config.num_attention_heads
    angles = model.model.rotary_emb.inv_freq.float()
    slow = _slow_places(angles, size)
    rows = slice(head * size, (head + 1) * size)
    places = head * size + slow
    _look_back_one(first, rows, angles, size)

    read = _directions(len(slow), width)
    written = _directions(len(slow), width)
    unit = math.sqrt(width)
    gain = _PREVIOUS_SHARE * embedding / (unit * math.sqrt(len(slow) / width))
    first.v_proj.weight[rows] = 0.0
    first.v_proj.weight[places] = read
    first.o_proj.weight[:, rows] = 0.0
    first.o_proj.weight[:, places] = written.T * gain

    second.q_proj.weight[rows] = 0.0
    second.k_proj.weight[rows] = 0.0
    second.q_proj.weight[places] = read * _MATCH_GAIN
    second.k_proj.weight[places] = written * _MATCH_GAIN
    copied = _directions(size, width)
    second.v_proj.weight[rows] = copied
    share = _COPY_SHARE * embedding / (unit * math.sqrt(size / width))
    second.o_proj.weight[:, rows] = copied.T * share


def _look_back_one(attention: LlamaAttention, rows: slice, angles: Tensor, size: int) -> None:
    """Constant query and key whose rotated product is largest at distance one."""
    fast = (angles > angles[len(angles) * 3 // 8]).float() * _SHARPNESS
    half = size // 2
    attention.q_proj.weight[rows] = 0.0
    attention.k_proj.weight[rows] = 0.0
    start = rows.start
    attention.k_proj.bias[start : start + half] = fast
    attention.q_proj.bias[start : start + half] = fast * torch.cos(angles)
    attention.q_proj.bias[start + half : start + size] = -fast * torch.sin(angles)


def _slow_places(angles: Tensor, size: int) -> Tensor:
    """Places of a head whose rotation hardly turns over a few hundred tokens."""
    pairs = torch.arange(len(angles) * 3 // 8, size // 2)
    return torch.cat([pairs, pairs + size // 2])


def _directions(count: int, width: int) -> Tensor:
    """``count`` orthonormal rows of ``width`` numbers."""
    rows: Tensor = torch.linalg.qr(torch.randn(width, count)).Q.T
    return rows
