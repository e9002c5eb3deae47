"""What a model says of a text, and what the engine asks of one."""

from dataclasses import dataclass
from typing import Protocol

from compliance.types import Category


@dataclass(frozen=True, slots=True)
class Opinion:
    """``text[start:end]`` is a violation with this probability (0..1), best named by ``category``.

    ``enforced`` is false where held-out sentences did not show the precision that a block needs.
    """

    category: Category
    score: float
    start: int
    end: int
    enforced: bool


class Paraphrase(Protocol):
    """Reads whole sentences. It may add to what rules found and never takes anything away."""

    @property
    def identity(self) -> str:
        """Name, version and weights, for the record: ``name@version#hash12``."""
        ...

    def opinions(self, text: str) -> tuple[Opinion, ...]:
        """In the order of the text; at most one for each sentence."""
        ...
