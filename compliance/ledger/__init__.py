"""The tamper-evident log: every entry carries the hash of the one before it."""
