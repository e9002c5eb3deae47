"""The training recipe: the same weights every time, interrupted or not, and nothing held out."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from encoder.fit import is_fitting, is_held_out, load_clusters
from encoder.material import gather, load_words
from encoder.small import DIMENSION
from encoder.train import Recipe, train
from encoder.types import EncoderIdentity, Vectors

CORPUS = Path(str(files("encoder"))) / "corpus"
RECIPE = Recipe(pretraining_steps=1, cycles=(1,), clusters=4, words=2, dialogue_pairs=2)


class StandIn:
    """A teacher that needs no model: each text gets a direction of its own."""

    identity = EncoderIdentity("stand-in", "1", "0" * 12, DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIMENSION) for text in texts]
        vectors: Vectors = np.array(rows, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def test_words_have_two_forms_and_a_gloss() -> None:
    for group in load_words(CORPUS / "words_zh.jsonl"):
        assert len(set(group["zh"])) >= 2
        assert group["en"]
        assert not set(group["zh"]) & set(group["neg_zh"])


def test_nothing_held_out_is_learned_from() -> None:
    clusters = load_clusters(CORPUS)
    words = load_words(CORPUS / "words_zh.jsonl")
    material = gather(clusters, words, StandIn(), [], [])
    learned = {text for group in material.groups for text in group["zh"]} | set(material.plain)
    kept_back = [c for c in clusters if is_held_out(c) or is_fitting(c)]
    assert material.clusters == len(clusters) - len(kept_back)
    assert not learned & {text for c in kept_back for text in c["zh"]}


def test_only_facts_that_a_reply_rests_on_are_paired(tmp_path: Path) -> None:
    turns = [
        {"customer": "多少钱", "seller": "一年三百", "uses": [0]},
        {"customer": "谢谢", "seller": "不客气", "uses": []},
    ]
    path = tmp_path / "dialogues.jsonl"
    path.write_text(json.dumps({"facts": ["年费三百元", "可以退"], "turns": turns}))
    material = gather(load_clusters(CORPUS)[:40], [], StandIn(), [path], [])
    expected = ["年费三百元", ["可以退"]]
    assert [list(pair) for pair in material.grounded] == [
        ["一年三百", *expected],
        ["多少钱", *expected],
    ]


@pytest.mark.slow
def test_training_is_deterministic_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = (CORPUS / "clusters_moves.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    (corpus / "clusters_moves.jsonl").write_text("\n".join(lines), encoding="utf-8")
    words = (CORPUS / "words_zh.jsonl").read_text(encoding="utf-8").splitlines()[:5]
    (corpus / "words_zh.jsonl").write_text("\n".join(words), encoding="utf-8")
    first = train(corpus, StandIn(), tmp_path / "a", tmp_path / "a.pt", RECIPE)
    again = train(corpus, StandIn(), tmp_path / "b", tmp_path / "b.pt", RECIPE)
    resumed = train(corpus, StandIn(), tmp_path / "c", tmp_path / "a.pt", RECIPE)
    assert first["sha256"] == again["sha256"] == resumed["sha256"]
