"""From a checkpoint to the folder that is shipped: weights, tokenizer, card and its README."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from core.errors import ArtifactError
from llm.engines.local import CARD, Dtype, LoadedModel, load_model
from llm.house.corpus import Corpus, read_corpus
from llm.house.evaluate import (
    fact_questions,
    perplexity,
    picked,
    script_questions,
    speed,
    together,
)
from llm.house.format import QUOTE, SAY
from llm.house.state import CHECKPOINT, Recipe, TrainingState, restore, start

NAME = "onscript-house"
WEIGHTS = "model.safetensors"
COMMAND = "onscript llm train-house"
MEASURED: tuple[Dtype, ...] = ("bf16", "int8", "int4")
TOLERATED_LOSS = 0.01
PACKED: tuple[Dtype, ...] = ("int8", "int4")
_SPEED_QUESTIONS = 24


def publish(
    run: Path,
    weights: Path,
    corpus_dir: Path,
    clusters_dir: Path,
    *,
    threads: int = 2,
    measured: tuple[Dtype, ...] = MEASURED,
) -> dict[str, Any]:
    """Export the checkpoint in ``run`` to ``weights``, measure it and write its card.

    Returns the card. Raises ArtifactError when ``run`` holds no checkpoint.
    """
    torch.set_num_threads(threads)
    corpus = read_corpus(corpus_dir, clusters_dir)
    state, recipe = export(run, weights)
    card = _facts_of_training(state, recipe, corpus)
    card["files"] = _hashes(weights)
    card["recommended_dtype"] = "bf16"
    _write_card(weights, card)
    results = {dtype: _measure(load_model(weights, dtype), corpus, threads) for dtype in measured}
    card["held_out"] = {
        "dialogues": len(corpus.held_out_dialogues),
        "perplexity": _perplexities(load_model(weights, "bf16"), corpus),
        "by_dtype": results,
    }
    card["recommended_dtype"] = recommended(results)
    _write_card(weights, card)
    (weights / "README.md").write_text(readme(card), encoding="utf-8")
    return card


def export(run: Path, weights: Path) -> tuple[TrainingState, Recipe]:
    """Write bf16 safetensors, config and tokenizer; returns what the checkpoint held."""
    checkpoint = run / CHECKPOINT
    if not checkpoint.is_file():
        raise ArtifactError(f"no {CHECKPOINT} in {run}", mend=f"run `{COMMAND}` first")
    recipe = Recipe(**torch.load(checkpoint, weights_only=True)["recipe"])
    tokenizer = AutoTokenizer.from_pretrained(run)
    state = start(recipe, len(tokenizer))
    restore(state, checkpoint)
    weights.mkdir(parents=True, exist_ok=True)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own gap
    state.model.save_pretrained(weights)
    (weights / WEIGHTS).chmod(0o644)
    tokenizer.save_pretrained(weights)
    return state, recipe


def recommended(results: dict[Dtype, dict[str, Any]]) -> Dtype:
    """The fastest quantised form that rests on the right statement as often as bf16, else bf16."""
    plain = results.get("bf16")
    if plain is None:
        return "bf16"

    def as_good(packed: dict[str, Any]) -> bool:
        kept = all(
            packed[kind]["rests"] >= plain[kind]["rests"] - TOLERATED_LOSS
            for kind in ("scripts", "facts")
        )
        return kept and _speed(packed) >= _speed(plain)

    good: list[Dtype] = [name for name in PACKED if name in results and as_good(results[name])]
    return max(good, key=lambda name: _speed(results[name]), default="bf16")


def _speed(measured: dict[str, Any]) -> float:
    return float(measured["speed"]["tokens_per_second"])


def _facts_of_training(state: TrainingState, recipe: Recipe, corpus: Corpus) -> dict[str, Any]:
    return {
        "name": NAME,
        "format": "house",
        "languages": ["zh", "en"],
        "parameters": sum(parameter.numel() for parameter in state.model.parameters()),
        "recipe": asdict(recipe),
        "tokens_seen": state.tokens,
        "steps": state.steps,
        "training_seconds": round(state.seconds),
        "final_answer_loss": round(state.answer_loss, 4),
        "final_pick_loss": round(state.pick_loss, 4),
        "corpus_sha256": corpus.hashes,
        "command": f"{COMMAND} --tokens {recipe.tokens} --seed {recipe.seed}",
    }


def _hashes(weights: Path) -> dict[str, str]:
    names = (WEIGHTS, "config.json", "tokenizer.json", "tokenizer_config.json")
    return {name: hashlib.sha256((weights / name).read_bytes()).hexdigest() for name in names}


def _measure(loaded: LoadedModel, corpus: Corpus, threads: int) -> dict[str, Any]:
    facts, scripts = fact_questions(corpus), script_questions(corpus)
    figures: dict[str, Any] = {}
    for name, questions in (("facts", facts), ("scripts", scripts)):
        parts = [
            picked(loaded, [q for q in questions if q.language == language])
            for language in ("zh", "en")
        ]
        figures[name] = asdict(together(parts))
        figures[f"{name}_zh"], figures[f"{name}_en"] = (asdict(part) for part in parts)
    figures["speed"] = asdict(speed(loaded, scripts[:_SPEED_QUESTIONS], threads))
    return figures


def _perplexities(loaded: LoadedModel, corpus: Corpus) -> dict[str, dict[str, float]]:
    questions = fact_questions(corpus)
    return {
        language: {
            name: round(
                perplexity(loaded, [q for q in questions if q.language == language], mode), 3
            )
            for name, mode in (("quote", QUOTE), ("say", SAY))
        }
        for language in ("zh", "en")
    }


def _write_card(weights: Path, card: dict[str, Any]) -> None:
    text = json.dumps(card, ensure_ascii=False, indent=2)
    (weights / CARD).write_text(text + "\n", encoding="utf-8")


def readme(card: dict[str, Any]) -> str:
    """The model card for people; every figure comes from ``card``."""
    held_out = card["held_out"]
    rows = "\n".join(
        f"| {dtype} | {_share(r['scripts'])} | {_share(r['facts'])} | "
        f"{r['speed']['tokens_per_second']:.0f} | {r['speed']['first_piece_milliseconds']:.0f} |"
        for dtype, r in held_out["by_dtype"].items()
    )
    first = next(iter(held_out["by_dtype"].values()))
    perplexities = "\n".join(
        f"| {language} | {figures['quote']} | {figures['say']} |"
        for language, figures in held_out["perplexity"].items()
    )
    return _README.format(
        **card,
        millions=card["parameters"] / 1e6,
        seen=card["tokens_seen"] / 1e6,
        minutes=card["training_seconds"] / 60,
        dialogues=held_out["dialogues"],
        rows=rows,
        perplexities=perplexities,
        script_baseline=first["scripts"]["baseline"],
        fact_baseline=first["facts"]["baseline"],
        script_chance=first["scripts"]["chance"],
        fact_chance=first["facts"]["chance"],
        script_questions=first["scripts"]["questions"],
        fact_questions=first["facts"]["questions"],
        threads=first["speed"]["threads"],
    )


def _share(figures: dict[str, Any]) -> str:
    return f"{figures['rests']:.3f} (word for word {figures['copied']:.3f})"


_README = """# The house model

A language model of {millions:.1f} million parameters (Llama shape, tied embeddings) for Chinese
and English, trained from nothing but this repository's own dialogues and meaning clusters. It does
one thing: read up to four approved statements and a customer's message, name the statement that
answers it and repeat that statement. Its drafts are matched against the approved library and are
never sent. It holds no general knowledge, does not converse and must not be used for anything else.

Training starts from weights in which copying (an induction circuit) and picking (a search for the
customer's words in the statements) are planted by hand, `llm/house/circuits.py`; the picking heads
stay as planted, all else is learned.

| | |
|---|---|
| tokens seen | {seen:.2f} million in {steps} steps, {minutes:.0f} minutes on shared CPU cores |
| recommended precision | {recommended_dtype} (weights are shipped in bf16 and packed when loaded) |
| trained again with | `{command}` |

## Measured on {dialogues} held-out dialogues (chosen by the hash of their id, never trained on)

"Rests" is the share of customer lines whose greedy draft shares most character bigrams with a right
statement among those given; drafts repeating a right statement word for word are a part of it.
Scripts: the seller's true reply among three other replies of the same dialogue ({script_questions}
lines). Facts: the facts the reply rests on among three others ({fact_questions} lines). Picking the
statement nearest to the customer's words by the same overlap would reach {script_baseline:.3f} for
scripts and {fact_baseline:.3f} for facts; picking blindly {script_chance:.3f} and
{fact_chance:.3f}. Where the model is below plain overlap, give it one or two statements only, the
likeliest ones.

| precision | scripts: rests | facts: rests | tokens/s, {threads} threads | first piece, ms |
|---|---|---|---|---|
{rows}

Speed was measured while other programs used the same cores.

| perplexity per token of the answer | quoting the facts | the seller's own words |
|---|---|---|
{perplexities}

## Known limits

- It picks the statement by what little wording and topic it learned from a small corpus; a question
  that shares neither with the right statement is often answered from a wrong one. The script match
  and its calibrated threshold, not this model, decide what is sent.
- Long statements may be cut or run into a neighbour. More than four statements were not trained.
- Two varieties of language were seen: simplified Chinese and informal English.
"""
