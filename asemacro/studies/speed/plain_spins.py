"""Laws of spins, flip by flip in NumPy: Glauber dynamics with any couplings, and pairs of snapshots from patches."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from asemacro.typing import Floats, Integers, Spins

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@dataclasses.dataclass(frozen=True)
class Couplings:
    """H = -1/2 sum_i sum_k J_k s_i s_near(i, k) - h sum_i s_i, from a table of all neighbours.

    Attributes:
        near: (n_sites, Z) neighbours of each spin.
        weights: (Z,) their J.
        temperature: T in units of J.
        field: h.
    """

    near: Integers
    weights: Floats
    temperature: float
    field: float = 0.0

    @classmethod
    def of_shell(cls, lattice: Lattice, temperature: float, field: float = 0.0) -> Self:
        """The Ising model: J = 1 between nearest neighbours."""
        near = lattice.neighbours(lattice.shells(1)[0].offsets)
        return cls(near, np.ones(near.shape[1]), temperature, field)

    @classmethod
    def of_table(cls, lattice: Lattice, table: Floats, temperature: float, field: float = 0.0) -> Self:
        """Many neighbours: J by the lag, lag 0 in the middle of `table` (2 reach + 1,) * axes; one site a cell."""
        lags = np.argwhere(table != 0) - np.array(table.shape) // 2
        axes = [k for k, repeated in enumerate(lattice.pbc) if repeated]
        offsets = np.zeros((1, len(lags), 4), dtype=np.int64)
        offsets[0][:, axes] = lags
        return cls(lattice.neighbours(offsets), table[table != 0], temperature, field)

    def flip_rates(self, x: Spins, sites: NDArray[np.integer] | int) -> Floats:
        """r_i = 1 / (1 + exp(dH_i / T)), dH_i = 2 s_i (sum_k J_k s_k + h), of spins at `sites` (...)."""
        local = (self.weights * x[self.near[sites]]).sum(axis=-1) + self.field
        rates: Floats = 1 / (1 + np.exp(2 * x[sites] * local / self.temperature))
        return rates


def glauber(
    couplings: Couplings, x: Spins, duration: float, sites: Integers | None = None, *, rng: np.random.Generator
) -> tuple[Spins, int]:
    """Continuous-time Glauber dynamics: the spins (n_sites,) after a time, and the number of flips.

    Every active spin is attempted at the times of a Poisson process of rate 1, and flips with the probability r_i.

    Args:
        couplings: of the spins.
        x: (n_sites,) spins -1 and 1, not edited.
        duration: time; it has no unit.
        sites: (m,) active spins, the others stay as they are; default all.
        rng: source of randomness.
    """
    x, flips = x.copy(), 0
    active = np.arange(len(x)) if sites is None else sites
    for site in rng.choice(active, size=rng.poisson(duration * len(active))):
        if rng.random() < couplings.flip_rates(x, site):
            x[site] = -x[site]
            flips += 1
    return x, flips


def patch_pairs(
    couplings: Couplings, x: Spins, side: int, duration: float, *, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """z0 and z1 (batch, 2), magnetisation and density of walls, by partial evolution of squares of spins.

    In each state of an L x L square one block of side x side spins, anywhere, moves for a time, the rest is frozen:
    z1 = z0 + K (z(x1) - z(x0)) with K = (L / side)^2.

    Args:
        couplings: of the spins.
        x: (batch, L^2) spins.
        side: of the block that moves.
        duration: of the pairs.
        rng: source of randomness.
    """
    z0, z1 = [], []
    length = round(x.shape[1] ** 0.5)
    for state in x:
        rows, columns = (rng.integers(length, size=2)[:, None] + np.arange(side)) % length
        active = (rows[:, None] * length + columns).reshape(-1)
        after, _ = glauber(couplings, state, duration, active, rng=rng)
        before = _measured(state.reshape(length, length))
        z0.append(before)
        z1.append(before + (length / side) ** 2 * (_measured(after.reshape(length, length)) - before))
    return np.array(z0), np.array(z1)


def _measured(square: Spins) -> Floats:
    """Magnetisation, and the fraction of unlike pairs of nearest neighbours."""
    unlike = [np.mean(square != np.roll(square, 1, axis)) for axis in (0, 1)]
    return np.array([square.mean(), np.mean(unlike)])
