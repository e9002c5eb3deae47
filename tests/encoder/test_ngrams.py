"""Character n-grams: a place for every text, and nothing that is not a number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.ngrams import BUCKETS, embed, fold, grams

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


def likeness(left: str, right: str) -> float:
    return float(embed(left) @ embed(right))


@given(ANY_TEXT)
def test_every_text_has_a_unit_vector_or_none(text: str) -> None:
    vector = embed(text)
    assert vector.shape == (BUCKETS,)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    norm = float(np.linalg.norm(vector))
    assert norm == pytest.approx(1, abs=1e-5) or norm == 0
    np.testing.assert_array_equal(vector, embed(text))


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "...", "，。！"])
def test_a_text_without_content_has_no_direction(text: str) -> None:
    assert not embed(text).any()


def test_chinese_is_read_in_characters_pairs_and_triples() -> None:
    assert set(grams("多少钱")) == {"多", "少", "钱", "多少", "少钱", "多少钱"}


def test_other_words_are_read_with_their_edges() -> None:
    assert {" ab", "ab ", " ab ", " a"} <= set(grams("ab"))
    assert not any("b c" in gram for gram in grams("ab cd"))


@pytest.mark.parametrize(
    ("left", "right"),
    [("ＡＰＰ怎么登录", "app怎么登录"), ("  How   MUCH ", "how much"), ("ﬁne", "fine")],
)
def test_width_case_and_spaces_do_not_matter(left: str, right: str) -> None:
    assert fold(left) == fold(right)
    assert likeness(left, right) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("这个套餐多少钱", "这个套餐要多少钱", "打印机又卡纸了"),
        ("how much does it cost", "how much would it cost", "my printer is jammed"),
        ("كم سعر التأمين", "كم سعر هذا التأمين", "أريد التحدث إلى موظف"),
        ("Сколько это стоит", "Сколько стоит это", "Позовите человека"),
        ("👍", "👍👍", "😡"),
    ],
)
def test_like_wording_is_near_in_every_script(text: str, near: str, far: str) -> None:
    assert likeness(text, near) > likeness(text, far) + 0.3


def test_rare_buckets_may_weigh_more() -> None:
    weights = np.zeros(BUCKETS, dtype=np.float32)
    assert not embed("how much", weights).any()
    plain, doubled = embed("how much"), embed("how much", np.full(BUCKETS, 2, dtype=np.float32))
    np.testing.assert_allclose(plain, doubled, atol=1e-6)


def test_a_very_long_text_is_cut() -> None:
    np.testing.assert_array_equal(embed("贵" * 1_000_000), embed("贵" * 2000))
