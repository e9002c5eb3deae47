"""Amounts in a sentence as values: money, percentages, discounts, periods, dates, plain counts.

"三百元", "300 元", "¥300.00" and "RMB 300" are one amount; so are "一年", "12个月" and "twelve
months". What cannot be compared is not returned.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from compliance.normalise import Projection, fold


class Measure(StrEnum):
    """What an amount measures."""

    MONEY = "money"
    PERCENT = "percent"
    DISCOUNT = "discount"
    PERIOD = "period"
    DATE = "date"
    COUNT = "count"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An amount in its base unit: CNY, USD, GBP or EUR; %; tenths of a price; months, days, hours.

    A date is the day written as year * 10000 + month * 100 + day, with 0 for what is not said.
    """

    measure: Measure
    value: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """A quantity and where it stands in the original text."""

    quantity: Quantity
    start: int
    end: int


_ZH_DIGIT = {mark: number for number, marks in enumerate(
    ("零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
) for mark in marks}  # fmt: skip
_ZH_TEN = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_ZH_BIG = {"万": 10_000, "亿": 100_000_000}
_EN_TEENS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_EN_SMALL = {word: number for number, word in enumerate(_EN_TEENS.split())} | {
    word: 10 * number for number, word in enumerate(_EN_TENS.split(), start=2)
}
_EN_BIG = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_EN_WORD = "(?:" + "|".join([*sorted(_EN_SMALL, key=len, reverse=True), *_EN_BIG]) + ")"
_DIGITS = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
_ZH_NUMERAL = (
    r"[零〇一二三四五六七八九两十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]+(?:点[零〇一二三四五六七八九]+)?"
)
_NUMBER = (
    rf"(?:{_DIGITS}(?: ?(?:[万亿千百]|[kmb]\b|hundred\b|thousand\b|million\b|billion\b))?"
    rf"|{_ZH_NUMERAL}|\b{_EN_WORD}(?:[ -](?:and )?{_EN_WORD})*\b|半|\bhalf an?\b)"
)
_MONEY_BEFORE = {"¥": "CNY", "rmb": "CNY", "cny": "CNY", "$": "USD", "us$": "USD", "usd": "USD",
                 "£": "GBP", "gbp": "GBP", "€": "EUR", "eur": "EUR"}  # fmt: skip
_MONEY_AFTER = {"元": "CNY", "块": "CNY", "人民币": "CNY", "圆": "CNY", "rmb": "CNY", "yuan": "CNY",
                "美元": "USD", "美金": "USD", "dollar": "USD", "usd": "USD", "buck": "USD",
                "英镑": "GBP", "pound": "GBP", "gbp": "GBP", "欧元": "EUR", "euro": "EUR",
                "eur": "EUR"}  # fmt: skip
_PERIOD: dict[str, tuple[str, Decimal]] = {
    "年": ("months", Decimal(12)), "周年": ("months", Decimal(12)), "year": ("months", Decimal(12)),
    "yr": ("months", Decimal(12)), "季度": ("months", Decimal(3)),
    "quarter": ("months", Decimal(3)),
    "个月": ("months", Decimal(1)), "月": ("months", Decimal(1)), "month": ("months", Decimal(1)),
    "周": ("days", Decimal(7)), "星期": ("days", Decimal(7)), "个星期": ("days", Decimal(7)),
    "week": ("days", Decimal(7)), "天": ("days", Decimal(1)), "日": ("days", Decimal(1)),
    "个工作日": ("working days", Decimal(1)), "工作日": ("working days", Decimal(1)),
    "day": ("days", Decimal(1)), "小时": ("hours", Decimal(1)), "个小时": ("hours", Decimal(1)),
    "hour": ("hours", Decimal(1)), "分钟": ("hours", Decimal(1) / 60),
    "minute": ("hours", Decimal(1) / 60),
}  # fmt: skip


def _units(table: dict[str, object]) -> str:
    return "|".join(re.escape(unit) for unit in sorted(table, key=len, reverse=True))


_DATE = (
    r"(?P<year>20[0-9]{2})(?:[-/.年] ?(?P<month>1[0-2]|0?[1-9])(?:[-/.月] ?"
    r"(?P<day>3[01]|[12][0-9]|0?[1-9])日?|月)|年(?:底|初|末)?)"
    r"|(?P<m2>1[0-2]|[1-9])月(?P<d2>3[01]|[12][0-9]|[1-9])[日号]"
)
_PATTERN = re.compile(
    rf"(?P<date>{_DATE})"
    rf"|百分之(?P<zhpercent>{_NUMBER})"
    rf"|(?P<before>us\$|rmb|cny|usd|gbp|eur|[¥$£€]) ?(?P<amount>{_NUMBER})"
    rf"|(?P<number>{_NUMBER}) ?-?(?:"
    r"(?P<percent>%|个百分点|percent\b|per cent\b|成(?!功|为|立|员|长|绩|人|本|交|果|就))"
    r"|(?P<discount>折)"
    rf"|(?P<money>(?:{_units(dict(_MONEY_AFTER))})(?![a-rt-z])s?)"
    r"|(?P<working>working days?|business days?)"
    rf"|(?P<period>(?:{_units(dict(_PERIOD))})(?![a-rt-z])s?)"
    r")?"
)
_NOT_COUNTED = frozenset("第:：.")


def quantities(text: str) -> tuple[Located, ...]:
    """Every amount in a text with its place in it; numbers inside words are not amounts."""
    folded = fold(text)
    return tuple(_located(folded))


def _located(folded: Projection) -> Iterator[Located]:
    for match in _PATTERN.finditer(folded.text):
        start, end = match.span()
        before, after = folded.text[max(0, start - 1) : start], folded.text[end : end + 1]
        if _is_word(before) or (match.lastgroup == "number" and _is_word(after)):
            continue
        quantity = _quantity(match, before, after)
        if quantity is not None:
            yield Located(quantity, *folded.in_original(start, end))


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _quantity(match: re.Match[str], before: str, after: str) -> Quantity | None:
    if match["date"]:
        return _date(match)
    value = parse_number(match["zhpercent"] or match["amount"] or match["number"] or "")
    if value is None or before == "第" or after == "级":
        return None
    if match["zhpercent"]:
        return Quantity(Measure.PERCENT, value)
    if match["before"]:
        return Quantity(Measure.MONEY, value, _MONEY_BEFORE[match["before"]])
    return _with_unit(match, value) or _count(match["number"], value, before, after)


def _with_unit(match: re.Match[str], value: Decimal) -> Quantity | None:
    if match["percent"]:
        return Quantity(Measure.PERCENT, value * (10 if match["percent"] == "成" else 1))
    if match["discount"]:
        return Quantity(Measure.DISCOUNT, value if value <= 10 else value / 10)
    if match["money"]:
        return Quantity(Measure.MONEY, value, _MONEY_AFTER[_singular(match["money"])])
    if match["working"]:
        return Quantity(Measure.PERIOD, value, "working days")
    if match["period"]:
        base, factor = _PERIOD[_singular(match["period"])]
        return Quantity(Measure.PERIOD, value * factor, base)
    return None


def _singular(unit: str) -> str:
    return unit.rstrip("s") if unit.isascii() else unit


def _count(written: str, value: Decimal, before: str, after: str) -> Quantity | None:
    """A bare number counts from two digits on: "一个" and "step 2" claim nothing."""
    if before in _NOT_COUNTED or after in (":", "：") or not written[0].isdigit() or value < 10:
        return None
    return Quantity(Measure.COUNT, value)


def _date(match: re.Match[str]) -> Quantity:
    year = int(match["year"] or 0)
    month = int(match["month"] or match["m2"] or 0)
    day = int(match["day"] or match["d2"] or 0)
    return Quantity(Measure.DATE, Decimal(year * 10_000 + month * 100 + day))


def parse_number(written: str) -> Decimal | None:
    """Digits, Chinese numerals or English number words as one value; ``None`` if they are none."""
    text = written.replace(",", "").strip()
    if text == "半" or text.startswith("half"):
        return Decimal("0.5")
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([a-z万亿千百]*)", text)
    if found:
        scale = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "": 1}
        scales: dict[str, int] = scale | _ZH_BIG | _ZH_TEN | _EN_BIG
        factor = scales.get(found[2])
        return None if factor is None else Decimal(found[1]) * factor
    return _english(text) if text[:1].isascii() else _chinese(text)


def _english(text: str) -> Decimal:
    total = current = 0
    for word in re.split(r"[ -]", text):
        if word in _EN_SMALL:
            current += _EN_SMALL[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _EN_BIG:
            total += (current or 1) * _EN_BIG[word]
            current = 0
    return Decimal(total + current)


def _chinese(text: str) -> Decimal:
    whole, _, fraction = text.partition("点")
    if whole and all(mark in _ZH_DIGIT for mark in whole):
        value = Decimal("".join(str(_ZH_DIGIT[mark]) for mark in whole))
    else:
        value = Decimal(_chinese_whole(whole))
    if fraction:
        value += Decimal("0." + "".join(str(_ZH_DIGIT[mark]) for mark in fraction))
    return value


def _chinese_whole(text: str) -> int:
    total = section = digit = 0
    unit = 1
    for mark in text:
        if mark in _ZH_DIGIT:
            digit = _ZH_DIGIT[mark]
        elif mark in _ZH_TEN:
            unit = _ZH_TEN[mark]
            section += (digit or 1) * unit
            digit = 0
        else:
            unit = _ZH_BIG[mark]
            if total > unit:
                total += (section + digit) * unit
            else:
                total = (total + section + digit) * unit
            section = digit = 0
    # "三百五" and "一万二" leave out the last unit: it is a tenth of the one before.
    return total + section + (digit * unit // 10 if unit > 10 and text[-2:-1] != "零" else digit)
