"""How good is the shipped recipe on other people's data, and how fast is one message?

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.intent     CLINC150, BANKING77, latency
    python -m benchmarks.intent --train A.csv --test B.csv
        [--text-column C] [--label-column C] [--oos-label L]

The public sets are read from ../shared/data/intent when they are there. The threshold is chosen
on held-out training messages (5 % of them rejected), never on the test file.
"""

import argparse
import csv
import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.settings import Settings
from encoder.types import Encoder, Vectors
from intent.classifier import Classifier, IntentModel, logits, softmax, unpack
from intent.corpus import Split, load_corpus
from intent.features import Features, extract
from intent.train import Material, Recipe, balance_weights, fit
from services.wiring import build_encoder

PUBLIC = Path(__file__).parents[2] / "shared" / "data" / "intent"
REJECTED = 0.05
ANCHORS = {
    "CLINC150": [
        "frozen MiniLM + logistic regression: in-scope 92.5, OOS recall 77.6, AUROC 95.7",
        "MiniLM + char TF-IDF, linear: in-scope 92.9, OOS recall 83.9, AUROC 96.5",
        "BERT, threshold: in-scope 96.2, OOS recall 52.3",
    ],
    "BANKING77": ["BERT-tuned 93.66", "MiniLM + char TF-IDF, linear 93.8"],
}

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Scored:
    """Test messages with the probabilities of the known labels."""

    scores: Vectors
    labels: tuple[str, ...]
    wanted: tuple[str, ...]

    @property
    def best(self) -> list[str]:
        return [self.labels[int(row.argmax())] for row in self.scores]

    @property
    def confidence(self) -> Vectors:
        found: Vectors = self.scores.max(axis=1)
        return found


def encode(encoder: Encoder, texts: Sequence[str]) -> Features:
    """Features without context, in chunks."""
    parts = [
        extract(encoder, texts[i : i + 256], [None] * len(texts[i : i + 256]))
        for i in range(0, len(texts), 256)
    ]
    return Features(
        np.concatenate([p.text for p in parts]),
        np.concatenate([p.previous for p in parts]),
        [row for p in parts for row in p.grams],
        np.concatenate([p.gain for p in parts]),
        [row for p in parts for row in p.cues],
    )


class Trained:
    """The shipped recipe on some labelled messages."""

    def __init__(self, encoder: Encoder, pairs: Pairs) -> None:
        self._encoder = encoder
        self.labels = tuple(sorted({label for _, label in pairs}))
        place = {label: i for i, label in enumerate(self.labels)}
        target = np.array([place[label] for _, label in pairs], dtype=np.int64)
        features = encode(encoder, [text for text, _ in pairs])
        start = time.perf_counter()
        weight = balance_weights(target, len(self.labels), Recipe().balance)
        stored = fit(Material(features, target, weight, len(self.labels)), Recipe(), seed=7)
        self.seconds = time.perf_counter() - start
        self._tensors = unpack(stored)

    def score(self, pairs: Pairs) -> Scored:
        raw = logits(self._tensors, encode(self._encoder, [text for text, _ in pairs]))
        return Scored(softmax(raw), self.labels, tuple(label for _, label in pairs))


def auroc(known: Vectors, unknown: Vectors) -> float:
    """Probability that a known message is more confident than an unknown one."""
    order = np.sort(unknown)
    below = np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right")
    return float(below.mean() / (2 * max(1, len(unknown))))


def matthews(wanted: Sequence[str], found: Sequence[str]) -> float:
    """Matthews correlation of many classes (Gorodkin 2004)."""
    names = sorted({*wanted, *found})
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for a, b in zip(wanted, found, strict=True):
        table[place[a], place[b]] += 1
    total, right = table.sum(), np.trace(table)
    true, said = table.sum(axis=1), table.sum(axis=0)
    below = np.sqrt((total**2 - (said**2).sum()) * (total**2 - (true**2).sum()))
    return float((right * total - (true * said).sum()) / below) if below else 0.0


def measure(trained: Trained, held_out: Pairs, test: Pairs, oos: str | None) -> dict[str, float]:
    """Figures in percent at the threshold that rejects 5 % of the known held-out messages.

    Without held-out messages nothing is rejected.
    """
    calm = trained.score(held_out).confidence if held_out else np.zeros(1, dtype=np.float32)
    threshold = float(np.quantile(calm, REJECTED))
    scored = trained.score(test)
    known = np.array([label != oos for label in scored.wanted])
    right = np.array([a == b for a, b in zip(scored.best, scored.wanted, strict=True)])
    kept = scored.confidence >= threshold
    figures = {
        "in_scope_accuracy": 100 * float(right[known].mean()),
        "in_scope_at_threshold": 100 * float((right & kept)[known].mean()),
        "train_s": trained.seconds,
    }
    if (~known).any():
        rejected = oos or ""
        found = [b if k else rejected for b, k in zip(scored.best, kept, strict=True)]
        figures |= {
            "oos_recall": 100 * float((~kept)[~known].mean()),
            "auroc": 100 * auroc(scored.confidence[known], scored.confidence[~known]),
            "accuracy_at_threshold": 100
            * float(np.mean([a == b for a, b in zip(found, scored.wanted, strict=True)])),
            "matthews": 100 * matthews(scored.wanted, found),
        }
    else:
        figures["matthews"] = 100 * matthews(scored.wanted, scored.best)
    return figures


def tell(name: str, figures: dict[str, float]) -> None:
    print(f"{name:12s}", *(f"{key} {value:.1f}" for key, value in figures.items()), sep="  ")
    for line in ANCHORS.get(name, []):
        print(f"{'':12s}  anchor: {line}")


def divide(pairs: Pairs) -> tuple[Pairs, Pairs]:
    """Nine tenths to train on and a tenth, by hash, for the threshold."""
    away = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % 10 == 0 for text, _ in pairs]
    return (
        [p for p, out in zip(pairs, away, strict=True) if not out],
        [p for p, out in zip(pairs, away, strict=True) if out],
    )


def read_csv(path: Path, text: str, label: str) -> Pairs:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row[text], row[label]) for row in csv.DictReader(file)]


def clinc150(encoder: Encoder) -> dict[str, float]:
    found = json.loads((PUBLIC / "clinc150_full.json").read_text(encoding="utf-8"))
    parts = {name: [(t, label) for t, label in rows] for name, rows in found.items()}
    test = parts["test"] + parts["oos_test"]
    return measure(Trained(encoder, parts["train"]), parts["val"], test, "oos")


def banking77(encoder: Encoder) -> dict[str, float]:
    pairs = read_csv(PUBLIC / "banking77_train.csv", "text", "category")
    test = read_csv(PUBLIC / "banking77_test.csv", "text", "category")
    return measure(Trained(encoder, pairs), [], test, None)


def latency(encoder: Encoder) -> dict[str, float]:
    """CPU milliseconds of one message with the shipped model, encoding included and alone."""
    triage = Classifier(encoder, IntentModel.load(encoder))
    texts = [u.text for u in load_corpus() if u.split is Split.TEST][:600:2]
    whole, alone = [], []
    for text in texts:
        start = time.thread_time()
        triage.classify(text)
        middle = time.thread_time()
        triage.classify(text)  # the vector is in the cache now
        whole.append(middle - start)
        alone.append(time.thread_time() - middle)
    return {
        f"{name}_{quantile}_ms": 1000 * float(np.percentile(times, place))
        for name, times in (("message", whole), ("head", alone))
        for quantile, place in (("p50", 50), ("p99", 99))
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--train", type=Path)
    options.add_argument("--test", type=Path)
    options.add_argument("--text-column", default="text")
    options.add_argument("--label-column", default="label")
    options.add_argument("--oos-label")
    chosen = options.parse_args()
    encoder = build_encoder(Settings())
    if chosen.train and chosen.test:
        columns = (chosen.text_column, chosen.label_column)
        pairs = [p for p in read_csv(chosen.train, *columns) if p[1] != chosen.oos_label]
        learned, held_out = divide(pairs)
        test = read_csv(chosen.test, *columns)
        tell(chosen.test.stem, measure(Trained(encoder, learned), held_out, test, chosen.oos_label))
        return
    tell("latency", latency(encoder))
    for name, file, run in (
        ("BANKING77", "banking77_train.csv", banking77),
        ("CLINC150", "clinc150_full.json", clinc150),
    ):
        if (PUBLIC / file).is_file():
            tell(name, run(encoder))
        else:
            print(f"{name:12s}  not measured: ../shared/data/intent/{file} is absent")


if __name__ == "__main__":
    main()
