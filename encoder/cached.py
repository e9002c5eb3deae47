"""A bounded cache in front of an encoder: within one turn the same text is encoded once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from encoder.types import Encoder, EncoderIdentity, Vectors

_PIECE = 256


class CachedEncoder:
    """Least-recently-used cache by exact text; safe for threads."""

    def __init__(self, inner: Encoder, capacity: int = 2048) -> None:
        self._inner = inner
        self._capacity = capacity
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def identity(self) -> EncoderIdentity:
        return self._inner.identity

    def warm(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> None:
        """Encode texts piece by piece ahead of use, telling ``progress`` how many of how many."""
        fresh = list(dict.fromkeys(texts))
        for start in range(0, len(fresh), _PIECE):
            self.encode(fresh[start : start + _PIECE])
            progress(min(start + _PIECE, len(fresh)), len(fresh))

    def encode(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            fresh = self._inner.encode(missing)
            found.update(zip(missing, fresh, strict=True))
            with self._lock:
                self._known.update(zip(missing, fresh, strict=True))
                while len(self._known) > self._capacity:
                    self._known.popitem(last=False)
        if not texts:
            return np.zeros((0, self.identity.dimension), dtype=np.float32)
        return np.stack([found[text] for text in texts])
