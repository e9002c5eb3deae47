"""JSON lines in, JSON lines out: one answer for each line read, in order, whatever it holds."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from core.errors import InvalidInput, OnScriptError
from core.json import line as to_line
from core.telemetry import logger

_log = logger("cli")
Answerer = Callable[[Mapping[str, Any]], Any]


def answer_lines(answer: Answerer, source: TextIO | None = None) -> int:
    """Answer every line of standard input; an error in one line does not stop the rest.

    Returns the exit status: 1 when any line was answered with ``{"error": {...}}``.
    """
    failed = 0
    for raw in _read(source or sys.stdin):
        try:
            result = answer(_parse(raw))
        except OnScriptError as error:
            result, failed = {"error": error.to_dict()}, 1
        except Exception as error:
            _log.error("line_failed", kind=type(error).__name__)
            result, failed = {"error": OnScriptError("an unexpected error").to_dict()}, 1
        sys.stdout.buffer.write(to_line(result).encode("utf-8", "replace") + b"\n")
        sys.stdout.buffer.flush()
    return failed


def _read(source: TextIO) -> Iterator[str]:
    buffer = getattr(source, "buffer", None)
    if buffer is None:
        yield from source
        return
    for raw in buffer:
        yield raw.decode("utf-8-sig", "replace")


def _parse(raw: str) -> Mapping[str, Any]:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the line is not JSON", mend="write one JSON object a line") from error
    if not isinstance(record, dict):
        raise InvalidInput("the line is not a JSON object", mend='write {"text": "..."}')
    return record


def text_of(record: Mapping[str, Any], name: str = "text") -> str:
    """A required text field. Raises InvalidInput."""
    value = record.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is missing or not a text", mend=f'give "{name}": "..."')
    return value


def optional_text(record: Mapping[str, Any], name: str) -> str | None:
    """An optional text field. Raises InvalidInput when it is something else."""
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name} is not a text")
    return value
