"""The recipe of the small Chinese encoder: deterministic, resumable, from scratch on two cores.

Every step draws its batch and its dropout from (seed, step) alone, so a run that was interrupted
goes on as if it had not been. Three things are learned at once: the wordings of a cluster find
each other among other clusters and their own near misses (multi-positive InfoNCE, van den Oord
et al. 2018; Khosla et al. 2020); each finds the mean MiniLM vector of its cluster's English
wordings (Reimers & Gurevych 2020); and, where sales dialogues are given, a reply and a question
find the approved fact they rest on among the other facts of that dialogue. Before that, masked
characters of all these texts are predicted (Devlin et al. 2019).
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn import functional

from encoder.fit import is_fitting, is_held_out, judge, load_clusters, measure
from encoder.material import Corpus, digest, gather, load_words
from encoder.network import SmallNetwork, export
from encoder.small import (
    CHARACTER_ROWS,
    DIMENSION,
    Codes,
    SmallEncoder,
    codes,
    padded,
    tokens,
    windows,
)
from encoder.types import Encoder, EncoderIdentity, Vectors

_CHUNK = 96  # sentences of like length that share a forward pass
_IGNORED = -100


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the weights; it is copied into the model card."""

    seed: int = 20
    pretraining_steps: int = 300
    cycles: tuple[int, ...] = (460, 440)  # steps of each cosine, with warm restarts
    clusters: int = 96
    words: int = 64  # further groups of words or sentences with one meaning in a batch
    dialogue_pairs: int = 48
    rate: float = 8e-4
    warmup: int = 60
    weight_decay: float = 0.02
    temperature: float = 0.05
    anchors: float = 0.5  # weight of finding the English anchor
    alignment: float = 1.0  # weight of the cosine to it
    pairs: float = 0.5  # weight of the dialogue pairs
    dropout: float = 0.15
    token_dropout: float = 0.12
    pair_dropout: float = 0.3
    average: float = 0.995  # decay of the weights' moving average that is kept


def train(
    corpus: Path,
    teacher: Encoder,
    output: Path,
    checkpoint: Path,
    recipe: Recipe | None = None,
    dialogues: Sequence[Path] = (),
    plain: Sequence[str] = (),
) -> dict[str, Any]:
    """Train, judge and write ``small.onnx`` and ``small_card.json``; returns the card.

    ``teacher`` is the English encoder; ``dialogues`` are JSON-lines files of sales dialogues;
    ``plain`` is further Chinese for the masked characters. ``checkpoint`` is read when it exists.
    """
    recipe = recipe or Recipe()
    clusters = load_clusters(corpus)
    words = load_words(corpus / "words_zh.jsonl")
    material = gather(clusters, words, teacher, dialogues, plain)
    with _deterministic(recipe.seed):
        run = _Run(material, recipe, checkpoint)
        run.resume()
        run.go([c for c in clusters if is_fitting(c)])
    graph = export(run.averaged())
    output.mkdir(parents=True, exist_ok=True)
    (output / "small.onnx").write_bytes(graph)
    card = _card(graph, recipe, material, clusters, teacher)
    (output / "small_card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


@contextlib.contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


class _Run:
    """One training run: network, optimiser, moving average and how far it has come."""

    def __init__(self, material: Corpus, recipe: Recipe, checkpoint: Path) -> None:
        self._material = material
        self._recipe = recipe
        self._checkpoint = checkpoint
        self._network = SmallNetwork(dropout=recipe.dropout)
        width = self._network.norm.normalized_shape[0]
        self._guess = torch.nn.Linear(width, CHARACTER_ROWS)
        tables = [self._network.characters.weight, self._network.pairs.weight]
        known = {id(t) for t in tables}
        rest = [p for p in self._network.parameters() if id(p) not in known]
        groups = [
            {"params": tables, "lr": 3 * recipe.rate, "weight_decay": 0.0},
            {"params": [*rest, *self._guess.parameters()], "lr": recipe.rate},
        ]
        self._optimiser = torch.optim.AdamW(
            groups, weight_decay=recipe.weight_decay, betas=(0.9, 0.98), fused=True
        )
        self._base = [float(group["lr"]) for group in self._optimiser.param_groups]
        self._average = {k: v.clone() for k, v in self._network.state_dict().items()}
        self._step = 0
        self._seconds = 0.0

    def resume(self) -> None:
        """Go on from the checkpoint when there is one."""
        if not self._checkpoint.is_file():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        self._network.load_state_dict(state["network"])
        self._guess.load_state_dict(state["guess"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average = state["average"]
        self._step, self._seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint in one piece."""
        state = {
            "network": self._network.state_dict(),
            "guess": self._guess.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self._average,
            "step": self._step,
            "seconds": self._seconds,
        }
        fresh = self._checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._checkpoint)

    def averaged(self) -> SmallNetwork:
        """A network with the averaged weights."""
        network = SmallNetwork()
        network.load_state_dict(self._average)
        return network.eval()

    def go(self, judging: list[dict[str, Any]]) -> None:
        """All steps that are left, with a checkpoint and a look at ``judging`` every 100."""
        total = self._recipe.pretraining_steps + sum(self._recipe.cycles)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as progress:
            task = progress.add_task("small encoder", total=total, completed=self._step)
            while self._step < total:
                began = time.monotonic()
                loss = self._one_step()
                self._seconds += time.monotonic() - began
                progress.update(task, advance=1, description=f"loss {loss:.3f}")
                if self._step % 100 == 0 or self._step == total:
                    self.save()
                    found = judge(_Unexported(self.averaged()), judging, "zh")
                    progress.console.print(
                        f"step {self._step} loss {loss:.3f} fitting recall@1 {found:.3f}"
                        f" after {self._seconds:.0f} s"
                    )

    def _one_step(self) -> float:
        recipe = self._recipe
        masked = self._step < recipe.pretraining_steps
        torch.manual_seed(recipe.seed * 1_000_003 + self._step)
        draw = np.random.default_rng([recipe.seed, self._step])
        for group, base in zip(self._optimiser.param_groups, self._base, strict=True):
            group["lr"] = base * self._schedule()
        self._network.train()
        loss = self._masked_loss(draw) if masked else self._meaning_loss(draw)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._step += 1
        done = self._step - recipe.pretraining_steps
        decay = min(recipe.average, done / (done + 10)) if done > 0 else 0.0
        for name, value in self._network.state_dict().items():
            self._average[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _schedule(self) -> float:
        """Warm-up, then half a cosine, for each phase and cycle (Loshchilov & Hutter 2017)."""
        recipe = self._recipe
        at = self._step
        for total in (recipe.pretraining_steps, *recipe.cycles):
            if at < total:
                break
            at -= total
        warm = min(1.0, (at + 1) / recipe.warmup)
        return warm * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * at / total))))

    def _meaning_loss(self, draw: np.random.Generator) -> torch.Tensor:
        recipe, material = self._recipe, self._material
        chosen = self._draw_groups(draw)
        size = len(chosen)
        wordings: tuple[list[str], list[str], list[str]] = ([], [], [])
        for index in chosen:
            group = material.groups[index]
            first, second = draw.choice(len(group["zh"]), size=2, replace=False)
            wordings[0].append(group["zh"][first])
            wordings[1].append(group["zh"][second])
            wordings[2].extend(group["neg_zh"][:2])
        pairs = self._draw_pairs(draw)
        texts = [*wordings[0], *wordings[1], *wordings[2], *pairs[0], *pairs[1]]
        vectors = self._encode(texts, draw)
        ends = np.cumsum([2 * size, len(wordings[2]), len(pairs[0]), len(pairs[1])])
        anchors, misses, lines, facts = vectors.tensor_split(ends[:-1].tolist())
        loss = self._cluster_loss(anchors, misses, torch.from_numpy(chosen))
        if len(lines):
            scores = lines @ facts.T / recipe.temperature
            loss = loss + recipe.pairs * functional.cross_entropy(scores, torch.arange(len(lines)))
        return loss

    def _cluster_loss(
        self, anchors: torch.Tensor, misses: torch.Tensor, chosen: torch.Tensor
    ) -> torch.Tensor:
        """``anchors``: first wordings of the chosen clusters, then their second wordings."""
        recipe = self._recipe
        size = len(chosen)
        scores = anchors @ torch.cat([anchors, misses]).T / recipe.temperature
        scores = scores - torch.eye(2 * size, scores.shape[1]) * 1e4  # never itself
        partner = torch.arange(2 * size).roll(size)
        loss = functional.cross_entropy(scores, partner)
        labels = chosen.repeat(2)
        english = anchors @ self._material.anchors.T
        found = functional.cross_entropy(english / recipe.temperature, labels)
        aligned = 1 - english.gather(1, labels[:, None]).mean()
        return loss + recipe.anchors * found + recipe.alignment * aligned

    def _draw_groups(self, draw: np.random.Generator) -> Codes:
        clusters, groups = self._material.clusters, len(self._material.groups)
        first = draw.choice(clusters, size=min(self._recipe.clusters, clusters), replace=False)
        words = min(self._recipe.words, groups - clusters)
        return np.concatenate([first, draw.choice(np.arange(clusters, groups), words, False)])

    def _draw_pairs(self, draw: np.random.Generator) -> tuple[list[str], list[str]]:
        """Lines, and for each of them its fact; then one other fact a line."""
        grounded = self._material.grounded
        size = min(self._recipe.dialogue_pairs, len(grounded))
        picked = [grounded[i] for i in draw.permutation(len(grounded))[:size]]
        facts = [fact for _, fact, _ in picked]
        others = [other[draw.integers(len(other))] for _, _, other in picked]
        return [line for line, _, _ in picked], [*facts, *others]

    def _encode(self, texts: list[str], draw: np.random.Generator) -> torch.Tensor:
        """(len(texts), 384) with tokens, pairs and closing stops dropped at random."""
        recipe = self._recipe
        pieces = [windows(_unstopped(tokens(text), draw))[0] for text in texts]
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
        found = []
        for start in range(0, len(order), _CHUNK):
            block, mask = padded([codes(pieces[i]) for i in order[start : start + _CHUNK]])
            block[..., 2][draw.random(mask.shape) < recipe.pair_dropout] = 0
            kept = mask * (draw.random(mask.shape) >= recipe.token_dropout)
            mask = np.where(kept.sum(1, keepdims=True) > 0, kept, mask).astype(np.float32)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found.append(self._network(torch.from_numpy(block), torch.from_numpy(mask)))
        inverse = torch.from_numpy(np.argsort(order))
        return functional.normalize(torch.cat(found).float()[inverse], dim=-1)

    def _masked_loss(self, draw: np.random.Generator) -> torch.Tensor:
        """Cross-entropy of the hashed row of 15 % of the tokens, hidden with their pairs."""
        plain = self._material.plain
        texts = [plain[i] for i in draw.integers(len(plain), size=256)]
        pieces = sorted((codes(w) for t in texts for w in windows(tokens(t))[:1]), key=len)
        losses = []
        for start in range(0, len(pieces), _CHUNK):
            block, mask = padded(pieces[start : start + _CHUNK])
            hidden = (draw.random(mask.shape) < 0.15) & (mask > 0)
            wanted = np.where(hidden, block[..., 0], _IGNORED)
            block[hidden] = codes(["\x00"])[0]
            block[..., 2][hidden] = 0
            block[:, 1:, 2][hidden[:, :-1]] = 0  # the next pair names the hidden token too
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = self._network.hidden(torch.from_numpy(block), torch.from_numpy(mask))
                guesses = self._guess(states[torch.from_numpy(hidden)])
            targets = torch.from_numpy(wanted[hidden])
            losses.append(functional.cross_entropy(guesses.float(), targets, reduction="sum"))
        return torch.stack(losses).sum() / max(1, sum(len(p) for p in pieces) * 0.15)


def _unstopped(parts: list[str], draw: np.random.Generator) -> list[str]:
    """Customers often leave the closing stop out, so training does as well."""
    if len(parts) > 1 and parts[-1] in "。.!?~" and draw.random() < 0.4:
        return parts[:-1]
    return parts


class _Unexported:
    """The network as an encoder, to judge it while it learns."""

    def __init__(self, network: SmallNetwork) -> None:
        self._network = network
        self.identity = EncoderIdentity("unexported", "0", "0" * 12, DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        block, mask = padded([codes(windows(tokens(text))[0]) for text in texts])
        with torch.inference_mode():
            found = self._network(torch.from_numpy(block), torch.from_numpy(mask))
        vectors: Vectors = found.numpy()
        return vectors


def _card(
    graph: bytes,
    recipe: Recipe,
    material: Corpus,
    clusters: list[dict[str, Any]],
    teacher: Encoder,
) -> dict[str, Any]:
    judging = [c for c in clusters if is_held_out(c)]
    return {
        "what": "small Chinese encoder in the space of all-MiniLM-L6-v2",
        "sha256": sha256(graph).hexdigest(),
        "bytes": len(graph),
        "teacher": str(teacher.identity),
        "recipe": asdict(recipe),
        "clusters": {"training": material.clusters, "held_out": len(judging)},
        "words": len(material.groups) - material.clusters,
        "grounded_lines": len(material.grounded),
        "plain_texts": len(material.plain),
        "material_sha256": digest(material),
        "held_out": measure(SmallEncoder(graph), judging, "zh"),
        "command": "onscript encoder train",
    }
