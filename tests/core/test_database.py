"""Trouble with the database is told in our own terms, with what to do about it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.database import Database, UtcDateTime
from core.errors import ConfigurationError, Unavailable
from services.schema import is_current, upgrade

NOBODY_LISTENS = "postgresql://someone@127.0.0.1:9/onscript?connect_timeout=2"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://host/db",
        "sqlite+nosuch:///x.db",
        "postgresql+nosuch://host/db",
        "postgresql://host:port/db",
    ],
)
def test_an_unusable_url_is_refused_with_the_forms_that_work(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database(url)
    assert "postgresql://" in caught.value.mend


def test_a_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database("mysql://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value.to_dict())


def ask(database: Database) -> None:
    with database.read() as session:
        session.execute(text("SELECT 1"))


def write(database: Database) -> None:
    with database.begin() as session:
        session.execute(text("SELECT 1"))


@pytest.mark.parametrize("use", [ask, write, upgrade, is_current])
def test_an_unreachable_server_is_unavailable_whatever_is_asked_of_it(use: object) -> None:
    database = Database(NOBODY_LISTENS)
    with pytest.raises(Unavailable) as caught:
        use(database)  # type: ignore[operator]  # each takes a database
    assert "ONSCRIPT_DATABASE_URL" in caught.value.mend
    database.close()


@pytest.mark.parametrize("use", [ask, write, upgrade, is_current])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, use: object) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear customer, " * 500)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(ConfigurationError, match="no database") as caught:
        use(database)  # type: ignore[operator]  # each takes a database
    assert "backup" in caught.value.mend
    assert file.read_text().startswith("Dear customer")
    database.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="folder"):
        Database(f"sqlite:///{tmp_path}/file/onscript.db")


def test_missing_tables_are_mended_by_an_upgrade(empty_database: Database) -> None:
    with pytest.raises(Unavailable) as caught, empty_database.read() as session:
        session.execute(text("SELECT key FROM campaign"))
    assert caught.value.mend == "run: onscript db upgrade"


def test_a_transaction_that_fails_leaves_nothing(empty_database: Database) -> None:
    def fail(database: Database) -> None:
        with database.begin() as session:
            session.execute(text("INSERT INTO thing VALUES (1)"))
            session.execute(text("INSERT INTO thing VALUES (1)"))

    with empty_database.begin() as session:
        session.execute(text("CREATE TABLE thing (id INTEGER PRIMARY KEY)"))
    with pytest.raises(IntegrityError):
        fail(empty_database)
    with empty_database.read() as session:
        assert session.execute(text("SELECT count(*) FROM thing")).scalar() == 0


def test_naive_times_are_refused() -> None:
    column = UtcDateTime()
    dialect = Database("sqlite://").engine.dialect
    with pytest.raises(ValueError, match="naive"):
        column.process_bind_param(datetime(2026, 1, 1), dialect)  # the point is that it is naive
    assert column.process_result_value(datetime(2026, 1, 1), dialect) == datetime(
        2026, 1, 1, tzinfo=UTC
    )
