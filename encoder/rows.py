"""First values of the Chinese rows: what a word means in English, in MiniLM's own terms."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch

from encoder.minilm import read_pieces
from encoder.network import load_base
from encoder.vocabulary import PIECES, SPARE_ROWS, Vocabulary

_MARKERS = 1000  # MiniLM's first rows are markers and unused


def first_rows(folder: Path, vocabulary: Vocabulary, glosses: Mapping[str, str]) -> torch.Tensor:
    """(vocabulary.size, 384), the same at every call.

    A glossed word begins as the mean of its gloss's rows, a character without a gloss as the mean
    of the words it stands in, anything else as the mean row with a little noise.
    """
    table = load_base(folder).embeddings.word_embeddings.weight.detach()
    pieces = read_pieces(folder)
    noise = torch.Generator().manual_seed(1)
    rows = table[_MARKERS:].mean(dim=0) + 0.02 * torch.randn(
        vocabulary.size, table.shape[1], generator=noise
    )
    uses: dict[str, list[int]] = defaultdict(list)
    for word, gloss in glosses.items():
        place = vocabulary.rows(word)[0] - PIECES
        ids = pieces.encode(gloss.replace(",", " "), add_special_tokens=False).ids
        if ids and place < vocabulary.size - SPARE_ROWS:
            rows[place] = table[ids].mean(dim=0)
            for character in word if len(word) > 1 else "":
                uses[character].append(place)
    for character, places in uses.items():
        if character not in glosses:
            rows[vocabulary.rows(character)[0] - PIECES] = rows[places].mean(dim=0)
    return rows
