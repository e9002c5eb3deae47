"""Is a draft worth reading? Empty, garbled, endlessly repeating or foreign drafts are refused."""

import re
import unicodedata

from core.text import has_content
from llm.types import FailureReason

_REPEATED = re.compile(r"(.{1,16}?)\1{5,}", re.DOTALL)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_MIN_LETTERS_FOR_LANGUAGE = 8
_MIN_HAN_SHARE_ZH = 0.25
_MAX_HAN_SHARE_EN = 0.25
_MIN_WORD_SHARE = 0.35


def examine(text: str, language: str) -> tuple[FailureReason, str] | None:
    """Why this draft cannot be used, or None. The detail holds nothing of the text."""
    if not has_content(text):
        return FailureReason.EMPTY, "the draft holds nothing to read"
    garbled = sum(character == "\ufffd" or _control(character) for character in text)
    if garbled:
        return FailureReason.GARBAGE, f"{garbled} control or replacement characters"
    letters = sum(character.isalpha() for character in text)
    wordlike = sum(character.isalnum() or character.isspace() for character in text)
    if letters == 0 or wordlike < _MIN_WORD_SHARE * len(text):
        return FailureReason.GARBAGE, "hardly any letters"
    if repeats(text):
        return FailureReason.GARBAGE, "one piece repeated over and over"
    return _foreign(text, letters, language)


def repeats(text: str) -> bool:
    """Whether pieces repeated six times or more in a row make up half of the text."""
    repeated = sum(match.end() - match.start() for match in _REPEATED.finditer(text))
    return len(text) >= 12 and repeated >= 0.5 * len(text)


def _foreign(text: str, letters: int, language: str) -> tuple[FailureReason, str] | None:
    if letters < _MIN_LETTERS_FOR_LANGUAGE:
        return None
    share = len(_HAN.findall(text)) / letters
    wrong = share < _MIN_HAN_SHARE_ZH if language == "zh" else share > _MAX_HAN_SHARE_EN
    if wrong:
        return FailureReason.WRONG_LANGUAGE, f"{share:.0%} Han letters in a {language} draft"
    return None


def _control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") and character not in "\n\r\t"
