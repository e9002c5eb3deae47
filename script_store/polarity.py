"""Does one sentence deny what the other says? Compared word by word, not by a similarity.

A flip is found when a phrase stands under a negation in one sentence and free of any in the other,
or when the two use opposite words (included / excluded) about shared wording. Ordinary rewording
("not covered" / "outside the policy") is no flip.
"""

import re
import unicodedata
from collections.abc import Iterable

_ZH_NEGATOR = re.compile(
    r"并不|决不|绝不|从不|不能|不会|不用|不需要?|不必|不可以?|不得|不予|不再|没有|没法|无法|无需|无须"
    r"|未|没|不|无|非|勿|别"
)
# words that contain a negator's character and negate nothing
_ZH_NEUTRAL = re.compile(
    r"不错|不过|不仅|不但|不论|不管|不如|不同|不少|不久|不断|不好意思|无论|非常|特别|别的|别人|区别|分别"
    r"|级别|类别|未来|差不多|对不起|要不|能不能|会不会|是不是|有没有|可不可以|好不好|行不行|不妨|不只|没问题|没关系|没事|不客气"
)
_EN_NEGATOR = re.compile(
    r"\b(?:not|no|never|without|cannot|can't|won't|don't|doesn't|didn't|isn't|aren't|wasn't|"
    r"weren't|couldn't|wouldn't|shouldn't|hasn't|haven't|neither|nor|none|nothing)\b"
)
_EN_NEUTRAL = re.compile(
    r"\bno (?:problem|worries|doubt)\b|\bnot only\b|\bwhy not\b|\bno matter\b|\bnot to worry\b"
    r"|\bdon't (?:worry|hesitate)\b|\bno longer than\b|\bno later than\b"
)
_EN_SKIP = frozenset(
    ["a", "an", "the", "any", "be", "been", "being", "is", "are", "was", "were", "do", "does", "did", "have", "has", "had", "to", "of", "in", "on", "at", "for", "it", "its", "you", "your", "we", "our", "i", "there", "this", "that", "with", "and", "or", "so", "just", "also", "will", "would", "can", "could", "should", "as", "by", "from", "up", "out", "if", "get", "need", "needed", "require", "required"]
)
_OPPOSITES = (
    ("included", "excluded"), ("covered", "excluded"), ("free", "chargeable"),
    ("refundable", "nonrefundable"), ("before", "after"), ("minimum", "maximum"),
    ("unlimited", "limited"), ("increases", "decreases"), ("upload", "download"),
    ("at least", "at most"), ("包含", "除外"), ("最高", "最低"), ("以内", "以外"), ("之前", "之后"),
    ("免费", "收费"), ("上涨", "下降"), ("增加", "减少"), ("至少", "至多"), ("允许", "禁止"),
)  # fmt: skip
_SAME_SUBJECT = 0.5  # share of character pairs two sentences must have in common


def flips(draft: str, statements: Iterable[str]) -> str | None:
    """Why the draft says the opposite of the nearest of a script's statements, or None."""
    folded = _fold(draft)
    nearest = max((_fold(s) for s in statements), key=lambda s: _overlap(folded, s), default="")
    if not nearest:
        return None
    for left, right in ((folded, nearest), (nearest, folded)):
        phrase = _denied_only_in(left, right)
        if phrase:
            return "polarity"
    if _overlap(folded, nearest) >= _SAME_SUBJECT and _opposite_words(folded, nearest):
        return "opposite"
    return None


def _opposite_words(left: str, right: str) -> bool:
    for pair in _OPPOSITES:
        for one, other in (pair, pair[::-1]):
            if _has(one, left) and not _has(one, right):
                if _has(other, right) and not _has(other, left):
                    return True
    return False


def _has(word: str, text: str) -> bool:
    return bool(re.search(rf"\b{word}\b", text)) if word.isascii() else word in text


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return _EN_NEUTRAL.sub(" ", _ZH_NEUTRAL.sub("，", folded))


def _overlap(left: str, right: str) -> float:
    a, b = _bigrams(left), _bigrams(right)
    return len(a & b) / max(1, min(len(a), len(b)))


def _bigrams(text: str) -> set[str]:
    kept = "".join(c for c in text if c.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def negated_phrases(text: str) -> set[str]:
    """What stands directly under a negator: two or three Han characters, or one content word."""
    found: set[str] = set()
    for hit in _ZH_NEGATOR.finditer(text):
        tail = re.match(r"[\u4e00-\u9fff]{2,3}", text[hit.end() : hit.end() + 3])
        if tail:
            found.add(tail.group()[:2])
    for hit in _EN_NEGATOR.finditer(text):
        clause = re.split(r"[.,;!?，。]", text[hit.end() : hit.end() + 60])[0]
        words = [w for w in re.findall(r"[a-z][a-z'-]+", clause) if w not in _EN_SKIP]
        found.update(_stem(w) for w in words[:2])
    return found


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "d"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _denied_only_in(left: str, right: str) -> str | None:
    """A phrase that ``left`` denies and ``right`` states without denying it anywhere."""
    denied_right = negated_phrases(right)
    for phrase in negated_phrases(left):
        if phrase in denied_right:
            continue
        if _stated_freely(phrase, right):
            return phrase
    return None


def _stated_freely(phrase: str, text: str) -> bool:
    if phrase.isascii():
        spots = [m.start() for m in re.finditer(rf"\b{re.escape(phrase)}", text)]
        window, negator = 40, _EN_NEGATOR
    else:
        spots = [m.start() for m in re.finditer(re.escape(phrase), text)]
        window, negator = 6, _ZH_NEGATOR
    for spot in spots:
        clause = re.split(r"[.,;!?，。；！？]", text[max(0, spot - window) : spot])[-1]
        if not negator.search(clause):
            return True
    return False
