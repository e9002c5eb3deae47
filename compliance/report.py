"""The figures of the filter as Markdown tables, and the page that holds them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compliance.cases import LANGUAGES, Kind
from compliance.evaluate import ALL
from core.errors import InvalidInput

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_SCOPES = (ALL, *LANGUAGES)
_HARD = (Kind.PLAIN, Kind.EVASIVE)
Figures = Mapping[str, Any]


def tables(figures: Figures) -> str:
    """Four tables: by kind, by category, signals, personal data (its zh and en are recall)."""
    parts = [
        ("What we would say, by kind", _kinds(figures)),
        ("What we would say, by category", _categories(figures["outbound"])),
        ("What customers write: signals", _signals(figures["inbound"])),
        ("What customers write: personal data", _personal_data(figures["inbound"])),
    ]
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in parts)


def refreshed(page: str, figures: Figures) -> str:
    """The page with its tables renewed. Raises InvalidInput when it lacks the two markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InvalidInput(
            "the page lacks the markers of the figures", mend=f"write {BEGIN} and {END} into it"
        )
    return f"{before}{BEGIN}\n\n{tables(figures)}\n\n{END}{after}"


def _kinds(figures: Figures) -> str:
    alone = figures.get("outbound_rules_alone")
    heads = ["sentences", "language", "cases", "stopped", "share"]
    rows = []
    for scope in _SCOPES:
        found = figures["outbound"][scope]
        entries = {"violations": found["violations"], "clean sentences": found["clean"]}
        entries |= {
            f"of them {kind}": found["kinds"][kind] for kind in Kind if kind in found["kinds"]
        }
        for name, entry in entries.items():
            row = [name, scope, entry["cases"], entry["stopped"], _percent(entry["share"])]
            if alone:
                row.append(_percent(_entry(alone[scope], name)["share"]))
            rows.append(row)
        right = ["precision of a stop", scope, "", "", _percent(found["precision"])]
        rows.append([*right, _percent(alone[scope]["precision"])] if alone else right)
    return _table([*heads, "rules alone"] if alone else heads, rows)


def _entry(found: Figures, name: str) -> Figures:
    entries = {"violations": found["violations"], "clean sentences": found["clean"]}
    entry: Figures = entries.get(name) or found["kinds"][name.removeprefix("of them ")]
    return entry


def _categories(outbound: Figures) -> str:
    heads = ["category", "cases", "stopped", "zh", "en", *_HARD, "right to stop", "named so"]
    rows = []
    for name, found in outbound[ALL]["categories"].items():
        by_language = [outbound[tongue]["categories"].get(name, {}) for tongue in LANGUAGES]
        by_kind = [found["kinds"].get(kind, {}) for kind in _HARD]
        rows.append(
            [
                f"`{name}`",
                found["cases"],
                _percent(found["recall"]),
                *(_percent(one.get("recall")) for one in by_language),
                *(_percent(one.get("share")) for one in by_kind),
                _percent(found["precision"]),
                _percent(found["named"]),
            ]
        )
    return _table(heads, rows)


def _signals(inbound: Figures) -> str:
    heads = ["signal", "language", "cases", "recall", "other messages", "false", "precision"]
    rows = [
        [
            f"`{name}`",
            scope,
            found["cases"],
            _percent(found["recall"]),
            found["others"],
            _percent(found["false_rate"]),
            _percent(found["precision"]),
        ]
        for name in inbound[ALL]["signals"]
        for scope in _SCOPES
        for found in [inbound[scope]["signals"][name]]
    ]
    return _table(heads, rows)


def _personal_data(inbound: Figures) -> str:
    heads = ["kind", "expected", "found", "matched", "recall", "precision", *LANGUAGES]
    rows = []
    for name, found in inbound[ALL]["pii"].items():
        tongues = [inbound[tongue]["pii"].get(name, {}) for tongue in LANGUAGES]
        rows.append(
            [
                name if name == ALL else f"`{name}`",
                found["expected"],
                found["found"],
                found["matched"],
                _percent(found["recall"]),
                _percent(found["precision"]),
                *(_percent(one.get("recall")) for one in tongues),
            ]
        )
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned, so that the same text reads well in a terminal; numbers stand to the right."""
    cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(heads))]
    left = {
        column
        for column in range(len(heads))
        if column == 0 or any(row[column][:1].isalpha() for row in cells[1:])
    }
    lines = [
        " | ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    rule = " | ".join(
        "-" * width if column in left else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    )
    return "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
