"""Energy change of a swap in the lattice energy of a barrier model, inside numba."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.cluster_kernel import cluster_swap_energy
from asemacro.barriers.compiled import CLUSTER_ENERGY, GNN_ENERGY, CompiledEnergy
from asemacro.barriers.gnn.energy import gnn_swap_energy
from asemacro.lattice.gather import cell_of, site_at


@njit(cache=True, nogil=True)
def pair_swap_energy(energy: CompiledEnergy, shape: NDArray, x: NDArray, a: int, b: int) -> float:
    """Change of E = 1/2 sum_i sum_o eps_shell(o)(x_i, x_{i+o}) when sites a and b exchange their species.

    Bonds between a and b, and of a site with its own periodic image, leave E as it is: the first because
    eps is symmetric, the second because a and b have equally many. So cells smaller than the range are exact.
    """
    n_basis, n, _ = energy.offsets.shape
    size = energy.integers[0]
    sa = np.int64(energy.species[x[a]])
    sb = np.int64(energy.species[x[b]])
    a1, a2, a3 = cell_of(shape, n_basis, a)
    b1, b2, b3 = cell_of(shape, n_basis, b)
    change = 0.0
    for o in range(n):
        table = energy.integers[1 + o] * size
        ka = site_at(shape, n_basis, a1, a2, a3, energy.offsets[a % n_basis, o])
        if ka != a and ka != b:
            s = np.int64(energy.species[x[ka]])
            change += energy.double[(table + sb) * size + s] - energy.double[(table + sa) * size + s]
        kb = site_at(shape, n_basis, b1, b2, b3, energy.offsets[b % n_basis, o])
        if kb != a and kb != b:
            s = np.int64(energy.species[x[kb]])
            change += energy.double[(table + sa) * size + s] - energy.double[(table + sb) * size + s]
    return change


@njit(cache=True, nogil=True)
def swap_energy(energy: CompiledEnergy, shape: NDArray, x: NDArray, a: int, b: int, work: NDArray) -> float:
    """Energy change in eV if sites a and b exchanged their species; x is left as it was.

    Args:
        energy: compiled model.
        shape: (3,) int64 cells along each axis.
        x: (n_sites,) int8 lattice species indices.
        a: a site.
        b: another site.
        work: (energy.workspace,) float32 scratch memory.
    """
    if energy.kind == GNN_ENERGY:
        return gnn_swap_energy(energy, shape, x, a, b)
    if energy.kind == CLUSTER_ENERGY:
        return cluster_swap_energy(energy, shape, x, a, b)
    return pair_swap_energy(energy, shape, x, a, b)
