"""Sentences that break the law without its keywords, and lawful ones that come close."""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from compliance.types import Category
from core.errors import InvalidInput

LANGUAGES = ("zh", "en")
FOLDS = 5
_PARTS = 11


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the categories it violates; none: it is lawful."""

    text: str
    language: str
    categories: frozenset[Category]
    ordinary: bool = False  # lawful talk that comes nowhere near the law

    @property
    def digest(self) -> int:
        """CRC-32 of the text: what decides where a sentence belongs."""
        return zlib.crc32(self.text.encode("utf-8", "surrogatepass"))

    @property
    def is_test(self) -> bool:
        """An eleventh by CRC-32 of the text: no training and no threshold ever sees it."""
        return self._place == 0

    @property
    def fold(self) -> int:
        """0..4: the head that scores this sentence for calibration was trained on other folds."""
        return (self._place - 1) % FOLDS

    @property
    def _place(self) -> int:
        return (self.digest >> 4) % _PARTS


def shipped_folder() -> Path:
    """Where the corpus lives in the package."""
    return Path(str(files(__package__))) / "corpus"


def load_corpus(folder: Path | None = None) -> list[Sentence]:
    """Every sentence of zh.jsonl and en.jsonl, each text once. Raises InvalidInput with its place.

    A line is ``{"text", "categories": [...], "kind": "violation" | "lawful"}``.
    """
    root = folder or shipped_folder()
    found: dict[str, Sentence] = {}
    for language in LANGUAGES:
        for sentence in _read(root / f"{language}.jsonl", language):
            found.setdefault(sentence.text, sentence)
    return list(found.values())


def ordinary(texts: Iterable[str], language: str) -> list[Sentence]:
    """Sentences of approved talk as further lawful ones."""
    return [Sentence(text, language, frozenset(), True) for text in dict.fromkeys(texts)]


def corpus_hash(folder: Path | None = None) -> str:
    """SHA-256 over both files, in order."""
    root = folder or shipped_folder()
    digest = sha256()
    for language in LANGUAGES:
        digest.update((root / f"{language}.jsonl").read_bytes())
    return digest.hexdigest()


def _read(path: Path, language: str) -> Iterator[Sentence]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read", mend="give --corpus FOLDER") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text, kind = str(record["text"]).strip(), record["kind"]
            categories = frozenset(Category(name) for name in record["categories"])
            if not text or kind not in ("violation", "lawful"):
                raise ValueError(f"kind {kind!r} or an empty text")
            if bool(categories) != (kind == "violation"):
                raise ValueError(f"{len(categories)} categories on a {kind} sentence")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{path.name}:{number}: {type(error).__name__}: {error}",
                mend="text, categories and kind are needed",
            ) from error
        yield Sentence(text, language, categories)
