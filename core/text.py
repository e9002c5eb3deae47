"""Text that came from outside, made safe to store, and the language it is written in."""

import re
import unicodedata

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def clean_text(raw: str) -> str:
    """Replace what no database or encoder can hold: lone surrogates and NUL become U+FFFD.

    Everything else stays as the customer typed it, so that spans keep their meaning.
    """
    if raw.isascii() and "\x00" not in raw:
        return raw
    return "".join(
        "\ufffd" if character == "\x00" or "\ud800" <= character <= "\udfff" else character
        for character in raw
    )


def has_content(text: str) -> bool:
    """Whether there is any letter, digit or symbol to read, not only space and controls."""
    return any(unicodedata.category(character)[0] in "LNSP" for character in text)


def detect_language(text: str, default: str = "en") -> str:
    """``zh`` or ``en``: a Han character weighs as much as one Latin word; a tie is Chinese.

    Chinese messages often carry Latin product names and English ones seldom carry Han.
    """
    han = len(_HAN.findall(text))
    latin = len(_LATIN_WORD.findall(text))
    if han == 0 and latin == 0:
        return default
    return "zh" if han >= latin else "en"


def primary_language(tag: str) -> str:
    """The two languages OnScript speaks, from a BCP 47 tag: ``zh`` for any zh-*, else ``en``."""
    return "zh" if tag.lower().split("-")[0] == "zh" else "en"
