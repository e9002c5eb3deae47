"""Once and in order: repeats, races, lost leases and full disks."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from compliance.engine import ComplianceEngine
from core.clock import FixedClock, SystemClock, new_id
from core.database import Database
from core.errors import Busy, Conflict, InvalidInput, LibraryChanged, StorageFull
from intent.types import Label
from script_store.lifecycle import Step
from script_store.repository import ScriptRepository
from services.audit import verify_database
from services.conversations import read_decision, release, waiting
from services.turn import take_turn
from services.types import Answer, TurnRequest
from tests.services.parts import FixedTriage, build_parts, drafting


def request(message: str = "m1", words: str = "how much?", conversation: str = "c1") -> TurnRequest:
    return TurnRequest("shop", conversation, words, message)


def count(database: Database, table: str) -> int:
    with database.read() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our own table names


def test_a_repeated_message_gets_the_same_answer_and_is_recorded_once(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine)
    first = take_turn(request(), parts)
    again = take_turn(request(), parts)
    assert again.replayed
    assert not first.replayed
    assert again.id == first.id
    assert again.trace["reply"] == first.trace["reply"]
    assert count(shop, "decision") == count(shop, "outbound_message") == 1


def test_a_message_id_with_another_text_is_refused(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine)
    take_turn(request(), parts)
    with pytest.raises(Conflict, match="another text"):
        take_turn(request(words="something else"), parts)


def test_a_conversation_stays_with_its_campaign(shop: Database, engine: ComplianceEngine) -> None:
    parts = build_parts(shop, engine)
    take_turn(request(), parts)
    with pytest.raises(Conflict, match="another campaign"):
        take_turn(TurnRequest("global.en", "c1", "hello", "m2"), parts)


@pytest.mark.parametrize("name", ["campaign", "conversation", "message_id", "customer"])
@pytest.mark.parametrize("value", ["", " ", "x" * 201, "a\x00b"])
def test_identifiers_are_checked(
    shop: Database, engine: ComplianceEngine, name: str, value: str
) -> None:
    fields: dict[str, Any] = {
        "campaign": "shop", "conversation": "c", "text": "hi", "message_id": "m",
    }  # fmt: skip
    inbox = build_parts(shop, engine).inbox
    with (
        pytest.raises(InvalidInput, match=name),
        inbox.receive(TurnRequest(**(fields | {name: value}))),
    ):
        pass


def test_turns_of_one_conversation_do_not_overlap(shop: Database, engine: ComplianceEngine) -> None:
    parts = build_parts(shop, engine, turn_seconds=20)
    answers: list[Answer] = []
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            answers.append(take_turn(request(f"m{number}", "how much?"), parts))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    disclosed = [a for a in answers if a.trace["reply"]["parts"][0]["role"] == "disclosure"]
    assert len(answers) == 6
    assert len(disclosed) == 1, "only one turn can have been the first"
    assert verify_database(shop)["ok"]


def test_many_conversations_at_once_leave_an_unbroken_ledger(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine, turn_seconds=20)
    threads = [
        threading.Thread(target=take_turn, args=(request("m", conversation=f"c{n}"), parts))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(shop, "decision") == 8
    assert verify_database(shop)["ok"]


def test_a_busy_conversation_says_so_and_nothing_is_recorded(
    shop: Database, engine: ComplianceEngine
) -> None:
    holder = build_parts(shop, engine)
    waiter = build_parts(shop, engine, turn_seconds=0.2)
    with holder.inbox.receive(request("m1")), pytest.raises(Busy):
        take_turn(request("m2"), waiter)
    assert count(shop, "decision") == 0
    take_turn(request("m2"), waiter)


def test_a_crashed_turn_frees_its_conversation_after_a_while(
    shop: Database, engine: ComplianceEngine
) -> None:
    clock = FixedClock()
    parts = build_parts(shop, engine, clock=clock)
    parts.inbox.receive(request("m1")).__enter__()  # a process that dies here never leaves
    clock.advance(60)
    assert take_turn(request("m1"), parts).trace["reply"]["text"]


def test_a_turn_that_lost_its_lease_records_nothing(
    shop: Database, engine: ComplianceEngine
) -> None:
    slow, quick = build_parts(shop, engine), build_parts(shop, engine)

    class Slow(FixedTriage):
        def classify(self, words: str, previous: str | None = None) -> Any:
            with shop.begin() as session:
                session.execute(text("UPDATE conversation SET busy_by = NULL, busy_until = NULL"))
            take_turn(request("m2"), quick)
            return super().classify(words, previous)

    from dataclasses import replace  # noqa: PLC0415 - only here

    with pytest.raises(Busy, match="nothing was recorded"):
        take_turn(request("m1"), replace(slow, triage=Slow()))
    assert count(shop, "decision") == 1


def test_a_full_disk_records_nothing_and_says_so(tmp_path: Any, engine: ComplianceEngine) -> None:
    from services.schema import upgrade  # noqa: PLC0415 - only here
    from tests.services.parts import load_shop  # noqa: PLC0415 - only here

    database = Database(f"sqlite:///{tmp_path / 'full.db'}")
    upgrade(database)
    load_shop(database, engine)
    parts = build_parts(database, engine)
    take_turn(request("m0"), parts)
    before = count(database, "decision")

    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    from sqlalchemy import event  # noqa: PLC0415 - only here

    def cap(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    database.engine.dispose()
    event.listen(database.engine, "connect", cap)

    def fill() -> None:
        for number in range(50):
            words = "how much is " + "x" * 4000
            take_turn(request(f"f{number}", words, f"full{number}"), parts)

    with pytest.raises(StorageFull) as caught:
        fill()
    assert "nothing was recorded" in caught.value.message
    assert count(database, "decision") == count(database, "outbound_message") >= before
    assert verify_database(database)["ok"]


def test_a_decision_can_be_read_back(shop: Database, engine: ComplianceEngine) -> None:
    answer = take_turn(request(), build_parts(shop, engine))
    stored = read_decision(shop, answer.id)
    assert stored.trace["reply"] == answer.trace["reply"]
    assert stored.trace["match"] == answer.trace["match"]


def test_a_person_releases_a_conversation(shop: Database, engine: ComplianceEngine) -> None:
    clock = FixedClock()
    triage = FixedTriage(Label.REQUEST_HUMAN)
    parts = build_parts(shop, engine, triage, clock=clock)
    take_turn(request(), parts)
    assert [row["conversation"] for row in waiting(shop)] == ["c1"]
    release(shop, clock, "c1", "carol")
    assert waiting(shop) == []
    triage.label = Label.ASK_PRICE
    assert take_turn(request("m2"), parts).trace["reply"]["key"] == "price.box"
    with pytest.raises(Conflict, match="not held"):
        release(shop, clock, "c1", "carol")


def test_no_transaction_is_open_while_the_model_runs(
    shop: Database, engine: ComplianceEngine
) -> None:
    class Watching:
        def draft(self, prompt: Any, deadline_seconds: float) -> Any:
            with shop.begin() as session:  # would wait for ever on SQLite if the turn held one
                session.execute(text("UPDATE campaign SET name = name"))
            return drafting("The box costs $24.00 a week.").draft(prompt, deadline_seconds)

        def close(self) -> None:
            pass

    answer = take_turn(request(), build_parts(shop, engine, drafts=Watching()))
    assert answer.trace["reply"]["key"] == "price.box"
    assert new_id() > answer.id


class Meanwhile(FixedTriage):
    """Does something while the message is being triaged."""

    def __init__(self, deed: Any) -> None:
        super().__init__()
        self._deed = deed

    def classify(self, words: str, previous: str | None = None) -> Any:
        deed, self._deed = self._deed, lambda: None
        deed()
        return super().classify(words, previous)


def test_words_that_left_force_while_a_turn_ran_are_not_sent(
    shop: Database, engine: ComplianceEngine
) -> None:
    def retire() -> None:
        with shop.begin() as session:
            scripts = ScriptRepository(session)
            version = scripts.latest("shop", "price.box")
            assert version is not None
            scripts.step(version.id, Step.RETIRE, "bob", SystemClock().now())
            scripts.touch("shop")

    parts = build_parts(shop, engine, Meanwhile(retire))
    with pytest.raises(LibraryChanged):
        take_turn(request(), parts)
    assert count(shop, "decision") == 0
    assert take_turn(request(), parts).trace["reply"]["source"] == "fallback"


def test_an_opt_out_elsewhere_while_a_turn_ran_silences_it(
    shop: Database, engine: ComplianceEngine
) -> None:
    other = build_parts(shop, engine)

    def opt_out() -> None:
        take_turn(TurnRequest("shop", "c2", "STOP", "m1", "kim"), other)

    parts = build_parts(shop, engine, Meanwhile(opt_out))
    answer = take_turn(TurnRequest("shop", "c1", "how much?", "m1", "kim"), parts)
    assert answer.trace["reply"] == {
        "text": None, "source": "none", "reason": "opted_out_meanwhile", "key": None, "parts": [],
    }  # fmt: skip
    assert count(shop, "outbound_message") == 1


def test_an_opt_out_counts_for_the_person_named_later(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine)
    take_turn(request("m1"), parts)
    take_turn(TurnRequest("shop", "c1", "unsubscribe", "m2", "kim"), parts)
    elsewhere = take_turn(TurnRequest("shop", "c2", "how much?", "m1", "kim"), parts)
    assert elsewhere.trace["reply"]["reason"] == "opted_out_before"


def test_a_conversation_belongs_to_one_customer(shop: Database, engine: ComplianceEngine) -> None:
    parts = build_parts(shop, engine)
    take_turn(TurnRequest("shop", "c1", "how much?", "m1", "kim"), parts)
    with pytest.raises(Conflict, match="another customer"):
        take_turn(TurnRequest("shop", "c1", "how much?", "m2", "lee"), parts)
    assert take_turn(request("m3"), parts).trace["reply"]["text"]


def test_one_person_opting_out_twice_at_once_is_recorded_twice_and_listed_once(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine, turn_seconds=20)
    errors: list[BaseException] = []

    def stop(conversation: str) -> None:
        try:
            take_turn(TurnRequest("shop", conversation, "STOP", "m1", "kim"), parts)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=stop, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert count(shop, "decision") == 4
    assert count(shop, "do_not_contact") == 1
    assert verify_database(shop)["ok"]


def test_the_ledger_holds_no_identifier_of_the_channel(
    shop: Database, engine: ComplianceEngine
) -> None:
    parts = build_parts(shop, engine)
    take_turn(TurnRequest("shop", "+1 555 010 4477", "STOP", "m1", "kim@example.com"), parts)
    with shop.read() as session:
        rows = session.execute(text("SELECT envelope FROM ledger_entry")).scalars()
        everything = b"".join(bytes(row) for row in rows)
    assert b"555 010" not in everything
    assert b"kim@example" not in everything
