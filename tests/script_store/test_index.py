"""The vector index refuses vectors it cannot compare."""

import numpy as np
import pytest

from core.errors import EncoderMismatch, InvalidInput
from encoder.types import EncoderIdentity
from script_store.index import IndexedSentence, VectorIndex
from script_store.types import Kind

IDENTITY = EncoderIdentity("axes", "1", "none", 3)
SENTENCES = [IndexedSentence(name, Kind.STATEMENT, name) for name in ("x", "y", "z")]
AXES = np.eye(3, dtype=np.float32)


def index() -> VectorIndex:
    return VectorIndex(IDENTITY, SENTENCES, AXES)


def test_the_nearest_come_first_with_their_cosine() -> None:
    query = np.array([[0.8, 0.6, 0.0]], dtype=np.float32)
    hits = index().search(IDENTITY, query, 2)[0]
    assert [(hit.sentence.version_id, round(hit.score, 4)) for hit in hits] == [
        ("x", 0.8),
        ("y", 0.6),
    ]


def test_every_query_has_its_own_answer() -> None:
    found = index().search(IDENTITY, AXES[::-1], 1)
    assert [hits[0].sentence.version_id for hits in found] == ["z", "y", "x"]


def test_asking_for_more_than_there_is_gives_all() -> None:
    assert len(index().search(IDENTITY, AXES[:1], 100)[0]) == 3


@pytest.mark.parametrize(
    "other",
    [
        EncoderIdentity("other", "1", "none", 3),
        EncoderIdentity("axes", "2", "none", 3),
        EncoderIdentity("axes", "1", "retrained", 3),
    ],
)
def test_a_query_of_another_encoder_is_refused(other: EncoderIdentity) -> None:
    with pytest.raises(EncoderMismatch) as caught:
        index().search(other, AXES, 1)
    assert caught.value.mend


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 4), (0, 3)])
def test_vectors_of_another_shape_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(EncoderMismatch):
        VectorIndex(IDENTITY, SENTENCES, np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_refused(value: float) -> None:
    broken = AXES.copy()
    broken[1, 1] = value
    with pytest.raises(InvalidInput, match="finite"):
        VectorIndex(IDENTITY, SENTENCES, broken)


def test_an_empty_index_finds_nothing() -> None:
    empty = VectorIndex(IDENTITY, [], np.zeros((0, 3), dtype=np.float32))
    assert len(empty) == 0
    assert empty.search(IDENTITY, AXES, 5) == [[], [], []]


def test_no_query_no_answer() -> None:
    assert index().search(IDENTITY, AXES[:0], 5) == []
