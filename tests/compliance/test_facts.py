"""Amounts read as values, and those that the catalogue does not support."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.facts import UNSUPPORTED_FACT, Facts, check_facts
from compliance.quantities import Measure, Quantity, parse_number, quantities
from compliance.types import Action


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1,299.00", "1299"),
        ("三百", "300"),
        ("三百五", "350"),
        ("三百零五", "305"),
        ("一万二", "12000"),
        ("一万二千三百", "12300"),
        ("两千", "2000"),
        ("十五", "15"),
        ("二十", "20"),
        ("二〇二六", "2026"),
        ("三点五", "3.5"),
        ("一亿三千万", "130000000"),
        ("3万", "30000"),
        ("1.5亿", "150000000"),
        ("thirty", "30"),
        ("twenty-nine", "29"),
        ("one hundred and five", "105"),
        ("two thousand", "2000"),
        ("12k", "12000"),
        ("半", "0.5"),
    ],
)
def test_numbers_as_written(written: str, value: str) -> None:
    assert parse_number(written) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "measure", "value", "unit", "shown"),
    [
        ("每年三百元", Measure.MONEY, "300", "CNY", "三百元"),
        ("只要¥299.00哦", Measure.MONEY, "299", "CNY", "¥299.00"),
        ("RMB 300 a year", Measure.MONEY, "300", "CNY", "RMB 300"),
        ("保额3万元", Measure.MONEY, "30000", "CNY", "3万元"),
        ("it is $29.90 now", Measure.MONEY, "29.9", "USD", "$29.90"),
        ("twenty-nine dollars", Measure.MONEY, "29", "USD", "twenty-nine dollars"),
        ("£1.2k", Measure.MONEY, "1200", "GBP", "£1.2k"),
        ("赔付百分之九十", Measure.PERCENT, "90", "", "百分之九十"),
        ("赔付９０％", Measure.PERCENT, "90", "", "９０％"),
        ("报销八成", Measure.PERCENT, "80", "", "八成"),
        ("5 percent off", Measure.PERCENT, "5", "", "5 percent"),
        ("打8.5折", Measure.DISCOUNT, "8.5", "", "8.5折"),
        ("85折优惠", Measure.DISCOUNT, "8.5", "", "85折"),
        ("等待期三十天", Measure.PERIOD, "30", "days", "三十天"),
        ("保障一年", Measure.PERIOD, "12", "months", "一年"),
        ("保障12个月", Measure.PERIOD, "12", "months", "12个月"),
        ("a two-year plan", Measure.PERIOD, "24", "months", "two-year"),
        ("within ten working days", Measure.PERIOD, "10", "working days", "ten working days"),
        ("10个工作日内", Measure.PERIOD, "10", "working days", "10个工作日"),
        ("30-day trial", Measure.PERIOD, "30", "days", "30-day"),
        ("半年", Measure.PERIOD, "6", "months", "半年"),
        ("2026年11月30日截止", Measure.DATE, "20261130", "", "2026年11月30日"),
        ("until 2026-11-30", Measure.DATE, "20261130", "", "2026-11-30"),
        ("11月30日截止", Measure.DATE, "1130", "", "11月30日"),
        ("一共24节课", Measure.COUNT, "24", "", "24"),
    ],
)
def test_an_amount_is_read(text: str, measure: Measure, value: str, unit: str, shown: str) -> None:
    (found,) = quantities(text)
    assert found.quantity == Quantity(measure, Decimal(value), unit)
    assert text[found.start : found.end] == shown


@pytest.mark.parametrize(
    "text",
    [
        "第12条",
        "9:30开始",
        "a B2B plan",
        "iphone15pro",
        "第一步",
        "一个人",
        "成功",
        "model x100",
        "一样",
    ],
)
def test_what_is_no_amount(text: str) -> None:
    assert quantities(text) == ()


FACTS = Facts.stated_in(
    [
        "保费每年299元",
        "等待期30天",
        "赔付比例90%",
        "活动到2026年11月30日",
        "twelve months",
        "24节课",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "每年二百九十九元，等待期三十天",
        "赔付百分之九十，保障一年",
        "the price is RMB 299, cover lasts 12 months",
        "11月30日截止",
        "2026年11月有效",
        "共24节课",
        "编号299",
        "没有数字的话",
    ],
)
def test_supported(text: str) -> None:
    assert check_facts(text, FACTS) == ()


@pytest.mark.parametrize(
    ("text", "shown", "measure"),
    [
        ("每年只要199元", "199元", "money"),
        ("$299 a year", "$299", "money"),
        ("等待期90天", "90天", "period"),
        ("赔付百分之百", "百分之百", "percent"),
        ("今天八折", "八折", "discount"),
        ("12月31日截止", "12月31日", "date"),
    ],
)
def test_unsupported(text: str, shown: str, measure: str) -> None:
    (finding,) = check_facts(text, FACTS)
    assert text[finding.start : finding.end] == shown
    assert finding.rule == f"core.facts.{measure}"
    assert (finding.category, finding.action) == (UNSUPPORTED_FACT, Action.BLOCK)


def test_a_bare_number_is_only_reported() -> None:
    (finding,) = check_facts("一共48节课", FACTS)
    assert finding.action is Action.ALLOW


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for found in quantities(text):
        assert 0 <= found.start < found.end <= len(text)
        assert Facts(frozenset({found.quantity})).supports(found.quantity)
