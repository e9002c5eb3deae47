"""Bringing the database to the version of the code, and saying whether it is there."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.database import Database


def upgrade(database: Database, revision: str = "head") -> str:
    """Apply every migration up to ``revision`` in one transaction; returns the one in force."""
    with database.migrating() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return MigrationContext.configure(connection).get_current_revision() or ""


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code was written for."""
    with database.read() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    return found == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("migrations")))))
    return config
