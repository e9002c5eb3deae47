"""Training the house model on CPU: resumable, seeded, to a token budget or a time of day."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from llm.house.circuits import plant_copying
from llm.house.corpus import Corpus, read_corpus
from llm.house.exercises import ExerciseSource
from llm.house.format import END
from llm.house.packing import Batch, Encoded, Packer
from llm.house.tokenizer import save_tokenizer, train_tokenizer

CHECKPOINT = "checkpoint.pt"
LOG = "progress.jsonl"
LOG_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shape of the model and of its training; ``tokens`` is the budget the cosine ends at."""

    tokens: int
    seed: int = 20_260
    vocabulary: int = 6_656
    width: int = 320
    layers: int = 6
    heads: int = 5
    inner: int = 864
    rows: int = 10
    length: int = 320
    predicted: int = 1_408
    prompt_weight: float = 0.25
    learning_rate: float = 2e-3
    final_rate: float = 0.03
    warmup_tokens: int = 400_000
    weight_decay: float = 0.05
    clip: float = 1.0
    checkpoint_seconds: float = 180.0


@dataclass
class TrainingState:
    """Everything a checkpoint holds: bf16 model, fp32 master weights, optimiser, counters."""

    model: LlamaForCausalLM
    master: list[Tensor]
    optimiser: torch.optim.AdamW
    rng: random.Random
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    answer_loss: float = 0.0


def train_house(
    output: Path,
    corpus_dir: Path,
    clusters_dir: Path,
    *,
    tokens: int,
    seed: int = 20_260,
    threads: int = 2,
    resume: bool = True,
    until: datetime | None = None,
    compiled: bool = True,
) -> TrainingState:
    """Train until ``tokens`` were seen or ``until`` is reached, whichever comes first.

    The learning rate follows whichever of the two is further on, so that it always ends low.
    ``output`` receives the tokenizer and ``checkpoint.pt``; with ``resume`` an existing
    checkpoint is continued. ``compiled`` needs a C++ compiler. Raises ArtifactError without a
    corpus.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    recipe = Recipe(tokens=tokens, seed=seed)
    corpus = read_corpus(corpus_dir, clusters_dir)
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(corpus, recipe, output, resume)
    state = start(recipe, len(tokenizer))
    if resume and (output / CHECKPOINT).exists():
        restore(state, output / CHECKPOINT)
    _loop(state, recipe, _packer(state, recipe, corpus, tokenizer), output, until, compiled)
    save_checkpoint(state, recipe, output / CHECKPOINT)
    return state


def _tokenizer(
    corpus: Corpus, recipe: Recipe, output: Path, resume: bool
) -> PreTrainedTokenizerFast:
    if resume and (output / "tokenizer.json").exists():
        return PreTrainedTokenizerFast.from_pretrained(output)
    tokenizer = train_tokenizer(corpus, recipe.vocabulary)
    save_tokenizer(tokenizer, output)
    return tokenizer


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


def start(recipe: Recipe, vocabulary: int) -> TrainingState:
    """A fresh model with the copying circuit planted; random numbers from torch's generator."""
    model = LlamaForCausalLM(house_config(recipe, vocabulary))
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(2.0)
    plant_copying(model)
    master = [parameter.detach().clone() for parameter in model.parameters()]
    model.to(dtype=torch.bfloat16)
    matrices = [weight for weight in master if weight.dim() > 1]
    vectors = [weight for weight in master if weight.dim() <= 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.97),
        eps=1e-8,
        fused=True,
    )
    return TrainingState(model, master, optimiser, random.Random(recipe.seed))


def _packer(
    state: TrainingState, recipe: Recipe, corpus: Corpus, tokenizer: PreTrainedTokenizerFast
) -> Packer:
    source = ExerciseSource(corpus, state.rng)

    def draw() -> Encoded:
        exercise = source.draw(min(1.0, state.tokens / recipe.tokens))
        prompt = tokenizer.encode(exercise.prompt, add_special_tokens=False)
        answer = tokenizer.encode(exercise.answer + END, add_special_tokens=False)
        return prompt + answer, len(prompt)

    return Packer(
        draw, state.rng, recipe.rows, recipe.length, recipe.predicted, recipe.prompt_weight
    )


def _loop(
    state: TrainingState,
    recipe: Recipe,
    packer: Packer,
    output: Path,
    until: datetime | None,
    compiled: bool,
) -> None:
    loss_of = torch.compile(_loss, dynamic=False) if compiled else _loss
    begun = saved = logged = time.monotonic()
    before = state.seconds
    seen_before = state.tokens
    allowed = math.inf if until is None else (until - datetime.now(until.tzinfo)).total_seconds()
    state.model.train()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=recipe.tokens, completed=state.tokens)
        while state.tokens < recipe.tokens and time.monotonic() - begun < allowed:
            elapsed = time.monotonic() - begun
            state.seconds = before + elapsed
            done = max(
                state.tokens / recipe.tokens,
                (before + elapsed) / (before + allowed) if before + allowed > 0 else 1.0,
            )
            _step(state, recipe, packer.next(), loss_of, _rate(recipe, state.tokens, done))
            speed = (state.tokens - seen_before) / max(time.monotonic() - begun, 1e-9)
            _report(progress, task, state, speed)
            if time.monotonic() - logged > LOG_SECONDS:
                _log(output / LOG, state, speed)
                logged = time.monotonic()
            if time.monotonic() - saved > recipe.checkpoint_seconds:
                save_checkpoint(state, recipe, output / CHECKPOINT)
                saved = time.monotonic()


def _report(progress: Progress, task: TaskID, state: TrainingState, speed: float) -> None:
    progress.update(
        task,
        completed=state.tokens,
        description=f"step {state.steps}  loss {state.loss:.3f}  {speed:,.0f} tokens/s",
    )


def _log(path: Path, state: TrainingState, speed: float) -> None:
    row = {
        "step": state.steps,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "loss": round(state.loss, 4),
        "answer_loss": round(state.answer_loss, 4),
        "tokens_per_second": round(speed),
    }
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def _rate(recipe: Recipe, tokens: int, done: float) -> float:
    """Linear warm-up by tokens, then a cosine down to ``final_rate`` of the peak at done = 1."""
    warm = min(1.0, (tokens + 1) / recipe.warmup_tokens)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return recipe.learning_rate * warm * (recipe.final_rate + (1 - recipe.final_rate) * cosine)


def _loss(
    model: LlamaForCausalLM,
    ids: Tensor,
    positions: Tensor,
    mask: Tensor,
    places: Tensor,
    targets: Tensor,
    weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Next-token cross entropy in nats: weighted mean to train on, mean over answers to report."""
    hidden = model.model(
        input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False
    ).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[places]).float()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    answer = weights == 1.0
    mean = (losses * weights).sum() / weights.sum()
    return mean, (losses.detach() * answer).sum() / answer.sum()


def _step(
    state: TrainingState,
    recipe: Recipe,
    batch: Batch,
    loss_of: Callable[..., tuple[Tensor, Tensor]],
    rate: float,
) -> None:
    loss, answer_loss = loss_of(
        state.model,
        batch.ids,
        batch.positions,
        batch.mask,
        batch.places,
        batch.targets,
        batch.weights,
    )
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves backward untyped
    parameters = list(state.model.parameters())
    for weight, parameter in zip(state.master, parameters, strict=True):
        weight.grad = None if parameter.grad is None else parameter.grad.float()
        parameter.grad = None
    torch.nn.utils.clip_grad_norm_(state.master, recipe.clip)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.optimiser.step()
    with torch.no_grad():
        for weight, parameter in zip(state.master, parameters, strict=True):
            parameter.copy_(weight)
    state.tokens += batch.used
    state.steps += 1
    keep = 0.0 if state.steps == 1 else 0.98
    state.loss = keep * state.loss + (1 - keep) * float(loss.detach())
    state.answer_loss = keep * state.answer_loss + (1 - keep) * float(answer_loss)


def save_checkpoint(state: TrainingState, recipe: Recipe, path: Path) -> None:
    """Write the whole state beside ``path`` and move it into place."""
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "master": state.master,
            "optimiser": state.optimiser.state_dict(),
            "rng": state.rng.getstate(),
            "recipe": asdict(recipe),
            "counters": (state.tokens, state.steps, state.seconds, state.loss, state.answer_loss),
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
    state.tokens, state.steps, state.seconds, state.loss, state.answer_loss = saved["counters"]
