"""RE2 as this package uses it: case-insensitive, over UTF-8 bytes, time linear in the text."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

SET_MEMORY = 1 << 28

_PUNCTUATION = str.maketrans(
    {"，": ",", "！": "!", "；": ";", "：": ":", "？": r"\?", "（": r"\(", "）": r"\)", "％": "%"}
)

Span = tuple[int, int]


def pattern_options() -> Any:
    """Options shared by single patterns and sets."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = SET_MEMORY
    return options


def as_folded(pattern: str) -> str:
    """A pattern with full-width punctuation written as folding leaves it: ，as a plain comma."""
    return pattern.translate(_PUNCTUATION)


@lru_cache(maxsize=8192)
def compiled(pattern: str) -> Any:
    """A pattern ready to give spans in bytes of a folded text."""
    return re2.compile(as_folded(pattern), pattern_options())


def character_spans(pattern: Any, encoded: bytes) -> Iterator[Span]:
    """Spans in characters of every match in UTF-8 bytes; linear in the bytes."""
    byte = character = 0
    for match in pattern.finditer(encoded):
        first, last = match.span()
        start = character + len(encoded[byte:first].decode())
        byte, character = last, start + len(encoded[first:last].decode())
        yield start, character
