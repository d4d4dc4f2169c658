"""Binding energy of two vacancies in the lattice energy of a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.energy import swap_energy
from asemacro.lattice.lattice import Lattice


def vacancy_binding(
    model: BarrierModel, lattice: Lattice, *, shells: int = 3, samples: int = 1000, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean energy of two vacancies as neighbours less that of two vacancies far apart, in random alloys.

    One of two vacancies is exchanged with an atom in a neighbour shell of the other; both states are drawn uniformly,
    so the mean energy change is the binding energy. Negative: they attract.

    Args:
        model: a model that has an energy.
        lattice: gives composition and cell; far apart is anywhere beyond the eighth shell.
        shells: number of neighbour shells.
        samples: exchanges per shell.
        rng: source of randomness.

    Returns:
        (shells,) eV and (shells,) standard errors.
    """
    energy, shape = model.compile_energy(lattice), np.array(lattice.shape)
    work = np.zeros(energy.workspace, dtype=np.float32)
    around = [lattice.neighbours(shell.offsets) for shell in lattice.shells(shells)]
    near = np.concatenate([lattice.neighbours(shell.offsets) for shell in lattice.shells(8)], axis=1)
    changes = np.zeros((shells, samples))
    for i in range(samples):
        x = lattice.random_state(vacancies=1, rng=rng)[0]
        first = int(np.flatnonzero(x == 0)[0])
        far = np.setdiff1d(np.arange(lattice.n_sites), [first, *near[first]])
        second = int(rng.choice(far))
        x[second] = 0
        for shell in range(shells):
            changes[shell, i] = swap_energy(energy, shape, x, second, int(rng.choice(around[shell][first])), work)
    return changes.mean(axis=1), changes.std(axis=1) / np.sqrt(samples)
