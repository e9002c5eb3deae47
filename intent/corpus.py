"""The labelled utterances and how they are split; one JSON object a line under intent/corpus."""

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from core.errors import InvalidInput
from encoder.ngrams import fold
from intent.types import Label

FEWEST = 30  # utterances a label needs in each language before training makes sense


class Split(StrEnum):
    """Where an utterance belongs; decided by a hash, so that it never wanders."""

    TRAIN = "train"
    DEV = "dev"  # fits temperature and threshold
    TEST = "test"  # only ever measured on


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a customer wrote, what they wanted, and our message before it where that matters."""

    text: str
    label: Label
    language: str
    previous: str | None = None
    dialogue: str = ""

    @property
    def group(self) -> str:
        """What stays on one side of the split: a dialogue, answers to one message, one wording."""
        return self.dialogue or self.previous or fold(self.text)

    @property
    def split(self) -> Split:
        """80 % train, 10 % dev, 10 % test by a hash of the group."""
        place = (zlib.crc32(self.group.encode("utf-8", "surrogatepass")) >> 4) % 10
        return Split.DEV if place == 0 else Split.TEST if place == 1 else Split.TRAIN


def shipped_folder() -> Path:
    """Where the corpus lives in the package."""
    return Path(str(files("intent"))) / "corpus"


def load_corpus(folder: Path | None = None) -> list[Utterance]:
    """All utterances of ``zh*.jsonl`` and ``en*.jsonl``.

    Raises InvalidInput naming file and line for an unknown label or a broken line, and naming the
    label when a language has fewer than 30 utterances of it.
    """
    root = folder or shipped_folder()
    found = [u for path in sorted(root.glob("*.jsonl")) for u in _read(path)]
    _check_counts(found)
    return found


def corpus_hash(folder: Path | None = None) -> str:
    """SHA-256 over all corpus files in name order."""
    digest = sha256()
    for path in sorted((folder or shipped_folder()).glob("*.jsonl")):
        digest.update(path.name.encode() + b"\x00" + path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> Iterable[Utterance]:
    language = path.name[:2]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            record = json.loads(line)
            label = Label(record["label"])
            text = str(record["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{place}: {error}", mend=f"text and label are needed; labels: {', '.join(Label)}"
            ) from error
        if not text.strip():
            raise InvalidInput(f"{place}: the text is empty")
        yield Utterance(
            text, label, language, record.get("previous") or None, str(record.get("dialogue", ""))
        )


def _check_counts(utterances: list[Utterance]) -> None:
    if not utterances:
        raise InvalidInput("the corpus is empty", mend="add zh.jsonl and en.jsonl")
    counts: defaultdict[str, Counter[Label]] = defaultdict(Counter)
    for utterance in utterances:
        counts[utterance.language][utterance.label] += 1
    for language, by_label in counts.items():
        for label in Label:
            if by_label[label] < FEWEST:
                raise InvalidInput(
                    f"{language} has {by_label[label]} utterances of {label.value}",
                    mend=f"write at least {FEWEST}",
                )
