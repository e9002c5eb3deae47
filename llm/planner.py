"""How much memory will a model need? Every component by itself, in GiB.

The rules: weights are parameters times bytes (4, 2, 1, 0.5); gradients take as many bytes as the
weights; AdamW keeps two fp32 moments (8 bytes a parameter), 8-bit AdamW 2 bytes, SGD as much as the
weights; training keeps (hidden + intermediate) x context x layers activations for each sequence;
inference keeps the keys and values of every layer and the activations of one; CUDA and its kernels
take 1,343 MiB. Beam search multiplies keys and values. What a device shows as reserved is more than
what is allocated: the allocator holds on to freed blocks, which ``buffer`` allows for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from core.errors import InvalidInput

Mode = Literal["inference", "full", "lora"]
PlanDtype = Literal["fp32", "bf16", "fp16", "int8", "int4"]
Optimiser = Literal["adamw", "adamw8bit", "sgd"]

GIB = 2**30
CUDA_CONTEXT_BYTES = 1_343 * 2**20

_WEIGHT_BYTES: dict[str, float] = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1, "int4": 0.5}
# What one activation takes: int8 layers keep them in one byte, int4 layers compute in 16 bits.
_ACTIVATION_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1, "int4": 2}
# Keys and values stay in the type that is computed in.
_CACHE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 2, "int4": 2}
_ADAPTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What of a model's configuration decides its memory."""

    parameters: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int

    def __post_init__(self) -> None:
        """Raise InvalidInput unless every figure is a positive whole number."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidInput(f"{name} must be a positive whole number, not {value!r}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for and each component in GiB; ``total`` is their sum."""

    mode: Mode
    dtype: PlanDtype
    parameters: int
    trained_parameters: int
    context: int
    batch: int
    weights: float
    gradients: float
    optimiser: float
    kv_cache: float
    activations: float
    cuda_context: float
    buffer: float
    total: float


def plan(
    shape: ModelShape,
    *,
    dtype: PlanDtype = "bf16",
    mode: Mode = "inference",
    context: int = 2_048,
    batch: int = 1,
    optimiser: Optimiser = "adamw",
    lora_rank: int = 8,
    beams: int = 1,
    buffer: float = 0.0,
    cuda: bool = True,
) -> Plan:
    """The plan for ``batch`` sequences of ``context`` tokens.

    ``buffer`` is a share of everything else, for temporaries. Raises InvalidInput.
    """
    _check(dtype, mode, optimiser, context, batch, lora_rank, beams, buffer)
    trained = _trained(shape, mode, lora_rank)
    adapters = trained if mode == "lora" else 0
    weight_bytes = _WEIGHT_BYTES[dtype]
    trained_bytes = _ADAPTER_BYTES if mode == "lora" else weight_bytes
    parts = {
        "weights": shape.parameters * weight_bytes + adapters * _ADAPTER_BYTES,
        "gradients": trained * trained_bytes,
        "optimiser": trained * _optimiser_bytes(optimiser, trained_bytes),
        "kv_cache": _kv_cache(shape, dtype, context, batch * beams) if mode == "inference" else 0,
        "activations": _activations(shape, dtype, mode, context, batch),
        "cuda_context": CUDA_CONTEXT_BYTES if cuda else 0,
    }
    parts["buffer"] = buffer * sum(parts.values())
    return Plan(
        mode=mode,
        dtype=dtype,
        parameters=shape.parameters,
        trained_parameters=trained,
        context=context,
        batch=batch,
        total=sum(parts.values()) / GIB,
        **{name: part / GIB for name, part in parts.items()},
    )


def llama_shape(parameters: int) -> ModelShape:
    """The Llama-like shape of about so many parameters, where no configuration is at hand.

    Layers from parameters = 12 x layers x hidden^2 with hidden = 128 x layers, to the next four:
    7 x 10^9 gives 32 layers of 4096 with 11008 inside.
    """
    if not isinstance(parameters, int) or parameters < 1:
        raise InvalidInput("the number of parameters must be a positive whole number")
    layers = max(4, round((parameters / (12 * 128**2)) ** (1 / 3) / 4) * 4)
    hidden = 128 * layers
    intermediate = -(-hidden * 8 // 3 // 256) * 256
    return ModelShape(parameters, hidden, intermediate, layers, layers, layers, 128)


def read_shape(config: Path) -> ModelShape:
    """The shape in a ``config.json`` (or in the folder that holds one).

    Raises InvalidInput when the file cannot be read or is not of a decoder-only transformer.
    """
    file = config / "config.json" if config.is_dir() else config
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"cannot read a model configuration from {file.name}",
            mend="name a config.json, or a folder that holds one",
        ) from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{file.name} is not a model configuration")
    return shape_of(content)


def shape_of(config: Mapping[str, Any]) -> ModelShape:
    """The shape of a Llama-like configuration, parameters counted tensor by tensor."""
    config = config.get("text_config", config)
    try:
        hidden = int(config["hidden_size"])
        intermediate = int(config["intermediate_size"])
        layers = int(config["num_hidden_layers"])
        heads = int(config["num_attention_heads"])
        vocabulary = int(config["vocab_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"the configuration lacks or garbles {error}",
            mend="only Llama-like decoder configurations are understood; use --params instead",
        ) from error
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head_size = int(config.get("head_dim") or hidden // max(heads, 1))
    experts = int(config.get("num_local_experts") or config.get("num_experts") or 1)
    tied = bool(config.get("tie_word_embeddings", False))
    query, cached = heads * head_size, kv_heads * head_size
    attention = 2 * hidden * query + 2 * hidden * cached
    if config.get("attention_bias"):
        attention += query + 2 * cached + hidden
    inner = experts * 3 * hidden * intermediate + (hidden * experts if experts > 1 else 0)
    parameters = layers * (attention + inner + 2 * hidden) + hidden
    parameters += vocabulary * hidden * (1 if tied else 2)
    return ModelShape(parameters, hidden, intermediate, layers, heads, kv_heads, head_size)


def _trained(shape: ModelShape, mode: Mode, rank: int) -> int:
    if mode == "inference":
        return 0
    if mode == "full":
        return shape.parameters
    query, cached = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    ends = 2 * (shape.hidden + query) + 2 * (shape.hidden + cached)
    ends += 3 * (shape.hidden + shape.intermediate)
    return rank * ends * shape.layers


def _optimiser_bytes(optimiser: Optimiser, trained_bytes: float) -> float:
    return {"adamw": 8.0, "adamw8bit": 2.0, "sgd": trained_bytes}[optimiser]


def _kv_cache(shape: ModelShape, dtype: str, context: int, sequences: int) -> float:
    held = 2 * shape.layers * shape.kv_heads * shape.head_size * _CACHE_BYTES[dtype]
    return held * context * sequences


def _activations(shape: ModelShape, dtype: str, mode: Mode, context: int, batch: int) -> float:
    layers = 1 if mode == "inference" else shape.layers
    each = (shape.hidden + shape.intermediate) * _ACTIVATION_BYTES[dtype]
    return each * context * layers * batch


def _check(
    dtype: str,
    mode: str,
    optimiser: str,
    context: int,
    batch: int,
    lora_rank: int,
    beams: int,
    buffer: float,
) -> None:
    choices = (
        ("dtype", dtype, PlanDtype),
        ("mode", mode, Mode),
        ("optimiser", optimiser, Optimiser),
    )
    for name, value, kind in choices:
        allowed = cast(tuple[str, ...], get_args(kind))
        if value not in allowed:
            raise InvalidInput(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    counts = {"context": context, "batch": batch, "lora_rank": lora_rank, "beams": beams}
    for name, count in counts.items():
        if count < 1:
            raise InvalidInput(f"{name} must be at least 1, not {count}")
    if not 0 <= buffer <= 1:
        raise InvalidInput(f"buffer must be a share from 0 to 1, not {buffer}")
