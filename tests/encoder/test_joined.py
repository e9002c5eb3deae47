"""The encoder as it is served: both halves, both languages, and every hostile text."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ArtifactError, EncoderMismatch
from encoder.joined import JoinedEncoder, JoinWeights
from encoder.minilm import MiniLM
from encoder.types import Vectors

WEIGHTS = Path(str(files("encoder"))) / "weights"
HOSTILE = [
    "",
    " \n\t\u3000",
    "\u200b\u200d\ufeff",
    "\u202e\u202d\u2066",
    "\x01\x1b\x7f",
    "\x00\ud800\udfff",
    "a" * 100_000,
    "贵" * 100_000,
    "价 钱 " * 20_000,
    "e\u0301" * 500,
    "\u0301" * 500,
    "👨‍👩‍👧‍👦" * 100,
    "\U0010ffff\ufffe\uffff",
    "[CLS] [SEP] [PAD] [MASK] [UNK]",
    "<script>alert(1)</script>",
    "'; DROP TABLE decision; --",
    "......",
    "？？？？",
]
SCRIPTS = [
    "كم سعر هذا التأمين؟",
    "أريد التحدث إلى موظف",
    "ราคาเท่าไหร่",
    "ขอยกเลิกบริการ",
    "Сколько это стоит?",
    "Позовите человека",
    "이거 얼마예요?",
    "상담원 연결해 주세요",
    "😀😀",
    "🚗💥",
]


def norms(vectors: Vectors) -> Vectors:
    found: Vectors = np.linalg.norm(vectors, axis=1)
    return found


def test_hostile_texts_have_finite_unit_vectors(shipped_encoder: JoinedEncoder) -> None:
    vectors = shipped_encoder.encode(HOSTILE)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(HOSTILE), shipped_encoder.identity.dimension)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(norms(vectors), 1.0, atol=1e-4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=()), max_size=120))
def test_any_text_has_a_finite_unit_vector(shipped_encoder: JoinedEncoder, text: str) -> None:
    vector = shipped_encoder.encode([text])
    assert np.isfinite(vector).all()
    assert norms(vector)[0] == pytest.approx(1, abs=1e-4)


def test_the_same_texts_give_the_same_bytes(shipped_encoder: JoinedEncoder) -> None:
    texts = ["这个多少钱", "how much is it", *SCRIPTS]
    first, again = shipped_encoder.encode(texts), shipped_encoder.encode(texts)
    assert first.tobytes() == again.tobytes()


def test_company_does_not_change_a_vector(shipped_encoder: JoinedEncoder) -> None:
    texts = ["可以退吗", "do you have a cheaper plan for two people", "ok", "这个套餐包不包括安装"]
    together = shipped_encoder.encode(texts)
    alone = np.concatenate([shipped_encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_unknown_scripts_do_not_collapse(shipped_encoder: JoinedEncoder) -> None:
    vectors = shipped_encoder.encode(SCRIPTS)
    likeness = (vectors @ vectors.T)[np.triu_indices(len(SCRIPTS), 1)]
    assert float(likeness.max()) < 0.9


def test_a_join_fitted_for_another_encoder_is_refused(model_home: Path) -> None:
    with pytest.raises(EncoderMismatch, match="fitted for"):
        JoinedEncoder(MiniLM.plain(model_home), JoinWeights.shipped())


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("这个多少钱", "请问价格是多少", "我不想再收到短信了"),
        ("等待期有多长", "投保后多久才生效", "怎么修改手机号"),
        ("how much does it cost", "what is the price", "stop sending me messages"),
        ("can I cancel any time", "is there a contract I'm locked into", "hello there"),
    ],
)
def test_meaning_is_nearer_than_chance(
    shipped_encoder: JoinedEncoder, text: str, near: str, far: str
) -> None:
    vectors = shipped_encoder.encode([text, near, far])
    assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2])


def test_nothing_gives_nothing(shipped_encoder: JoinedEncoder) -> None:
    assert shipped_encoder.encode([]).shape == (0, shipped_encoder.identity.dimension)


def test_missing_weights_are_refused_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        JoinWeights.shipped(tmp_path)
    assert caught.value.mend


@pytest.mark.parametrize("damage", ["flipped", "cut", "card", "no card"])
def test_corrupt_weights_are_refused_with_a_mend(tmp_path: Path, damage: str) -> None:
    for name in ("card.json", "joined.safetensors"):
        shutil.copy(WEIGHTS / name, tmp_path)
    raw = bytearray((tmp_path / "joined.safetensors").read_bytes())
    if damage == "flipped":
        raw[len(raw) // 2] ^= 1
    elif damage == "cut":
        del raw[100:]
    elif damage == "card":
        (tmp_path / "card.json").write_text(json.dumps({"join": {"sha256": "0"}}))
    else:
        (tmp_path / "card.json").write_text("[]")
    (tmp_path / "joined.safetensors").write_bytes(raw)
    with pytest.raises(ArtifactError) as caught:
        JoinWeights.shipped(tmp_path)
    assert caught.value.mend
