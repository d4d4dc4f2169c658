"""Vector spins that tests of them share: lattices, settled states, the torque of an explicit table."""

from __future__ import annotations

import numpy as np
from scipy import stats

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.vector_spins import random_vectors
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.testing import ALPHA

SIGMAS = stats.norm.isf(ALPHA / 2)
SIDES = {"chain": 12, "square": 4, "triangular": 4, "honeycomb": 3, "sc": 3, "bcc": 3, "fcc": 2, "hcp": 3, "diamond": 2}
ONE = Lattice.cubic(1.0, "X", 1)


def lattice_of(name: str) -> Lattice:
    return Lattice.from_prototype(name, 1.0, "X", SIDES[name])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mean_is(values: np.ndarray, expected: float) -> bool:
    """Of independent values."""
    return abs(values.mean() - expected) < SIGMAS * values.std(ddof=1) / np.sqrt(len(values))


def langevin(x: float) -> float:
    return 1 / np.tanh(x) - 1 / x


def settled(system: Heisenberg, batch: int, duration: float, seed: int = 0) -> np.ndarray:
    """States (batch, n_sites, 3) a time after random ones."""
    r = rng(seed)
    return system.evolve(random_vectors(system.lattice, 0.0, batch, rng=r), duration, rng=r)[0]


def torque(system: Heisenberg, x: np.ndarray) -> np.ndarray:
    """ds/dt of one state (n, 3) without noise, from an explicit table of neighbours."""
    b = np.tile(np.array(system.field), (len(x), 1))
    b[:, 2] += 2 * system.anisotropy * x[:, 2]
    for j, shell in zip(system.exchange, system.lattice.shells(len(system.exchange)), strict=True):
        b += j * x[system.lattice.neighbours(shell.offsets)].sum(axis=1)
    cross = np.cross(x, b)
    return -(cross + system.damping * np.cross(x, cross)) / (1 + system.damping**2)
