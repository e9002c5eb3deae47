"""A deterministic encoder of wording and a paraphrase corpus that is learned in a second."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoder.ngrams import grams
from encoder.types import EncoderIdentity, Vectors

PROMISES = ["the money", "your savings", "this fund", "the plan", "our box", "the course"]
WATERS = ["climbs", "rises", "doubles", "grows", "mounts", "swells", "blooms", "soars"]
PLACES = ["by spring", "for you", "each week", "in town", "on paper"]
CHINESE = ["这笔钱", "这份计划", "这只基金", "这套课", "这个盒子", "这张卡"]


class HashEncoder:
    """Character n-grams hashed into 256 places; says the same on every machine."""

    def __init__(self, version: str = "1") -> None:
        self.identity = EncoderIdentity("hash", version, "0" * 12, 256)
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        vectors = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram, count in grams(text).items():
                vectors[row, zlib.crc32(gram.encode("utf-8", "surrogatepass")) % 256] += count
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9)
        return vectors


def sentences() -> dict[str, list[dict[str, object]]]:
    """Promises, urgings and plain statements, each with words of its own."""
    english: list[dict[str, object]] = []
    chinese: list[dict[str, object]] = []
    for thing in PROMISES:
        for verb in WATERS:
            for place in PLACES:
                said = f"{verb} {place}"
                english += [
                    record(f"{thing} always {said}, no other way", "guaranteed_outcome"),
                    record(f"hurry, {thing} {said} until midnight", "false_urgency"),
                    record(f"whether {thing} {said} is open, ask us"),
                ]
    for thing in CHINESE:
        for number in range(40):
            chinese += [
                record(f"{thing}只会往上走，第{number}天也一样", "guaranteed_outcome"),
                record(f"再不下手{thing}就没了，还剩{number}分钟", "false_urgency"),
                record(f"{thing}的情况不好说，请看第{number}页"),
            ]
    return {"en": english, "zh": chinese}


def record(text: str, *categories: str) -> dict[str, object]:
    """A line of the corpus."""
    kind = "violation" if categories else "lawful"
    return {"text": text, "categories": list(categories), "kind": kind}


def write_lines(path: Path, records: Sequence[object]) -> Path:
    """One record a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
    return path


def write_corpus(folder: Path) -> Path:
    """The small corpus as the files that training reads."""
    for language, records in sentences().items():
        write_lines(folder / f"{language}.jsonl", records)
    return folder
