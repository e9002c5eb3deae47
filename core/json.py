"""One canonical JSON form for whatever is hashed, and a plain one for people."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples, sets, dates and numpy scalars into JSON's own types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        return value.item()
    return value


def canonical(value: Any) -> bytes:
    """UTF-8 bytes with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(
        plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def line(value: Any) -> str:
    """One JSON line for a terminal or a pipe."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
