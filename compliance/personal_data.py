"""Where personal data stands in a text: numbers, e-mail, passports, plates, IBAN, addresses, names.

Found on the folded reading (full-width digits, accents and invisible marks are gone there) and
reported by positions in the original. Checksums decide where there are any; names and addresses
are taken only where the words around them say so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from stdnum import iban

from compliance.linear import character_spans, compiled
from compliance.names import SURNAMES, find_addresses, find_names
from compliance.normalise import Projection
from compliance.numbers_in_text import find_numbers
from compliance.separators import HAN
from compliance.types import Jurisdiction, PersonalDatum, PiiType

_NUMERALS = "零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖"
_TO_DIGITS = str.maketrans(_NUMERALS, "0012345678912123456789")
_PROVINCE = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
_ROAD_NAMES = (
    "(?:st|street|ave|avenue|road|rd|lane|ln|drive|dr|blvd|boulevard|court|ct|way|place|pl|square"
    "|sq|terrace|close|crescent|gardens|parkway|pkwy|highway|hwy)"
)
# RE2, run in the engine's one set on the folded text: what none of these finds is not searched.
_TRIGGERS: tuple[tuple[str, str], ...] = (
    ("number", "[0-9](?:[^\\pL\\pN]{0,3}[0-9]){6}"),
    ("number", f"[0-9{_NUMERALS}](?:[ \\-.·、,]{{0,2}}[0-9{_NUMERALS}]){{10}}"),
    ("email", "[a-z0-9_](?:[ ]{0,2}@[ ]{0,2}|[ \\[({]+at[ \\])}]+|艾特|#)[a-z0-9]"),
    ("iban", "[a-z]{2}[0-9]{2}[ \\-]?[a-z0-9]{4}[ \\-]?[a-z0-9]{4}"),
    ("passport", "passport|护照"),
    ("passport", "[eg][a-z]?[0-9]{7}"),
    ("plate", f"{_PROVINCE} ?[a-z]"),
    (
        "name",
        "我叫|我是叫|姓名|名字|本名|大名|联系人|收[件货]人|投?保[险]?人|受益人|申请人|户名|本人",
    ),
    ("name", f"持卡人|我是(?:[{SURNAMES}]|上官|诸葛|公孙|令狐|端木|独孤)"),
    ("name", "\\bname\\b|\\b(?:i'm|i am|this is|call me|called) +[a-z]"),
    (
        "address",
        f"[路街道巷同弄村庄区园苑厦寓场府城里][{HAN}]{{0,4}}[a-z]?[0-9零〇一二三四五六七八九十百]",
    ),
    ("address", f"[0-9][a-z]? [a-z0-9 .'-]{{0,60}}\\b{_ROAD_NAMES}\\b|\\bp\\.? ?o\\.? box"),
)
TRIGGERS: tuple[str, ...] = tuple(source for _, source in _TRIGGERS)
_EMAIL = (
    r"[a-z0-9](?:[a-z0-9._%+\-]{0,62}[a-z0-9_])?(?:\s{0,2}@\s{0,2}|\s?[\[({]\s?at\s?[\])}]\s?|艾特)"
    r"[a-z0-9](?:[a-z0-9\-]{0,62})?"
    r"(?:(?:\s?[\[({]\s?dot\s?[\])}]\s?|\.| \. | dot |点)[a-z0-9\-]{2,24}){1,4}"
    r"|[a-z0-9._%+\-]{2,64} at [a-z0-9\-]{2,63}(?: dot [a-z]{2,12}){1,3}\b"
    r"|[a-z0-9._%+\-]{2,64} at [a-z0-9\-]{2,63}\.(?:com|net|org|cn|edu|co\.uk|de|io)\b"
    r"|[a-z0-9._%+\-]{2,64}#(?:qq|163|126|gmail|sina|foxmail|outlook|hotmail|yahoo)\.com"
)
_IBAN = re.compile(r"(?<![a-z0-9])[a-z]{2}[0-9]{2}(?:[ \-]?[a-z0-9]){11,30}")
_PASSPORT_NEAR = re.compile(
    r"(?:passport|护照)[^0-9\n。！？!?]{0,16}?(?<![a-z0-9])([a-z]{0,2}[ ]?[0-9]{7,9})(?![a-z0-9])"
)
_PASSPORT_CN = re.compile(
    r"(?<![a-z0-9])(?:(?:e[a-hj-np-z]?|g)[0-9]{8}|e[a-hj-np-z][0-9]{7})(?![a-z0-9])"
)
_ORDER = re.compile(
    r"(?:订单|单号|编号|型号|货号|序列|快递|运单|保单|合同|order|invoice|tracking|serial|sku|part"
    r"|model|ref|policy|code)[^。!?\n]{0,12}$"
)
_PLATE = re.compile(
    _PROVINCE + r" ?[a-z][ ·•.\-]?"
    r"(?=[a-z0-9]{0,5}[0-9])[a-hj-np-z0-9]{4,6}(?:[挂学警港澳])?(?![a-z0-9])"
)
# Whichever kind stands first here keeps a place that two kinds claim.
_ORDER_OF_KINDS = (
    PiiType.EMAIL,
    PiiType.IBAN,
    PiiType.CN_ID,
    PiiType.BANK_CARD,
    PiiType.PASSPORT,
    PiiType.SSN,
    PiiType.PHONE,
    PiiType.PLATE,
    PiiType.ADDRESS,
    PiiType.NAME,
)


def find_personal_data(
    text: str, folded: Projection, place: Jurisdiction | None, triggered: Iterable[int]
) -> tuple[PersonalDatum, ...]:
    """Personal data in ``text``, by its positions there, in order and without overlaps.

    ``triggered`` holds the indexes in ``TRIGGERS`` of what the folded text was seen to contain.
    """
    plain = folded.text
    found: list[PersonalDatum] = []
    for search in dict.fromkeys(_TRIGGERS[number][0] for number in triggered):
        match search:
            case "number":
                found += find_numbers(plain.translate(_TO_DIGITS), place)
            case "email":
                found += _emails(plain)
            case "iban":
                found += _ibans(plain)
            case "passport":
                found += _passports(plain)
            case "plate":
                found += _plates(plain)
            case "name":
                found += find_names(plain, folded, text)
            case _:
                found += find_addresses(plain, folded, text)
    return tuple(
        PersonalDatum(datum.type, *folded.in_original(datum.start, datum.end))
        for datum in _without_overlaps(found)
    )


def _without_overlaps(found: Sequence[PersonalDatum]) -> list[PersonalDatum]:
    """By rank of kind, then length; linear but for the sort, as one mark a character is kept."""
    ranked = sorted(
        found,
        key=lambda datum: (_ORDER_OF_KINDS.index(datum.type), datum.start - datum.end, datum.start),
    )
    taken: set[int] = set()
    chosen = []
    for datum in ranked:
        places = range(datum.start, datum.end)
        if taken.isdisjoint(places):
            taken.update(places)
            chosen.append(datum)
    return sorted(chosen, key=lambda datum: datum.start)


def _plates(text: str) -> Iterator[PersonalDatum]:
    return (PersonalDatum(PiiType.PLATE, *match.span()) for match in _PLATE.finditer(text))


def _emails(text: str) -> Iterator[PersonalDatum]:
    for span in character_spans(compiled(_EMAIL), text.encode()):
        yield PersonalDatum(PiiType.EMAIL, *span)


def _ibans(text: str) -> Iterator[PersonalDatum]:
    for match in _IBAN.finditer(text):
        end = match.end()
        while end - match.start() >= 15:
            if not text[end : end + 1].isalnum() and iban.is_valid(text[match.start() : end]):
                yield PersonalDatum(PiiType.IBAN, match.start(), end)
                break
            end -= 1


def _passports(text: str) -> Iterator[PersonalDatum]:
    for match in _PASSPORT_NEAR.finditer(text):
        yield PersonalDatum(PiiType.PASSPORT, *match.span(1))
    for match in _PASSPORT_CN.finditer(text):
        if _ORDER.search(text, max(0, match.start() - 24), match.start()) is None:
            yield PersonalDatum(PiiType.PASSPORT, *match.span())
