"""What the shipped encoder is trained to do, as losses over L2-normalised vectors."""

import torch
from torch.nn import functional

_SCALE = 5.0  # of comparisons, so that a small head learns quickly
_NEVER = 1e4  # taken off a score that must not count


def contrast(
    wordings: torch.Tensor, misses: torch.Tensor, owners: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Wordings of one meaning find each other among the others and all near misses.

    ``wordings`` (n, d) with ``owners`` (n,) naming their meaning, ``misses`` (m, d). Supervised
    contrastive loss, mean over a wording's partners (Khosla et al. 2020, outside form).
    """
    scores = wordings @ torch.cat([wordings, misses]).T / temperature
    itself = torch.eye(len(wordings), scores.shape[1], device=scores.device)
    scores = scores - itself * _NEVER
    partners = functional.pad(owners[:, None] == owners[None, :], (0, len(misses))) & (itself == 0)
    chances = scores - scores.logsumexp(dim=1, keepdim=True)
    found = torch.where(partners, chances, 0.0).sum(1) / partners.sum(1).clamp(min=1)
    return -found.mean()


def tell_apart(
    first: torch.Tensor, second: torch.Tensor, misses: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Two wordings of row i are nearer to each other than either is to the near miss of row i."""
    same = (first * second).sum(dim=1)
    nearer = torch.maximum((first * misses).sum(dim=1), (second * misses).sum(dim=1))
    return functional.softplus((nearer - same) / temperature).mean()


def compared(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(n, 2 d): where two vectors of unit length differ and where they agree, on one scale."""
    return torch.cat([(left - right).abs(), left * right * len(left[0]) ** 0.5], dim=1) * _SCALE


def find(
    queries: torch.Tensor, targets: torch.Tensor, places: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Query i finds row ``places[i]`` of ``targets`` among all of them (InfoNCE)."""
    return functional.cross_entropy(queries @ targets.T / temperature, places)


def stray(vectors: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean of one minus the cosine to the wanted vectors."""
    return 1 - (vectors * wanted).sum(dim=1).mean()
