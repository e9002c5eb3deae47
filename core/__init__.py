"""Settings, database session, errors, clock, ids and telemetry; knows nothing of sales."""
