"""Personal numbers in a text: phones, identity cards, bank cards and social security numbers.

One pass collects groups of digits; windows of neighbouring groups are then judged by their check
digits, their shape, and the nearest word that says what kind of number it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric

from compliance.linear import Span
from compliance.separators import DECORATION
from compliance.types import Jurisdiction, PersonalDatum, PiiType

_GROUP = re.compile(r"[0-9]+")
_GAP = re.compile(f"(?:[ \\-./(),、]|{DECORATION}|[\u2010-\u2015]){{1,3}}")
_LONGEST = 19
_CONTEXT = 24
_WORDS: dict[str, str] = {
    "order": (
        "订单|单号|流水|编号|快递|运单|物流|保单|合同|工单|序列|批次|型号|货号|备案|许可证|执照"
        "|信用代码|版本|验证码|金额|价格|order|tracking|invoice|reference|policy|ticket|serial|sku"
        "|isbn|version|case|transaction|receipt|booking|part|model|code|parcel|shipment|license no"
        "|confirmation|item"
    ),
    "phone": (
        "电话|手机|号码|联系|致电|拨打|打给|微信|来电|短信|phone|mobile|cell|call|tel|text me"
        "|whatsapp|reach|number is|contact|ring"
    ),
    "card": "卡|账号|账户|card|account|visa|mastercard|debit|credit|pay",
    "id": "身份证|证件|id number|id card|identity",
    "ssn": "ssn|social security|social",
}
_CUE = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items()))
_CARD_START = re.compile(r"4|5[1-5]|2(?:2[2-9]|[3-6]|7[01])|3[0345678]|6[0235689]|81|9[05-9]")
# Areas 000, 666 and 900-999, group 00 and serial 0000 are never issued (20 CFR 422.103).
_SSN = re.compile(r"(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}")
_NANP = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_CN_LANDLINE = re.compile(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}")
_CN_MOBILE = re.compile(r"1[3-9]\d{9}")
_UK = re.compile(r"0(?:7\d{9}|[12]\d{8,9}|3\d{9})")
# Numbers of firms, not of persons.
_FREEPHONE = ("400", "800", "833", "844", "855", "866", "877", "888")


@dataclass(frozen=True)
class _Before:
    """What stands before a number: an opening sign, and the nearest word that names a number."""

    text: str
    start: int

    @property
    def barred(self) -> bool:
        """Whether the digits belong to a longer word or a price."""
        mark = self.text[self.start - 1 : self.start]
        return mark != "" and (_is_latin(mark) or mark in ".$¥￥€£")

    @property
    def opening(self) -> str:
        """``(+``, ``+``, ``(`` or nothing."""
        signs = self.text[max(0, self.start - 2) : self.start]
        return signs if signs == "(+" else signs[-1:] if signs[-1:] in ("+", "(") else ""

    @cached_property
    def cue(self) -> str:
        """order, phone, card, id, ssn or nothing."""
        found = _CUE.finditer(self.text, max(0, self.start - _CONTEXT), self.start)
        return next(iter([match.lastgroup or "" for match in found][::-1]), "")


@dataclass(frozen=True, slots=True)
class _Window:
    """Neighbouring digit groups taken as one number."""

    digits: str
    shape: tuple[int, ...]
    end: int
    gaps: tuple[str, ...]
    checked_by_x: bool
    before: _Before

    @property
    def cue(self) -> str:
        return self.before.cue


def find_numbers(text: str, place: Jurisdiction | None) -> Iterator[PersonalDatum]:
    """Personal numbers in a folded text (ASCII digits); spans index that text."""
    for run in _runs(text):
        first = 0
        while first < len(run):
            found, used = _longest(text, run[first : first + _LONGEST], place)
            if found is not None:
                yield found
            first += used


def _runs(text: str) -> Iterator[list[Span]]:
    """Digit groups with only number-like separators between them."""
    run: list[Span] = []
    for match in _GROUP.finditer(text):
        if run and _GAP.fullmatch(text, run[-1][1], match.start()) is None:
            yield run
            run = []
        run.append(match.span())
    if run:
        yield run


def _longest(
    text: str, groups: list[Span], place: Jurisdiction | None
) -> tuple[PersonalDatum | None, int]:
    """The longest number that starts with the first group, and how many groups it takes."""
    before = _Before(text, groups[0][0])
    if before.barred:
        return None, 1
    lengths = list(accumulate(end - start for start, end in groups))
    usable = sum(length <= _LONGEST for length in lengths)
    digits = "".join(text[start:end] for start, end in groups[:usable])
    for count in range(usable, 0, -1):
        if not _is_plausible(digits[: lengths[count - 1]], before):
            continue
        window = _window(text, groups[:count], digits[: lengths[count - 1]], before)
        if window is not None and (kind := _kind(window, place)) is not None:
            end = window.end + (kind is PiiType.CN_ID and window.checked_by_x)
            return PersonalDatum(kind, before.start - len(before.opening), end), count
    return None, 1


def _is_plausible(digits: str, before: _Before) -> bool:
    """Cheap and generous: whether a closer look could find anything."""
    size = len(digits)
    if size < 7:
        return False
    if size > 15:
        born = size in (17, 18) and digits[6:8] in ("18", "19", "20")
        return born or _CARD_START.match(digits) is not None or before.cue == "card"
    phone = digits[0] != "1" or digits[1] >= "3" or size in (9, 11)
    return phone or before.opening != "" or (size >= 13 and before.cue == "card")


def _window(text: str, groups: list[Span], digits: str, before: _Before) -> _Window | None:
    end = groups[-1][1]
    tail = text[end : end + 2]
    checked_by_x = len(digits) == 17 and tail[:1] == "x" and not _is_latin(tail[1:])
    if _is_latin(tail[:1]) and not checked_by_x:
        return None
    return _Window(
        digits=digits,
        shape=tuple(last - first for first, last in groups),
        end=end,
        gaps=tuple(text[left[1] : right[0]] for left, right in pairwise(groups)),
        checked_by_x=checked_by_x,
        before=before,
    )


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _kind(window: _Window, place: Jurisdiction | None) -> PiiType | None:
    if _is_cn_id(window):
        return PiiType.CN_ID
    if _is_card(window):
        return PiiType.BANK_CARD
    if _is_ssn(window):
        return PiiType.SSN
    return PiiType.PHONE if _is_phone(window, place) else None


def _is_cn_id(window: _Window) -> bool:
    number = window.digits + "X" if window.checked_by_x else window.digits
    return len(number) == 18 and bool(ric.is_valid(number))


def _is_card(window: _Window) -> bool:
    return (
        13 <= len(window.digits) <= 19
        and window.cue != "order"
        and (_CARD_START.match(window.digits) is not None or window.cue == "card")
        and bool(luhn.is_valid(window.digits))
        and len(set(window.digits)) > 1
    )


def _is_ssn(window: _Window) -> bool:
    if _SSN.fullmatch(window.digits) is None:
        return False
    if window.shape == (3, 2, 4) and window.cue != "order":
        return window.gaps in (("-", "-"), (" ", " "), (".", "."))
    return window.cue == "ssn"


def _is_phone(window: _Window, place: Jurisdiction | None) -> bool:
    digits, cue = window.digits, window.cue
    if "+" in window.before.opening:
        return _is_international(digits)
    spoken = window.shape == (3, 4, 4)  # 一三九，一二三四，五六七八
    listed = any("," in gap or "/" in gap for gap in window.gaps)
    if cue in ("order", "card") or (listed and not spoken):
        return False
    national = digits[2:] if digits.startswith("86") and len(digits) == 13 else digits
    national = digits[4:] if digits.startswith("0086") and len(digits) == 15 else national
    if _CN_MOBILE.fullmatch(national):
        return True
    parted = 1 < len(window.shape) <= 3
    if _CN_LANDLINE.fullmatch(national) and (parted or cue == "phone"):
        return True
    return _is_western(window, place)


def _is_western(window: _Window, place: Jurisdiction | None) -> bool:
    digits, cue, shape = window.digits, window.cue, window.shape
    local = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    if _NANP.fullmatch(local) and local[:3] not in _FREEPHONE:
        spaced_out = shape[-3:] == (3, 3, 4) or all(size == 1 for size in shape)
        return spaced_out or (cue == "phone" and place is not Jurisdiction.CN)
    if _UK.fullmatch(digits):
        mobile = digits.startswith("07") and place is not Jurisdiction.CN
        return mobile or len(shape) > 1 or cue == "phone"
    return cue == "phone" and digits.startswith("0") and 9 <= len(digits) <= 12


def _is_international(digits: str) -> bool:
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number)) and len(digits) >= 9
