"""The recipe of the shipped encoder: MiniLM taught Chinese, and both languages taught to sell.

MiniLM's own weights stay as they are. Learned are a row for each Chinese word, which begins as the
mean of its English gloss's rows, and low-rank adapters in every layer (Hu et al. 2021). Wordings
of a cluster find each other, in both languages at once, among the cluster's near misses and
neighbouring meanings of the same product (Khosla et al. 2020); English stays near what the
untaught MiniLM says and Chinese comes near it (Reimers & Gurevych 2020); a customer's question
finds the statement that answers it; a line of a dialogue finds the fact it rests on; and the
intent of a message can be read off its vector by a linear head, which is thrown away afterwards.

Every step draws its batch and its dropout from (seed, step) alone, so a run that was interrupted
goes on as if it had not been.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn import functional

from core.errors import InvalidInput
from encoder.batches import Batch, Batches
from encoder.clusters import is_fitting, load_clusters
from encoder.deterministic import deterministic
from encoder.evaluate import judge
from encoder.fit import fit
from encoder.losses import compared, contrast, find, stray, tell_apart
from encoder.material import Material, gather
from encoder.minilm import DIMENSION, MiniLM, model_folder, padded, read_pieces
from encoder.network import TaughtNetwork, pack
from encoder.rows import first_rows
from encoder.types import Encoder, EncoderIdentity, Vectors
from encoder.vocabulary import PIECES, Reader, Vocabulary

_CHUNK = 96  # sentences of like length that share a forward pass
_MASK_ROW = 103
_HEAD_SCALE = 16.0  # of unit vectors, so that a linear head can be sure
_FRAME = 1000  # rows below are MiniLM's markers


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the weights; it is copied into the model card."""

    seed: int = 20
    steps: int = 500
    rank: int = 64
    families: int = 4  # of up to `relatives` neighbouring meanings each; the rest is drawn freely
    relatives: int = 8
    clusters: int = 48
    groups: int = 24
    glosses: int = 64
    grounded: int = 24
    labelled: int = 48
    rate: float = 1e-3  # of the adapters
    row_rate: float = 2e-3
    warmup: int = 50
    weight_decay: float = 0.01
    temperature: float = 0.05
    near_misses: float = 0.1  # weight of a cosine that tells a cluster's near misses apart
    comparing: float = 0.2  # weight of a comparison of two vectors that does
    loyalty: float = 2.0  # weight of staying near the untaught MiniLM, English
    alignment: float = 0.5  # weight of coming near it, Chinese
    answers: float = 0.3  # weight of finding the answer to a question
    grounding: float = 0.3  # weight of finding the fact a line rests on
    intents: float = 0.2  # weight of reading the intent off the vector
    words: float = 0.5  # weight of words and groups finding their English
    dropout: float = 0.1
    masked: float = 0.08  # share of tokens hidden, half of them behind a spare row
    blocked: float = 0.1  # share of words read by their parts
    average: float = 0.995  # decay of the weights' moving average that is kept


class Training:
    """One training run: network, optimiser, moving average and how far it has come."""

    def __init__(
        self,
        material: Material,
        teacher: Encoder,
        checkpoint: Path,
        recipe: Recipe | None = None,
        device: str = "cpu",
    ) -> None:
        """``teacher`` is the untaught MiniLM; ``checkpoint`` is read when it exists."""
        self.recipe = recipe or Recipe()
        self._device = torch.device(device)
        self._checkpoint = checkpoint
        folder = model_folder()
        self.vocabulary = Vocabulary(material.words())
        self._reader = Reader(read_pieces(folder), self.vocabulary)
        rows = first_rows(folder, self.vocabulary, material.glosses)
        torch.manual_seed(self.recipe.seed)
        self._network = TaughtNetwork(folder, rows, self.recipe.rank, self.recipe.dropout)
        self._network.to(self._device)
        self._batches = Batches(material, teacher, self.recipe)
        self._head = torch.nn.Linear(DIMENSION, max(1, len(material.labels())))
        self._head.to(self._device)
        self._same = torch.nn.Sequential(
            torch.nn.Linear(2 * DIMENSION, 128), torch.nn.GELU(), torch.nn.Linear(128, 1)
        ).to(self._device)
        learned = self._network.learned()
        words = learned.pop("words")
        heads = [*self._head.parameters(), *self._same.parameters()]
        groups = [
            {"params": [words], "lr": self.recipe.row_rate, "weight_decay": 0.0},
            {"params": [*learned.values(), *heads], "lr": self.recipe.rate},
        ]
        self._optimiser = torch.optim.AdamW(
            groups, weight_decay=self.recipe.weight_decay, betas=(0.9, 0.98), fused=True
        )
        self._base = [float(group["lr"]) for group in self._optimiser.param_groups]
        self._average = {k: v.detach().clone() for k, v in self._network.learned().items()}
        self._step = 0
        self.seconds = 0.0
        self._learned_from = f"{asdict(self.recipe)} {material.digest()}"

    def resume(self) -> None:
        """Go on from the checkpoint when there is one.

        Raises InvalidInput when it belongs to another recipe or another corpus.
        """
        if not self._checkpoint.is_file():
            return
        state = torch.load(self._checkpoint, weights_only=True, map_location=self._device)
        if state.get("learned_from") != self._learned_from:
            raise InvalidInput(
                "the checkpoint belongs to another recipe or another corpus",
                mend="name another --checkpoint to begin anew",
            )
        self._network.replace_learned(state["learned"])
        self._head.load_state_dict(state["head"])
        self._same.load_state_dict(state["same"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average = state["average"]
        self._step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint in one piece."""
        state = {
            "learned": self._network.learned(),
            "head": self._head.state_dict(),
            "same": self._same.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self._average,
            "step": self._step,
            "learned_from": self._learned_from,
            "seconds": self.seconds,
        }
        fresh = self._checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._checkpoint)

    def packed(self) -> bytes:
        """The weights file of the averaged weights."""
        return pack(self.vocabulary, self._average)

    def go(self, judging: list[dict[str, Any]], stop_after: int | None = None) -> None:
        """All steps that are left, with a checkpoint and a look at ``judging`` every 100.

        ``stop_after`` ends it earlier, at that step, as an interruption would.
        """
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        total = self.recipe.steps
        last = min(total, stop_after or total)
        with deterministic(), Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("encoder", total=total, completed=self._step)
            while self._step < last:
                began = time.monotonic()
                loss = self._one_step()
                self.seconds += time.monotonic() - began
                progress.update(task, advance=1, description=f"loss {loss:.3f}")
                if self._step % 100 == 0 or self._step == last:
                    self.save()
                    found = {key: round(judge(self, judging, key), 3) for key in ("zh", "en")}
                    progress.console.print(
                        f"step {self._step} loss {loss:.3f} fitting recall@1 {found}"
                        f" after {self.seconds:.0f} s"
                    )

    identity = EncoderIdentity("in-training", "0", "0" * 12, DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of the averaged weights as they are now, to judge them while they learn."""
        now = {k: v.detach().clone() for k, v in self._network.learned().items()}
        self._network.replace_learned(self._average)
        self._network.eval()
        with torch.inference_mode():
            vectors: Vectors = self._vectors(list(texts), None).cpu().numpy()
        self._network.replace_learned(now)
        self._network.train()
        return vectors

    def _one_step(self) -> float:
        recipe = self.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + self._step)
        draw = np.random.default_rng([recipe.seed, self._step])
        for group, base in zip(self._optimiser.param_groups, self._base, strict=True):
            group["lr"] = base * self._schedule()
        self._network.train()
        batch = self._batches.draw(draw)
        loss = self._loss(batch, self._vectors(batch.texts, draw))
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        torch.nn.utils.clip_grad_norm_(list(self._network.learned().values()), 1.0)
        self._optimiser.step()
        self._step += 1
        keep = min(recipe.average, self._step / (self._step + 10))
        with torch.no_grad():
            for name, value in self._network.learned().items():
                self._average[name].lerp_(value, 1 - keep)
        return loss.item()

    def _schedule(self) -> float:
        warm = min(1.0, (self._step + 1) / self.recipe.warmup)
        falling = 0.5 * (1 + float(np.cos(np.pi * self._step / self.recipe.steps)))
        return warm * (0.02 + 0.98 * falling)

    def _loss(self, batch: Batch, vectors: torch.Tensor) -> torch.Tensor:
        recipe, heat = self.recipe, self.recipe.temperature
        parts = torch.split(vectors, batch.sizes)
        wordings, misses, asked, words, lines, facts, messages = parts
        english, chinese = batch.english.to(vectors.device), batch.chinese.to(vectors.device)
        loss = contrast(wordings, misses, batch.owners.to(vectors.device), heat)
        half = len(wordings) // 2  # Chinese wordings come first
        pairs = wordings.view(4, -1, wordings.shape[1])
        for first, second, missed in ((0, 1, 0), (2, 3, 1), (0, 2, 1), (2, 0, 0)):
            trio = pairs[first], pairs[second], misses[missed::2]
            loss = loss + recipe.near_misses * tell_apart(*trio, heat)
            loss = loss + recipe.comparing * self._comparing(*trio)
        loss = loss + recipe.loyalty * stray(wordings[half:], english)
        loss = loss + recipe.alignment * stray(wordings[:half], chinese)
        if len(asked):
            places = batch.answers.to(vectors.device)
            loss = loss + recipe.answers * find(asked, torch.cat([wordings, misses]), places, heat)
        if len(words):
            wanted = batch.words.to(vectors.device)
            places = torch.arange(len(words), device=vectors.device)
            named = find(words, wanted, places, heat) + stray(words, wanted)
            loss = loss + recipe.words * named
        if len(lines):
            places = torch.arange(len(lines), device=vectors.device)
            loss = loss + recipe.grounding * find(lines, facts, places, heat)
        if len(messages):
            guesses = self._head(messages * _HEAD_SCALE)
            wanted = batch.labels.to(vectors.device)
            loss = loss + recipe.intents * functional.cross_entropy(guesses, wanted)
        return loss

    def _comparing(
        self, first: torch.Tensor, second: torch.Tensor, misses: torch.Tensor
    ) -> torch.Tensor:
        """Can it be read off two vectors whether they mean the same? Cosines cannot tell all."""
        same, other = self._same(compared(first, second)), self._same(compared(first, misses))
        scores = torch.cat([same, other]).squeeze(1)
        wanted = torch.cat([torch.ones(len(same)), torch.zeros(len(other))]).to(scores.device)
        return functional.binary_cross_entropy_with_logits(scores, wanted)

    def _vectors(self, texts: list[str], draw: np.random.Generator | None) -> torch.Tensor:
        """(len(texts), 384); with ``draw`` words are split and tokens hidden at random."""
        blocked = None if draw is None else lambda _: draw.random() < self.recipe.blocked
        windows = [self._reader.rows(text, blocked)[0] for text in texts]
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        found = []
        for start in range(0, len(order), _CHUNK):
            ids, mask = padded([windows[i] for i in order[start : start + _CHUNK]])
            if draw is not None:
                ids = self._hidden(ids, draw)
            both = torch.from_numpy(ids), torch.from_numpy(mask)
            with torch.autocast(self._device.type, dtype=torch.bfloat16):
                found.append(self._network(*(part.to(self._device) for part in both)))
        inverse = torch.from_numpy(np.argsort(order)).to(self._device)
        return torch.cat(found)[inverse]

    def _hidden(self, ids: Any, draw: np.random.Generator) -> Any:
        """Some tokens behind the mask's row, some behind a spare row: words nobody knows."""
        chance = draw.random(ids.shape)
        real = ids >= _FRAME
        spare = PIECES + draw.integers(len(self.vocabulary.words), self.vocabulary.size, ids.shape)
        ids = np.where(real & (chance < self.recipe.masked), spare, ids)
        return np.where(real & (chance < self.recipe.masked / 2), _MASK_ROW, ids)


def train(
    corpus: Path,
    output: Path,
    checkpoint: Path,
    home: Path,
    recipe: Recipe | None = None,
    dialogues: Sequence[Path] = (),
    labelled: Sequence[tuple[str, str]] = (),
    kept_back: frozenset[str] = frozenset(),
    device: str = "cpu",
) -> dict[str, Any]:
    """Train, fit the join, judge; writes ``taught.safetensors``, the join and ``card.json``.

    ``checkpoint`` is read when it exists. ``home`` is where ONNX graphs are kept. For ``labelled``
    and ``kept_back`` see ``material.gather``. Returns the card.
    """
    clusters = load_clusters(corpus)
    material = gather(clusters, corpus, dialogues, labelled, kept_back)
    teacher = MiniLM.plain(home, torch.get_num_threads())
    training = Training(material, teacher, checkpoint, recipe, device)
    training.resume()
    training.go([c for c in clusters if is_fitting(c)])
    weights = training.packed()
    taught = {
        "what": "all-MiniLM-L6-v2 with rows for Chinese words and low-rank adapters",
        "sha256": sha256(weights).hexdigest(),
        "bytes": len(weights),
        "base": str(teacher.identity),
        "recipe": asdict(training.recipe),
        "rows": training.vocabulary.size,
        "material": material.counts() | {"sha256": material.digest()},
        "seconds": round(training.seconds),
        "device": device,
        "command": "onscript encoder train",
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "taught.safetensors").write_bytes(weights)
    (output / "card.json").write_text(json.dumps({"taught": taught}, indent=1), encoding="utf-8")
    fit(MiniLM.taught(home, torch.get_num_threads(), output), corpus, output)
    card: dict[str, Any] = json.loads((output / "card.json").read_text(encoding="utf-8"))
    return card
