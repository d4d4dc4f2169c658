"""Means of the fields of a lattice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, SITES, STATES, array, checked, many, text
from asemacro.observables.base import Observable
from asemacro.observables.state_change import different, events_of
from asemacro.typing import Floats


class FieldMean(Observable):
    """Mean of each field over the sites, `phi(x, lattice) -> (batch, n_fields)`.

    Args:
        labels: names of the fields, in the order of the last axis of a state.

    Raises:
        ValueError: no name, or one name twice.
    """

    @checked(labels=many(text))
    def __init__(self, labels: Sequence[str] = ("u", "v")) -> None:
        self.labels = tuple(labels)
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"fields need different names, got {self.labels}")

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: Floats, lattice: Any) -> Floats:
        """Means of states x (batch, n_sites, n_fields) or (n_sites, n_fields)."""
        return self._batch(x, lattice).mean(axis=1)

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=array())
    def changes(self, x0: Floats, lattice: Any, sites: NDArray[np.integer], values: Floats) -> Floats:
        """The change by each of several events, (batch, n_events, n_fields); see `Observable.changes`."""
        x0 = self._batch(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        different(sites)
        before = x0[np.arange(len(x0))[:, None, None], np.maximum(sites, 0)]
        return np.where(sites[..., None] >= 0, values - before, 0.0).sum(axis=2) / x0.shape[1]

    def _batch(self, x: Floats, lattice: Any) -> Floats:
        x = np.asarray(x, dtype=float)
        x = x[None] if x.ndim == 2 else x
        if x.ndim != 3 or x.shape[1:] != (lattice.n_sites, self.dim):
            raise ValueError(f"fields must have the shape (batch, {lattice.n_sites}, {self.dim}), got {x.shape}")
        return x
