"""Training the house model on CPU: resumable, seeded, to a token budget or a time of day."""

import json
import math
import time
from datetime import datetime
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from transformers import PreTrainedTokenizerFast

from llm.house.corpus import Corpus, read_corpus
from llm.house.exercises import ExerciseSource
from llm.house.format import END
from llm.house.packing import Encoded, Packer, Weights
from llm.house.state import CHECKPOINT, Recipe, TrainingState, restore, save_checkpoint, start
from llm.house.step import Stepper
from llm.house.tokenizer import save_tokenizer, token_rarity, train_tokenizer

LOG = "progress.jsonl"
LOG_SECONDS = 20.0


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
    recipe: Recipe | None = None,
) -> TrainingState:
    """Train until ``tokens`` were seen or ``until`` is reached, whichever comes first.

    The learning rate follows whichever of the two is further on, so that it always ends low.
    ``output`` receives the tokenizer and ``checkpoint.pt``; with ``resume`` an existing
    checkpoint is continued. ``compiled`` needs a C++ compiler. ``recipe`` replaces the shipped
    model's shape, and then its own tokens and seed count. Raises ArtifactError without a corpus.
    """
    recipe = recipe or Recipe(tokens=tokens, seed=seed)
    torch.manual_seed(recipe.seed)
    corpus = read_corpus(corpus_dir, clusters_dir)
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(corpus, recipe, output, resume)
    state = start(recipe, len(tokenizer), token_rarity(tokenizer, corpus))
    if resume and (output / CHECKPOINT).exists():
        restore(state, output / CHECKPOINT)
    packer = _packer(state, recipe, corpus, tokenizer)
    with Stepper(recipe, threads, compiled=compiled) as stepper:
        _loop(state, recipe, packer, output, until, stepper)
    save_checkpoint(state, recipe, output / CHECKPOINT)
    return state


def _tokenizer(
    corpus: Corpus, recipe: Recipe, output: Path, resume: bool
) -> PreTrainedTokenizerFast:
    if resume and (output / "tokenizer.json").exists():
        loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(output)
        return loaded
    tokenizer = train_tokenizer(corpus, recipe.vocabulary)
    save_tokenizer(tokenizer, output)
    return tokenizer


def _packer(
    state: TrainingState, recipe: Recipe, corpus: Corpus, tokenizer: PreTrainedTokenizerFast
) -> Packer:
    source = ExerciseSource(corpus, state.rng)

    def draw() -> Encoded:
        exercise = source.draw(min(1.0, state.tokens / recipe.tokens))
        prompt = tokenizer.encode(exercise.prompt, add_special_tokens=False)
        answer = tokenizer.encode(exercise.answer + END, add_special_tokens=False)
        return prompt + answer, len(prompt)

    weights = Weights(recipe.prompt_weight, recipe.pick_weight)
    return Packer(draw, state.rng, recipe.rows, recipe.length, recipe.predicted, weights)


def _loop(
    state: TrainingState,
    recipe: Recipe,
    packer: Packer,
    output: Path,
    until: datetime | None,
    step: Stepper,
) -> None:
    begun = saved = logged = time.monotonic()
    before = state.seconds
    seen_before = state.tokens
    allowed = math.inf if until is None else (until - datetime.now(until.tzinfo)).total_seconds()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=recipe.tokens, completed=state.tokens)
        while state.tokens < recipe.tokens and time.monotonic() - begun < allowed:
            state.seconds = before + time.monotonic() - begun
            done = max(state.tokens / recipe.tokens, state.seconds / max(before + allowed, 1e-9))
            batches = [packer.next() for _ in range(recipe.shards)]
            step.take(state, batches, _rate(recipe, state.tokens, done))
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
        "pick_loss": round(state.pick_loss, 4),
        "tokens_per_second": round(speed),
    }
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def _rate(recipe: Recipe, tokens: int, done: float) -> float:
    """Linear warm-up by tokens, then a cosine down to ``final_rate`` of the peak at done = 1."""
    warm = min(1.0, (tokens + 1) / recipe.warmup_tokens)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return recipe.learning_rate * warm * (recipe.final_rate + (1 - recipe.final_rate) * cosine)
