"""Names and addresses, found only where the words around them announce one."""

import re
from collections.abc import Iterator

from compliance.linear import character_spans, compiled
from compliance.normalise import Projection
from compliance.separators import HAN
from compliance.types import PersonalDatum, PiiType

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
    "彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
    "万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁"
    "岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴"
    "霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾"
    "尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚"
)
_COMPOUND = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|端木|百里|独孤|南宫"
_NOT_NAME = frozenset(
    "我你您他她它是的在今来想要住电手身年有和与了吗呢吧啊就也都不这那还能可会已从到"
    "对给跟让被把请很现目做去说问买"
)
_NOT_PERSON = frozenset("人生员工师的者领户长民士手客商农族迷友官兵粉校家理总姐哥问")
_FULL = f"(?:{_COMPOUND}|[{SURNAMES}])[{HAN}·]{{1,2}}"
_ZH_NAME = re.compile(
    "(?:我(?:的名字|名字)?(?:叫做?|是叫)|(?:我的?)?(?:姓名|名字|本名|大名)(?:是|叫|为|[: ])"
    "|(?:联系人|收件人|收货人|投保人|被保险人|受益人|申请人|持卡人|户名|开户名|本人姓名)"
    f"(?:姓名)?(?:是|叫|为|[: ])|本人(?:叫|是)?)[: ]?({_FULL})"
)
_ZH_GIVEN = re.compile(
    f"我叫([^你您他她它们人了车外滴谁啥什一过醒不别去来给{SURNAMES}\\W][{HAN}]{{1,2}})(?![{HAN}])"
)
_ZH_I_AM = re.compile(
    f"(?<![{HAN}])(?:我是|投保人|被保险人|受益人|收件人|联系人)({_FULL})(?![{HAN}])"
)
_EN_LEAD = (
    r"\b(?:my (?:full |first |last )?name(?:'s| is)|name ?:|i am called"
    r"|(?:full |customer |contact )name(?: is)?:?|(?:i'm|i am|this is|call me))"
)
_EN_TITLE = r"(?:(?:mr|mrs|ms|dr|miss|prof)\.?\s+)?"
_EN_NAME = re.compile(
    _EN_LEAD + rf"\s+({_EN_TITLE}[a-z][a-z'’\-]+(?:\s+[a-z]\.?(?![a-z]))?"
    r"(?:\s+[a-z][a-z'’\-]+){0,2})"
)
_SURE = re.compile(r"\b(?:my|name)\b")
_AFTER_NAME = re.compile(r"\s*(?:[,.!;]|$|\bfrom\b|\bhere\b|\band\b|\bspeaking\b)")
_EN_WORDS = re.compile(
    "a|an|the|and|or|but|not|on|in|at|to|for|of|from|with|is|are|was|be|interested"
    "|looking|calling|writing|here|fine|sorry|happy|sure|going|just|very|also|still"
    "|trying|your|you|my|me|it|that|this|asking|ready|new|about|so|too|good|great"
    "|wondering|afraid|glad|free|busy|who|what|okay|done|back|yes|no|please|asap|now"
    "|later|today|tomorrow|tonight|again|monday|tuesday|wednesday|thursday|friday"
    "|saturday|sunday|when|if"
)
_NOT_PEOPLE = ("ese", "can", "ian", "ish", "ic", "ist")
_TITLES = ("mr", "mrs", "ms", "dr", "miss", "prof")
_NUMERAL = "[0-9零〇一二三四五六七八九十百]"
_ZH_ESTATE = "(?:小区|花园|苑|大厦|公寓|家园|广场|新村)"
_ZH_ROAD = f"(?:路|街|大道|道|巷|胡同|弄|村|庄|府|城|里|园|{_ZH_ESTATE})"
_ZH_HOUSE = (
    f" ?(?:[a-z]?{_NUMERAL}{{1,5}}[a-z]?(?:-{_NUMERAL}{{1,4}}){{0,3}} ?"
    "(?:号院|号楼|号|弄|栋|幢|单元|室|楼|层|座|组|户)|[a-z](?:座|栋|幢|区))"
)
_ZH_ADDRESS = (
    f"[{HAN}]{{1,24}}(?:{_ZH_ROAD}[{HAN}]{{0,4}}{_ZH_HOUSE}"
    f"|{_ZH_ESTATE}[a-z]?[0-9]{{1,3}}(?:-[0-9]{{1,4}}){{1,3}})"
    f"(?:[ ,]?(?:[{HAN}]{{1,8}}{_ZH_ESTATE})?(?:{_ZH_HOUSE}| ?{_NUMERAL}{{3,4}}))*"
)
_ZH_LEAD = re.compile(
    "^.*(?:家住|住在|住址是?|地址是?|地址为|寄到|寄往|送到|送货到|位于|搬到|在|住)[: ]?"
)
_NOT_HOUSE = frozenset("线口门")
_EN_ADDRESS = (
    r"\b[0-9]{1,6}[a-z]? (?:[nsew]\.? |north |south |east |west )?"
    r"(?:[a-z0-9][a-z0-9'’.\-]* ){1,4}"
    r"(?:st|street|ave|avenue|road|rd|lane|ln|drive|dr|blvd|boulevard|court|ct|way|place|pl"
    r"|square|sq|terrace|close|crescent|gardens|parkway|pkwy|highway|hwy)\b\.?"
    r"(?: (?:nw|ne|sw|se|north|south|east|west)\b)?"
    r"(?:,? (?:apt|apartment|unit|suite|flat|#)\.? ?[a-z0-9\-]{1,6})?"
    r"(?:,? (?:[a-z][a-z .'’\-]{1,30},? )?"
    r"(?:[a-z]{2} [0-9]{5}(?:-[0-9]{4})?|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2})\b)?"
    r"|\bp\.? ?o\.? box [0-9]{1,6}"
)
_EN_ADDRESS_CUE = re.compile(
    r"(?:live at|living at|address is|address:|ship (?:it )?to|send (?:it )?to|deliver (?:it )?to"
    r"|mail (?:it )?to|moved to)[ :]*$"
)
_CITY = re.compile(r", ?[A-Z][a-z]+(?: [A-Z][a-z]+)?")


_SPEAKER = re.compile(
    "(?:我叫做?|我是叫?|我的?名字(?:是|叫)|本人(?:叫|是)?"
    "|\\b(?:i'm|i am|this is|my name(?:'s| is)|call me))[: ]*$"
)


def introduces_speaker(text: str, start: int) -> bool:
    """Whether the name at ``start`` is what the writer calls themself."""
    return _SPEAKER.search(text[max(0, start - 16) : start].lower()) is not None


def find_names(plain: str, folded: Projection, original: str) -> Iterator[PersonalDatum]:
    """Names after "我叫", "姓名：", "my name is" and the like; spans index the folded text."""
    for match in _ZH_NAME.finditer(plain):
        start, end = match.span(1)
        while end - start > 1 and plain[end - 1] in _NOT_NAME:
            end -= 1
        if end - start > 1:
            yield PersonalDatum(PiiType.NAME, start, end)
    for match in (*_ZH_GIVEN.finditer(plain), *_ZH_I_AM.finditer(plain)):
        if match.group(1)[-1] not in _NOT_NAME | _NOT_PERSON:
            yield PersonalDatum(PiiType.NAME, *match.span(1))
    for match in _EN_NAME.finditer(plain):
        announced = _SURE.search(match.group()[: match.start(1) - match.start()]) is not None
        span = _english_name(plain, match.span(1), announced, folded, original)
        if span is not None:
            yield PersonalDatum(PiiType.NAME, *span)


def _english_name(
    plain: str, words: tuple[int, int], announced: bool, folded: Projection, original: str
) -> tuple[int, int] | None:
    """Leading words that are written as a name; without a capital only right after "my name is"."""
    start, end = words[0], words[0]
    count = 0
    for match in re.compile(r"\S+").finditer(plain, *words):
        word = match.group().rstrip(".")
        capital = original[folded.in_original(match.start(), match.end())[0]].isupper()
        if _EN_WORDS.fullmatch(word) or not (capital or (announced and count < 2)):
            break
        end = match.end()
        count += word not in _TITLES
    if count >= (1 if announced else 2):
        return start, end
    alone = count == 1 and not plain[start:end].endswith(_NOT_PEOPLE)
    first, last = folded.in_original(start, end) if alone else (0, 0)
    written = original[first:last]
    named = alone and written.istitle() and _AFTER_NAME.match(plain, end) is not None
    return (start, end) if named else None


def find_addresses(plain: str, folded: Projection, original: str) -> Iterator[PersonalDatum]:
    """Street addresses with a house number; spans index the folded text."""
    encoded = plain.encode()
    for start, end in character_spans(compiled(_ZH_ADDRESS), encoded):
        lead = _ZH_LEAD.match(plain[start:end])
        start += lead.end() if lead else 0
        if end - start >= 5 and plain[end : end + 1] not in _NOT_HOUSE:
            yield PersonalDatum(PiiType.ADDRESS, start, end)
    for start, end in character_spans(compiled(_EN_ADDRESS), encoded):
        first, last = folded.in_original(start, end)
        capitals = re.findall(r"\b[A-Z][a-z]+", original[first:last])
        cued = _EN_ADDRESS_CUE.search(plain, max(0, start - 24), start) is not None
        if len(capitals) >= 2 or cued or plain[start] == "p":
            city = _CITY.match(original, last) if last - first == end - start else None
            yield PersonalDatum(PiiType.ADDRESS, start, end + (len(city.group()) if city else 0))
