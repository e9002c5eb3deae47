"""Loading a campaign: four eyes, idempotence, held-back scripts, and every kind of bad file."""

import copy
import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from compliance.engine import ComplianceEngine
from core.clock import SystemClock
from core.database import Database
from core.errors import InvalidInput, NotAllowed, NotFound
from script_store.repository import ScriptRepository
from services.calibrating import DEMO, demo_file
from services.campaign_file import parse_campaign, starter_file
from services.campaigns import CampaignLoader
from tests.services.parts import SHOP


def file(change: Any = None) -> bytes:
    document = copy.deepcopy(SHOP)
    if change:
        change(document)
    return json.dumps(document).encode()


def loader(database: Database, engine: ComplianceEngine) -> CampaignLoader:
    return CampaignLoader(database, engine, SystemClock())


def test_loading_twice_changes_nothing(database: Database, engine: ComplianceEngine) -> None:
    first = loader(database, engine).load(parse_campaign(file()), "ann", "bob")
    again = loader(database, engine).load(parse_campaign(file()), "ann", "bob")
    assert [report.campaign for report in first] == ["shop", "global.en"]
    assert again[0].enforced == []
    assert set(again[0].unchanged) == set(first[0].enforced)


def test_a_changed_text_becomes_a_new_version(database: Database, engine: ComplianceEngine) -> None:
    load = loader(database, engine).load
    load(parse_campaign(file()), "ann", "bob")

    def reword(document: dict[str, Any]) -> None:
        document["scripts"][0]["text"] = "A week of vegetables is {price}."

    report = load(parse_campaign(file(reword)), "ann", "bob")[0]
    assert report.enforced == ["price.box"]
    with database.read() as session:
        version = ScriptRepository(session).latest("shop", "price.box")
        assert version is not None
        assert version.number == 2
        assert len(ScriptRepository(session).in_force("shop")) == len(SHOP["scripts"]) - 1


def test_without_an_approver_nothing_comes_into_force(
    database: Database, engine: ComplianceEngine
) -> None:
    report = loader(database, engine).load(parse_campaign(file()), "ann", None)[0]
    assert len(report.in_review) == len(SHOP["scripts"])
    with database.read() as session:
        assert ScriptRepository(session).in_force("shop") == []


@pytest.mark.parametrize(("author", "approver"), [("ann", "ann"), ("Ann ", "ann"), ("", "bob")])
def test_four_eyes(
    database: Database, engine: ComplianceEngine, author: str, approver: str
) -> None:
    with pytest.raises((NotAllowed, InvalidInput)):
        loader(database, engine).load(parse_campaign(file()), author, approver)


def test_the_database_itself_refuses_one_pair_of_eyes(shop: Database) -> None:
    with pytest.raises(IntegrityError), shop.begin() as session:
        session.execute(text("UPDATE script_version SET approver = author"))


def test_the_database_itself_refuses_words_in_force_that_nobody_approved(shop: Database) -> None:
    with pytest.raises(IntegrityError), shop.begin() as session:
        session.execute(text("UPDATE script_version SET approver = NULL WHERE state = 'in_force'"))


def test_a_script_that_a_rule_blocks_is_held_back(
    database: Database, engine: ComplianceEngine
) -> None:
    def promise(document: dict[str, Any]) -> None:
        document["scripts"][0]["text"] = "Guaranteed profit, 100% risk free, we guarantee it!"

    report = loader(database, engine).load(parse_campaign(file(promise)), "ann", "bob")[0]
    assert "price.box" in report.refused
    assert "no.value" in report.refused
    assert "price.box" not in report.enforced


@pytest.mark.parametrize("name", sorted(DEMO.values()))
def test_demo_campaigns_load_whole(database: Database, engine: ComplianceEngine, name: str) -> None:
    parsed = demo_file(name)
    reports = loader(database, engine).load(parsed, "ann", "bob")
    assert len(parsed.scripts) >= 60
    assert {report.campaign: report.refused for report in reports} == {
        report.campaign: {} for report in reports
    }


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_starter_scripts_cover_what_a_turn_may_need(language: str) -> None:
    keys = {script.key for script in parse_campaign(starter_file(language).read_bytes()).scripts}
    assert {"fallback.default", "handoff.default", "disclosure.first", "disclosure.label"} <= keys
    intents = {s.intent for s in parse_campaign(starter_file(language).read_bytes()).scripts}
    assert {"opt_out", "request_human", "complaint", "vulnerable"} <= intents


def test_chinese_disclosure_says_that_it_is_generated_by_ai() -> None:
    for parsed in (parse_campaign(starter_file("zh").read_bytes()), demo_file(DEMO["zh"])):
        texts = {script.key: script.text for script in parsed.scripts}
        assert "AI生成" in texts["disclosure.first"].replace(" ", "")
        assert "AI生成" in texts["disclosure.label"].replace(" ", "")


def _set(path: str, value: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        target: Any = document
        for step in steps:
            target = target[int(step)] if step.isdigit() else target[step]
        target[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("campaign.language", "fr"), "campaign.language"),
        (_set("campaign.jurisdiction", "FR"), "campaign.jurisdiction"),
        (_set("campaign.domain", "casino"), "campaign.domain"),
        (_set("campaign.key", "a b"), "campaign.key"),
        (_set("scripts.0.text", ""), "scripts.0.text"),
        (_set("scripts.0.intent", "buy"), "scripts.0.intent"),
        (_set("scripts.1.key", "price.box"), "stands twice"),
        (_set("scripts.0.text", "It is {Price}."), "brace"),
        (_set("campaign.catalogue", {"price": {"type": "money", "value": "dear"}}), "price"),
        (_set("campaign.policy", {"routes": {"opt_out": "llm"}}), "opt_out"),
        (_set("campaign.policy", {"routes": {"greeting": "moon"}}), "greeting"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(change: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_campaign(file(change))
    assert caught.value.mend or message in caught.value.message


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_what_is_no_campaign_file_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_campaign(raw)


def test_one_person_cannot_change_what_customers_read(
    shop: Database, engine: ComplianceEngine
) -> None:
    cheaper = parse_campaign(file(_set("campaign.catalogue.price.value", "1.00")))
    with pytest.raises(NotAllowed, match="differs"):
        loader(shop, engine).load(cheaper, "ann", None)
    assert loader(shop, engine).load(cheaper, "ann", "bob")[0].unchanged


def test_a_script_that_left_the_file_is_named_and_can_be_retired(
    shop: Database, engine: ComplianceEngine
) -> None:
    def drop(document: dict[str, Any]) -> None:
        document["scripts"] = [s for s in document["scripts"] if s["key"] != "hello"]

    report = loader(shop, engine).load(parse_campaign(file(drop)), "ann", "bob")[0]
    assert report.not_in_file == ["hello"]
    loader(shop, engine).retire("shop", "hello", "bob")
    with shop.read() as session:
        assert ScriptRepository(session).current("shop", "hello") is None
    with pytest.raises(NotFound, match="in force"):
        loader(shop, engine).retire("shop", "hello", "bob")
    back = loader(shop, engine).load(parse_campaign(file()), "ann", "bob")[0]
    assert back.enforced == ["hello"]


@pytest.mark.parametrize("words", ["   ", "\u200b", "\u202eabc", "a\x07b", "\ud800"])
def test_words_that_nobody_can_see_are_refused(words: str) -> None:
    with pytest.raises(InvalidInput, match=r"scripts\.0\.text"):
        parse_campaign(file(_set("scripts.0.text", words)))


def test_a_script_whose_risk_text_is_missing_is_held_back(
    database: Database, engine: ComplianceEngine
) -> None:
    lost = parse_campaign(file(_set("scripts.0.risk", "risk.lost")))
    assert "price.box" in loader(database, engine).load(lost, "ann", "bob")[0].refused


def test_starter_scripts_come_into_force_even_when_they_were_loaded_before(
    database: Database, engine: ComplianceEngine
) -> None:
    load = loader(database, engine).load
    load(parse_campaign(starter_file("en").read_bytes()), "ann", None)
    reports = load(parse_campaign(file()), "ann", "bob")
    assert "disclosure.first" in reports[1].enforced
