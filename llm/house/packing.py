"""Exercises packed into rows of one length: no padding waste, no reading across exercises."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Encoded = tuple[list[int], int]
"""Token ids of one exercise and how many of them belong to its prompt."""

_POOL = 96


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares in the loss: a prompt's token, and the mark that names the statement; others 1."""

    prompt: float
    pick: float


@dataclass(frozen=True, slots=True)
class Batch:
    """``ids`` and ``positions`` (rows, L), ``mask`` (rows, 1, L, L) and what is to be predicted.

    ``places`` (P,) index the flattened hidden states, ``targets`` (P,) are the tokens that follow
    and ``weights`` (P,) their share in the loss: 1 in an answer, less in a prompt, 0 for filling.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor
    used: int


class Packer:
    """Fills rows greedily from a small pool, the longest fitting exercise first.

    Every answer token is predicted and, of the prompt's, as many as fit into ``predicted``: the
    output layer is a third of the work.
    """

    def __init__(
        self,
        draw: Callable[[], Encoded],
        rng: random.Random,
        rows: int,
        length: int,
        predicted: int,
        weights: Weights,
    ) -> None:
        self._draw = draw
        self._rng = rng
        self._predicted = predicted
        self._rows = rows
        self._length = length
        self._weights = weights
        self._pool: list[Encoded] = []

    def next(self) -> Batch:
        shape = (self._rows, self._length)
        ids = torch.zeros(shape, dtype=torch.long)
        positions = torch.zeros(shape, dtype=torch.long)
        answers: list[int] = []
        prompts: list[int] = []
        picks: list[int] = []
        owners = torch.full(shape, -1, dtype=torch.long)
        used = 0
        for row in range(self._rows):
            start = 0
            for owner, (tokens, prompt) in enumerate(self._fill_row()):
                stop = start + len(tokens)
                ids[row, start:stop] = torch.tensor(tokens)
                positions[row, start:stop] = torch.arange(len(tokens))
                owners[row, start:stop] = owner
                begin = row * self._length + start
                picks.append(begin + prompt - 1)
                prompts += range(begin, begin + prompt - 1)
                answers += range(begin + prompt, begin + len(tokens) - 1)
                start = stop
            used += start
        places, weights = self._choose(picks, answers, prompts)
        return Batch(
            ids, positions, _mask(owners), places, ids.flatten()[places + 1], weights, used
        )

    def _choose(
        self, picks: list[int], answers: list[int], prompts: list[int]
    ) -> tuple[Tensor, Tensor]:
        self._rng.shuffle(prompts)
        weighted = [(place, self._weights.pick) for place in picks]
        weighted += [(place, 1.0) for place in answers]
        weighted += [(place, self._weights.prompt) for place in prompts]
        filling = self._predicted - len(weighted)
        kept = (weighted + [(0, 0.0)] * filling)[: self._predicted]
        return torch.tensor([place for place, _ in kept]), torch.tensor([w for _, w in kept])

    def _fill_row(self) -> list[Encoded]:
        chosen: list[Encoded] = []
        room = self._length
        while True:
            while len(self._pool) < _POOL:
                drawn = self._draw()
                if len(drawn[0]) <= self._length:
                    self._pool.append(drawn)
            if not chosen:
                best = 0
            else:
                fitting = [i for i, item in enumerate(self._pool) if len(item[0]) <= room]
                if not fitting:
                    return chosen
                best = max(fitting, key=lambda i: len(self._pool[i][0]))
            item = self._pool.pop(best)
            chosen.append(item)
            room -= len(item[0])


def _mask(owners: Tensor) -> Tensor:
    """True where a position may look: backwards, inside its own exercise, always at itself."""
    length = owners.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    same = owners[:, :, None] == owners[:, None, :]
    return (same & causal)[:, None]
