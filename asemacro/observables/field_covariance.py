"""How much fields vary and vary together in space: second moments, the closure of reaction terms that are products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, SITES, STATES, array, checked, many, text
from asemacro.observables.base import Observable
from asemacro.observables.state_change import events_of
from asemacro.typing import Floats


class FieldCovariance(Observable):
    r"""Covariances of the fields over the sites, `phi(x, lattice) -> (batch, f (f + 1) / 2)`.

    C_ab = mean_i x_ia x_ib - (mean_i x_ia) (mean_i x_ib) of all pairs of fields a <= b. The mean of a product is the
    product of the means plus C_ab: of predators and prey, d mean(u) / dt = U (1 - U - V) - C_uu - C_uv exactly, so
    U, V and the covariances close the equations of the means.

    Args:
        labels: names of the fields, in the order of the last axis of a state.

    Attributes:
        pairs: (dim, 2) the fields of each component.
        labels: "var_u", "cov_uv", "var_v".

    Raises:
        ValueError: no name, or one name twice.
    """

    @checked(labels=many(text))
    def __init__(self, labels: Sequence[str] = ("u", "v")) -> None:
        self.fields = tuple(labels)
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise ValueError(f"fields need different names, got {self.fields}")
        self.pairs = np.transpose(np.triu_indices(len(self.fields)))
        self.labels = tuple(
            f"var_{self.fields[a]}" if a == b else f"cov_{self.fields[a]}{self.fields[b]}" for a, b in self.pairs
        )

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: Floats, lattice: Any) -> Floats:
        """Covariances of states x (batch, n_sites, n_fields) or (n_sites, n_fields)."""
        x = self._batch(x, lattice)
        spread = x - x.mean(axis=1, keepdims=True)
        first, second = self.pairs.T
        return (spread[..., first] * spread[..., second]).mean(axis=1)

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=array())
    def changes(self, x0: Floats, lattice: Any, sites: NDArray[np.integer], values: Floats) -> Floats:
        """The change by each of several events, (batch, n_events, dim); see `Observable.changes`."""
        x0 = self._batch(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        mean = x0.mean(axis=1)
        rows = np.arange(len(x0))[:, None, None]
        # about the mean before, so that small covariances of large fields keep their digits
        before = x0[rows, np.maximum(sites, 0)] - mean[:, None, None]
        after = np.asarray(values, dtype=float) - mean[:, None, None]
        used = (sites >= 0)[..., None]
        first, second = self.pairs.T
        products = after[..., first] * after[..., second] - before[..., first] * before[..., second]
        shift = np.where(used, after - before, 0.0).sum(axis=2) / x0.shape[1]
        return np.where(used, products, 0.0).sum(axis=2) / x0.shape[1] - shift[..., first] * shift[..., second]

    def _batch(self, x: Floats, lattice: Any) -> Floats:
        x = np.asarray(x, dtype=float)
        x = x[None] if x.ndim == 2 else x
        if x.ndim != 3 or x.shape[1:] != (lattice.n_sites, len(self.fields)):
            raise ValueError(
                f"fields must have the shape (batch, {lattice.n_sites}, {len(self.fields)}), got {x.shape}"
            )
        return x
