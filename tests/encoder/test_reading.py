"""How texts are read is part of the encoder's identity: a change of it needs a new version."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from encoder.minilm import TAUGHT_VERSION, model_folder, read_pieces, read_taught, weights_file
from encoder.vocabulary import Reader

TEXTS = [
    "这个多少钱？一年三百，能不能便宜点",
    "ＡＰＰ怎么登录…？",
    "這個套餐包不包括安裝",
    "How much is it?  I'd like the 5G plan!",
    "wifi多少钱 a month",
    "",
    "😀🚗",
    "ราคาเท่าไหร่",
    "龘靐 12.5% $30",
    "今天天气很好。" * 40,
    "[MASK] [SEP]",
    "\ud800\x00",
]
# version of the encoder, first digits of its words' SHA-256: digest of all rows
READ = {("1", "6b96f6034ba9"): "572db77804b34bdd"}


def test_reading_changes_only_with_the_version() -> None:
    vocabulary, _ = read_taught(weights_file(Path(str(files("encoder"))) / "weights"))
    reader = Reader(read_pieces(model_folder()), vocabulary)
    rows = [reader.rows(text) for text in TEXTS]
    words = hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest()[:12]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
    assert {(TAUGHT_VERSION, words): digest} == READ
