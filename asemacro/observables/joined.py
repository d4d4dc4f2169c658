"""Several observables as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, OBSERVABLE, SITES, STATES, checked, many
from asemacro.observables.state_change import as_events, events_of
from asemacro.typing import Floats


def bounds_of(phi: Any, x: NDArray[Any], lattice: Any) -> Floats:
    """(dim, 2) least and largest values of an observable in states x or any others of their composition.

    They are what `phi.bounds(x, lattice)` gives; infinite for an observable without it.
    """
    if not hasattr(phi, "bounds"):
        return np.tile([-np.inf, np.inf], (phi.dim, 1))
    return np.asarray(phi.bounds(x, lattice), dtype=float)


class Observables:
    """Observables of the same states, one after another: phi(x, lattice) -> (batch, sum of their dimensions).

    Args:
        members: observables, callables phi(x, lattice) -> (batch, dim) with `labels` and `dim`.

    Attributes:
        members: the observables.
        labels: all labels in order.
        dim: their number.

    Raises:
        ValueError: no observable, or a label that occurs twice.
    """

    @checked(members=many(OBSERVABLE))
    def __init__(self, members: Sequence[Any]) -> None:
        self.members = tuple(members)
        self.labels: tuple[str, ...] = tuple(label for phi in self.members for label in phi.labels)
        if not self.members:
            raise ValueError("no observables to join")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"the labels of joined observables must differ, got {', '.join(self.labels)}")
        self.dim = sum(phi.dim for phi in self.members)

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Values of states x (batch, n_sites); (batch, dim)."""
        return np.concatenate([np.asarray(phi(x, lattice)) for phi in self.members], axis=1)

    @checked(x=STATES, lattice=LATTICE)
    def bounds(self, x: NDArray[Any], lattice: Any) -> Floats:
        """(dim, 2) least and largest values, infinite where a member does not tell them."""
        return np.concatenate([bounds_of(phi, x, lattice) for phi in self.members])

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def change(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """phi(x1) - phi(x0) from the changed sites (batch, m); negative sites are ignored."""
        x0 = x0[None] if x0.shape[:1] == (lattice.n_sites,) else x0
        sites, values = (part[:, 0] for part in events_of(x0, lattice.n_sites, *as_events(x0, sites, values)))
        parts = [
            phi.change(x0, lattice, sites, values)
            if hasattr(phi, "change")
            else np.asarray(phi(_after(x0, sites, values), lattice)) - np.asarray(phi(x0, lattice))
            for phi in self.members
        ]
        return np.concatenate(parts, axis=1)

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def changes(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """The change by each of several events (batch, n_events, m) that start from the same state."""
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        parts = []
        for phi in self.members:
            if hasattr(phi, "changes"):
                parts.append(phi.changes(x0, lattice, sites, values))
                continue
            one = Observables([phi])
            parts.append(
                np.stack([one.change(x0, lattice, sites[:, e], values[:, e]) for e in range(sites.shape[1])], axis=1)
            )
        return np.concatenate(parts, axis=2)


def _after(x0: NDArray[Any], sites: NDArray[np.integer], values: NDArray[Any]) -> NDArray[Any]:
    """The states x0 with the values at the sites."""
    x1 = x0.copy()
    row, place = np.nonzero(sites >= 0)
    x1[row, sites[row, place]] = values[row, place]
    return x1
