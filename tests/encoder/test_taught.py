"""MiniLM as it was taught: Chinese and English in one space, as its card says."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError
from encoder.clusters import is_fitting, is_held_out, load_clusters, load_graded
from encoder.evaluate import across, graded, judge, measure
from encoder.joined import JoinedEncoder
from encoder.minilm import DIMENSION, MiniLM
from encoder.types import Vectors

WEIGHTS = Path(str(files("encoder"))) / "weights"
CORPUS = Path(str(files("encoder"))) / "corpus"
UNKNOWN = [
    "كم سعر هذا التأمين؟",
    "أريد التحدث إلى موظف",
    "ราคาเท่าไหร่",
    "ขอยกเลิกบริการ",
    "😀😀",
    "🚗💥",
    "🙏",
    "Сколько это стоит?",
    "龘龘",
    "靐靐",
]


@pytest.fixture(scope="module")
def taught(model_home: Path) -> MiniLM:
    return MiniLM.taught(model_home)


def off_diagonal(vectors: Vectors) -> Vectors:
    scores: Vectors = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return scores


def test_vectors_are_unit_float32(taught: MiniLM) -> None:
    vectors = taught.encode(["这个多少钱", "how much", "？", "", "贵" * 50_000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_unknown_scripts_do_not_collapse(taught: MiniLM) -> None:
    assert off_diagonal(taught.encode(UNKNOWN)).max() < 0.999


def test_both_languages_share_a_space(taught: MiniLM) -> None:
    chinese, english, other = taught.encode(
        ["可以退款吗", "can I get a refund", "the printer is jammed"]
    )
    assert float(chinese @ english) > float(chinese @ other) + 0.2


def test_traditional_characters_mean_the_same(taught: MiniLM) -> None:
    left, right = taught.encode(["這個多少錢？", "这个多少钱?"])
    np.testing.assert_allclose(left, right, atol=1e-5)


def test_the_end_of_a_long_text_counts(taught: MiniLM) -> None:
    long = "我们的服务时间是早上九点到晚上九点。" * 20
    plain, ended = taught.encode([long, long + "不过退款只能在周一办理，其他时间一律不受理。" * 5])
    assert float(plain @ ended) < 0.999


def test_the_card_is_true(shipped_encoder: JoinedEncoder) -> None:
    card = json.loads((WEIGHTS / "card.json").read_text(encoding="utf-8"))
    clusters = [c for c in load_clusters(CORPUS) if is_held_out(c)]
    for language in ("zh", "en"):
        said = card["join"]["figures"][language]["held_out"]["recall_at_1_of_90"]
        found = judge(shipped_encoder, clusters, language)
        assert found == pytest.approx(said, abs=0.005)
        assert found > 0.75


def test_the_parts_of_the_split_are_disjoint() -> None:
    clusters = load_clusters(CORPUS)
    held_out = {c["id"] for c in clusters if is_held_out(c)}
    fitting = {c["id"] for c in clusters if is_fitting(c)}
    assert len({c["id"] for c in clusters}) == len(clusters)
    assert held_out
    assert fitting
    assert not held_out & fitting
    assert 0.07 < len(held_out) / len(clusters) < 0.13


@pytest.mark.parametrize("damage", ["missing", "flipped", "no card"])
def test_damaged_weights_are_refused_with_a_mend(
    model_home: Path, tmp_path: Path, damage: str
) -> None:
    if damage != "missing":
        raw = bytearray((WEIGHTS / "taught.safetensors").read_bytes())
        raw[len(raw) // 2] ^= damage == "flipped"
        (tmp_path / "taught.safetensors").write_bytes(raw)
    if damage != "no card":
        shutil.copy(WEIGHTS / "card.json", tmp_path)
    with pytest.raises(ArtifactError) as caught:
        MiniLM.taught(model_home, weights=tmp_path)
    assert "onscript encoder train" in caught.value.mend


def test_measures_know_better_from_worse(taught: MiniLM, model_home: Path) -> None:
    clusters = [c for c in load_clusters(CORPUS) if is_held_out(c)][:60]
    plain = MiniLM.plain(model_home)
    assert judge(taught, clusters, "zh") > judge(plain, clusters, "zh") + 0.2
    assert across(taught, clusters) > across(plain, clusters) + 0.2
    found = measure(taught, clusters, "en")
    assert found["recall_at_1_of_90"] <= found["mean_reciprocal_rank_of_90"] <= 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_graded_pairs_are_followed(taught: MiniLM, language: str) -> None:
    pairs = load_graded(CORPUS, language)
    assert len(pairs) >= 300
    assert {pair["grade"] for pair in pairs} <= {0, 1, 2, 3, 4, 5}
    assert graded(taught, pairs) > 0.6
