"""An engine that plays what it was told: deterministic, for demonstrations and tests."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llm.types import Finish, GenerationParameters, ModelIdentity, Prompt, Stream, Usage


@dataclass(frozen=True, slots=True)
class Performance:
    """One draft as it will be played: pieces, pauses, an error, a hang or no end at all.

    ``hang_seconds`` is a pause that ignores cancellation, as a stuck driver would; ``endless``
    repeats the pieces until the draft is cancelled.
    """

    pieces: tuple[str, ...] = ()
    pause_seconds: float = 0.0
    hang_seconds: float = 0.0
    error: BaseException | None = None
    endless: bool = False
    finish: Finish = "end"


class ScriptedEngine:
    """Plays its performances in turn; the last one is repeated."""

    def __init__(self, performances: Sequence[Performance]) -> None:
        self._performances = tuple(performances) or (Performance(),)
        self._played = 0
        self._lock = threading.Lock()
        self.prompts: list[Prompt] = []

    @property
    def identity(self) -> ModelIdentity:
        """Always the same."""
        return ModelIdentity("scripted", "1", "none", "scripted")

    def stream(
        self,
        prompt: Prompt,
        parameters: GenerationParameters,
        *,
        deadline: float,
        cancel: threading.Event,
    ) -> Stream:
        """Play the next performance; ``parameters`` and ``deadline`` are ignored on purpose."""
        with self._lock:
            number = min(self._played, len(self._performances) - 1)
            self._played += 1
            self.prompts.append(prompt)
        performance = self._performances[number]
        usage = Usage(len(prompt.text), len(performance.pieces))
        return Stream(_play(performance, cancel), usage, performance.finish)

    def close(self) -> None:
        """Nothing is held."""


def _play(performance: Performance, cancel: threading.Event) -> Iterator[str]:
    if performance.hang_seconds:
        time.sleep(performance.hang_seconds)
    while True:
        for piece in performance.pieces:
            if performance.pause_seconds and cancel.wait(performance.pause_seconds):
                return
            yield piece
        if performance.error is not None:
            raise performance.error
        if not performance.endless or cancel.is_set():
            return
