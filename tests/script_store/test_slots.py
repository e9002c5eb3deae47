"""Slots: what a value looks like to a customer, and every way in which it must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from script_store.slots import LONGEST_VALUE, format_value, render, slot_names
from script_store.types import CatalogueValue, SlotType

MONEY, PERCENTAGE, INTEGER = SlotType.MONEY, SlotType.PERCENTAGE, SlotType.INTEGER
DATE, TEXT, ENUM = SlotType.DATE, SlotType.TEXT, SlotType.ENUM


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (CatalogueValue(MONEY, "1280", "CNY"), "1,280元", "CN¥1,280.00"),
        (CatalogueValue(MONEY, "0.5", "CNY"), "0.5元", "CN¥0.50"),
        (CatalogueValue(MONEY, "24.00", "USD"), "US$24.00", "$24.00"),
        (CatalogueValue(MONEY, "1234567.89", "EUR"), "€1,234,567.89", "€1,234,567.89"),
        (CatalogueValue(PERCENTAGE, "12.5"), "12.5%", "12.5%"),
        (CatalogueValue(PERCENTAGE, "100"), "100%", "100%"),
        (CatalogueValue(INTEGER, "1000000"), "1,000,000", "1,000,000"),
        (CatalogueValue(INTEGER, "-3"), "-3", "-3"),
        (CatalogueValue(DATE, "2026-03-01"), "2026年3月1日", "March 1, 2026"),
        (CatalogueValue(TEXT, "安心医疗险"), "安心医疗险", "安心医疗险"),
        (CatalogueValue(ENUM, "gold", options=("gold", "silver")), "gold", "gold"),
    ],
)
def test_a_value_as_the_customer_reads_it(
    value: CatalogueValue, chinese: str, english: str
) -> None:
    assert format_value(value, "zh-CN") == chinese
    assert format_value(value, "en") == english


def test_a_date_follows_the_country() -> None:
    assert format_value(CatalogueValue(DATE, "2026-03-01"), "en-GB") == "1 March 2026"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    "value",
    [
        CatalogueValue(MONEY, "dear", "USD"),
        CatalogueValue(MONEY, "NaN", "USD"),
        CatalogueValue(MONEY, "Infinity", "USD"),
        CatalogueValue(MONEY, "1e400", "USD"),
        CatalogueValue(MONEY, "9" * 10_240, "USD"),
        CatalogueValue(MONEY, "24.00"),
        CatalogueValue(MONEY, "24.00", "<b>"),
        CatalogueValue(MONEY, "24.00", "$ only today"),
        CatalogueValue(PERCENTAGE, "a lot"),
        CatalogueValue(PERCENTAGE, "NaN"),
        CatalogueValue(PERCENTAGE, "-Infinity"),
        CatalogueValue(INTEGER, "7.5"),
        CatalogueValue(INTEGER, ""),
        CatalogueValue(INTEGER, "9" * 10_240),
        CatalogueValue(DATE, "tomorrow"),
        CatalogueValue(DATE, "2026-02-30"),
        CatalogueValue(TEXT, ""),
        CatalogueValue(TEXT, " \u3000"),
        CatalogueValue(TEXT, "x" * 10_240),
        CatalogueValue(TEXT, "two\nlines"),
        CatalogueValue(TEXT, "two\u2028lines"),
        CatalogueValue(TEXT, "<script>alert(1)</script>"),
        CatalogueValue(TEXT, "{price}"),
        CatalogueValue(TEXT, "\x00"),
        CatalogueValue(TEXT, "\ud800"),
        CatalogueValue(TEXT, "99.00 \u202e00.1"),
        CatalogueValue(TEXT, "fr\u200bee"),
        CatalogueValue(ENUM, "lead", options=("gold", "silver")),
        CatalogueValue(ENUM, "<b>", options=("<b>",)),
        CatalogueValue(ENUM, "gold"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(value: CatalogueValue, language: str) -> None:
    with pytest.raises(InvalidInput):
        format_value(value, language)


@pytest.mark.parametrize("language", ["zh-XX", "en-ZZ9", "klingon"])
def test_a_language_nobody_can_format_is_refused(language: str) -> None:
    with pytest.raises(InvalidInput):
        format_value(CatalogueValue(DATE, "2026-03-01"), language)


def test_slots_are_named_once_each_in_order() -> None:
    assert slot_names("{b} and {a} and {b}") == ("b", "a")
    assert slot_names("没有") == ()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}",
        "{{price}}",
        "{Price}",
        "{price!r}",
        "{price:>9}",
        "{a.b}",
        "{1}",
        "{ price }",
    ],
)
def test_a_brace_that_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="brace"):
        slot_names(text)


def test_rendering_fills_every_slot() -> None:
    values = {
        "price": CatalogueValue(MONEY, "24", "USD"),
        "days": CatalogueValue(INTEGER, "7"),
    }
    assert render("{price} for {days} days: {price}!", values, "en") == "$24.00 for 7 days: $24.00!"


@pytest.mark.parametrize(
    "values", [{}, {"price": CatalogueValue(MONEY, "dear", "USD")}], ids=["absent", "wrong"]
)
def test_a_slot_without_a_valid_value_is_named(values: dict[str, CatalogueValue]) -> None:
    with pytest.raises(InvalidInput, match="slot price") as caught:
        render("It costs {price}.", values, "en")
    assert caught.value.mend


@pytest.mark.parametrize(
    "value", ["%(x)s %s", "${HOME}"[:1] + "HOME", r"\g<0>"[:2], "`id`", "[[a]]"]
)
def test_nothing_in_a_value_is_ever_interpreted(value: str) -> None:
    assert render("[{name}]", {"name": CatalogueValue(TEXT, value)}, "en") == f"[{value}]"


@given(text=st.text(max_size=100), value=st.text(max_size=LONGEST_VALUE + 5))
def test_rendering_gives_the_script_with_the_value_or_refuses(text: str, value: str) -> None:
    script = text.replace("{", "").replace("}", "") + "{name}"
    try:
        rendered = render(script, {"name": CatalogueValue(TEXT, value)}, "en")
    except InvalidInput:
        return
    assert rendered == script.removesuffix("{name}") + value
    assert not set(value) & set("<>{}\n\r\x00")
