"""The Ginzburg-Landau energy of a field on a square grid: the observable of the Allen-Cahn equation."""

from __future__ import annotations

import torch
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
        v = self._field(x)
        bulk = ((v**2 - 1) ** 2).sum(dim=(1, 2)) / (4 * self.epsilon**2)
        slopes = sum((_twice_slope(v, axis) ** 2).sum(dim=(1, 2)) for axis in (1, 2)) * self.n**2 / 8
        return ((bulk + slopes) / self.n**2)[:, None]

    def gradient(self, x: Tensor) -> Tensor:
        """h^2 [(v^2 - 1) v / epsilon^2 + D^T D v], D the central difference."""
        v = self._field(x)
        bulk = (v**2 - 1) * v / self.epsilon**2
        stiff = sum(_transposed(_twice_slope(v, axis), axis) for axis in (1, 2)) * self.n**2 / 4
        return ((bulk + stiff) / self.n**2).reshape(len(x), 1, -1)

    def _field(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.n**2:
            raise ValueError(f"a state must hold {self.n**2} cells, got {x.shape[1]}")
        return x.reshape(len(x), self.n, self.n)


def _twice_slope(v: Tensor, axis: int) -> Tensor:
    """v_{i+1} - v_{i-1} along an axis, edges repeated."""
    n = v.shape[axis]
    first, last = v.narrow(axis, 0, 1), v.narrow(axis, n - 1, 1)
    return torch.cat([v.narrow(axis, 1, n - 1), last], axis) - torch.cat([first, v.narrow(axis, 0, n - 1)], axis)


def _transposed(w: Tensor, axis: int) -> Tensor:
    """The transpose of `_twice_slope` on w: w_{i-1} - w_{i+1}, and w_1 and w_n of the repeated edges."""
    n = w.shape[axis]
    first, last = w.narrow(axis, 0, 1), w.narrow(axis, n - 1, 1)
    return torch.cat([-first, w.narrow(axis, 0, n - 1)], axis) - torch.cat([w.narrow(axis, 1, n - 1), -last], axis)
