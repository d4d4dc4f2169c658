"""What the arguments of a microscopic system must be; every failure is one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from asemacro.lattice import Lattice


def states_of(lattice: Lattice, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Check that `x` holds states (batch, n_sites) of the lattice, int8."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != lattice.n_sites or len(x) == 0:
        raise ValueError(f"states must have the shape (batch, {lattice.n_sites}), got {x.shape}")
    if x.dtype != np.int8:
        raise ValueError(f"states must be int8 species indices, got {x.dtype}")
    if x.min() < 0 or x.max() > len(lattice.species):
        raise ValueError(f"species indices must be 0..{len(lattice.species)}, got {x.min()}..{x.max()}")
    return x


def state_of(lattice: Lattice, x: NDArray[np.int8]) -> NDArray[np.int8]:
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


def positive(value: float, what: str, unit: str) -> float:
    """A finite number above zero."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or not np.isfinite(value) or value <= 0:
        raise ValueError(f"the {what} must be a finite number of {unit} above 0, got {value}")
    return float(value)


def time_of(value: float) -> float:
    """A finite time, not negative."""
    if not np.isfinite(value) or value < 0:
        raise ValueError(f"a duration must be a finite time >= 0, got {value}")
    return float(value)


def count_of(value: float, what: str) -> int:
    """A whole number, not negative."""
    if not np.isfinite(value) or int(value) != value or value < 0:
        raise ValueError(f"the number of {what} must be a whole number >= 0, got {value}")
    return int(value)
