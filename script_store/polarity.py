"""Does a draft deny what a script says? Clause against clause, not by a similarity of vectors.

Each clause becomes its content words and a sign on a few axes: is it affirmed or denied, allowed
or forbidden, needed or optional, charged or free, limited or not, before or after. A negator turns
the axis word in its scope (not required = optional) or, with none there, the clause itself; two
negators cancel. A flip is a draft clause whose nearest script clauses have the same content and
the other sign, while no clause of the script agrees with it about as closely.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

_LONGEST: Final = 2000  # characters read; a draft is far shorter


@dataclass(frozen=True, slots=True)
class Clause:
    """What a clause is about (``content``) and on which side it stands (axis -> +1 or -1).

    ``denied`` is the content that stands in a negator's scope.
    """

    content: frozenset[str]
    signs: dict[str, int]
    denied: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    """polarity.json, ready to search; a word of ``zh_words`` means (axis, sign)."""

    zh: re.Pattern[str]
    zh_words: dict[str, tuple[str, int]]
    zh_stop: frozenset[str]
    en: re.Pattern[str]
    en_stop: frozenset[str]


@lru_cache(maxsize=1)
def _lexicon() -> _Lexicon:
    card = json.loads((files("script_store") / "polarity.json").read_text(encoding="utf-8"))
    zh, en = card["zh"], card["en"]
    words = _zh_words(zh)
    return _Lexicon(
        zh=re.compile("|".join(sorted(words, key=len, reverse=True))),
        zh_words=words,
        zh_stop=frozenset(zh["stop"]),
        en=re.compile(_en_pattern(en)),
        en_stop=frozenset(en["stop"].split()),
    )


def _zh_words(zh: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """The first meaning counts: what denies nothing, behind its verb, an axis, a negator."""
    meanings = [("neutral", 0, f"{zh['neutral']} {zh['double']}"), ("after", -1, zh["after_verb"])]
    for axis, (plus, minus) in zh["axes"].items():
        meanings += [(axis, 1, plus), (axis, -1, minus)]
    meanings.append(("negator", -1, zh["negators"]))
    words: dict[str, tuple[str, int]] = {}
    for axis, sign, listed in meanings:
        for word in listed.split():
            words.setdefault(word, (axis, sign))
    return words


def _en_pattern(en: dict[str, Any]) -> str:
    parts = [f"(?P<neutral>{en['double']}|{en['neutral']})"]
    for axis, (plus, minus) in en["axes"].items():
        parts.append(rf"(?P<m_{axis}>\b(?:{minus})(?![a-z']))")
        parts.append(rf"(?P<p_{axis}>\b(?:{plus})(?![a-z']))")
    parts.append(rf"(?P<negator>\b(?:{en['negators']})(?![a-z'])|-free\b)")
    return "|".join(parts)


_SPLIT: Final = re.compile(
    r"[.,;:!?()。，；：！？（）\n—]+(?![0-9])|但是|但|而且|因为|所以"
    r"|\b(?:but|because|while|although|though|whereas|and)\b"
    r"|(?<=[\u4e00-\u9fff]{4})(?<![为因给把让对跟找向在到是和])(?=我们)"
    r"|(?=\b(?:if|unless|when|should you|provided)\b|如果|要是|只要|假如|万一|除非)"
)
_IF: Final = "if "
_CONDITION: Final = re.compile(
    r"\s*(?:if|unless|when|should you|provided)\b"
    r"|如果|要是|只要|假如|万一|除非|前提|[^，]{0,12}的话$"
)
# 赔不赔 asks and denies nothing; 费用不用付 does
_ZH_EITHER: Final = re.compile(r"(?<![费使信])([\u4e00-\u9fff])[不没]\1|能否|与否")
# 不满一个月 and 不到90% say how much and deny nothing
_ZH_UNDER: Final = re.compile(
    r"(?:不满|不到|没到|未到|没满|不足|未满)(?=[0-9一二两三四五六七八九十百千万半几])"
)
_EN_BETWEEN: Final = re.compile(r"(?:\s+(?!(?:you|we|i|it|they|he|she)\b)[a-z'-]+){0,2}\s*")
_SCOPE_ZH: Final = 3  # characters from a negator to the axis word it turns
_SCOPE_ZH_LIMIT: Final = 8  # 不受社保目录的限制
_SCOPE_EN: Final = 24
# axes on which a denial denies the clause: 不赔, not included, 没有
_OUTCOME_VERBS: Final = frozenset(
    {"included", "cover", "refund", "apply", "vow", "have", "discount"}
)
_OUTCOME: Final = _OUTCOME_VERBS | {"yes"}
_CARRIES_CONTENT: Final = frozenset({"money", "discount", "open", "more", "neutral"})
_NOT_AXES: Final = frozenset({"neutral", "negator", "after"})
_NOT_TURNED: Final = _NOT_AXES | {"level"}  # "nobody takes over" denies no level


@dataclass(slots=True)
class _Mark:
    """A word of the lexicon in a clause."""

    axis: str
    sign: int
    start: int
    end: int


@dataclass(slots=True)
class _Reading:
    """A clause while its marks are read from left to right."""

    piece: str
    marks: list[_Mark]
    signs: dict[str, int] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    free: list[_Mark] = field(default_factory=list)  # negators that turn no axis word
    turned: bool = False  # a negator was spent on need, money, limit...

    def state(self, mark: _Mark) -> None:
        if mark.axis == "need" and mark.sign < 0:
            self.denied |= _content(self.piece[mark.end : mark.end + 12])
        self.signs[mark.axis] = min(self.signs.get(mark.axis, 1), mark.sign)

    def deny(self, place: int) -> None:
        mark = self.marks[place]
        scope = _SCOPE_EN if self.piece[mark.end - 1].isascii() else _SCOPE_ZH
        target = self.marks[place + 1] if place + 1 < len(self.marks) else None
        if target is not None and target.axis not in _NOT_TURNED and _reaches(self, mark, target):
            target.sign = -target.sign
            self.turned = self.turned or target.axis not in _OUTCOME
            self.denied |= _content(self.piece[target.end : target.end + 2 * scope])
        else:
            self.free.append(mark)
            self.denied |= _content(self.piece[mark.end : mark.end + 2 * scope])

    def deny_before(self, place: int) -> None:
        """报不了: the denied verb stands before."""
        mark = self.marks[place]
        verb = self.marks[place - 1] if place else None
        if verb is not None and verb.end >= mark.start - 1 and verb.axis in self.signs:
            self.signs[verb.axis] = -1
        self.free.append(mark)
        self.denied |= _content(self.piece[max(0, mark.start - 3) : mark.start])

    def settle(self) -> None:
        """Is the clause as a whole affirmed, denied, or only about what is needed or paid?"""
        free = self.free
        cancelled = len(free) == 2 and free[1].start - free[0].end <= 4
        refusals = (m.start for m in self.marks if m.axis == "yes" and m.sign < 0)
        if len(free) == 1 and free[0].end <= next(refusals, -1):
            cancelled, self.signs["yes"] = True, 1  # 不会因为理赔过而单独拒绝您
        if (free and not cancelled) or any(self.signs.get(axis, 1) < 0 for axis in _OUTCOME):
            self.signs["yes"] = -1
        elif not self.turned:
            self.signs["yes"] = 1


def _reaches(reading: _Reading, negator: _Mark, target: _Mark) -> bool:
    """Does the negator deny the axis word, rather than something before it?"""
    between = reading.piece[negator.end : target.start]
    if reading.piece[target.start].isascii():
        return len(between) <= _SCOPE_EN and _EN_BETWEEN.fullmatch(between) is not None
    return len(between) <= (_SCOPE_ZH_LIMIT if target.axis == "limit" else _SCOPE_ZH)


def _clause(piece: str) -> Clause:
    reading = _Reading(piece, _marks(piece))
    for place, mark in enumerate(reading.marks):
        if mark.axis == "negator":
            reading.deny(place)
        elif mark.axis == "after":
            reading.deny_before(place)
        elif mark.axis != "neutral":
            reading.state(mark)
    reading.settle()
    prefix = _IF if _CONDITION.match(piece) else ""
    signs = {f"{prefix}{axis}": sign for axis, sign in reading.signs.items()}
    content = _content(_without(piece, reading.marks)) or _content(piece)
    return Clause(content, signs, frozenset(reading.denied) & content)


def _marks(piece: str) -> list[_Mark]:
    lexicon = _lexicon()
    found = []
    for hit in lexicon.zh.finditer(piece):
        axis, sign = lexicon.zh_words[hit.group()]
        found.append(_Mark(axis, sign, *hit.span()))
    for hit in lexicon.en.finditer(piece):
        name = str(hit.lastgroup)
        if name in _NOT_AXES:
            found.append(_Mark(name, -1, *hit.span()))
        else:
            found.append(_Mark(name[2:], 1 if name[0] == "p" else -1, *hit.span()))
    return sorted(found, key=lambda mark: mark.start)


def _without(piece: str, marks: list[_Mark]) -> str:
    kept, last = [], 0
    for mark in marks:
        if mark.axis not in _CARRIES_CONTENT:
            kept.append(piece[last : mark.start])
            last = mark.end
    return " ".join((*kept, piece[last:]))


def _content(text: str) -> frozenset[str]:
    lexicon = _lexicon()
    words = re.findall(r"[a-z0-9][a-z0-9'-]*", text)
    found = {_stem(word) for word in words if word not in lexicon.en_stop}
    for run in re.findall(r"[\u4e00-\u9fff]+", text):
        found |= {c for c in run if c not in lexicon.zh_stop}
        found |= {run[i : i + 2] for i in range(len(run) - 1)}
    return frozenset(found)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "d", "e", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=8192)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a text that have content; never raises."""
    folded = unicodedata.normalize("NFKC", text[:_LONGEST]).lower().replace("’", "'")
    folded = _ZH_UNDER.sub("低于", _ZH_EITHER.sub("是否", folded))
    found = (_clause(piece) for piece in _SPLIT.split(folded) if piece.strip())
    return tuple(clause for clause in found if clause.content)


def _likeness(left: Clause, right: Clause) -> float:
    """0..1: shared content against the shorter and against both, less when little is shared."""
    shared = len(left.content & right.content)
    if not shared:
        return 0.0
    shorter = min(len(left.content), len(right.content))
    both = len(left.content) + len(right.content)
    return (0.5 * shared / shorter + shared / both) * shared / (shared + 1)


_CONFLICTS: Final = ("yes", "verb", "need", "money", "limit", "other", "denied")


def _conflicts(one: Clause, other: Clause) -> set[str]:
    """The kinds of axes on which two clauses stand against each other; {"agree"} for none."""
    shared = one.signs.keys() & other.signs.keys()
    names = set()
    outcome_agrees = "yes" in shared and one.signs["yes"] == other.signs["yes"]
    for axis in shared:
        if one.signs[axis] != other.signs[axis]:
            bare = axis.removeprefix(_IF)
            if outcome_agrees and bare in _OUTCOME_VERBS:
                continue  # 没有用社保, 没用社保
            kind = "verb" if bare in _OUTCOME_VERBS else bare
            names.add(kind if kind in _CONFLICTS else "other")
    if _denied_once(one, other) or _denied_once(other, one):
        names.add("denied")
    return names or ({"agree"} if shared else set())


def _denied_once(one: Clause, other: Clause) -> bool:
    """Is something denied in one clause stated in the other, which denies nothing?"""
    if other.denied or -1 in other.signs.values():
        return False
    if any(axis.startswith(_IF) for axis in (*one.signs, *other.signs)):
        return False
    return bool(one.denied & other.content)


def _clause_evidence(said: tuple[Clause, ...], known: list[Clause]) -> float:
    """Nearest conflicting clause of each kind, and its lead over the nearest that agrees."""
    nearest = dict.fromkeys(_CONFLICTS, 0.0)
    lead = dict.fromkeys(_CONFLICTS, 0.0)
    for clause in said:
        best = dict.fromkeys(("agree", *_CONFLICTS), 0.0)
        for theirs in known:
            likeness = _likeness(clause, theirs)
            if likeness:
                for name in _conflicts(clause, theirs):
                    best[name] = max(best[name], likeness)
        for name in _CONFLICTS:
            nearest[name] = max(nearest[name], best[name])
            lead[name] = max(lead[name], best[name] - best["agree"])
    return _NEAREST_WEIGHT * sum(nearest.values()) + _LEAD_WEIGHT * sum(lead.values())


def _vote(said: tuple[Clause, ...], known: list[Clause]) -> float:
    """-1..1: how much of the draft's wording the script uses under the other sign."""
    uses: dict[tuple[str, str], list[int]] = {}
    for clause in known:
        for axis in _VOTING & clause.signs.keys():
            for word in clause.content:
                uses.setdefault((axis, word), []).append(clause.signs[axis])
    against, words = 0.0, 1
    for clause in said:
        words += len(clause.content)
        votes = [_axis_vote(clause, axis, uses) for axis in sorted(_VOTING & clause.signs.keys())]
        against += max(votes, default=0.0)
    return against / words


_VOTING: Final = frozenset({"yes", "need", "money"})


def _axis_vote(clause: Clause, axis: str, uses: dict[tuple[str, str], list[int]]) -> float:
    votes = [uses.get((axis, word), ()) for word in clause.content]
    return -clause.signs[axis] * sum(sum(signs) / (len(signs) + 0.5) for signs in votes)


def _edit(said: tuple[Clause, ...], scripts: list[tuple[Clause, ...]]) -> float:
    """Likeness of the whole to the nearest wording with other signs, over one with the same.

    Only short texts: longer ones reword too much for a comparison of the whole.
    """
    best = {True: 0.0, False: 0.0}
    mine = _words(said)
    for script in scripts:
        theirs = _words(script)
        likeness = 2 * len(mine & theirs) / max(1, len(mine) + len(theirs))
        same = _denials(said) == _denials(script)
        if same or (len(said) <= _SHORT and len(script) <= _SHORT):
            best[same] = max(best[same], likeness)
    return max(0.0, best[False] - best[True]) * best[False]


def _plainly_denied(said: tuple[Clause, ...], scripts: list[tuple[Clause, ...]]) -> float:
    """1 when the nearest wording states what the draft denies and nowhere denies it, or back."""
    mine = _words(said)
    nearest = max(scripts, key=lambda script: len(mine & _words(script)), default=())
    both = ((said, nearest), (nearest, said))
    return float(any(_denials_alone(one, other) for one, other in both))


def _denials_alone(one: tuple[Clause, ...], other: tuple[Clause, ...]) -> bool:
    denied = frozenset[str]().union(*(c.denied for c in one))
    answered = frozenset[str]().union(*(c.denied for c in other))
    stated = (c.content for c in other if -1 not in c.signs.values())
    return bool((denied - answered) & frozenset[str]().union(*stated))


def _words(said: tuple[Clause, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(clause.content for clause in said))


def _denials(said: tuple[Clause, ...]) -> list[str]:
    return sorted(axis for clause in said for axis, sign in clause.signs.items() if sign < 0)


# Set by hand, starting from a logistic fit on the development half of the cluster wordings, the
# demo scripts' own paraphrases, the development pairs and flips written for the purpose.
_NEAREST_WEIGHT: Final = 0.6
_LEAD_WEIGHT: Final = 2.5
_VOTE_WEIGHT: Final = 2.1
_EDIT_WEIGHT: Final = 2.9
_PLAIN_WEIGHT: Final = 0.4
_SHORT: Final = 2  # clauses
_LIMIT: Final = 2.45


def strength(draft: str, statements: Iterable[str]) -> float:
    """How much speaks for the draft denying the script; 0 and up."""
    said = clauses(draft)
    scripts = [clauses(statement) for statement in statements]
    known = [clause for script in scripts for clause in script]
    return (
        _clause_evidence(said, known)
        + _VOTE_WEIGHT * _vote(said, known)
        + _EDIT_WEIGHT * _edit(said, scripts)
        + _PLAIN_WEIGHT * _plainly_denied(said, scripts)
    )


def flips(draft: str, statements: Iterable[str]) -> str | None:
    """Why the draft says the opposite of a script's statements ("polarity"), or None.

    ``statements`` are the script's text first, then its paraphrases.
    """
    said = tuple(statements)
    if draft in said:
        return None
    return "polarity" if strength(draft, said) > _LIMIT else None
