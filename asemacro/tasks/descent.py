"""Gradient descent by minibatches: the one loop in which networks learn. It says how far it is and can be stopped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from asemacro.fitted import History
from asemacro.tasks.descent_state import DescentState
from asemacro.tasks.interrupts import stop_if_told
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import place_here
from asemacro.tasks.progress import silent
from asemacro.typing import Report


@dataclasses.dataclass(frozen=True)
class Judge:
    """When a descent has gone far enough.

    Attributes:
        loss: of what is held out, with the parameters as they are now.
        keep: called when it is the lowest so far.
        patience: epochs without a lower one after which the descent stops.
        every: epochs between two looks.
    """

    loss: Callable[[int], float]
    keep: Callable[[], None]
    patience: float = math.inf
    every: int = 1


def import_optimisers() -> None:
    """Import what torch imports with its first optimiser, which takes it seconds.

    Call it before descents that run side by side: a task that imports hears of no stop, Ctrl-C would wait for it.
    """
    torch.optim.SGD([torch.zeros(1)])


def descend(
    loss: Callable[[Any], tuple[Tensor, float]],
    batches: Callable[[], Sequence[Any]],
    optimiser: torch.optim.Optimizer,
    *,
    epochs: int,
    stepped: Callable[[], Any],
    clipped: Iterable[Tensor] = (),
    largest_gradient: float = math.inf,
    judge: Judge | None = None,
    state: Sequence[Any] | None = None,
    progress: Report = silent,
) -> History:
    """Minimise a mean loss by steps along the gradients of minibatches.

    Args:
        loss: mean loss of a minibatch, and its weight in the mean of an epoch.
        batches: the minibatches of an epoch, in its own order.
        optimiser: makes the steps.
        epochs: passes over the data.
        stepped: called after each step: learning rates, running means.
        clipped: parameters whose gradient, all together, is cut to `largest_gradient`.
        largest_gradient: see `clipped`.
        judge: looks at what is held out and may end the descent; default: all epochs are made.
        state: what else changes in a descent, as random generators (of torch or numpy), learning rates, running means
            and what `keep` keeps (with `state_dict` and `load_state_dict`): where a run keeps its parts, the descent
            goes on where it was stopped. None: it is not kept.
        progress: told after each step, as progress("descent", fraction, text).

    Raises:
        ValueError: the loss is not finite.
    """
    now, text = DescentState(optimiser, state or ()), ""
    history, parameters = now.history, list(clipped)
    place = None if state is None else place_here()
    with OnTheWay(now, place, "descent", now.n_bytes, "the parameters of the networks") as way:
        for epoch in range(now.epoch, 0 if way.finished else epochs):
            total = total_weight = 0.0
            parts = batches()
            for k, part in enumerate(parts):
                optimiser.zero_grad(set_to_none=True)
                value, weight = loss(part)
                value.backward()
                if parameters:
                    torch.nn.utils.clip_grad_norm_(parameters, largest_gradient)
                optimiser.step()
                stepped()
                total, total_weight = total + float(value.detach()) * weight, total_weight + weight
                stop_if_told()
                progress("descent", (epoch + (k + 1) / len(parts)) / epochs, text)
            history.training.append(total / total_weight)
            if not math.isfinite(total):
                raise ValueError(
                    f"the loss is not finite in epoch {epoch + 1}; look for outliers or lower learning_rate"
                )
            text = f"loss {history.training[-1]:.4f}"
            if judge is not None and ((epoch + 1) % judge.every == 0 or epoch + 1 == epochs):
                judged = judge.loss(epoch)
                history.validation.append(judged)
                text += f", held out {judged:.4f}"
                if judged < now.lowest:
                    now.lowest, history.best_epoch = judged, epoch
                    judge.keep()
                elif epoch - history.best_epoch > judge.patience:
                    history.stopped_early = True
                    break
            now.epoch = epoch + 1
            way.look()
        way.end()
    progress("descent", 1.0, text)
    return history
