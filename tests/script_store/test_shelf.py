"""The shelf: changes become visible everywhere, turns keep what they began with."""

import threading

import pytest
from sqlalchemy import text

from core.clock import SystemClock
from core.database import Database
from core.errors import NotFound
from script_store.lifecycle import Step
from script_store.repository import ScriptRepository
from script_store.types import Match, ScriptContent
from services.shelf import DatabaseShelf
from tests.script_store.samples import CALIBRATION, CAMPAIGN, SCRIPTS, WordingEncoder

AT = SystemClock().now()
DRAFT = "The box costs $24.00 a week."


def enforce(database: Database, key: str, content: ScriptContent) -> None:
    with database.begin() as session:
        repository = ScriptRepository(session)
        version = repository.add_version("box", key, content, "ann", AT)
        for step in (Step.SUBMIT, Step.APPROVE, Step.ENFORCE):
            repository.step(version.id, step, "bob", AT)
        repository.touch("box")


@pytest.fixture
def box(database: Database) -> Database:
    with database.begin() as session:
        ScriptRepository(session).put_campaign(CAMPAIGN, AT, approved=True)
    for key, content in SCRIPTS.items():
        enforce(database, key, content)
    return database


def shelf(database: Database, encoder: WordingEncoder | None = None) -> DatabaseShelf:
    return DatabaseShelf(database, encoder or WordingEncoder(), {"en": CALIBRATION})


def test_an_unknown_campaign_is_not_found(box: Database) -> None:
    with pytest.raises(NotFound) as caught:
        shelf(box).library("nothing")
    assert "campaign list" in caught.value.mend


def test_an_unchanged_library_is_built_once(box: Database) -> None:
    found = shelf(box)
    assert found.library("box") is found.library("box")


def test_a_change_becomes_visible_on_every_shelf(box: Database) -> None:
    here, there = shelf(box), shelf(box)
    before = there.library("box")
    assert here.library("box").get("farm") is not None
    enforce(box, "farm", ScriptContent("Everything grows in our own garden."))
    for found in (here, there):
        script = found.library("box").get("farm")
        assert script is not None
        assert script.text == "Everything grows in our own garden."
    assert there.library("box").generation != before.generation


def test_an_old_snapshot_keeps_answering_as_it_did(box: Database) -> None:
    found = shelf(box)
    old = found.library("box")
    enforce(box, "price", ScriptContent("Ask us for the price."))
    result = old.match(found.encoder, DRAFT)
    assert isinstance(result, Match)
    assert old.get_version(result.candidate.version_id).text == DRAFT
    assert not isinstance(found.library("box").match(found.encoder, DRAFT), Match)


def test_vectors_made_once_are_used_by_the_next_shelf(box: Database) -> None:
    first, second = WordingEncoder(), WordingEncoder()
    shelf(box, first).library("box")
    shelf(box, second).library("box")
    assert first.encoded
    assert second.encoded == []


def test_a_change_encodes_only_what_is_new(box: Database) -> None:
    encoder = WordingEncoder()
    found = shelf(box, encoder)
    found.library("box")
    encoder.encoded.clear()
    enforce(box, "farm", ScriptContent("Everything grows in our own garden."))
    found.library("box")
    assert encoder.encoded == ["Everything grows in our own garden."]


def test_another_encoder_makes_its_own_vectors(box: Database) -> None:
    shelf(box).library("box")
    other = WordingEncoder("other")
    found = shelf(box, other).library("box")
    assert other.encoded
    assert isinstance(found.match(other, DRAFT), Match)


def test_damaged_vectors_are_made_again(box: Database) -> None:
    shelf(box).library("box")
    with box.begin() as session:
        session.execute(text("UPDATE sentence_vector SET vector = :v"), {"v": b"torn"})
    encoder = WordingEncoder()
    assert isinstance(shelf(box, encoder).library("box").match(encoder, DRAFT), Match)
    again = WordingEncoder()
    shelf(box, again).library("box")
    assert again.encoded == []


def test_words_altered_in_the_database_are_never_served(box: Database) -> None:
    with box.begin() as session:
        session.execute(text("UPDATE script_version SET text = 'It is free.' WHERE risk IS NULL"))
    found = shelf(box).library("box")
    assert [key for key in SCRIPTS if found.get(key)] == []


def test_a_library_is_built_by_one_of_many_threads(box: Database) -> None:
    encoder = WordingEncoder()
    found = shelf(box, encoder)
    seen: list[object] = []
    threads = [threading.Thread(target=lambda: seen.append(found.library("box"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(seen) == 4
    assert len(set(map(id, seen))) == 1
    assert len(encoder.encoded) == len(set(encoder.encoded))


def test_common_scripts_are_there_once_they_are_loaded(box: Database) -> None:
    assert shelf(box).common("en-GB") is None
    assert shelf(box).common("zh-CN") is None


def test_warming_builds_every_campaign(box: Database) -> None:
    encoder = WordingEncoder()
    found = shelf(box, encoder)
    assert [campaign.key for campaign in found.warm()] == ["box"]
    encoder.encoded.clear()
    found.library("box")
    assert encoder.encoded == []
