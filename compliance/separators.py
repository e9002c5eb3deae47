"""What writers put between characters to hide a word, and where it may honestly stand.

A gap is a span of a folded text that a compact reading leaves out. The triggers say the same in
RE2's language: they ride in the engine's one pattern set, so that a derived reading is built only
for a text that needs it.
"""

import re
from collections import Counter
from collections.abc import Iterator

from compliance.types import View

HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Separators that end or order a clause: honest writers use them, so they are taken out only
# beside a character standing alone ("保。本" but not "有质保。本产品").
CLAUSE = '。！？；，、：,!?;:\n（）()“”‘’"《》〈〉【】「」『』\\[\\]—–…/'
_MARKS = "，。！？；：、（）“”‘’—–…《》〈〉【】「」『』"
_WEAK = ".+=\\-"
DECORATION = f"(?:[*_~|^#`•·]|[^\\x00-\\x7f\\w{_MARKS}])"
_DECORATION_RE2 = f"(?:[*_~|^#`•·]|[^\\x00-\\x7f\\pL\\pN{_MARKS}])"

# Three letters or more, each standing alone: f r e e, f.r.e.e, f😀r😀e😀e.
SPELLED = "(?:^|[^a-z0-9])[a-z0-9](?:[^\\pL\\pN\n]{1,5}[a-z0-9]){2}(?:[^a-z0-9]|$)"
TRIGGERS: dict[View, tuple[str, ...]] = {
    View.COMPACT: (
        f"[{HAN}](?:[^\\pL\\pN{CLAUSE}]|_)+[{HAN}]",
        f"(?:^|[^{HAN}])[{HAN}][^\\pL\\pN]+[{HAN}]",
        f"[{HAN}][^\\pL\\pN]+[{HAN}](?:[^{HAN}]|$)",
        f"[{HAN}](?:[ .\\-]|{_DECORATION_RE2})+[a-z0-9]",
        f"[a-z0-9](?:[ .\\-]|{_DECORATION_RE2})+[{HAN}]",
        SPELLED,
        f"[a-z](?:[{_WEAK}]|{_DECORATION_RE2})+[a-z]",
        f"[a-z0-9]{_DECORATION_RE2}+[a-z0-9]",
        f"[a-z](?:-|{_DECORATION_RE2}+) | (?:-|{_DECORATION_RE2}+)[a-z]",
        f" {_DECORATION_RE2}+ |[a-z0-9]  +[a-z0-9]",
        f"^[ \\-]*{_DECORATION_RE2}|^ *-|{_DECORATION_RE2}[ \\-]*$|- *$",
    ),
    View.LEET: (
        "[a-z][0-9@$!|€£]+[a-z]",
        "[a-z]{2}[013457$@]{1,3}(?:[^0-9a-z]|$)",
        "(?:^|[^0-9a-z])[@$013457]+[a-z]{2}",
    ),
    View.SQUEEZED: (
        "|".join(f"{letter}{{3}}" for letter in "abcdefghijklmnopqrstuvwxyz"),
        "(?:" + "|".join(letter * 2 for letter in "abcdefghijklmnopqrstuvwxyz") + "){3}",
    ),
}

# Every run of separators but the single blank between two words.
_RUNS = re.compile(f"(?:[^\\w]|_){{2,}}|[^\\w ]|_|(?<=[{HAN}]) | (?=[{HAN}])")
_HONEST = re.compile(f"[{CLAUSE}]")
_DECORATED = re.compile(f"{DECORATION}+")
_TYPED = re.compile(f"(?:[ .\\-]|{DECORATION})+")
_INSIDE_WORD = re.compile(f"(?:[{_WEAK}]|{DECORATION})+")
_AT_BLANK = re.compile(f"(?:[ \\-]|{DECORATION})+")
_SPELLED = re.compile(r"(?<![a-z0-9'’])[a-z0-9](?:(?:[^\w\n]|_){1,5}[a-z0-9](?![a-z0-9])){2,}")
_SPELLING_GAP = re.compile(r"(?:[^\w\n]|_)+")


def gaps(text: str) -> list[tuple[int, int]]:
    """Spans of a folded text to leave out, in order and apart."""
    found = list(_spelled_gaps(text))
    spelled = _SPELLED.finditer(text)
    run = next(spelled, None)
    for match in _RUNS.finditer(text):
        while run is not None and run.end() <= match.start():
            run = next(spelled, None)
        if run is None or match.start() < run.start():
            found += _plain_gap(text, *match.span())
    return sorted(gap for gap in found if gap[0] < gap[1])


def _plain_gap(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    before, after, run = text[start - 1 : start], text[end : end + 1], text[start:end]
    if not before or not after:
        whole = _AT_BLANK.fullmatch(run) is not None
    elif _is_han(before) and _is_han(after):
        alone = not (_is_han(text[start - 2 : start - 1]) and _is_han(text[end + 1 : end + 2]))
        whole = alone or _HONEST.search(run) is None
    elif _is_han(before) or _is_han(after):
        whole = _TYPED.fullmatch(run) is not None
    elif before.isdigit() or after.isdigit():
        whole = _DECORATED.fullmatch(run) is not None
    else:
        whole = _INSIDE_WORD.fullmatch(run) is not None
    if whole:
        yield start, end
    elif " " in run and before and after and _AT_BLANK.fullmatch(run) and " - " not in run:
        yield from _around(start, end, run.index(" "))


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


def _spelled_gaps(text: str) -> Iterator[tuple[int, int]]:
    for run in _SPELLED.finditer(text):
        found = list(_SPELLING_GAP.finditer(text, run.start(), run.end()))
        usual = Counter(gap.group() for gap in found).most_common(1)[0][0]
        for gap in found:
            kept = 0 if gap.group() == " " != usual else _kept(gap.group())
            yield from _around(gap.start(), gap.end(), kept)


def _around(start: int, end: int, kept: int | None) -> Iterator[tuple[int, int]]:
    if kept is None:
        yield start, end
        return
    yield start, start + kept
    yield start + kept + 1, end


def _kept(gap: str) -> int | None:
    """Which mark of the gap between two spelled letters belongs to the text itself.

    In "w o n ' t" the apostrophe does; in "P.r.e.-.e.x" the hyphen; in "r i s k   f r e e" and
    "o.p.t. .o.u.t" one blank; in "f. r. e. e" nothing.
    """
    for mark in "'’":
        if mark in gap:
            return gap.index(mark)
    if "-" in gap and gap.strip("- "):
        return gap.index("-")
    if len(gap) > 1 and " " in gap and (gap.isspace() or " " not in (gap[0], gap[-1])):
        return gap.index(" ")
    return None
