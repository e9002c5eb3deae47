"""Starting weights that can already copy and pick: attention heads planted as known circuits.

Small models copy from their context once two kinds of heads have formed: one that looks at the
token before, and one that looks for where the current token stood before and repeats what followed
it (Olsson et al. 2022, "In-context Learning and Induction Heads"). Picking the statement that
shares words with the question needs four more steps. Left alone all this forms late; a few million
tokens on a CPU do not reach it. So we start with both in place and train everything from there:

1. layer 1, two heads: write down the token before.
2. layer 1, one head: write down the last control token, so that each token knows its segment.
3. layer 2, two heads: find where this token stood before and expect what followed (copying).
4. layer 2, one head: find this token in the customer's line, the rarer the better; raise a flag.
5. layer 3, one head: from the mode mark, read the segment of the flagged tokens: the statement.

Some places of the residual stream are set apart for this: one for each control token (``own``), one
for each as a segment, one for the flag and one for how rare a token is. All shapes are in the
layout of Llama's rotary attention, where frequency f turns the pair (f, f+n/2).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from llm.house.format import CONTROL_TOKENS, CUSTOMER, LANGUAGE_MARKS, QUOTE, SAY, SELLER

COPYING_HEADS = 2
PICKING_HEAD = 2

_EMBEDDING_GAIN = 2.0
_SHARPNESS = 6.0
_WRITTEN_SHARE = 0.7
_MATCH_GAIN = 1.3
_COPY_SHARE = 1.0
_SEGMENT_GAIN = 2.2
_FOUND_SCORE = 18.0
_CUSTOMER_SCORE = 18.0
_RARE_SCORE = 9.0
_NOWHERE_SCORE = 39.0
_FLAG_SCORE = 12.0
_PICK_SHARE = 2.0


@dataclass(frozen=True, slots=True)
class _Places:
    """Which numbers of the residual stream are set apart; control token t has id t."""

    width: int

    @property
    def own(self) -> Tensor:
        return torch.arange(len(CONTROL_TOKENS))

    @property
    def segment(self) -> Tensor:
        return self.own + len(CONTROL_TOKENS)

    @property
    def flag(self) -> int:
        return 2 * len(CONTROL_TOKENS)

    @property
    def rare(self) -> int:
        return self.flag + 1

    @property
    def reserved(self) -> int:
        return self.rare + 1

    def directions(self, count: int) -> Tensor:
        """``count`` orthonormal rows outside the places set apart."""
        rows = torch.zeros(count, self.width)
        free = self.width - self.reserved
        rows[:, self.reserved :] = torch.linalg.qr(torch.randn(free, count)).Q.T
        return rows


def plant_circuits(model: LlamaForCausalLM, rarity: Tensor) -> None:
    """Scale residual outputs by depth and plant copying and picking in the first three layers.

    ``rarity`` (vocabulary,) says how rare each token is, 0 to 1; the control tokens come first in
    the vocabulary. Needs ``attention_bias=True``, three layers and three heads. Random directions
    come from torch's generator.
    """
    config = model.config
    places = _Places(config.hidden_size)
    size = config.hidden_size // config.num_attention_heads
    angles = model.model.rotary_emb.inv_freq.float()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_((2 * config.num_hidden_layers) ** -0.5)
            layer.mlp.down_proj.weight.mul_((2 * config.num_hidden_layers) ** -0.5)
        for layer in model.model.layers[:2]:
            layer.self_attn.o_proj.weight[: places.reserved] = 0.0
            layer.mlp.down_proj.weight[: places.reserved] = 0.0
        norm = _embed(model.model.embed_tokens.weight, places, rarity)
        first, second, third = (model.model.layers[index].self_attn for index in range(3))
        for head in range(COPYING_HEADS):
            _plant_copying(first, second, head, size, norm, places, angles)
        _plant_segments(first, PICKING_HEAD, size, norm, places, angles)
        _plant_search(second, PICKING_HEAD, size, norm, places, angles)
        _plant_pick(third, PICKING_HEAD, size, norm, places)


def held_fixed(model: LlamaForCausalLM) -> list[Tensor]:
    """For each parameter a mask of its own shape: 0 where training must leave it as planted.

    The picking heads and the places set apart are kept, and nothing else may write to those places
    before they are read: a small learning signal would otherwise be drowned before it is seen.
    """
    config = model.config
    places = _Places(config.hidden_size)
    size = config.hidden_size // config.num_attention_heads
    rows = slice(PICKING_HEAD * size, (PICKING_HEAD + 1) * size)
    masks = {name: torch.ones_like(weight) for name, weight in model.named_parameters()}
    masks["model.embed_tokens.weight"][:, : places.reserved] = 0.0
    for layer in range(3):
        prefix = f"model.layers.{layer}."
        masks[f"{prefix}input_layernorm.weight"][:] = 0.0
        for name in ("q_proj", "k_proj", "v_proj"):
            masks[f"{prefix}self_attn.{name}.weight"][rows] = 0.0
            masks[f"{prefix}self_attn.{name}.bias"][rows] = 0.0
        masks[f"{prefix}self_attn.o_proj.weight"][:, rows] = 0.0
        if layer < 2:
            masks[f"{prefix}self_attn.o_proj.weight"][: places.reserved] = 0.0
            masks[f"{prefix}self_attn.o_proj.bias"][: places.reserved] = 0.0
            masks[f"{prefix}mlp.down_proj.weight"][: places.reserved] = 0.0
    return [masks[name].float() for name, _ in model.named_parameters()]


def _embed(weight: Tensor, places: _Places, rarity: Tensor) -> float:
    """Give control tokens their own places and every token its rarity; returns the usual norm."""
    weight.mul_(_EMBEDDING_GAIN)
    weight[:, : places.reserved] = 0.0
    norm = float(weight.norm(dim=1).mean())
    weight[places.own, places.own] = norm
    weight[:, places.rare] = rarity * norm * _WRITTEN_SHARE
    return norm


def _plant_copying(
    first: LlamaAttention,
    second: LlamaAttention,
    head: int,
    size: int,
    norm: float,
    places: _Places,
    angles: Tensor,
) -> None:
    rows = slice(head * size, (head + 1) * size)
    slow = _slow(angles, size) + head * size
    read, written = places.directions(len(slow)), places.directions(len(slow))
    unit = math.sqrt(places.width)
    fast = (angles > angles[len(angles) * 3 // 8]).float() * _SHARPNESS
    middle = rows.start + size // 2
    _clear(first, rows)
    first.k_proj.bias[rows.start : middle] = fast
    first.q_proj.bias[rows.start : middle] = fast * torch.cos(angles)
    first.q_proj.bias[middle : rows.stop] = -fast * torch.sin(angles)
    first.v_proj.weight[slow] = read
    gain = _WRITTEN_SHARE * norm / (unit * math.sqrt(len(slow) / places.width))
    first.o_proj.weight[:, slow] = written.T * gain

    _clear(second, rows)
    second.q_proj.weight[slow] = read * _MATCH_GAIN
    second.k_proj.weight[slow] = written * _MATCH_GAIN
    copied = places.directions(size)
    second.v_proj.weight[rows] = copied
    share = _COPY_SHARE * norm / (unit * math.sqrt(size / places.width))
    second.o_proj.weight[:, rows] = copied.T * share


def _plant_segments(
    attention: LlamaAttention,
    head: int,
    size: int,
    norm: float,
    places: _Places,
    angles: Tensor,
) -> None:
    """Look at the nearest control token and write which one it is."""
    rows = slice(head * size, (head + 1) * size)
    _clear(attention, rows)
    languages = set(LANGUAGE_MARKS.values())
    opening = [place for place, token in enumerate(CONTROL_TOKENS) if token not in languages]
    near = len(angles) // 4
    for pair in range(near, near + 7):
        attention.q_proj.bias[rows.start + pair] = _SEGMENT_GAIN
        attention.k_proj.weight[rows.start + pair, opening] = _SEGMENT_GAIN
    seen = math.sqrt(places.width / 2)
    count = len(places.own)
    held = torch.arange(count) + rows.start
    attention.v_proj.weight[held, places.own] = 1.0
    attention.o_proj.weight[places.segment, held] = _WRITTEN_SHARE * norm / seen


def _plant_search(
    attention: LlamaAttention,
    head: int,
    size: int,
    norm: float,
    places: _Places,
    angles: Tensor,
) -> None:
    """Look for the same token in a customer's line; with none, look at the language mark."""
    rows = slice(head * size, (head + 1) * size)
    _clear(attention, rows)
    scale = _scale(places.width, norm, 3)
    *match, fixed = (_slow(angles, size) + rows.start).tolist()
    read = places.directions(len(match))
    root = math.sqrt(size)
    found = scale * norm * math.sqrt(len(match) / places.width)
    gain = math.sqrt(_FOUND_SCORE * root) / found
    attention.q_proj.weight[match] = read * gain
    attention.k_proj.weight[match] = read * gain
    attention.q_proj.bias[fixed] = root
    written = scale * norm * _WRITTEN_SHARE
    customer = CONTROL_TOKENS.index(CUSTOMER)
    attention.k_proj.weight[fixed, places.segment[customer]] = _CUSTOMER_SCORE / written
    attention.k_proj.weight[fixed, places.rare] = _RARE_SCORE / written
    for mark in LANGUAGE_MARKS.values():
        attention.k_proj.weight[fixed, CONTROL_TOKENS.index(mark)] = _NOWHERE_SCORE / (scale * norm)
    attention.v_proj.weight[fixed, places.segment[customer]] = 1.0 / written
    attention.o_proj.weight[places.flag, fixed] = norm * _WRITTEN_SHARE


def _plant_pick(
    attention: LlamaAttention, head: int, size: int, norm: float, places: _Places
) -> None:
    """From the mode mark: the segments of the flagged tokens, customers and sellers left out."""
    rows = slice(head * size, (head + 1) * size)
    _clear(attention, rows)
    scale = _scale(places.width, norm, 5)
    fixed = rows.stop - 1
    written = scale * norm * _WRITTEN_SHARE
    for mark in (QUOTE, SAY):
        asked = math.sqrt(size) / (scale * norm)
        attention.q_proj.weight[fixed, CONTROL_TOKENS.index(mark)] = asked
    attention.k_proj.weight[fixed, places.flag] = _FLAG_SCORE / written
    for mark in (CUSTOMER, SELLER):
        place = places.segment[CONTROL_TOKENS.index(mark)]
        attention.k_proj.weight[fixed, place] = -2 * _FLAG_SCORE / written
    statements = [place for place, token in enumerate(CONTROL_TOKENS) if token[2:3].isdigit()]
    held = rows.start + torch.arange(len(statements))
    attention.v_proj.weight[held, places.segment[statements]] = 1.0 / written
    attention.o_proj.weight[torch.tensor(statements), held] = norm * _PICK_SHARE


def _clear(attention: LlamaAttention, rows: slice) -> None:
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
        projection.weight[rows] = 0.0
        projection.bias[rows] = 0.0
    attention.o_proj.weight[:, rows] = 0.0


def _slow(angles: Tensor, size: int) -> Tensor:
    """Places of a head whose rotation hardly turns over a few hundred tokens."""
    pairs = torch.arange(len(angles) * 3 // 8, size // 2)
    return torch.cat([pairs, pairs + size // 2])


def _scale(width: int, norm: float, parts: int) -> float:
    """What RMS normalisation multiplies by when about so many parts of usual norm are summed."""
    return math.sqrt(width) / (norm * math.sqrt(1 + parts * _WRITTEN_SHARE**2))
