"""The development set of the filter: labelled sentences, none of them an example of a rule.

One JSON object a line under compliance/evaluation, a file for each direction and language.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from compliance.types import Category, Direction, Jurisdiction, PiiType, Signal
from core.errors import InvalidInput

LANGUAGES = ("zh", "en")


class Kind(StrEnum):
    """How hard a case is: a violation said plainly or in disguise; a clean one that looks bad."""

    PLAIN = "plain"
    EVASIVE = "evasive"
    HARD_CLEAN = "hard_clean"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class OutboundCase:
    """Something we might say, and the categories it violates (none: it may be said)."""

    text: str
    language: str
    jurisdiction: str
    domain: str | None
    violations: frozenset[Category]
    kind: str


@dataclass(frozen=True, slots=True)
class InboundCase:
    """Something a customer might write, its signals, and where its personal data stands."""

    text: str
    language: str
    signals: frozenset[Signal]
    pii: tuple[tuple[PiiType, int, int], ...]
    kind: str


Case = TypeVar("Case", OutboundCase, InboundCase)


def load_outbound(folder: Path | None = None) -> list[OutboundCase]:
    """``outbound_zh.jsonl`` and ``outbound_en.jsonl``. Raises InvalidInput naming file and line."""
    return list(_load(folder, Direction.OUTBOUND, _outbound))


def load_inbound(folder: Path | None = None) -> list[InboundCase]:
    """``inbound_zh.jsonl`` and ``inbound_en.jsonl``. Raises InvalidInput naming file and line."""
    return list(_load(folder, Direction.INBOUND, _inbound))


def _load(
    folder: Path | None,
    direction: Direction,
    read: Callable[[Mapping[str, Any], str], Case],
) -> Iterator[Case]:
    root = folder or Path(str(files(__package__))) / "evaluation"
    for language in LANGUAGES:
        path = root / f"{direction.value}_{language}.jsonl"
        if not path.is_file():
            raise InvalidInput(f"{path.name}: no such file", mend="give --cases FOLDER")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                try:
                    yield read(json.loads(line), language)
                except (ValueError, KeyError, TypeError) as error:
                    raise InvalidInput(
                        f"{path.name}:{number}: {type(error).__name__}: {error}",
                        mend="docs/compliance.md shows the form of a case",
                    ) from error


def _outbound(record: Mapping[str, Any], language: str) -> OutboundCase:
    case = OutboundCase(
        text=_text(record),
        language=language,
        jurisdiction=Jurisdiction(record["jurisdiction"]).value,
        domain=record.get("domain") or None,
        violations=frozenset(Category(name) for name in record["violations"]),
        kind=Kind(record["kind"]).value,
    )
    if bool(case.violations) != (case.kind in (Kind.PLAIN, Kind.EVASIVE)):
        raise ValueError(f"kind {case.kind} with {len(case.violations)} violations")
    return case


def _inbound(record: Mapping[str, Any], language: str) -> InboundCase:
    text = _text(record)
    return InboundCase(
        text=text,
        language=language,
        signals=frozenset(signal for signal in Signal if record.get(signal.value)),
        pii=tuple(_places(text, record.get("pii") or ())),
        kind=str(record["kind"]),
    )


def _places(text: str, labelled: Any) -> Iterator[tuple[PiiType, int, int]]:
    """Where each labelled value stands; a value labelled twice is looked for further on."""
    after: dict[str, int] = {}
    for label in labelled:
        value = label["text"]
        start = text.find(value, after.get(value, 0))
        if start < 0 or not value:
            raise ValueError(f"{label['type']} is not in the text")
        after[value] = start + len(value)
        yield PiiType(label["type"]), start, start + len(value)


def _text(record: Mapping[str, Any]) -> str:
    text = record["text"]
    if not isinstance(text, str) or not text.strip():
        raise ValueError("text is empty or not a text")
    return text
