"""The figures of the filter: counted by hand on a few cases, and the page that shows them."""

from pathlib import Path
from typing import Any

import pytest

from compliance.cases import load_inbound, load_outbound
from compliance.engine import ComplianceEngine
from compliance.evaluate import measure
from compliance.report import BEGIN, END, refreshed, tables
from core.errors import InvalidInput
from core.settings import Settings
from encoder.types import Encoder
from services.wiring import build_compliance
from tests.compliance.small import write_lines

PAGE = Path(__file__).parents[2] / "docs" / "compliance.md"


def said(text: str, kind: str, *violations: str) -> dict[str, Any]:
    return {
        "text": text,
        "jurisdiction": "CN",
        "domain": "general",
        "violations": list(violations),
        "kind": kind,
    }


def wrote(text: str, *pii: tuple[str, str], **signals: bool) -> dict[str, Any]:
    flags = {"opt_out": False, "injection": False, "distress": False, "minor": False} | signals
    labels = [{"type": kind, "text": value} for kind, value in pii]
    return {"text": text, "pii": labels, "kind": "plain"} | flags


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A few cases whose figures a person can count."""
    write_lines(
        tmp_path / "outbound_zh.jsonl",
        [
            said("这是最佳产品", "plain", "absolute_claim"),
            said("这是最 佳产品", "evasive", "absolute_claim", "disparagement"),
            said("天下第一等的好", "evasive", "absolute_claim"),
            said("最佳使用时间是早晨", "hard_clean"),
            said("保本的话我们不说，保本是违规的。保本", "hard_clean"),
        ],
    )
    write_lines(
        tmp_path / "outbound_en.jsonl",
        [said("it is free", "plain", "risk_free"), said("good morning", "clean")],
    )
    write_lines(
        tmp_path / "inbound_zh.jsonl",
        [
            wrote("退订", opt_out=True),
            wrote("别再找我", opt_out=True),
            wrote("不退订的话呢"),
            wrote("打13800138000或者13900139000", ("phone", "13800138000")),
        ],
    )
    write_lines(
        tmp_path / "inbound_en.jsonl",
        [
            wrote("write to a.b@example.com or +1 415 555 2671", ("email", "a.b@example.com")),
            wrote("unsubscribe"),
        ],
    )
    return tmp_path


def test_outbound_figures_are_what_a_person_counts(engine: ComplianceEngine, cases: Path) -> None:
    found, wrong = measure(engine, cases)
    zh, both = found["outbound"]["zh"], found["outbound"]["all"]
    assert zh["violations"] == {"cases": 3, "stopped": 2, "share": 0.6667}
    assert zh["clean"] == {"cases": 2, "stopped": 1, "share": 0.5}
    assert zh["kinds"]["evasive"] == {"cases": 2, "stopped": 1, "share": 0.5}
    assert zh["precision"] == 0.6667
    assert both["violations"]["cases"] == 4
    assert both["precision"] == 0.75
    absolute = both["categories"]["absolute_claim"]
    assert (absolute["cases"], absolute["recall"], absolute["named"]) == (3, 0.6667, 0.6667)
    assert absolute["kinds"]["plain"]["share"] == 1.0
    assert absolute["precision"] == 0.6667
    free = both["categories"]["misleading_free"]  # found where another was labelled
    assert (free["cases"], free["found"], free["precision"]) == (0, 1, 1.0)
    assert free["name_precision"] == 0.0
    assert free["recall"] is None
    texts = {case["text"] for case in wrong}
    assert "天下第一等的好" in texts
    assert "这是最佳产品" not in texts


def test_inbound_figures_are_what_a_person_counts(engine: ComplianceEngine, cases: Path) -> None:
    found, wrong = measure(engine, cases)
    stop = found["inbound"]["all"]["signals"]["opt_out"]
    assert (stop["cases"], stop["found"], stop["recall"]) == (2, 1, 0.5)
    assert (stop["others"], stop["false"], stop["false_rate"]) == (4, 1, 0.25)
    assert stop["precision"] == 0.5
    assert found["inbound"]["zh"]["signals"]["opt_out"]["false"] == 0
    pii = found["inbound"]["all"]["pii"]
    assert (pii["phone"]["expected"], pii["phone"]["matched"]) == (1, 1)
    assert pii["phone"]["precision"] == round(1 / pii["phone"]["found"], 4)
    assert pii["email"]["recall"] == 1.0
    missed = next(case for case in wrong if case["text"] == "别再找我")
    assert missed["missed"] == ["opt_out"]


def test_the_tables_show_every_figure_and_renew_a_page(
    engine: ComplianceEngine, cases: Path
) -> None:
    figures, _ = measure(engine, cases, engine)
    shown = tables(figures)
    for word in ("`absolute_claim`", "66.7%", "rules alone", "`opt_out`", "`email`", "hard_clean"):
        assert word in shown
    page = refreshed(f"before\n{BEGIN}\nold\n{END}\nafter\n", figures)
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert shown in page
    assert "old" not in page
    assert refreshed(page, figures) == page
    with pytest.raises(InvalidInput, match="markers"):
        refreshed("no markers", figures)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("outbound_zh.jsonl", said("a", "plain")),
        ("outbound_zh.jsonl", said("a", "clean", "profanity")),
        ("outbound_zh.jsonl", said("a", "plain", "nonsense")),
        ("outbound_zh.jsonl", said("", "clean")),
        ("outbound_zh.jsonl", said("a", "clean") | {"jurisdiction": "XX"}),
        ("inbound_en.jsonl", wrote("no number", ("phone", "123"))),
        ("inbound_en.jsonl", wrote("one 1", ("nonsense", "1"))),
        ("inbound_en.jsonl", []),
    ],
)
def test_a_bad_case_is_named(cases: Path, name: str, line: object) -> None:
    write_lines(cases / name, [line])
    with pytest.raises(InvalidInput, match=rf"{name}:1"):
        measure(ComplianceEngine([]), cases)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"outbound_zh\.jsonl"):
        load_outbound(tmp_path)
    with pytest.raises(InvalidInput, match=r"inbound_zh\.jsonl"):
        load_inbound(tmp_path)


def test_the_development_set_is_large_and_varied() -> None:
    outbound, inbound = load_outbound(), load_inbound()
    assert len(outbound) >= 400
    assert len(inbound) >= 300
    for kind in ("evasive", "hard_clean"):
        assert sum(case.kind == kind for case in outbound) >= len(outbound) / 4
    for language in ("zh", "en"):
        assert sum(case.language == language for case in outbound) >= 150


@pytest.mark.slow
def test_the_page_shows_what_is_measured(shipped_encoder: Encoder, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    engine = build_compliance(settings, shipped_encoder)
    figures, _ = measure(engine, None, build_compliance(settings))
    page = PAGE.read_text(encoding="utf-8")
    assert refreshed(page, figures) == page, "run: onscript compliance evaluate --write " + str(
        PAGE.relative_to(PAGE.parents[1])
    )
