"""Callers get their own vectors, share passes when they meet, and do not share errors."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from encoder import ngrams
from encoder.batching import BatchingEncoder
from encoder.types import EncoderIdentity, Vectors


class Slow:
    """Real n-grams; the first pass waits until it is let go, so that others gather."""

    identity = EncoderIdentity("wording", "1", "none", ngrams.BUCKETS)

    def __init__(self) -> None:
        self.passes: list[int] = []
        self.started = threading.Event()
        self.release = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.passes.append(len(texts))
        self.started.set()
        assert self.release.wait(10)
        if "broken" in texts:
            raise ValueError("broken")
        return np.stack([ngrams.embed(text) for text in texts])


def ask_all(encoder: BatchingEncoder, inner: Slow, texts: list[str]) -> dict[str, object]:
    """One thread a text; all but the first come while the first pass runs."""
    answers: dict[str, object] = {}

    def ask(text: str) -> None:
        try:
            answers[text] = encoder.encode([text])
        except ValueError as error:
            answers[text] = error

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    threads[0].start()
    assert inner.started.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(encoder._waiting) < len(texts) - 1:
        threading.Event().wait(0.001)
    inner.release.set()
    for thread in threads:
        thread.join(10)
    return answers


def test_a_lone_caller_goes_straight_through() -> None:
    inner = Slow()
    inner.release.set()
    encoder = BatchingEncoder(inner)
    np.testing.assert_array_equal(encoder.encode(["a", "b"])[1], ngrams.embed("b"))
    assert inner.passes == [2]
    assert encoder.identity == inner.identity


def test_callers_that_meet_share_a_pass() -> None:
    inner = Slow()
    texts = [f"text {number}" for number in range(6)]
    answers = ask_all(BatchingEncoder(inner), inner, texts)
    assert inner.passes == [1, 5]
    for text in texts:
        np.testing.assert_array_equal(answers[text], [ngrams.embed(text)])


def test_a_pass_is_bounded() -> None:
    inner = Slow()
    answers = ask_all(BatchingEncoder(inner, largest=2), inner, [str(n) for n in range(5)])
    assert inner.passes == [1, 2, 2]
    assert len(answers) == 5


def test_an_error_stays_with_who_caused_it() -> None:
    inner = Slow()
    answers = ask_all(BatchingEncoder(inner), inner, ["a", "b", "broken", "c"])
    assert isinstance(answers["broken"], ValueError)
    for text in "abc":
        np.testing.assert_array_equal(answers[text], [ngrams.embed(text)])


def test_many_texts_of_one_caller_take_several_turns() -> None:
    inner = Slow()
    inner.release.set()
    texts = [str(number) for number in range(10)]
    found = BatchingEncoder(inner, largest=4).encode(texts)
    np.testing.assert_array_equal(found, [ngrams.embed(text) for text in texts])
    assert inner.passes == [4, 4, 2]


def test_an_error_of_a_lone_caller_is_its_own_and_frees_the_model() -> None:
    inner = Slow()
    inner.release.set()
    encoder = BatchingEncoder(inner)
    with pytest.raises(ValueError, match="broken"):
        encoder.encode(["broken"])
    assert encoder.encode(["a"]).shape == (1, ngrams.BUCKETS)
    assert inner.passes == [1, 1]


def test_nothing_gives_nothing() -> None:
    assert BatchingEncoder(Slow()).encode([]).shape == (0, ngrams.BUCKETS)
