"""The house tokenizer: byte-fallback BPE over single Han characters, digits and English words.

Han characters and digits are never merged, so that a figure or a name the model has not met is
copied piece by piece; English merges fill the rest of the vocabulary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from llm.house.corpus import Corpus
from llm.house.format import CONTROL_TOKENS, END, PAD

_PIECES = r"\p{Han}|[0-9]|▁?[A-Za-z']+|▁|[^\p{Han}0-9A-Za-z▁']"


def train_tokenizer(corpus: Corpus, size: int) -> PreTrainedTokenizerFast:
    """Train on the training part of the corpus; ``size`` counts bytes and control tokens too."""
    tokenizer = Tokenizer(BPE(byte_fallback=True, unk_token=None, fuse_unk=False))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    byte_pieces = [f"<0x{value:02X}>" for value in range(256)]
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, normalized=False) for token in CONTROL_TOKENS]
        + [AddedToken(piece, normalized=False) for piece in byte_pieces],
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(_texts(corpus), trainer)
    return _wrap(tokenizer, byte_pieces)


def _wrap(tokenizer: Tokenizer, byte_pieces: list[str]) -> PreTrainedTokenizerFast:
    """Keep byte pieces in the vocabulary but let no text spell them as control tokens."""
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [
        token for token in state["added_tokens"] if token["content"] not in byte_pieces
    ]
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers' own gap
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[t for t in CONTROL_TOKENS if t not in (PAD, END)],
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the files that ``AutoTokenizer.from_pretrained(folder)`` reads."""
    tokenizer.save_pretrained(folder)


def token_rarity(tokenizer: PreTrainedTokenizerFast, corpus: Corpus) -> Tensor:
    """How rare each token of the vocabulary is, 0 (one in 50) to 1 (one in 5,000 or rarer)."""
    counts = torch.ones(len(tokenizer))
    texts = list(_texts(corpus))
    for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
        counts.index_add_(0, torch.tensor(ids, dtype=torch.long), torch.ones(len(ids)))
    surprise = -(counts / counts.sum()).log()
    return ((surprise - math.log(50)) / math.log(100)).clamp(0, 1)


def _texts(corpus: Corpus) -> Iterator[str]:
    for dialogue in corpus.dialogues:
        yield from dialogue.facts
        for turn in dialogue.turns:
            yield turn.customer
            yield turn.seller
    for cluster in corpus.clusters:
        yield from cluster.wordings
        yield from cluster.near_misses
