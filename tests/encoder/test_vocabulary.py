"""How texts are cut into rows: fewest words, no unknown word like another, no text too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import clean_text
from encoder.minilm import model_folder, read_pieces
from encoder.vocabulary import PIECES, WINDOW, Reader, Vocabulary, han_runs

WORDS = ["保险", "保", "险", "多少钱", "多少", "钱", "研究", "研究生", "生", "命", "生命", "不"]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(read_pieces(model_folder()), Vocabulary(WORDS))


def content(rows: list[list[int]]) -> list[int]:
    return [row for window in rows for row in window[1:-1]]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("保险多少钱", ["保险", "多少钱"]),
        ("研究生命", ["研究", "生命"]),
        ("不保", ["不", "保"]),
        ("鑫保险", ["鑫", "保险"]),
    ],
)
def test_the_fewest_words_are_taken(run: str, expected: list[str]) -> None:
    assert Vocabulary(WORDS).segment(run) == expected


def test_a_blocked_word_is_read_by_its_parts() -> None:
    found = Vocabulary(WORDS).segment("保险", blocked=lambda word: word == "保险")
    assert found == ["保", "险"]


def test_traditional_characters_are_read_as_simplified(reader: Reader) -> None:
    assert reader.rows("保險多少錢") == reader.rows("保险多少钱")


def test_latin_and_chinese_share_a_text(reader: Reader) -> None:
    found = content(reader.rows("wifi多少钱"))
    assert found[-1] == PIECES + WORDS.index("多少钱")
    assert all(row < PIECES for row in found[:-1])


def test_full_width_and_case_do_not_matter(reader: Reader) -> None:
    assert reader.rows("ＡＰＰ，多少钱？") == reader.rows("app,多少钱?")


@pytest.mark.parametrize("pair", ["😀 🚗", "鑫 淼", "ขอ ยก", "ⲁⲃ ⲅⲇ"])
def test_unknown_words_differ(reader: Reader, pair: str) -> None:
    left, right = (content(reader.rows(part)) for part in pair.split())
    assert left != right


@given(st.text(st.sampled_from("保险研究生命多少钱不鑫淼"), max_size=80))
def test_cutting_loses_nothing(run: str) -> None:
    assert "".join(Vocabulary(WORDS).segment(run)) == run


@given(text=st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_becomes_rows(reader: Reader, text: str) -> None:
    for window in reader.rows(text):
        assert 2 <= len(window) <= WINDOW + 2
        assert all(0 <= row < PIECES + reader.vocabulary.size for row in window)  # type: ignore[union-attr]


def test_a_long_text_is_cut_after_a_stop(reader: Reader) -> None:
    windows = reader.rows("不保险。" * 100)
    stop = windows[0][-2]
    assert len(windows) > 1
    assert all(len(window) <= WINDOW + 2 and window[-2] == stop for window in windows)


def test_a_document_is_bounded(reader: Reader) -> None:
    assert len(reader.rows("钱" * 50_000)) <= 16
    assert len(reader.rows("word " * 50_000)) <= 16


def test_lone_surrogates_are_read(reader: Reader) -> None:
    assert reader.rows("\ud800钱") == reader.rows(clean_text("\ud800钱"))


def test_runs_of_han_are_found() -> None:
    assert han_runs("买3个iPhone壳要几天") == ["买", "个", "壳要几天"]
