"""The library in both databases: versions, signatures, the one in force, stored vectors."""

import threading
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.database import Database
from core.errors import Conflict, NotAllowed, NotFound
from encoder.types import EncoderIdentity
from script_store.lifecycle import Step
from script_store.repository import ScriptRepository, text_sha256
from script_store.types import Campaign, ScriptContent, ScriptVersion, State
from tests.script_store.samples import CAMPAIGN, SCRIPTS

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
IDENTITY = EncoderIdentity("axes", "1", "none", 3)
VECTOR = np.array([0.6, 0.8, 0.0], dtype=np.float32)


def put(database: Database, campaign: Campaign = CAMPAIGN) -> bool:
    with database.begin() as session:
        return ScriptRepository(session).put_campaign(campaign, AT, approved=True)


def add(database: Database, words: str = "Hello.") -> ScriptVersion:
    with database.begin() as session:
        return ScriptRepository(session).add_version(
            "box", "hello", ScriptContent(words), "ann", AT
        )


def walk(database: Database, version: ScriptVersion, *steps: Step) -> ScriptVersion:
    with database.begin() as session:
        for step in steps:
            version = ScriptRepository(session).step(version.id, step, "bob", AT)
    return version


def enforce(database: Database, version: ScriptVersion) -> ScriptVersion:
    return walk(database, version, Step.SUBMIT, Step.APPROVE, Step.ENFORCE)


def in_force(database: Database) -> list[ScriptVersion]:
    with database.read() as session:
        return ScriptRepository(session).in_force("box")


def test_a_campaign_comes_back_as_it_went_in(database: Database) -> None:
    assert put(database)
    with database.read() as session:
        assert ScriptRepository(session).campaign("box") == CAMPAIGN


def test_putting_the_same_campaign_again_changes_nothing(database: Database) -> None:
    put(database)
    assert not put(database)
    with database.read() as session:
        assert ScriptRepository(session).generation("box") == 1


def test_an_unknown_campaign_is_named(database: Database) -> None:
    with database.read() as session:
        assert ScriptRepository(session).generation("nothing") is None
        with pytest.raises(NotFound, match="'nothing'") as caught:
            ScriptRepository(session).campaign("nothing")
    assert "campaign list" in caught.value.mend


def test_content_comes_back_as_it_went_in(database: Database) -> None:
    put(database)
    content = SCRIPTS["delivery"]
    with database.begin() as session:
        added = ScriptRepository(session).add_version("box", "delivery", content, "ann", AT)
    with database.read() as session:
        found = ScriptRepository(session).version(added.id)
    assert found == added
    assert found.content == content
    assert (found.state, found.number, found.author) == (State.DRAFT, 1, "ann")


def test_a_new_version_replaces_the_one_in_force(database: Database) -> None:
    put(database)
    first = enforce(database, add(database))
    assert (first.approver, first.approved_at, first.in_force_from) == ("bob", AT, AT)
    second = add(database, "Good morning.")
    assert in_force(database) == [first]
    second = enforce(database, second)
    assert second.number == 2
    assert in_force(database) == [second]
    with database.read() as session:
        assert ScriptRepository(session).version(first.id).state is State.RETIRED
        assert ScriptRepository(session).latest("box", "hello") == second


def test_a_retired_version_is_in_force_no_more(database: Database) -> None:
    put(database)
    version = enforce(database, add(database))
    walk(database, version, Step.RETIRE)
    assert in_force(database) == []


def test_the_author_cannot_approve(database: Database) -> None:
    put(database)
    version = walk(database, add(database), Step.SUBMIT)
    with pytest.raises(NotAllowed), database.begin() as session:
        ScriptRepository(session).step(version.id, Step.APPROVE, "Ann ", AT)
    with database.read() as session:
        assert ScriptRepository(session).version(version.id).state is State.IN_REVIEW


def test_a_step_that_does_not_follow_is_refused(database: Database) -> None:
    put(database)
    with pytest.raises(Conflict):
        walk(database, add(database), Step.ENFORCE)


def test_an_unknown_version_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound), database.begin() as session:
        ScriptRepository(session).step("nothing", Step.SUBMIT, "bob", AT)


def test_the_database_holds_one_version_in_force(database: Database) -> None:
    put(database)
    enforce(database, add(database))
    walk(database, add(database, "Good morning."), Step.SUBMIT, Step.APPROVE)
    with pytest.raises(IntegrityError), database.begin() as session:
        session.execute(text("UPDATE script_version SET state = 'in_force'"))


def test_touching_a_campaign_raises_its_generation(database: Database) -> None:
    put(database)
    with database.begin() as session:
        ScriptRepository(session).touch("box")
    with database.read() as session:
        assert ScriptRepository(session).campaigns() == [(CAMPAIGN, 2)]


def store(database: Database, **vectors: np.ndarray) -> None:
    with database.begin() as session:
        ScriptRepository(session).store_vectors(IDENTITY, vectors)


def stored(database: Database, identity: EncoderIdentity = IDENTITY) -> dict[str, list[float]]:
    with database.read() as session:
        found = ScriptRepository(session).stored_vectors(identity, ["hello", "bye"])
    return {words: [round(float(x), 4) for x in vector] for words, vector in found.items()}


def test_vectors_are_found_by_their_text(database: Database) -> None:
    store(database, hello=VECTOR)
    assert stored(database) == {"hello": [0.6, 0.8, 0.0]}


@pytest.mark.parametrize(
    "other",
    [
        EncoderIdentity("axes", "2", "none", 3),
        EncoderIdentity("axes", "1", "retrained", 3),
        EncoderIdentity("other", "1", "none", 3),
    ],
)
def test_vectors_of_another_encoder_are_not_seen(
    database: Database, other: EncoderIdentity
) -> None:
    store(database, hello=VECTOR)
    assert stored(database, other) == {}


@pytest.mark.parametrize(
    "blob",
    [
        VECTOR.tobytes()[:-4],
        VECTOR.tobytes() + b"\x00" * 4,
        np.array([np.nan, 0, 0], dtype="<f4").tobytes(),
        np.array([np.inf, 0, 0], dtype="<f4").tobytes(),
        b"",
        VECTOR.tobytes()[:-1],
    ],
    ids=["short", "long", "nan", "infinite", "empty", "torn"],
)
def test_a_damaged_vector_is_left_out_and_can_be_stored_again(
    database: Database, blob: bytes
) -> None:
    store(database, hello=VECTOR, bye=VECTOR)
    with database.begin() as session:
        session.execute(
            text("UPDATE sentence_vector SET vector = :v WHERE text_sha256 = :t"),
            {"v": blob, "t": text_sha256("hello")},
        )
    assert set(stored(database)) == {"bye"}
    store(database, hello=VECTOR)
    assert set(stored(database)) == {"hello", "bye"}


def test_two_writers_may_store_the_same_vectors(database: Database) -> None:
    both = threading.Barrier(2)
    failures: list[BaseException] = []

    def write() -> None:
        try:
            both.wait(5)
            for _ in range(5):
                store(database, hello=VECTOR, bye=VECTOR)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert failures == []
    assert set(stored(database)) == {"hello", "bye"}


def test_storing_nothing_is_no_error(database: Database) -> None:
    store(database)
    assert stored(database) == {}


def test_many_texts_are_asked_for_in_pieces(database: Database) -> None:
    texts = [f"sentence {number}" for number in range(1201)]
    with database.begin() as session:
        ScriptRepository(session).store_vectors(IDENTITY, dict.fromkeys(texts, VECTOR))
    with database.read() as session:
        found = ScriptRepository(session).stored_vectors(IDENTITY, [*texts, "unknown"])
    assert set(found) == set(texts)
