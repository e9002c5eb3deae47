"""One training step: several batches at once, each on its own thread, one update.

Threads take whole batches rather than parts of one matrix product, because on a machine shared
with other programs a product waits for its slowest part a thousand times a step.
"""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM

from llm.house.packing import Batch
from llm.house.state import Recipe, TrainingState

_KEPT = 0.98
Losses = tuple[Tensor, Tensor, Tensor]


class Stepper:
    """Holds the threads and the (compiled) loss; use as a context manager."""

    def __init__(self, recipe: Recipe, threads: int, *, compiled: bool) -> None:
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(1)
        self._recipe = recipe
        self._loss = torch.compile(_loss, dynamic=False) if compiled else _loss
        self._warm = False
        self._pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads_before)

    def take(self, state: TrainingState, batches: list[Batch], rate: float) -> None:
        """Average the gradients of ``batches``, clip, and update ``state`` at this rate."""
        if not self._warm:
            self._gradients(state.model, batches[0])
            self._warm = True
        models = [state.model] * len(batches)
        shards = list(self._pool.map(self._gradients, models, batches))
        parameters = list(state.model.parameters())
        for place, weight in enumerate(state.master):
            parts = [gradients[place].float() for _, gradients in shards]
            weight.grad = torch.stack(parts).mean(dim=0) * state.free[place]
        torch.nn.utils.clip_grad_norm_(state.master, self._recipe.clip)
        for group in state.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        state.optimiser.step()
        with torch.no_grad():
            for weight, parameter in zip(state.master, parameters, strict=True):
                parameter.copy_(weight)
        state.tokens += sum(batch.used for batch in batches)
        state.steps += 1
        _record(state, [losses for losses, _ in shards])

    def _gradients(self, model: LlamaForCausalLM, batch: Batch) -> tuple[Losses, list[Tensor]]:
        losses: Losses = self._loss(
            model,
            batch.ids,
            batch.positions,
            batch.mask,
            batch.places,
            batch.targets,
            batch.weights,
        )
        return losses, list(torch.autograd.grad(losses[0], list(model.parameters())))


def _loss(
    model: LlamaForCausalLM,
    ids: Tensor,
    positions: Tensor,
    mask: Tensor,
    places: Tensor,
    targets: Tensor,
    weights: Tensor,
) -> Losses:
    """Next-token cross entropy in nats: weighted mean; means over answers and over picks."""
    hidden = model.model(
        input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False
    ).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[places]).float()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    answer, pick = weights >= 1.0, weights > 1.0
    plain = losses.detach()
    return (
        (losses * weights).sum() / weights.sum(),
        (plain * answer).sum() / answer.sum(),
        (plain * pick).sum() / pick.sum(),
    )


def _record(state: TrainingState, losses: list[Losses]) -> None:
    keep = 0.0 if state.steps == 1 else _KEPT
    columns = zip(*losses, strict=True)
    means = [sum(float(loss.detach()) for loss in column) / len(losses) for column in columns]
    state.loss = keep * state.loss + (1 - keep) * means[0]
    state.answer_loss = keep * state.answer_loss + (1 - keep) * means[1]
    state.pick_loss = keep * state.pick_loss + (1 - keep) * means[2]
