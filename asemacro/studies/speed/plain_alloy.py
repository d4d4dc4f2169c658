"""Laws of an alloy on a lattice, step by step in NumPy: kinetic Monte Carlo, swaps, counts of pairs.

Written to be read: what the compiled kernels do with caches, trees and tables is here one line of arithmetic.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB
from numpy.typing import ArrayLike, NDArray

from asemacro.studies.speed.plain_barriers import PairBonds, PlainBarriers
from asemacro.typing import Floats, Integers

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


def jump_rates(
    barriers: PlainBarriers, x: NDArray[np.int8], sites: Integers, temperature_K: float, frequency_Hz: ArrayLike
) -> tuple[Integers, Floats]:
    """Targets and rates nu exp(-barrier / kT) in Hz of all jumps of vacancies, (n, Z) both; 0 onto a vacancy.

    Args:
        barriers: plain barriers.
        x: (n_sites,) state.
        sites: (n,) vacancies.
        temperature_K: temperature.
        frequency_Hz: nu, one, or (S + 1,) for the vacancy and each species.
    """
    targets, found = barriers(x, sites)
    frequency = np.asarray(frequency_Hz)
    nu = frequency[x[targets]] if frequency.ndim else frequency
    return targets, np.where(x[targets] == 0, 0.0, nu * np.exp(-found / (kB * temperature_K)))


def residence_time_kmc(
    barriers: PlainBarriers,
    x: NDArray[np.int8],
    hops: int,
    temperature_K: float,
    frequency_Hz: ArrayLike = 1e13,
    *,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int8], float]:
    """Vacancy kinetic Monte Carlo: the state after some hops, and the time in s that they took.

    Before each hop the rates of all jumps of all vacancies are computed anew. The time to the hop is exponential with
    the mean 1 / (sum of rates); a jump is taken with the probability rate / (sum of rates).
    Source: Bortz, Kalos and Lebowitz, J. Comput. Phys. 17, 10 (1975).

    Args:
        barriers: plain barriers.
        x: (n_sites,) state, not edited.
        hops: number of hops.
        temperature_K: temperature.
        frequency_Hz: see `jump_rates`.
        rng: source of randomness.

    Raises:
        ValueError: no vacancy can jump.
    """
    x, time_s = x.copy(), 0.0
    vacancies = np.flatnonzero(x == 0)
    for _ in range(hops):
        targets, rates = jump_rates(barriers, x, vacancies, temperature_K, frequency_Hz)
        ends = np.cumsum(rates)
        if len(ends) == 0 or ends[-1] == 0:
            raise ValueError("no vacancy can jump")
        time_s += rng.exponential(1 / ends[-1])
        v, jump = divmod(int(np.searchsorted(ends, rng.random() * ends[-1], side="right")), rates.shape[1])
        target = targets[v, jump]
        x[vacancies[v]], x[target] = x[target], 0
        vacancies[v] = target
    return x, time_s


def metropolis_swaps(
    bonds: PairBonds, x: NDArray[np.int8], attempts: int, temperature_K: float, *, rng: np.random.Generator
) -> tuple[NDArray[np.int8], int]:
    """Canonical swap Monte Carlo of pair energies: the state after some attempts, and how many were accepted.

    The first site is uniform, the second uniform among those that hold something else; the swap is accepted with the
    probability min(1, exp(-dE / kT)).

    Args:
        bonds: pair energies.
        x: (n_sites,) state, not edited, of two species at least (vacancies count as one).
        attempts: number of attempts.
        temperature_K: temperature.
        rng: source of randomness.
    """
    x, accepted = x.copy(), 0
    for _ in range(attempts):
        a, b = rng.integers(len(x), size=2)
        while x[a] == x[b]:
            b = rng.integers(len(x))
        if rng.random() < np.exp(-float(bonds.swap_energy(x, a, b)) / (kB * temperature_K)):
            x[a], x[b] = x[b], x[a]
            accepted += 1
    return x, accepted


def pair_counts(x: NDArray[np.int8], lattice: Lattice, shell: int = 1) -> Integers:
    """(S + 1, S + 1) numbers N_ij of ordered pairs in a shell, 0 for vacancies: the grid rolled along each neighbour.

    Args:
        x: (n_sites,) state.
        lattice: where it lives.
        shell: counted from 1.
    """
    grid, n = x.reshape(*lattice.shape, lattice.n_basis), len(lattice.species) + 1
    counts = np.zeros(n * n, dtype=np.int64)
    for basis, rows in enumerate(lattice.shells(shell)[shell - 1].offsets):
        here = n * grid[..., basis].astype(np.int64)
        for d1, d2, d3, target in rows:
            near = np.roll(grid[..., target], (-d1, -d2, -d3), axis=(0, 1, 2))
            counts += np.bincount((here + near).reshape(-1), minlength=n * n)
    return counts.reshape(n, n)


def warren_cowley_delta(x: NDArray[np.int8], lattice: Lattice, shell: int = 1) -> Floats:
    """delta_ij = N_ij / N_i - Z c_j of the unlike pairs i < j of a state (n_sites,); c_j among the atoms."""
    counts = pair_counts(x, lattice, shell)
    atoms = np.bincount(x, minlength=len(counts))[1:]
    z = lattice.shells(shell)[shell - 1].offsets.shape[1]
    pairs = itertools.combinations(range(len(atoms)), 2)
    return np.array([counts[i + 1, j + 1] / atoms[i] - z * atoms[j] / atoms.sum() for i, j in pairs])
