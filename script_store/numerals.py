"""Numerals written as words, Chinese and English, as numbers. Pure look-up and arithmetic."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

ZH_DIGIT: Final = dict(zip("零一二三四五六七八九〇两俩", (*range(10), 0, 2, 2), strict=True))
ZH_SCALE: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_EN_TENS: Final = "ten twenty thirty forty fifty sixty seventy eighty ninety"
_EN_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
EN_WORD: Final = (
    {word: value for value, word in enumerate(_EN_SMALL.split())}
    | {word: 10 * value for value, word in enumerate(_EN_TENS.split(), 1)}
    | {"dozen": 12}
)
EN_SCALE: Final = {"hundred": 100, "thousand": 1000, "grand": 1000, "million": 1_000_000}
_LARGEST: Final = 10**12  # "hundred hundred hundred..." is no number


def english(words: Iterable[str]) -> Decimal:
    """two hundred and five thousand = 205000; words that are no numerals count nothing."""
    total, current = 0, 0
    for word in words:
        if word == "hundred":
            current = min((current or 1) * 100, _LARGEST)
        elif word in EN_SCALE:
            total, current = total + (current or 1) * EN_SCALE[word], 0
        else:
            current += EN_WORD.get(word, 0)
    return Decimal(total + current)


def chinese(word: str) -> Decimal | None:
    """三十 = 30, 两千零五 = 2005, 十三万八 = 138000, 二〇二六 = 2026, 二点五 = 2.5.

    None for "about that many" (五六). ``word`` holds only numerals and at most one 点.
    """
    word, point, decimals = word.partition("点")
    if point:
        whole = chinese(word)
        return None if whole is None else whole + Decimal("0." + _digits(decimals))
    if any(c in ZH_SCALE for c in word):
        return Decimal(_scaled(word))
    if not word or (len(word) == 2 and ZH_DIGIT[word[1]] == ZH_DIGIT[word[0]] + 1):
        return None
    return Decimal(_digits(word))


def _digits(word: str) -> str:
    return "".join(str(ZH_DIGIT[c]) for c in word)


def _scaled(word: str) -> int:
    total, section, digit, last = 0, 0, 0, 1
    for c in word:
        if c in ZH_DIGIT:
            digit = ZH_DIGIT[c]
            last = last if digit else 1
            continue
        last = ZH_SCALE[c]
        if last >= 10_000:
            total, section = total + ((section + digit) or 1) * last, 0
        else:
            section += (digit or 1) * last
        digit = 0
    return total + section + digit * (last // 10 if last > 10 else 1)
