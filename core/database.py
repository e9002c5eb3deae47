"""The database session: one place that connects, begins and commits.

SQLite runs in WAL mode with synchronous=FULL, so a commit that was acknowledged survives a power
cut; every write transaction begins IMMEDIATE, so two writers queue instead of failing half-way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session

from core.errors import ConfigurationError, InvalidInput, StorageFull, Unavailable

_URLS = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
_NO_TABLES = ("no such table", "no such column", "does not exist")
_DAMAGED = ("not a database", "malformed")


_CONNECTIONS = 20  # per process
_LOCK_MILLISECONDS = 10_000  # longest wait for another writer


class Base(DeclarativeBase):
    """Declarative base of every table; constraint names are stable for migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime on both engines (SQLite keeps none)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Hands out sessions: ``begin`` for writing (commits or rolls back), ``read`` for reading."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @property
    def name(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One write transaction, committed when the block ends without an error.

        Raises StorageFull or Unavailable; in both cases nothing of the block was recorded.
        """
        with (
            _telling(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read-only transaction; on SQLite it takes no write lock."""
        with _telling(), self.engine.connect() as connection:
            reading = connection.execution_options(onscript_read=True)
            if self.name == "postgresql":  # one snapshot for the whole block, as SQLite gives
                reading = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(reading, expire_on_commit=False) as session:
                yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """One transaction on a bare connection, for changes of the tables themselves."""
        with _telling(), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Return every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("the database URL cannot be read", mend=_URLS) from error
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            _make_folder(Path(parsed.database).parent)
        engine = _create(
            parsed,
            connect_args={"timeout": _LOCK_MILLISECONDS / 1000},
            **({"pool_size": _CONNECTIONS, "pool_timeout": 5} if parsed.database else {}),
        )
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if parsed.get_backend_name() == "postgresql":
        limits = f"-c lock_timeout={_LOCK_MILLISECONDS} -c statement_timeout=60000"
        return _create(
            parsed,
            pool_pre_ping=True,
            pool_size=_CONNECTIONS,
            pool_timeout=5,
            connect_args={"options": limits},
        )
    raise ConfigurationError(
        f"the database {parsed.get_backend_name()} is not supported", mend=_URLS
    )


def _create(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, **options)
    except NoSuchModuleError as error:
        raise ConfigurationError(
            f"the database driver {url.drivername} is not supported", mend=_URLS
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the database's folder cannot be made: {error.strerror}",
            mend="set ONSCRIPT_HOME or ONSCRIPT_DATABASE_URL to a place this user may write to",
        ) from error


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's recipe: we emit BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    reading = connection.get_execution_options().get("onscript_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _telling() -> Iterator[None]:
    """Say in our own terms what the driver reports; a broken constraint stays what it is."""
    try:
        yield
    except IntegrityError:
        raise
    except DataError as error:
        raise InvalidInput(
            "a value is too long for the database or holds characters it cannot keep"
        ) from error
    except PoolTimeout as error:
        raise Unavailable("too many requests at once; nothing was recorded") from error
    except DatabaseError as error:
        text = str(error.orig).lower()
        if any(words in text for words in _DAMAGED):
            raise ConfigurationError(
                "the database file is damaged or is no database",
                mend="restore it from a backup, or point ONSCRIPT_DATABASE_URL elsewhere",
            ) from error
        # PostgreSQL reports a missing table as a wrong statement, SQLite as trouble in operation
        missing = any(words in text for words in _NO_TABLES)
        if missing or isinstance(error, OperationalError):
            raise _operational(error) from error
        raise


def _operational(error: DBAPIError) -> Unavailable:
    text = str(error.orig).lower()
    if "full" in text or "no space" in text or "disk i/o" in text:
        return StorageFull(
            "the database has no space left; nothing was recorded",
            mend="free disk space or move ONSCRIPT_HOME / ONSCRIPT_DATABASE_URL, then try again",
        )
    if any(words in text for words in _NO_TABLES):
        return Unavailable(
            "the database has no tables yet, or older ones", mend="run: onscript db upgrade"
        )
    return Unavailable(
        "the database cannot be reached or is busy; nothing was recorded",
        mend="check ONSCRIPT_DATABASE_URL and that the server runs, then try again",
    )
