"""Personal numbers in a text: phones, identity cards, bank cards and social security numbers.

One pass collects groups of digits; windows of neighbouring groups are then judged by their check
digits, their shape, and the nearest word that says what kind of number it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric
from stdnum.us import ssn

from compliance.types import Jurisdiction, PersonalDatum, PiiType

_GROUP = re.compile(r"[0-9]+")
_GAP = re.compile(r"[ \-.·•_/()\u2010-\u2015,、，*~]{1,3}")
_MAX_GROUPS = 19
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
_CARD_START = re.compile(
    r"4|5[1-5]|2(?:2[2-9]|[3-6]|7[01])|3[47]|62|60|65|81|9[05-9]|35|3[068]|63|68|69"
)
_NANP = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_CN_LANDLINE = re.compile(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}")
_CN_MOBILE = re.compile(r"1[3-9]\d{9}")
_UK = re.compile(r"0(?:7\d{9}|[12]\d{8,9}|3\d{9})")
# Numbers of firms, not of persons.
_FREEPHONE = ("400", "800", "833", "844", "855", "866", "877", "888")


@dataclass(frozen=True, slots=True)
class _Window:
    """Neighbouring digit groups taken as one number."""

    digits: str
    shape: tuple[int, ...]
    start: int
    end: int
    gaps: tuple[str, ...]
    plus: bool
    cue: str


def find_numbers(text: str, place: Jurisdiction | None) -> Iterator[PersonalDatum]:
    """Personal numbers in a folded text (ASCII digits); spans index that text."""
    for run in _runs(text):
        first = 0
        while first < len(run):
            found, used = _longest(text, run[first : first + _MAX_GROUPS], place)
            if found is not None:
                yield found
            first += used


def _runs(text: str) -> Iterator[list[tuple[int, int]]]:
    """Digit groups with only number-like separators between them."""
    run: list[tuple[int, int]] = []
    for match in _GROUP.finditer(text):
        if run and _GAP.fullmatch(text, run[-1][1], match.start()) is None:
            yield run
            run = []
        run.append(match.span())
    if run:
        yield run


def _longest(
    text: str, groups: list[tuple[int, int]], place: Jurisdiction | None
) -> tuple[PersonalDatum | None, int]:
    total = 0
    usable = 0
    for start, end in groups:
        total += end - start
        if total > 19:
            break
        usable += 1
    for count in range(usable, 0, -1):
        window = _window(text, groups[:count])
        if window is not None and (kind := _kind(window, place)) is not None:
            end = window.end + (kind is PiiType.CN_ID and len(window.digits) == 17)
            return PersonalDatum(kind, window.start, end), count
    return None, 1


def _window(text: str, groups: list[tuple[int, int]]) -> _Window | None:
    start, end = groups[0][0], groups[-1][1]
    digits = "".join(text[first:last] for first, last in groups)
    if not 7 <= len(digits) <= 19:
        return None
    before = text[start - 1 : start]
    if _is_latin(before) or (before and before in ".$¥￥€£"):
        return None
    tail = text[end : end + 2]
    checked_x = len(digits) == 17 and tail[:1] == "x" and not _is_latin(tail[1:])
    if _is_latin(tail[:1]) and not checked_x:
        return None
    gaps = tuple(text[left[1] : right[0]] for left, right in pairwise(groups))
    cues = [match.lastgroup or "" for match in _CUE.finditer(text, max(0, start - _CONTEXT), start)]
    opening = 2 if text[max(0, start - 2) : start] == "(+" else int(before in ("+", "("))
    plus = "+" in text[start - opening : start]
    return _Window(
        digits=digits,
        shape=tuple(last - first for first, last in groups),
        start=start - opening,
        end=end,
        gaps=gaps,
        plus=plus,
        cue=cues[-1] if cues else "",
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
    if len(window.digits) == 17:
        return bool(ric.is_valid(window.digits + "X"))
    return len(window.digits) == 18 and bool(ric.is_valid(window.digits))


def _is_card(window: _Window) -> bool:
    return (
        13 <= len(window.digits) <= 19
        and window.cue != "order"
        and (_CARD_START.match(window.digits) is not None or window.cue == "card")
        and bool(luhn.is_valid(window.digits))
        and len(set(window.digits)) > 1
    )


def _is_ssn(window: _Window) -> bool:
    if len(window.digits) != 9 or not ssn.is_valid(window.digits):
        return False
    if window.shape == (3, 2, 4) and window.cue != "order":
        return window.gaps in (("-", "-"), (" ", " "), (".", "."))
    return window.cue == "ssn"


def _is_phone(window: _Window, place: Jurisdiction | None) -> bool:
    digits, cue = window.digits, window.cue
    if window.plus:
        return _is_international(digits)
    if cue in ("order", "card") or any("," in gap or "/" in gap for gap in window.gaps):
        return False
    national = digits[2:] if digits.startswith("86") and len(digits) == 13 else digits
    national = digits[4:] if digits.startswith("0086") and len(digits) == 15 else national
    if _CN_MOBILE.fullmatch(national):
        return True
    if _CN_LANDLINE.fullmatch(national):
        return len(window.shape) <= 3 and (len(window.shape) > 1 or cue == "phone")
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
