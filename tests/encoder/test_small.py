"""The small Chinese encoder as shipped, and the join that serves it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ArtifactError, EncoderMismatch
from core.text import clean_text
from encoder.bilingual import BilingualEncoder
from encoder.fit import is_fitting, is_held_out, judge, load_clusters
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.small import DIMENSION, WINDOW, SmallEncoder, tokens, windows
from encoder.types import EncoderIdentity, Vectors

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
    clean_text("\ud800"),
    clean_text("\udfff贵"),
]


@pytest.fixture(scope="module")
def small() -> SmallEncoder:
    return SmallEncoder.shipped()


class StandIn:
    """MiniLM's worst case for the join: one vector for every text it is given."""

    identity = EncoderIdentity("constant", "1", "0" * 12, DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), DIMENSION), DIMENSION**-0.5, dtype=np.float32)


def join(small: SmallEncoder) -> JoinedEncoder:
    shipped = JoinWeights.shipped()
    weights = JoinWeights(shipped.dense, shipped.center, shipped.idf, shipped.digest)
    return JoinedEncoder(BilingualEncoder(small, StandIn()), weights)


def off_diagonal(vectors: Vectors) -> Vectors:
    scores: Vectors = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return scores


def test_vectors_are_unit_float32(small: SmallEncoder) -> None:
    vectors = small.encode(["这个多少钱", "打印机又卡纸了", "？", "贵" * 50_000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_nothing_gives_nothing(small: SmallEncoder) -> None:
    assert small.encode([]).shape == (0, DIMENSION)
    assert not small.encode(["", "  \n\u3000"]).any()


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_never_nan(small: SmallEncoder, text: str) -> None:
    assert np.isfinite(small.encode([clean_text(text)])).all()


def test_unknown_scripts_do_not_collapse(small: SmallEncoder) -> None:
    assert off_diagonal(small.encode(UNKNOWN)).max() < 0.99


def test_unknown_scripts_do_not_collapse_in_the_join(small: SmallEncoder) -> None:
    # The dense half gives all of them one vector, so only their wording may count.
    assert off_diagonal(join(small).encode(UNKNOWN)).max() < 0.9


def test_unrelated_chinese_is_far_apart(small: SmallEncoder) -> None:
    vectors = small.encode(["请问价格是多少", "打印机又卡纸了"])
    assert float(vectors[0] @ vectors[1]) < 0.4


def test_same_text_same_vector_alone_and_in_a_batch(small: SmallEncoder) -> None:
    texts = ["可以退吗", "我想问一下这个套餐里面包不包含上门安装的费用", "好"]
    together = small.encode(texts)
    alone = np.concatenate([small.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_array_equal(together, small.encode(texts))


def test_full_width_and_case_do_not_matter(small: SmallEncoder) -> None:
    left, right = small.encode(["ＡＰＰ怎么登录？", "app怎么登录?"])
    np.testing.assert_allclose(left, right, atol=1e-6)


def test_long_text_is_cut_after_a_stop() -> None:
    parts = tokens("今天天气很好。" * 30)
    pieces = windows(parts)
    assert [token for piece in pieces for token in piece] == parts
    assert all(len(piece) <= WINDOW and piece[-1] == "。" for piece in pieces)


def test_held_out_clusters_are_found(small: SmallEncoder) -> None:
    clusters = [c for c in load_clusters(CORPUS) if is_held_out(c)]
    card = json.loads((WEIGHTS / "small_card.json").read_text(encoding="utf-8"))
    found = judge(small, clusters, "zh")
    assert found == pytest.approx(card["held_out"]["recall_at_1_of_90"], abs=0.01)
    assert found > 0.6


def test_the_parts_of_the_split_are_disjoint() -> None:
    clusters = load_clusters(CORPUS)
    held_out = {c["id"] for c in clusters if is_held_out(c)}
    fitting = {c["id"] for c in clusters if is_fitting(c)}
    assert held_out
    assert fitting
    assert not held_out & fitting
    assert 0.07 < len(held_out) / len(clusters) < 0.13


def test_corrupt_weights_are_refused_with_a_mend(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / "small_card.json", tmp_path)
    graph = bytearray((WEIGHTS / "small.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (tmp_path / "small.onnx").write_bytes(graph)
    with pytest.raises(ArtifactError) as caught:
        SmallEncoder.shipped(tmp_path)
    assert caught.value.mend


def test_missing_weights_are_refused_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        SmallEncoder.shipped(tmp_path)
    assert caught.value.mend


def test_join_fitted_for_another_encoder_is_refused(small: SmallEncoder) -> None:
    with pytest.raises(EncoderMismatch):
        JoinedEncoder(small, JoinWeights.shipped())


def test_chinese_and_english_go_to_their_own_encoder(small: SmallEncoder) -> None:
    both = BilingualEncoder(small, StandIn())
    vectors = both.encode(["how much is it", "这个多少钱", "VIP会员怎么退款"])
    np.testing.assert_array_equal(vectors[:1], StandIn().encode(["how much is it"]))
    np.testing.assert_allclose(vectors[1:], small.encode(["这个多少钱", "VIP会员怎么退款"]))


def test_serving_imports_no_torch() -> None:
    code = (
        "import sys, encoder.small, encoder.bilingual, encoder.joined; "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    root = Path(str(files("encoder"))).parent
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, check=False)  # noqa: S603 - our own interpreter
    assert done.returncode == 0
