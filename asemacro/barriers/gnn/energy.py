"""Energy change of a swap in the lattice energy of the consistent graph networks (see `ConsistentNet`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.gnn.direct_kernel import N_PAIR_SHELLS, N_SHELLS, hardswish64
from asemacro.lattice.gather import neighbour

# what the first entries of `integers` hold; AT_...: where the ends of the shells in `offsets` start
SPECIES, WIDTH, AT_SHELLS = range(3)
AT_PAIRS = AT_SHELLS + N_SHELLS + 1


@njit(cache=True, nogil=True)
def _ends_and_neighbours(shape: NDArray, offsets: NDArray, n_message: int, a: int, b: int) -> NDArray:
    """Two sites and all that have one of them among their neighbours, each once."""
    n_basis = offsets.shape[0]
    sites = np.empty(2 * n_message + 2, dtype=np.int64)
    sites[0], sites[1] = a, b
    n_sites = 2
    for centre in (a, b):
        for o in range(n_message):
            site = neighbour(shape, n_basis, centre, offsets[centre % n_basis, o])
            new = True
            for i in range(n_sites):
                if sites[i] == site:
                    new = False
                    break
            if new:
                sites[n_sites] = site
                n_sites += 1
    return sites[:n_sites]


@njit(cache=True, nogil=True)
def gnn_swap_energy(energy: Any, shape: NDArray, x: NDArray, a: int, b: int) -> float:
    """Energy change in eV when the species of sites a and b, vacancies included, are exchanged.

    Only the features of a, b and of their neighbours change: those sites' energies are taken before and after, from
    the same sums in float64, so that a closed path of swaps sums to zero.

    Args:
        energy: `CompiledEnergy` of kind GNN_ENERGY. offsets: the message shells, then the pair shells. double: weights
            (4 (S + 1), width), biases (width), output weights (S + 1, width), pair energies (8, S + 1, S + 1).
        shape: (3,) cells along each axis.
        x: (n_sites,) lattice species, not edited.
        a: a site.
        b: another site.
    """
    tables, offsets, species_of = energy.integers, energy.offsets, energy.species
    species, width = tables[SPECIES], tables[WIDTH]
    n_basis = offsets.shape[0]
    n_message = tables[AT_PAIRS - 1]
    n_features = (N_SHELLS + 1) * species
    weight = energy.double[: n_features * width].reshape(n_features, width)
    at = n_features * width
    bias = energy.double[at : at + width]
    at += width
    last = energy.double[at : at + species * width].reshape(species, width)
    pair = energy.double[at + species * width :]
    sa, sb = np.int64(species_of[x[a]]), np.int64(species_of[x[b]])
    if sa == sb:
        return 0.0

    sites = _ends_and_neighbours(shape, offsets, n_message, a, b)
    n_sites = len(sites)
    change = 0.0
    before, after = np.empty(width), np.empty(width)
    for i in range(n_sites):
        site = sites[i]
        own = np.int64(species_of[x[site]])
        own_after = sb if site == a else sa if site == b else own
        for c in range(width):
            before[c] = bias[c] + weight[N_SHELLS * species + own, c]
            after[c] = weight[N_SHELLS * species + own_after, c] - weight[N_SHELLS * species + own, c]
        for shell in range(N_SHELLS):
            for o in range(tables[AT_SHELLS + shell], tables[AT_SHELLS + shell + 1]):
                other = neighbour(shape, n_basis, site, offsets[site % n_basis, o])
                s = np.int64(species_of[x[other]])
                row = weight[shell * species + s]
                for c in range(width):
                    before[c] += row[c]
                if other in (a, b):
                    new_row = weight[shell * species + (sb if other == a else sa)]
                    for c in range(width):
                        after[c] += new_row[c] - row[c]
        total = 0.0
        for c in range(width):
            total += hardswish64(before[c] + after[c]) * last[own_after, c] - hardswish64(before[c]) * last[own, c]
        change += total

    for shell in range(N_PAIR_SHELLS):
        for o in range(tables[AT_PAIRS + shell], tables[AT_PAIRS + shell + 1]):
            # a bond between a and b stays as it is, and so does that of a site with its own image
            other = neighbour(shape, n_basis, a, offsets[a % n_basis, n_message + o])
            if other != a and other != b:
                s = np.int64(species_of[x[other]])
                change += pair[(shell * species + sb) * species + s] - pair[(shell * species + sa) * species + s]
            other = neighbour(shape, n_basis, b, offsets[b % n_basis, n_message + o])
            if other != a and other != b:
                s = np.int64(species_of[x[other]])
                change += pair[(shell * species + sa) * species + s] - pair[(shell * species + sb) * species + s]
    return change
