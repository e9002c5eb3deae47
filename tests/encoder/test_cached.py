"""The cache gives what the encoder gives, asks once, and stays small."""

import threading
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from encoder import ngrams
from encoder.cached import CachedEncoder
from encoder.types import EncoderIdentity, Vectors


class Counting:
    """Real n-grams that remember what they were asked."""

    identity = EncoderIdentity("wording", "1", "none", ngrams.BUCKETS)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.stack([ngrams.embed(text) for text in texts])


@given(st.lists(st.lists(st.sampled_from(["a b", "c", "d", "贵", ""]), max_size=6), max_size=8))
def test_it_gives_what_the_encoder_gives(batches: list[list[str]]) -> None:
    cached = CachedEncoder(Counting(), capacity=2)
    for batch in batches:
        expected = np.zeros((len(batch), ngrams.BUCKETS), dtype=np.float32)
        for row, text in enumerate(batch):
            expected[row] = ngrams.embed(text)
        np.testing.assert_array_equal(cached.encode(batch), expected)


def test_the_same_text_is_encoded_once() -> None:
    inner = Counting()
    cached = CachedEncoder(inner)
    cached.encode(["a", "b", "a"])
    cached.encode(["b", "a", "c"])
    assert inner.asked == ["a", "b", "c"]


def test_what_was_used_last_is_kept() -> None:
    inner = Counting()
    cached = CachedEncoder(inner, capacity=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.encode([text])
    assert inner.asked == ["a", "b", "c", "b"]


def test_more_texts_than_it_holds_are_all_answered() -> None:
    cached = CachedEncoder(Counting(), capacity=3)
    assert cached.encode([str(number) for number in range(50)]).shape == (50, ngrams.BUCKETS)


def test_nothing_gives_nothing_and_the_identity_is_the_encoders() -> None:
    cached = CachedEncoder(Counting())
    assert cached.encode([]).shape == (0, ngrams.BUCKETS)
    assert cached.identity == Counting.identity


def test_threads_may_share_it() -> None:
    cached = CachedEncoder(Counting(), capacity=4)
    wrong: list[str] = []

    def ask(offset: int) -> None:
        for number in range(200):
            text = f"text {(number + offset) % 9}"
            if not np.array_equal(cached.encode([text])[0], ngrams.embed(text)):
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
