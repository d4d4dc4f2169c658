"""L-BFGS over the parameters of torch modules, in float64, with early stopping on a held-out loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from asemacro.tasks.interrupts import stop_if_told
from asemacro.typing import Floats


def minimise(
    parameters: list[torch.nn.Parameter],
    loss: Callable[[], Tensor],
    steps: int,
    judge: Callable[[], float] | None = None,
    patience: int = 30,
) -> Floats:
    """Minimise a loss over all parameters, which are left at the last values tried.

    Args:
        parameters: what the loss depends on.
        loss: its value as a tensor.
        steps: most L-BFGS iterations.
        judge: held-out loss, looked at after each iteration.
        patience: iterations without improvement of `judge` before it stops.

    Returns:
        All values in one array: those lowest in `judge`, or the last ones without it.
    """

    def value_and_gradient(flat: Floats) -> tuple[float, Floats]:
        stop_if_told()
        fill(parameters, flat)
        value = loss()
        gradients = torch.autograd.grad(value, parameters)
        return float(value.detach()), np.concatenate([g.reshape(-1).numpy() for g in gradients])

    best, lowest, since = flat_of(parameters), np.inf if judge is None else judge(), 0

    def look(flat: Floats) -> None:
        nonlocal best, lowest, since
        if judge is None:
            return
        fill(parameters, flat)
        with torch.no_grad():
            value = judge()
        since += 1
        if value < lowest:
            best, lowest, since = flat.copy(), value, 0
        if since > patience:
            raise StopIteration

    if steps == 0:
        return best
    done = optimize.minimize(
        value_and_gradient, best.copy(), jac=True, method="L-BFGS-B", callback=look, options={"maxiter": steps}
    )
    return best if judge is not None else np.asarray(done.x)


@torch.no_grad()
def flat_of(parameters: list[torch.nn.Parameter]) -> Floats:
    """All parameters in one array."""
    return np.concatenate([p.reshape(-1).numpy() for p in parameters]).astype(float)


@torch.no_grad()
def fill(parameters: list[torch.nn.Parameter], flat: Floats) -> None:
    """Put the values of one array into the parameters."""
    start = 0
    for p in parameters:
        p.copy_(torch.from_numpy(flat[start : start + p.numel()]).reshape(p.shape))
        start += p.numel()
