"""The training recipe: the same weights every time, interrupted or not, and nothing held out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InvalidInput
from encoder.batches import Batches
from encoder.clusters import is_fitting, is_held_out, load_clusters
from encoder.losses import contrast, find, stray
from encoder.material import Material, gather, load_glosses, twins
from encoder.minilm import DIMENSION, model_folder
from encoder.ngrams import fold
from encoder.rows import first_rows
from encoder.train import Recipe, Training
from encoder.types import EncoderIdentity, Vectors
from encoder.vocabulary import PIECES, Vocabulary
from intent.corpus import Split, load_corpus

CORPUS = Path(str(files("encoder"))) / "corpus"
ROOT = Path(__file__).parents[2]
TINY = Recipe(steps=4, rank=4, families=1, relatives=3, clusters=4, groups=2, glosses=4, grounded=2)


class StandIn:
    """A teacher that needs no model: each text gets a direction of its own."""

    identity = EncoderIdentity("stand-in", "1", "0" * 12, DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIMENSION) for text in texts]
        vectors: Vectors = np.array(rows, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def small_material(tmp_path: Path) -> Material:
    lines = (CORPUS / "clusters_talk.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    (tmp_path / "clusters_talk.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for name in ("groups_zh.jsonl", "words_zh.tsv"):
        kept = (CORPUS / name).read_text(encoding="utf-8").splitlines()[:30]
        (tmp_path / name).write_text("\n".join(kept), encoding="utf-8")
    turns = [
        {"customer": "多少钱", "seller": "一年三百", "uses": [0]},
        {"customer": "谢谢", "seller": "不客气", "uses": []},
    ]
    talk = tmp_path / "dialogues.jsonl"
    talk.write_text(
        json.dumps({"id": "t", "lang": "zh", "facts": ["年费三百元", "可以退"], "turns": turns})
    )
    return gather(load_clusters(tmp_path), tmp_path, [talk])


def test_every_word_has_an_english_gloss() -> None:
    glosses = load_glosses(CORPUS / "words_zh.tsv")
    assert len(glosses) > 15_000
    assert all(gloss and gloss.isascii() for gloss in glosses.values())


def test_nothing_held_out_is_learned_from() -> None:
    clusters = load_clusters(CORPUS)
    material = gather(clusters, CORPUS)
    kept_back = [c for c in clusters if is_held_out(c) or is_fitting(c)]
    assert 0.9 < len(material.clusters) / (len(clusters) - len(kept_back)) < 1
    learned = {fold(text) for c in material.clusters for key in ("zh", "en") for text in c[key]}
    learned |= {fold(text) for group in material.groups for text in group["zh"]}
    assert not learned & {fold(text) for c in kept_back for key in ("zh", "en") for text in c[key]}
    assert sorted(place for family in material.families for place in family) == list(
        range(len(material.clusters))
    )


def test_only_facts_that_a_reply_rests_on_are_paired(tmp_path: Path) -> None:
    found = small_material(tmp_path).grounded
    assert [(g.line, g.fact, g.others) for g in found] == [
        ("一年三百", "年费三百元", ("可以退",)),
        ("多少钱", "年费三百元", ("可以退",)),
    ]


def test_a_batch_is_drawn_from_its_seed_alone(tmp_path: Path) -> None:
    batches = Batches(small_material(tmp_path), StandIn(), TINY)
    first, again, other = (batches.draw(np.random.default_rng([1, n])) for n in (0, 0, 1))
    assert first.texts == again.texts != other.texts
    assert sum(first.sizes) == len(first.texts)
    assert first.sizes[0] == 4 * TINY.clusters
    assert first.owners.tolist()[: TINY.clusters] == first.owners.tolist()[-TINY.clusters :]


def test_a_question_belongs_to_a_wording_that_answers_it(tmp_path: Path) -> None:
    material = small_material(tmp_path)
    batch = Batches(material, StandIn(), TINY).draw(np.random.default_rng(3))
    asked = batch.texts[batch.sizes[0] + batch.sizes[1] :][: batch.sizes[2]]
    assert asked
    for question, place in zip(asked, batch.answers.tolist(), strict=True):
        owner = material.clusters[int(batch.owners[place])]
        language = "zh" if question in owner["ask_zh"] else "en"
        assert question in owner[f"ask_{language}"]
        assert batch.texts[place].rstrip("。.") in {t.rstrip("。.") for t in owner[language]}


def test_glossed_words_begin_as_their_english(tmp_path: Path) -> None:
    rows = first_rows(model_folder(), Vocabulary(["价格", "价"]), {"价格": "price"})
    again = first_rows(model_folder(), Vocabulary(["费用", "价格"]), {"费用": "price"})
    np.testing.assert_allclose(rows[0], again[0])
    np.testing.assert_allclose(rows[0], rows[1])  # a character without a gloss: of its words
    assert not np.allclose(again[0], again[1])


def test_losses_fall_when_the_right_ones_are_near() -> None:
    right, wrong = torch.eye(4)[:2], torch.eye(4)[2:]
    owners = torch.tensor([0, 1, 0, 1])
    near = contrast(torch.cat([right, right]), wrong, owners, 0.1)
    far = contrast(torch.cat([right, wrong]), right, owners, 0.1)
    assert near < 0.01 < far
    assert find(right, right, torch.tensor([0, 1]), 0.1) < find(
        right, right, torch.tensor([1, 0]), 0.1
    )
    assert float(stray(right, right)) == pytest.approx(0)


@pytest.mark.slow
def test_training_is_deterministic_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    material = small_material(tmp_path)
    judging = material.clusters[:5]

    def run(name: str, recipe: Recipe) -> bytes:
        training = Training(material, StandIn(), tmp_path / name, recipe)
        training.resume()
        training.go(judging)
        return training.packed()

    first, again = run("a.pt", TINY), run("b.pt", TINY)
    interrupted = Training(material, StandIn(), tmp_path / "c.pt", TINY)
    interrupted.go(judging, stop_after=2)
    assert first == again == run("c.pt", TINY)
    assert first != interrupted.packed()


@pytest.mark.slow
def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    material = small_material(tmp_path)
    Training(material, StandIn(), tmp_path / "a.pt", TINY).go(material.clusters[:3], stop_after=1)
    other = Training(material, StandIn(), tmp_path / "a.pt", replace(TINY, rate=1e-5))
    with pytest.raises(InvalidInput) as caught:
        other.resume()
    assert "--checkpoint" in caught.value.mend


def test_twins_of_judging_clusters_are_not_learned_from() -> None:
    cluster = {"id": "a", "zh": ["这个套餐多少钱一个月"], "en": ["how much is it a month"]}
    twin = {"id": "b", "zh": ["这个套餐多少钱一个月呀"], "en": ["what would I pay"]}
    other = {"id": "c", "zh": ["明天可以上门安装吗"], "en": ["can you fit it tomorrow"]}
    assert twins([twin, other], [cluster]) == {"b"}


def test_messages_that_judge_triage_are_not_learned_from() -> None:
    messages = load_corpus()
    judging = {u.dialogue for u in messages if u.split is not Split.TRAIN and u.dialogue}
    talks = sorted((ROOT / "llm" / "house" / "corpus").glob("dialogues_*.jsonl"))
    everything = gather(load_clusters(CORPUS)[:30], CORPUS, talks).grounded
    kept = gather(load_clusters(CORPUS)[:30], CORPUS, talks, kept_back=frozenset(judging)).grounded
    assert judging
    assert len(kept) < len(everything)
    held = {u.text for u in messages if u.dialogue in judging and len(u.text) > 12}
    assert len({g.line for g in kept} & held) < len({g.line for g in everything} & held) / 20


def test_spare_rows_follow_the_words() -> None:
    vocabulary = Vocabulary(["价格"])
    assert vocabulary.rows("价格") == (PIECES,)
    assert all(PIECES < row < PIECES + vocabulary.size for row in vocabulary.rows("鑫"))
