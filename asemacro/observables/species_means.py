"""Mean densities of species: the observable of predator-prey equations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asemacro.arguments.door import checked, many, text
from asemacro.observables.differentiable import DifferentiableObservable


class SpeciesMeans(DifferentiableObservable):
    """Mean of each field over the cells; a state lists the fields one after the other, all u, then all v.

    Args:
        labels: names of the fields, in that order.

    Raises:
        ValueError: no name, or one name twice.
    """

    @checked(labels=many(text, least=1))
    def __init__(self, labels: Sequence[str] = ("mean_u", "mean_v")) -> None:
        self.labels = tuple(labels)
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"fields need different names, got {self.labels}")

    def __call__(self, x: Tensor) -> Tensor:
        """Means (batch, n_fields) of states (batch, n_fields n_cells)."""
        return self._fields(x).mean(dim=2)

    def gradient(self, x: Tensor) -> Tensor:
        """1 / n_cells on the own field, 0 elsewhere."""
        n_cells = self._fields(x).shape[2]
        rows = torch.eye(self.dim, dtype=x.dtype, device=x.device).repeat_interleave(n_cells, dim=1) / n_cells
        return rows.expand(len(x), -1, -1)

    def _fields(self, x: Tensor) -> Tensor:
        if x.shape[1] % self.dim:
            raise ValueError(f"a state of {x.shape[1]} numbers does not hold {self.dim} fields of equal length")
        return x.reshape(len(x), self.dim, -1)
