"""The state of a training run: recipe, model, optimiser, counters, and its checkpoint."""

import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from llm.house.circuits import held_fixed, plant_circuits

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shape of the model and of its training; ``tokens`` is the budget the cosine ends at.

    One step takes ``shards`` batches of ``rows`` x ``length`` tokens, each on a thread of its own.
    ``pick_weight`` is the weight of the one token that names the statement.
    """

    tokens: int
    seed: int = 20_260
    vocabulary: int = 6_656
    width: int = 320
    layers: int = 6
    heads: int = 5
    inner: int = 864
    shards: int = 2
    rows: int = 5
    length: int = 320
    predicted: int = 704
    prompt_weight: float = 0.25
    pick_weight: float = 8.0
    learning_rate: float = 1.5e-3
    early_share: float = 0.25
    final_rate: float = 0.03
    warmup_tokens: int = 100_000
    weight_decay: float = 0.0
    clip: float = 1.0
    checkpoint_seconds: float = 90.0


@dataclass
class TrainingState:
    """Everything a checkpoint holds: bf16 model, fp32 master weights, optimiser, counters."""

    model: LlamaForCausalLM
    master: list[Tensor]
    free: list[Tensor]
    optimiser: torch.optim.AdamW
    rng: random.Random
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    answer_loss: float = 0.0
    pick_loss: float = 0.0


def house_config(recipe: Recipe, vocabulary: int) -> LlamaConfig:
    """The model's shape: Llama with tied embeddings and full attention heads."""
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=2_048,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        attention_bias=True,
        initializer_range=0.02,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        dtype="bfloat16",
    )


def start(recipe: Recipe, vocabulary: int, rarity: Tensor | None = None) -> TrainingState:
    """A fresh model with its circuits planted; random numbers come from torch's generator.

    ``rarity`` (vocabulary,) from 0 to 1 may be left out when a checkpoint will be restored.
    """
    model = LlamaForCausalLM(house_config(recipe, vocabulary))
    plant_circuits(model, torch.zeros(vocabulary) if rarity is None else rarity)
    master = [parameter.detach().clone() for parameter in model.parameters()]
    nn.Module.to(model, torch.bfloat16)
    early = [_early(name) for name, _ in model.named_parameters()]
    groups = [
        {
            "params": [
                weight for weight, first in zip(master, early, strict=True) if first is side
            ],
            "share": recipe.early_share if side else 1.0,
        }
        for side in (True, False)
    ]
    optimiser = torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(0.9, 0.97),
        eps=1e-8,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    return TrainingState(model, master, held_fixed(model), optimiser, random.Random(recipe.seed))


def _early(name: str) -> bool:
    """Embeddings and the first two layers, on whose scale the planted circuits rest."""
    return name.startswith(("model.embed_tokens", "model.layers.0.", "model.layers.1."))


def save_checkpoint(state: TrainingState, recipe: Recipe, path: Path) -> None:
    """Write the whole state beside ``path`` and move it into place."""
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "master": state.master,
            "optimiser": state.optimiser.state_dict(),
            "rng": state.rng.getstate(),
            "recipe": asdict(recipe),
            "counters": (state.tokens, state.steps, state.seconds),
            "losses": (state.loss, state.answer_loss, state.pick_loss),
        },
        partial,
    )
    os.replace(partial, path)


def restore(state: TrainingState, path: Path) -> None:
    """Load a checkpoint written by ``save_checkpoint`` into ``state``."""
    saved = torch.load(path, weights_only=True)
    with torch.no_grad():
        for weight, parameter, loaded in zip(
            state.master, state.model.parameters(), saved["master"], strict=True
        ):
            weight.copy_(loaded)
            parameter.copy_(loaded)
    state.optimiser.load_state_dict(saved["optimiser"])
    version, numbers, gauss = saved["rng"]
    state.rng.setstate((version, tuple(numbers), gauss))
    state.tokens, state.steps, state.seconds = saved["counters"]
    state.loss, state.answer_loss, state.pick_loss = saved["losses"]
