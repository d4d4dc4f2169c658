"""Changes of states that observables are asked about: which sites, and what they hold afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def events_of(
    x0: NDArray[Any], n_sites: int, sites: NDArray[np.integer], values: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Check several events that start from each state.

    Args:
        x0: (batch, n_sites[, n_fields]) states before.
        n_sites: of the lattice.
        sites: (batch, n_events, m); negative ones are ignored.
        values: (batch, n_events, m[, n_fields]) what the sites hold afterwards.

    Returns:
        sites as contiguous int64, and the values.

    Raises:
        ValueError: shapes that do not fit, or a site that the lattice does not have.
    """
    where = np.ascontiguousarray(sites, dtype=np.int64)
    what = np.asarray(values)
    if x0.ndim < 2 or x0.shape[1] != n_sites:
        raise ValueError(f"x0 must be states (batch, {n_sites}), got the shape {x0.shape}")
    if where.ndim != 3 or len(where) != len(x0) or what.shape != where.shape + x0.shape[2:]:
        raise ValueError(f"sites {where.shape} and values {what.shape} do not belong to {len(x0)} states x0")
    if where.size and where.max() >= n_sites:
        raise ValueError(f"sites: {where.max()} is not one of the {n_sites} of the lattice")
    return where, what


def as_events(
    x0: NDArray[Any], sites: NDArray[np.integer], values: NDArray[Any]
) -> tuple[NDArray[np.integer], NDArray[Any]]:
    """One change of each state, (batch, m) or (m,), as one event: (batch, 1, m)."""
    where, what = np.atleast_2d(np.asarray(sites)), np.asarray(values)
    return where[:, None], (what[None] if what.ndim < x0.ndim else what)[:, None]


def different(sites: NDArray[np.int64]) -> None:
    """Refuse events (batch, n_events, m) in which a site is changed twice."""
    ordered = np.sort(sites, axis=2)
    if np.any((np.diff(ordered, axis=2) == 0) & (ordered[:, :, 1:] >= 0)):
        raise ValueError("a site is given two values in one change of state")
