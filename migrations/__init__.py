"""Alembic migrations; run them with ``onscript db upgrade``."""
