"""Energy change of a swap in the lattice energy of the consistent graph networks (see `ConsistentNet`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.gnn.direct_kernel import hardswish64
from asemacro.lattice.gather import neighbour

# what the first entries of `integers` hold; AT_...: where a table starts
(SPECIES, WIDTH, N_MESSAGES, N_KINDS, N_PAIRS, N_COLUMNS, AT_KIND, AT_MESSAGES, AT_PAIRS, AT_REVERSE, HEADER) = range(
    11
)


@njit(cache=True, nogil=True)
def _ends_and_neighbours(energy: Any, shape: NDArray, a: int, b: int) -> NDArray:
    """Two sites and all that have one of them among their neighbours, each once."""
    tables, offsets = energy.integers, energy.offsets
    n_basis, n_messages = offsets.shape[0], tables[N_MESSAGES]
    sites = np.empty(2 * tables[N_COLUMNS] + 2, dtype=np.int64)
    sites[0], sites[1] = a, b
    n_sites = 2
    for centre in (a, b):
        basis = centre % n_basis
        for o in range(tables[tables[AT_MESSAGES] + basis * (n_messages + 1) + n_messages]):
            site = neighbour(shape, n_basis, centre, offsets[basis, o])
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
def _pair_gain(energy: Any, shape: NDArray, x: NDArray, pair: NDArray, site: int, partner: int) -> float:
    """Change of the pair energies of one of two sites that exchange their species."""
    tables, offsets, species = energy.integers, energy.offsets, energy.integers[SPECIES]
    n_basis, n_pairs, n_columns = offsets.shape[0], tables[N_PAIRS], tables[N_COLUMNS]
    basis = site % n_basis
    ends = tables[tables[AT_PAIRS] + basis * (n_pairs + 1) :]
    gone, come = np.int64(energy.species[x[site]]), np.int64(energy.species[x[partner]])
    change = 0.0
    for q in range(n_pairs):
        for o in range(ends[q], ends[q + 1]):
            # a bond between the two stays as it is if both ends are alike, and so does that of a site with its image
            other = neighbour(shape, n_basis, site, offsets[basis, n_columns + o])
            if other != site and other != partner:
                s = np.int64(energy.species[x[other]])
                change += pair[(q * species + come) * species + s] - pair[(q * species + gone) * species + s]
            elif other == partner and site < partner:
                change += pair[(q * species + come) * species + gone] - pair[(q * species + gone) * species + come]
            elif other == site:
                own = pair[(q * species + come) * species + come] - pair[(q * species + gone) * species + gone]
                change += 0.5 * own
    return change


@njit(cache=True, nogil=True)
def gnn_swap_energy(energy: Any, shape: NDArray, x: NDArray, a: int, b: int) -> float:
    """Energy change in eV when the species of sites a and b, vacancies included, are exchanged.

    Only the features of a, b and of their neighbours change: those sites' energies are taken before and after, from
    the same sums in float64, so that a closed path of swaps sums to zero.

    Args:
        energy: `CompiledEnergy` of kind GNN_ENERGY. offsets: the message neighbours class by class in the first
            N_COLUMNS columns, then the pair neighbours. double: weights (n_blocks (S + 1), width), biases (width),
            output weights (S + 1, width), pair energies (n_pairs, S + 1, S + 1).
        shape: (3,) cells along each axis.
        x: (n_sites,) lattice species, not edited.
        a: a site.
        b: another site.
    """
    tables, offsets, species_of = energy.integers, energy.offsets, energy.species
    species, width, n_messages = tables[SPECIES], tables[WIDTH], tables[N_MESSAGES]
    n_basis = offsets.shape[0]
    n_features = (n_messages + tables[N_KINDS]) * species
    weight = energy.double[: n_features * width].reshape(n_features, width)
    at = n_features * width
    bias = energy.double[at : at + width]
    at += width
    last = energy.double[at : at + species * width].reshape(species, width)
    pair = energy.double[at + species * width :]
    sa, sb = np.int64(species_of[x[a]]), np.int64(species_of[x[b]])
    if sa == sb:
        return 0.0

    sites = _ends_and_neighbours(energy, shape, a, b)
    change = 0.0
    before, after = np.empty(width), np.empty(width)
    for i in range(len(sites)):
        site = sites[i]
        basis = site % n_basis
        block = (n_messages + tables[tables[AT_KIND] + basis]) * species
        ends = tables[tables[AT_MESSAGES] + basis * (n_messages + 1) :]
        own = np.int64(species_of[x[site]])
        own_after = sb if site == a else sa if site == b else own
        for c in range(width):
            before[c] = bias[c] + weight[block + own, c]
            after[c] = weight[block + own_after, c] - weight[block + own, c]
        for q in range(n_messages):
            for o in range(ends[q], ends[q + 1]):
                other = neighbour(shape, n_basis, site, offsets[basis, o])
                s = np.int64(species_of[x[other]])
                row = weight[q * species + s]
                for c in range(width):
                    before[c] += row[c]
                if other in (a, b):
                    new_row = weight[q * species + (sb if other == a else sa)]
                    for c in range(width):
                        after[c] += new_row[c] - row[c]
        total = 0.0
        for c in range(width):
            total += hardswish64(before[c] + after[c]) * last[own_after, c] - hardswish64(before[c]) * last[own, c]
        change += total
    return change + _pair_gain(energy, shape, x, pair, a, b) + _pair_gain(energy, shape, x, pair, b, a)
