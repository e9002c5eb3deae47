"""Numbers a sentence states, in digits or words, with the unit beside them where there is one.

Two sentences contradict each other when both state numbers of one unit and share none of them.
"""

import re
import unicodedata
from collections import defaultdict
from decimal import Decimal, InvalidOperation

_ZH_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_ZH_SCALE = {"十": 10, "百": 100, "千": 1000}
_EN_SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_EN_TENS = {
    w: 10 * i
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_EN_WORDS = {w: i for i, w in enumerate(_EN_SMALL)} | _EN_TENS

_UNITS: dict[str, tuple[Decimal, str]] = {}
for _names, _factor, _unit in (
    ("元 块 块钱 rmb 人民币 ￥ ¥", 1, "money"),
    ("万元 万块", 10_000, "money"),
    ("$ usd dollar dollars bucks buck £ € pounds pound quid euro euros", 1, "money"),
    ("天 日 day days", 1, "day"),
    ("周 星期 礼拜 week weeks", 7, "day"),
    ("个月 月 month months mo", 1, "month"),
    ("年 year years yr yrs 周年", 12, "month"),
    ("% percent ％ 个点", 1, "percent"),
    ("岁 周岁", 1, "age"),
    ("小时 个小时 钟头 个钟头 hour hours hr hrs", 60, "minute"),
    ("分钟 minute minutes min mins", 1, "minute"),
    ("mbps m 兆 meg megs mb", 1, "speed"),
    ("gbps gig gigs gigabit", 1000, "speed"),
    ("gb g", 1, "data"),
    ("次 回 times", 1, "times"),
):
    for _name in _names.split():
        _UNITS[_name] = (Decimal(_factor), _unit)

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_EN_NUMBER = "|".join(sorted(_EN_WORDS, key=len, reverse=True))
_ZH_NUMBER = "[零〇一二两俩三四五六七八九十百千半]+"
_TOKEN = re.compile(
    rf"(?P<prefix>[$£€¥￥])?\s?(?P<digits>{_DIGITS})\s?(?P<scale>万|亿|k\b)?\s?(?P<unit>%|％|[a-z]+|[\u4e00-\u9fff]{{1,2}})?"
    rf"|\b(?P<words>(?:{_EN_NUMBER})(?:[- ](?:{_EN_NUMBER}))?)[- ](?P<en_unit>[a-z]+)"
    rf"|(?P<zh>{_ZH_NUMBER})(?P<zh_scale>万|亿)?(?P<zh_unit>个月|个小时|小时|分钟|周岁|块钱|万元|[元块天日周年岁次月])"
)


def stated_numbers(text: str) -> dict[str, frozenset[Decimal]]:
    """Unit -> the values stated in it; the unit is ``""`` for a bare number."""
    folded = unicodedata.normalize("NFKC", text).lower()
    found: defaultdict[str, set[Decimal]] = defaultdict(set)
    for token in _TOKEN.finditer(folded):
        value, unit = _read(token)
        if value is not None:
            found[unit].add(value.normalize())
    return {unit: frozenset(values) for unit, values in found.items()}


def _read(token: re.Match[str]) -> tuple[Decimal | None, str]:
    if token["digits"]:
        value = _decimal(token["digits"].replace(",", ""))
        scale = {"万": 10_000, "亿": 100_000_000, "k": 1_000}.get(token["scale"] or "", 1)
        return _with_unit(value * scale, token["prefix"], token["unit"])
    if token["words"]:
        words = re.split("[- ]", token["words"])
        return _with_unit(Decimal(sum(_EN_WORDS[w] for w in words)), None, token["en_unit"], True)
    value = _chinese(token["zh"])
    if value is None:
        return None, ""
    scale = {"万": 10_000, "亿": 100_000_000}.get(token["zh_scale"] or "", 1)
    return _with_unit(value * scale, None, token["zh_unit"], True)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal(0)


def _with_unit(
    value: Decimal, prefix: str | None, unit: str | None, required: bool = False
) -> tuple[Decimal | None, str]:
    if prefix:
        return value, "money"
    for name in (unit, (unit or "")[:1] if unit and not unit.isascii() else None):
        if name and name in _UNITS:
            factor, kind = _UNITS[name]
            return value * factor, kind
    return (None, "") if required else (value, "")


def _chinese(word: str) -> Decimal | None:
    if word == "半":
        return Decimal("0.5")
    if not any(c in _ZH_SCALE for c in word):
        digits = [_ZH_DIGIT.get(c) for c in word]
        if None in digits:
            return None
        return Decimal("".join(str(d) for d in digits))
    total, digit = 0, 0
    for c in word:
        if c in _ZH_SCALE:
            total += (digit or 1) * _ZH_SCALE[c]
            digit = 0
        elif c in _ZH_DIGIT:
            digit = _ZH_DIGIT[c]
        else:
            return None
    return Decimal(total + digit)


def contradiction(draft: str, statements: tuple[str, ...]) -> str | None:
    """Why the draft's numbers contradict a script's statements, or None.

    Only numbers with a unit are compared, and only units that both sides state; a draft that
    states several values passes when at least one of them is the script's.
    """
    ours: defaultdict[str, set[Decimal]] = defaultdict(set)
    for statement in statements:
        for unit, values in stated_numbers(statement).items():
            ours[unit] |= values
    for unit, values in stated_numbers(draft).items():
        if unit and ours.get(unit) and not values & ours[unit]:
            return f"number:{unit}"
    return None
