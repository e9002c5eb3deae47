"""Text from outside: what is replaced, what is kept, and which language it is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import clean_text, detect_language, has_content, primary_language

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and NULs as well


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("价\udfff钱", "价\ufffd钱"),
        ("😀", "😀"),  # two surrogates in UTF-16, one character here
        ("\U00020000", "\U00020000"),
        ("\U0010ffff", "\U0010ffff"),
        ("\u202eabc\u200b", "\u202eabc\u200b"),
    ],
)
def test_only_what_cannot_be_stored_is_replaced(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


def test_every_surrogate_is_replaced() -> None:
    raw = "".join(map(chr, range(0xD7FF, 0xE001)))
    assert clean_text(raw) == "\ud7ff" + "\ufffd" * 2048 + "\ue000"


@given(ANY_TEXT)
def test_cleaned_text_can_be_stored_and_keeps_its_places(raw: str) -> None:
    cleaned = clean_text(raw)
    assert cleaned.encode("utf-8").find(b"\x00") == -1
    assert len(cleaned) == len(raw)
    assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这个多少钱", "zh"),
        ("How much is it?", "en"),
        ("VIP会员怎么退", "zh"),
        ("I saw 安心 in your advertisement", "en"),
        ("OK 好", "zh"),  # a tie
        ("don't", "en"),
        ("12345", "en"),
        ("", "en"),
        ("😀", "en"),
        ("كم السعر", "en"),
        ("\U00020000\U0002a6d6", "zh"),
        ("\uf900", "zh"),
    ],
)
def test_the_language_of_a_message(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_message_without_words_takes_the_language_it_is_given() -> None:
    assert detect_language("123 ？", default="zh") == "zh"
    assert detect_language("hello", default="zh") == "en"


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b\u202e", "\x00\x1f", "？！…"[:0]])
def test_nothing_to_read(text: str) -> None:
    assert not has_content(text)


@pytest.mark.parametrize("text", ["a", "7", "？", "😀", "中", "\ufffd"])
def test_something_to_read(text: str) -> None:
    assert has_content(text)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh", "zh"), ("zh-CN", "zh"), ("ZH-Hant-TW", "zh"), ("en-GB", "en"), ("zhx", "en")],
)
def test_the_two_languages_we_speak(tag: str, language: str) -> None:
    assert primary_language(tag) == language
