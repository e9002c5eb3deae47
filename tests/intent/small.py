"""A small deterministic encoder and a corpus that can be learned in seconds."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoder.ngrams import grams
from encoder.types import EncoderIdentity, Vectors
from intent.types import Label


class HashEncoder:
    """Words and characters hashed into 64 places; says the same on every machine."""

    def __init__(self, version: str = "1") -> None:
        self._identity = EncoderIdentity("hash", version, "0" * 12, 64)

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram, count in grams(text).items():
                vectors[row, zlib.crc32(gram.encode("utf-8", "surrogatepass")) % 64] += count
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9)
        return vectors


def write_corpus(folder: Path, lines: dict[str, list[dict[str, str]]]) -> Path:
    """One file a language, one record a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, records in lines.items():
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        (folder / f"{language}.jsonl").write_text(text, encoding="utf-8")
    return folder


def small_corpus() -> dict[str, list[dict[str, str]]]:
    """Forty utterances a label and language; the label's own word gives it away."""
    signs = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌"
    fillers = "天地玄黄宇宙洪荒日月盈昃"
    words = ["maple", "river", "stone", "cloud", "ember", "lemon", "tiger", "velvet"]
    return {
        "en": [
            {"text": f"{label.value.replace('_', '')} {words[n % 8]} {n}", "label": label.value}
            for label in Label
            for n in range(40)
        ],
        "zh": [
            {"text": f"{sign * 2}{fillers[n % 12]}{fillers[n // 4]}{n}", "label": label.value}
            for sign, label in zip(signs, Label, strict=True)
            for n in range(40)
        ],
    }
