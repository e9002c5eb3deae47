"""Alembic environment: every package's tables are imported here, so that none is forgotten."""

from alembic import context

import compliance.ledger.tables
import compliance.tables  # noqa: F401 - registers tables
import script_store.tables  # noqa: F401 - registers tables
import services.tables  # noqa: F401 - registers tables
from core.database import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
