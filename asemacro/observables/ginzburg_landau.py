"""The Ginzburg-Landau energy of a field on a square grid: the observable of the Allen-Cahn equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from asemacro.arguments.door import above_zero, checked, whole
from asemacro.observables.differentiable import DifferentiableObservable


class GinzburgLandauEnergy(DifferentiableObservable):
    r"""E = h^2 sum [ (v^2 - 1)^2 / (4 epsilon^2) + |grad v|^2 / 2 ] of a field v on n x n cells of the unit square.

    h = 1 / n; grad v by central differences, (v_{i+1} - v_{i-1}) / (2 h), the cell itself standing for a neighbour
    beyond the edge. It is the energy of the published results (Chen and Li 2024). The one that the five-point scheme
    makes fall in every step has forward differences, see `AllenCahn.energy`; they agree for a wide interface.

    Args:
        n: cells along an edge.
        epsilon: width of the interface.
        label: name of the variable.
    """

    @checked(n=whole(2, 2**15), epsilon=above_zero)
    def __init__(self, n: int, epsilon: float, label: str = "energy") -> None:
        self.labels = (label,)
        self.n, self.epsilon = n, epsilon

    def __call__(self, x: Tensor) -> Tensor:
        """Energies (batch, 1) of states (batch, n^2)."""
        return _Energy.apply(self._field(x), self.epsilon)  # type: ignore[no-any-return]

    def gradient(self, x: Tensor) -> Tensor:
        """h^2 [(v^2 - 1) v / epsilon^2 + D^T D v], D the central difference."""
        return _gradient(self._field(x), self.epsilon).reshape(len(x), 1, -1)

    def _field(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.n**2:
            raise ValueError(f"a state must hold {self.n**2} cells, got {x.shape[1]}")
        return x.reshape(len(x), self.n, self.n)


class _Energy(torch.autograd.Function):
    """The energies (b, 1) of fields (b, n, n), which torch can differentiate once."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, epsilon: float) -> Tensor:
        ctx.save_for_backward(v)
        ctx.epsilon = epsilon
        made = np.empty(len(v))
        _energies(v.detach().numpy(), epsilon, made)
        return torch.from_numpy(made).to(v.dtype)[:, None]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (v,) = ctx.saved_tensors
        return slopes[0][:, :, None] * _gradient(v, ctx.epsilon), None


def _gradient(v: Tensor, epsilon: float) -> Tensor:
    """dE/dv (b, n, n)."""
    made = torch.empty_like(v, requires_grad=False, memory_format=torch.contiguous_format)
    _gradients(v.detach().numpy(), epsilon, made.numpy())
    return made


@njit(cache=True, nogil=True)
def _energies(v: NDArray[Any], epsilon: float, out: NDArray[np.float64]) -> None:
    """E of fields v (b, n, n), written to `out`; slopes are taken twice as large, and their squares 1/8."""
    n = v.shape[1]
    for row in range(len(v)):
        bulk, stiff = 0.0, 0.0
        for i in range(n):
            above, here, below = v[row, max(i - 1, 0)], v[row, i], v[row, min(i + 1, n - 1)]
            for j in range(n):
                depth = float(here[j]) * here[j] - 1.0
                along, across = here[min(j + 1, n - 1)] - here[max(j - 1, 0)], below[j] - above[j]
                bulk += depth * depth
                stiff += along * along + across * across
        out[row] = bulk / (4 * epsilon**2 * n**2) + stiff / 8


@njit(cache=True, nogil=True)
def _gradients(v: NDArray[Any], epsilon: float, out: NDArray[Any]) -> None:
    """dE/dv of fields v (b, n, n), written to `out`.

    A cell enters the differences around both of its neighbours; at an edge the neighbour beyond is the cell itself.
    """
    n = v.shape[1]
    bulk, stiff = 1.0 / (epsilon * n) ** 2, 0.25
    for row in range(len(v)):
        for i in range(n):
            i0, i1 = max(i - 1, 0), min(i + 1, n - 1)
            above, here, below = v[row, i0], v[row, i], v[row, i1]
            second, over = v[row, max(i0 - 1, 0)], v[row, min(i1 + 1, n - 1)]
            for j in range(n):
                j0, j1 = max(j - 1, 0), min(j + 1, n - 1)
                # (D v) of the cells before and after, of the cell itself where an edge repeats it
                before_i = here[j] - second[j] if i > 0 else -(below[j] - here[j])
                after_i = over[j] - here[j] if i < n - 1 else -(here[j] - above[j])
                before_j = here[j] - here[max(j0 - 1, 0)] if j > 0 else -(here[j1] - here[j])
                after_j = here[min(j1 + 1, n - 1)] - here[j] if j < n - 1 else -(here[j] - here[j0])
                turn = before_i - after_i + before_j - after_j
                out[row, i, j] = bulk * (here[j] * here[j] - 1.0) * here[j] + stiff * turn
