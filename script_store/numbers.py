"""Numbers a sentence states, in digits or words, in Chinese and English, with what they count.

A number contradicts a script when the script states numbers of the same kind, has none that is
equal, and one of its own is missing from the draft: "15 天" for "30 天", but not a number the
script says nothing about. Equal means equal in substance: 1,000 = 1000 = 1k = 一千, 半个月 = 15 天,
八折 = 20 % off. Numbers whose kind is not stated must also stand in the same surroundings.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from script_store.numerals import EN_SCALE, EN_WORD, ZH_DIGIT, ZH_SCALE, chinese, english
from script_store.units import DAY, UNITS

_ACROSSUNITS: Final = Decimal("0.08")  # a month is said for four weeks, two weeks for 15 days
_LONGEST: Final = 4000  # characters read; a draft is far shorter


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text.

    ``kind`` is what it counts ("" when the text does not say), ``unit`` the word that said so,
    ``value`` is in the kind's base unit (minutes, the currency's unit, Mbps, GB, percent paid);
    ``also`` is another honest reading (八折: 80, or 20 less; 5 working days: 7). ``before`` and
    ``after`` are the neighbouring words that show its role.
    """

    kind: str
    unit: str
    value: Decimal
    also: Decimal | None = None
    before: str = ""
    after: str = ""

    def same_value(self, other: "Quantity") -> bool:
        """Do both state the same amount, whatever words they use?"""
        counted = self.kind[:5] == other.kind[:5] == "count"
        if self.kind != other.kind and self.kind and other.kind and not counted:
            return False
        if self.value == other.value:
            return True
        if (self.also is None) != (other.also is None):
            return self.value == other.also or self.also == other.value
        if self.kind != "time" or other.kind != "time" or self.unit == other.unit:
            return False
        return abs(self.value - other.value) <= _ACROSSUNITS * max(self.value, other.value)

    def same_role(self, other: "Quantity") -> bool:
        """Do both stand beside the same word?"""
        before = bool(self.before) and self.before == other.before
        return before or (bool(self.after) and self.after == other.after)


_SCALE: Final = {"万": 10_000, "亿": 100_000_000, "千": 1000, "百": 100, "k": 1000} | EN_SCALE

_UNIT_VALUE: Final = {unit: factor for factor, _, unit in UNITS.values()} | {"minute": Decimal(1)}
_ADJECTIVE: Final = r"(?:(?:business|working|calendar|full|whole|more|extra|straight|billing) )?"

_DIGITS: Final = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,9})?|[0-9]{1,15}(?:\.[0-9]{1,9})?"
_EN_ANY: Final = "|".join(sorted((*EN_WORD, *EN_SCALE), key=len, reverse=True))
_NUMBER: Final = re.compile(
    rf"(?P<digits>{_DIGITS})(?P<scale>[万亿千百]|k\b| (?:thousand|hundred|million|grand)\b)?"
    rf"|\b(?P<words>(?:{_EN_ANY})(?:(?:[ -]| and )(?:{_EN_ANY}))*)\b"
    r"|(?P<zh>[零〇一二两俩三四五六七八九十百千万亿]{1,20}"
    r"(?:点[零一二三四五六七八九]{1,4}(?![十分刻半]))?)"
)
_UNIT: Final = re.compile(
    rf"[ -]?{_ADJECTIVE}(?:(?P<en>"
    + "|".join(sorted((re.escape(u) for u in UNITS if u.isascii()), key=len, reverse=True))
    + r")(?![a-z])|(?P<zh>"
    + "|".join(sorted((re.escape(u) for u in UNITS if not u.isascii()), key=len, reverse=True))
    + ")(?<!克(?=拉))(?<!升(?=[级学职一二三四五六]))(?<!瓦(?=斯)))"
)
_RANGE: Final = re.compile(r"\s?(?:到|至|-|~|–|—|to\b)\s?")
_AND_HALF: Final = re.compile(" and a half|半")
_TENTH: Final = re.compile(
    "[一二三四五六七八九](?![个人家次天年月块元分秒站点层楼岁倍成折步公千百十万毫厘米里])"
)
_OFF: Final = re.compile(r" (?:off|less|lower|cheaper)\b")
_WORKING: Final = re.compile("工作|交易|business|working")
# 二十万三年, 两千一年: the last digit belongs to the unit
_RUN_ON: Final = re.compile(
    r"(?<=[百千万亿])(?=[一二两三四五六七八九](?:个|年|天|周|小时|日|次|张))"
)
_VAGUE: Final = re.compile(r"[第几数][一二两三四五六七八九十百千万亿0-9]{1,9}")
_AGE_AFTER: Final = re.compile(
    r"\s?\+|[ -]years?[ -]olds?|(?: years?)?(?: of age| (?:or|and) (?:older|over|above|up|younger))"
)
_AGE_BEFORE: Final = re.compile(r"\b(?:age|aged|ages|turn|turned|turning) (?:of )?$")
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_ZH_ONES: Final = "[一二三四五六七八九十]"
_DATE: Final = re.compile(
    r"\b(?P<y1>[0-9]{4})-(?P<m1>[0-9]{1,2})-(?P<d1>[0-9]{1,2})\b"
    rf"|(?:(?P<y2>[0-9]{{4}})年)?(?P<m2>[0-9]{{1,2}}|{_ZH_ONES}{{1,2}})月"
    rf"(?P<d2>[0-9]{{1,2}}|{_ZH_ONES}{{1,3}})[日号]"
    rf"|\b(?P<m3>{_MONTHS.replace(' ', '|')})[a-z]{{0,6}}\.? (?P<d3>[0-9]{{1,2}})\b"
    r"(?:st|nd|rd|th)?(?:,? (?P<y3>[0-9]{4})\b)?"
)
_YEAR: Final = re.compile(r"\b(?:19|20)[0-9]{2}(?![0-9,.%])(?= ?年|\b)")
# words that hold a numeral and count nothing
_IDIOM: Final = re.compile(
    r"一[起样定般直些下旦致切律概并块儿会边面]|万一|千万|(?<![一二三四五六七八九])十分(?!钟|贝)|统一|唯一|单一|第一|(?<!分)之一|一次性|一口价"
    r"|一点(?!钟|整|半)|进一步|星期[一二三四五六]|周[一二三四五六](?!年)|三四|七八|百分百|一站|一年到头|一天到晚"
    r"|\b(?:one|two|three) of (?:us|our|the|them|these|those)\b|\b24/7\b"
    r"|\b[0-9]{1,2}g\b(?= (?:network|phone|plan))"
)
_ODD: Final = re.compile(
    r"(?P<fraction>([一二三四五六七八九十百]{1,3}|[0-9]{1,3})分之"
    r"([零一二两三四五六七八九十百]{1,6}(?:点[零一二三四五六七八九]{1,4})?|[0-9]{1,3}(?:\.[0-9]{1,4})?))"
    r"|(?P<slash>\b([1-9])/([2-9])\b)"
    r"|(?P<discount>(?:([一二三四五六七八九])([一二三四五六七八九])?|([0-9](?:\.[0-9])?|[0-9]{2}))折)"
    r"|(?P<half_month>半个多?月|half a month)|(?P<fortnight>\bfortnight\b)"
    r"|(?P<half_year>半年|half a year|six months)"
    r"|(?P<half_hour>半个?(?:小时|钟头)|half an hour)|(?P<half_day>半天|half a day)"
    r"|(?P<half>一半|对半|半价|五五开|(?<!and a )\bhalf\b)|(?P<third>\b(?:a|one) third\b)"
    r"|(?P<fifth>\b(?:a|one) fifth\b)"
    r"|(?P<quarter>\b(?:a|one) quarter\b)|(?P<double>翻倍|加倍|双倍|\bdoubled?\b|\btwice\b)"
    r"|(?P<giga>千兆|\bgigabit\b)|(?P<mega>百兆)"
)
_PERCENT: Final = {"half": 50, "third": 33, "fifth": 20, "quarter": 25}
_SPEED: Final = {"giga": 1000, "mega": 100}
_TIME: Final = {
    "half_month": ("month", 15 * DAY),
    "fortnight": ("week", 14 * DAY),
    "half_year": ("month", 180 * DAY),
    "half_hour": ("minute", 30),
    "half_day": ("hour", 720),
}
_EN_STOP: Final = (
    "a an the of is are was be to for at in on by with and or it its you your we our that this "
    "just only about around up per from then than"
)
_BLANK: Final = "\x00"


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The numbers of a text, dates first; never raises."""
    folded = unicodedata.normalize("NFKC", text[:_LONGEST]).lower().replace("’", "'")
    found = [part for hit in _DATE.finditer(folded) for part in _date(hit)]
    folded = _DATE.sub(_blanked, folded)
    found += [Quantity("year", "year", Decimal(y.group())) for y in _YEAR.finditer(folded)]
    folded = _RUN_ON.sub(" ", _VAGUE.sub(_blanked, _YEAR.sub(_blanked, folded)))
    folded = _IDIOM.sub(_blanked, folded)
    for hit in _ODD.finditer(folded):
        found.append(_odd(hit, folded))
    folded = _ODD.sub(_blanked, folded)
    return (*found, *_plain(folded))


def _blanked(hit: re.Match[str]) -> str:
    return _BLANK * len(hit.group())


def _plain(text: str) -> Iterator[Quantity]:
    pending: tuple[re.Match[str], Decimal] | None = None  # first number of a range
    for hit in _NUMBER.finditer(text):
        value = _value(hit)
        if value is None:
            pending = None
            continue
        here = _quantity(text, hit, value)
        if pending and here and _RANGE.fullmatch(text, pending[0].end(), hit.start()):
            yield _shared_unit(text, pending, here)
        elif pending:
            yield from _bare(text, *pending)
        pending = None
        if here is not None and here.kind:
            yield here
        else:
            pending = (hit, value)
    if pending:
        yield from _bare(text, *pending)


def _shared_unit(text: str, first: tuple[re.Match[str], Decimal], second: Quantity) -> Quantity:
    factor = UNITS[second.unit][0] if second.unit in UNITS else Decimal(1)
    before, _ = _neighbours(text, first[0].start(), first[0].end())
    return Quantity(second.kind, second.unit, first[1] * factor, before=before)


def _bare(text: str, hit: re.Match[str], value: Decimal) -> Iterator[Quantity]:
    worded = hit["words"] or hit["zh"]
    if worded and (value <= 1 or (hit["zh"] and not _is_amount(hit["zh"]))):
        return  # "one" and 一 are articles, 三 alone is seldom an amount
    yield Quantity("", "", value, None, *_neighbours(text, hit.start(), hit.end()))


def _is_amount(numeral: str) -> bool:
    return (
        len(numeral) > 1
        and any(c in ZH_SCALE for c in numeral)
        and (numeral[0] in ZH_DIGIT or numeral[0] == "十")
    )


def _quantity(text: str, hit: re.Match[str], value: Decimal) -> Quantity | None:
    start, end = hit.span()
    age = _AGE_AFTER.match(text, end)
    if age or _AGE_BEFORE.search(text, max(0, start - 14), start):
        return Quantity("age", "age", value, None, *_neighbours(text, start, end))
    if start and text[start - 1] in "$£€¥":
        return Quantity("money", "money", value, None, *_neighbours(text, start - 1, end))
    halved = _AND_HALF.match(text, end)
    unit = _UNIT.match(text, halved.end() if halved else end)
    if unit is None:
        return Quantity("", "", value) if not hit["zh"] or _is_amount(hit["zh"]) else None
    factor, kind, name = UNITS[unit["en"] or unit["zh"]]
    if kind == "clock":
        value %= 12
    if halved or text.startswith("半", unit.end()):
        value += Decimal("0.5")
    elif name == "metre" and (tenth := _TENTH.match(text, unit.end())):
        value += Decimal(ZH_DIGIT[tenth.group()]) / 10  # 一米六
    amount = value * factor
    also = None
    if kind == "percent" and _OFF.match(text, unit.end()):
        amount, also = 100 - amount, amount
    elif name == "day" and _WORKING.search(unit.group()):
        also = amount * 7 / 5
    return Quantity(kind, name, amount, also, *_neighbours(text, start, unit.end()))


def _value(hit: re.Match[str]) -> Decimal | None:
    if hit["digits"]:
        scale = _SCALE[hit["scale"].strip()] if hit["scale"] else 1
        return (Decimal(hit["digits"].replace(",", "")) * scale).normalize()
    if hit["words"]:
        return english(re.split("[ -]", hit["words"]))
    return chinese(hit["zh"])


def _odd(hit: re.Match[str], text: str) -> Quantity:
    around = _neighbours(text, hit.start(), hit.end())
    if hit["fraction"]:
        whole, part = _number_of(hit[2]), _number_of(hit[3])
        return Quantity("percent", "percent", _share(part, whole), None, *around)
    if hit["slash"]:
        return Quantity(
            "percent", "percent", _share(Decimal(hit[5]), Decimal(hit[6])), None, *around
        )
    if hit["discount"]:
        paid = _discount(hit)
        return Quantity("percent", "percent", paid, 100 - paid, *around)
    name = str(hit.lastgroup)
    if name in _TIME:
        unit, minutes = _TIME[name]
        return Quantity("time", unit, Decimal(minutes), None, *around)
    if name in _SPEED:
        return Quantity("speed", "speed", Decimal(_SPEED[name]), None, *around)
    if name == "double":
        return Quantity("multiple", "multiple", Decimal(2), None, *around)
    return Quantity("percent", "percent", Decimal(_PERCENT[name]), None, *around)


def _discount(hit: re.Match[str]) -> Decimal:
    if hit[10]:
        written = Decimal(hit[10])
        return written if written >= 10 else written * 10
    return Decimal(ZH_DIGIT[hit[8]] * 10 + (ZH_DIGIT[hit[9]] if hit[9] else 0))


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(Decimal("0.01")).normalize() if whole else Decimal(0)


def _number_of(text: str) -> Decimal:
    return Decimal(text) if text[0] in "0123456789" else chinese(text) or Decimal(0)


def _date(hit: re.Match[str]) -> list[Quantity]:
    style = next(n for n in "123" if hit[f"m{n}"])
    year, written = hit[f"y{style}"], hit[f"m{style}"]
    month = _MONTHS.split().index(written) + 1 if style == "3" else _number_of(written)
    found = [Quantity("date", "date", 100 * month + _number_of(hit[f"d{style}"]))]
    return found + ([Quantity("year", "year", Decimal(year))] if year else [])


def _neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    """The words (two Han characters, or one English content word) beside a span."""
    left = re.findall(
        r"[a-z]+|[\u4e00-\u9fff]|[.,;!?。，；！？:]", text[max(0, start - 24) : start]
    )
    right = re.findall(r"[a-z]+|[\u4e00-\u9fff]|[.,;!?。，；！？:]", text[end : end + 24])
    return _role(left[::-1])[::-1], _role(right)


def _role(words: list[str]) -> str:
    kept = ""
    for word in words:
        if word in ".,;!?。，；！？:":
            break
        if len(word) > 1 or word.isascii():
            if word not in _EN_STOP.split():
                return kept or word[::-1]
        else:
            kept += word
            if len(kept) == 2:
                break
    return kept


def contradiction(draft: str, statements: Iterable[str]) -> str | None:
    """Why the draft's numbers contradict a script's statements ("number:day"), or None.

    ``statements`` are the script's text first, then its paraphrases: the value of any will do.
    """
    said = quantities(draft)
    if not said:
        return None
    scripts = [quantities(statement) for statement in statements]
    known = [quantity for script in scripts for quantity in script]
    missing = [o for o in known if not any(o.same_value(mine) for mine in said)]
    for one in said:
        if any(one.same_value(other) for other in known):
            continue
        if any(_rivals(one, other) for other in missing):
            return f"number:{one.unit or 'bare'}"
    return "number:order" if any(_exchanged(said, script) for script in scripts) else None


def _rivals(one: Quantity, other: Quantity) -> bool:
    """Could both stand in the same place of the sentence, so that one must be wrong?"""
    if one.kind and one.kind == other.kind:
        return one.same_role(other) if _is_article(one) or _is_article(other) else True
    bare = not one.kind or not other.kind
    return (bare or one.kind[:5] == other.kind[:5] == "count") and one.same_role(other)


def _is_article(one: Quantity) -> bool:
    """一个, 两张, 一年, a day: often no statement about a number."""
    if one.kind[:5] == "count":
        return one.value <= 2
    return one.kind in {"time", "times"} and one.value == _UNIT_VALUE.get(one.unit)


def _exchanged(said: tuple[Quantity, ...], script: tuple[Quantity, ...]) -> bool:
    """Do two values stand in each other's places (早九晚六, 早六晚九)?"""
    moved = 0
    for one in said:
        places = [o for o in script if one.before and one.before == o.before]
        alone = sum(mine.before == one.before for mine in said) == len(places) == 1
        if alone and not one.same_value(places[0]):
            moved += 1
    return moved > 1
