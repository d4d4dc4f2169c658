"""Alloys on a lattice as arrays (batch, n_sites): what they must be, and where their vacancies are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.lattice.grid import Grid


def states_of(lattice: Grid, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Check that `x` holds states (batch, n_sites) of the lattice, int8."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != lattice.n_sites or len(x) == 0:
        raise ValueError(f"states must have the shape (batch, {lattice.n_sites}), got {x.shape}")
    if x.dtype != np.int8:
        raise ValueError(f"states must be int8 species indices, got {x.dtype}")
    if x.min() < 0 or x.max() > len(lattice.species):
        raise ValueError(f"species indices must be 0..{len(lattice.species)}, got {x.min()}..{x.max()}")
    return x


def state_of(lattice: Grid, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Check one state, (n_sites,) or (1, n_sites); give it as (1, n_sites)."""
    x = states_of(lattice, np.atleast_2d(np.asarray(x)))
    if len(x) != 1:
        raise ValueError(f"one state is needed, got {len(x)}")
    return x


def vacancies_of(x: NDArray[np.int8]) -> NDArray[np.int64]:
    """Vacant sites of states (batch, n_sites), ascending: (batch, n), the same number in each."""
    counts = np.count_nonzero(x == 0, axis=1)
    if counts.min() == 0:
        raise ValueError("the state has no vacancy, nothing can move: give it one (random_state(vacancies=1))")
    if counts.max() != counts.min():
        raise ValueError(f"the states have different numbers of vacancies, {counts.min()} to {counts.max()}")
    return np.nonzero(x == 0)[1].reshape(len(x), counts[0]).astype(np.int64)


def active_of(x: NDArray[np.int8], active: NDArray[np.integer]) -> NDArray[np.int64]:
    """Check the sites (batch, m) of the vacancies that may move; give them as an array of its own."""
    sites = np.array(active)
    integers = np.issubdtype(sites.dtype, np.integer) or not sites.size
    if sites.ndim != 2 or len(sites) != len(x) or not integers:
        raise ValueError(f"active must be site indices ({len(x)}, m), got {sites.dtype} of shape {sites.shape}")
    sites = sites.astype(np.int64)
    if not sites.size:
        return sites
    if sites.min() < 0 or sites.max() >= x.shape[1]:
        raise ValueError(f"active sites must be 0..{x.shape[1] - 1}, got {sites.min()}..{sites.max()}")
    occupied = np.take_along_axis(x, sites, axis=1) != 0
    if occupied.any():
        raise ValueError(f"active site {sites[occupied][0]} is not a vacancy")
    if np.any(np.diff(np.sort(sites, axis=1), axis=1) == 0):
        raise ValueError("active sites must be different from each other")
    return sites
