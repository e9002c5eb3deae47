"""The compliance engine is built once; the shop is loaded once and copied for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.engine import ComplianceEngine
from core.database import Database
from services.schema import upgrade
from tests.conftest import Templates
from tests.services.parts import compliance, load_shop


@pytest.fixture(scope="session")
def engine() -> ComplianceEngine:
    """The filter with the shipped packs."""
    return compliance()


@pytest.fixture
def shop(
    database_engine: str, templates: Templates, engine: ComplianceEngine, tmp_path: Path
) -> Iterator[Database]:
    """A database with the shop's scripts in force."""

    def prepare(database: Database) -> None:
        upgrade(database)
        load_shop(database, engine)

    found = Database(templates.copy(database_engine, "shop", prepare, tmp_path))
    yield found
    found.close()
