"""Concurrent callers share a forward pass: whoever finds the model free takes all that wait along.

No timer and no thread of its own: a lone caller goes straight through, and while a pass runs the
next callers gather for the one after it.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import OnScriptError
from encoder.types import Encoder, EncoderIdentity, Vectors

# what one text may do to a pass; anything else is the model's and reaches whoever ran it
_OF_A_TEXT = (OnScriptError, ValueError, TypeError, RuntimeError, MemoryError)


@dataclass(slots=True, eq=False)
class _Request:
    texts: Sequence[str]
    done: bool = False
    vectors: Vectors | None = None  # None when done: the shared pass failed


class BatchingEncoder:
    """Safe for threads; one forward pass of ``inner`` at a time, of at most ``largest`` texts.

    A caller with more texts takes several turns, so that it holds nobody up for longer than one
    pass. When a shared pass fails, each of its callers asks again on its own, and only the one
    whose text it was meets the error.
    """

    def __init__(self, inner: Encoder, largest: int = 64) -> None:
        self._inner = inner
        self._largest = largest
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._busy = False

    @property
    def identity(self) -> EncoderIdentity:
        return self._inner.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.identity.dimension), dtype=np.float32)
        starts = range(0, len(texts), self._largest)
        pieces = [self._shared(texts[start : start + self._largest]) for start in starts]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _shared(self, texts: Sequence[str]) -> Vectors:
        request = _Request(texts)
        with self._changed:
            self._waiting.append(request)
            self._changed.wait_for(lambda: request.done or not self._busy)
            chosen = [] if request.done else self._take(request)
        if chosen:
            self._run(chosen)
        return self._alone(texts) if request.vectors is None else request.vectors

    def _take(self, own: _Request) -> list[_Request]:
        """The caller's own request and those waiting longest that fit beside it."""
        self._busy = True
        self._waiting.remove(own)
        chosen, room = [own], self._largest - len(own.texts)
        while self._waiting and len(self._waiting[0].texts) <= room:
            chosen.append(self._waiting.popleft())
            room -= len(chosen[-1].texts)
        return chosen

    def _run(self, chosen: list[_Request]) -> None:
        """One pass for all; then every request is done, with its vectors if it went well."""
        try:
            vectors = self._inner.encode([text for request in chosen for text in request.texts])
            ends = np.cumsum([len(request.texts) for request in chosen])[:-1]
            for request, part in zip(chosen, np.split(vectors, ends), strict=True):
                request.vectors = part
        except _OF_A_TEXT:
            if len(chosen) == 1:
                raise  # nobody else's; a shared failure is found out by each caller alone
        finally:
            self._free(chosen)

    def _alone(self, texts: Sequence[str]) -> Vectors:
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
            self._busy = True
        try:
            return self._inner.encode(texts)
        finally:
            self._free([])

    def _free(self, done: list[_Request]) -> None:
        with self._changed:
            for request in done:
                request.done = True
            self._busy = False
            self._changed.notify_all()
