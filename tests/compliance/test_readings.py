"""Readings of a text: what evasions become, and that every position leads back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import normalise
from compliance.character_tables import FoldTable
from compliance.normalise import Projection, fold
from compliance.types import View

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("保本稳赚不赔，。 *-freFREЕе０１³ß㎡ﷺ\u200b\u0301\ud800證İ🅰️1️⃣\n"),
        st.characters(min_codepoint=0x10000, max_codepoint=0x10FFFF),
    ),
    max_size=60,
)


def readings(text: str) -> list[Projection]:
    folded = fold(text)
    derived = [normalise.compact(folded), normalise.squeeze(folded), normalise.pinyin(folded)]
    return [folded, *filter(None, derived), *normalise.leet(folded)]


@settings(max_examples=400)
@given(ANY_TEXT)
def test_every_span_lies_inside_the_original_and_in_order(text: str) -> None:
    for reading in readings(text):
        assert len(reading.kept) == len(reading.text)
        spans = [reading.in_original(at, at + 1) for at in range(len(reading.text))]
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)


@settings(max_examples=400)
@given(ANY_TEXT)
def test_a_folded_character_is_what_its_original_folds_to(text: str) -> None:
    folded = fold(text)
    for at, character in enumerate(folded.text):
        start, end = folded.in_original(at, at + 1)
        assert character in fold(text[start:end]).text


@settings(max_examples=300)
@given(ANY_TEXT)
def test_compact_and_leet_map_to_the_characters_they_show(text: str) -> None:
    folded = fold(text)
    compact = normalise.compact(folded)
    if compact is not None:
        shown = "".join(folded.text[at] for at in compact.kept)
        assert shown == compact.text
        assert len(compact.text) < len(folded.text)
    assert all(len(reading.text) == len(folded.text) for reading in normalise.leet(folded))


@settings(max_examples=300)
@given(ANY_TEXT)
def test_folding_is_stable_and_writable(text: str) -> None:
    folded = fold(text).text
    folded.encode()
    assert fold(folded).text == folded or not folded.isascii()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ＦＲＥＥ", "free"),
        ("frеe", "free"),  # Cyrillic e
        ("Ѕtор", "stop"),
        ("ցuаrаոtее"[1:2], "u"),
        ("fr\u200bee", "free"),
        ("f\u0301r\u0335ee", "free"),
        ("résumé", "resume"),
        ("保證收益", "保证收益"),
        ("零風險", "零风险"),
        ("１００％", "100%"),
        ("𝐟𝐫𝐞𝐞", "free"),
        ("ⓕⓡⓔⓔ", "free"),
        ("🅵🆁🅴🅴", "free"),
        ("🇫🇷🇪🇪", "free"),
        ("\u202efree", "free"),
        ("⽅便", "方便"),
        ("カ量", "力量"),
        ("1️⃣3️⃣", "13"),
        ("\ud83dx", "\ufffdx"),
        ("Straße", "strasse"),
        ("a\u3000b\tc", "a b c"),
        ("한", "한"),
    ],
)
def test_fold(text: str, plain: str) -> None:
    assert fold(text).text == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("保*本", "保本"),
        ("保 本", "保本"),
        ("保😀本", "保本"),
        ("保。本", "保本"),
        ("稳.赚.不.赔", "稳赚不赔"),
        ("稳，赚，不，赔", "稳赚不赔"),
        ("f r e e", "free"),
        ("f.r.e.e", "free"),
        ("f r e e   g i f t", "free gift"),
        ("gua*ran-teed", "guaranteed"),
        ("fr🔥ee", "free"),
    ],
)
def test_compact_takes_out_what_was_put_between(text: str, plain: str) -> None:
    compact = normalise.compact(fold(text))
    assert compact is not None
    assert compact.text == plain


@pytest.mark.parametrize(
    "text",
    [
        "有质保。本产品",
        "提供医保，本公司",
        "plain English words stay apart",
        "一句话",
        "I am a man",
    ],
)
def test_compact_leaves_honest_writing_alone(text: str) -> None:
    assert normalise.compact(fold(text)) is None


def test_the_way_back_from_each_reading() -> None:
    folded = fold("我保*證 本")
    compact = normalise.compact(folded)
    assert compact is not None
    assert compact.text == "我保证本"
    assert compact.in_original(1, 4) == (1, 6)
    squeezed = normalise.squeeze(fold("保保本本好"))
    assert squeezed is not None
    assert squeezed.text == "保本好"
    assert squeezed.in_original(0, 2) == (0, 4)
    spoken = normalise.pinyin(fold("要保本 bao"))
    assert spoken.text == "yaobaobenbao"
    assert spoken.in_original(3, 9) == (1, 3)
    assert spoken.in_original(9, 12) == (4, 7)


def test_leet_reads_one_both_ways() -> None:
    shown = {reading.text for reading in normalise.leet(fold("1ega1 r1sk fr33"))}
    assert shown == {"iegai risk free", "legal rlsk free"}


def test_pinyin_helpers() -> None:
    assert normalise.romanise("稳赚不赔") == "wenzhuanbupei"
    assert normalise.initials("稳赚不赔") == "wzbp"
    assert normalise.is_pinyin("woyao")
    assert not normalise.is_pinyin("wxyz")
    assert [token for token, _, _ in normalise.latin_tokens(fold("wzbp 保本 ok"))] == ["wzbp"]
    assert fold("保").view is View.FOLDED


def test_the_fold_table_stays_small() -> None:
    table = FoldTable()
    table.LIMIT = 4
    assert "ＡＢＣＤＥＦＧ".translate(table) == "abcdefg"
    assert len(table) <= 4
