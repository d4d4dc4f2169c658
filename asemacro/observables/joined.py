"""Several observables as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, SITES, STATES, checked, many
from asemacro.observables.base import OBSERVABLE, Observable, measured
from asemacro.typing import Floats


class Observables(Observable):
    """Observables of the same states, one after another: phi(x, lattice) -> (batch, sum of their dimensions).

    Args:
        members: observables, of this package or any callables phi(x, lattice) with `labels` and `dim`.

    Attributes:
        members: the observables.
        labels: all labels in order.

    Raises:
        ValueError: no observable, or a label that occurs twice.
    """

    @checked(members=many(OBSERVABLE))
    def __init__(self, members: Sequence[Any]) -> None:
        self.members: tuple[Observable, ...] = tuple(members)
        self.labels = tuple(label for phi in self.members for label in phi.labels)
        if not self.members:
            raise ValueError("no observables to join")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"the labels of joined observables must differ, got {', '.join(self.labels)}")

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Values of states x (batch, n_sites); (batch, dim)."""
        return np.concatenate([measured(phi, x, lattice) for phi in self.members], axis=1)

    @checked(x=STATES, lattice=LATTICE)
    def bounds(self, x: NDArray[Any], lattice: Any) -> Floats:
        """(dim, 2) least and largest values, infinite where a member does not tell them."""
        return np.concatenate([phi.bounds(x, lattice) for phi in self.members])

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def change(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """phi(x1) - phi(x0), each member's own; see `Observable.change`."""
        return np.concatenate([phi.change(x0, lattice, sites, values) for phi in self.members], axis=1)

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def changes(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """The change by each of several events, each member's own; see `Observable.changes`."""
        return np.concatenate([phi.changes(x0, lattice, sites, values) for phi in self.members], axis=2)
