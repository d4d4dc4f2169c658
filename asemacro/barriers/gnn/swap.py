"""Swaps in the lattice energy of the consistent networks with the features of all sites at hand.

E = sum_k w(s_k) . f(z_k) + pair energies, z_k linear in the species around k (see `ConsistentNet`). A swap changes z
of two sites and of their neighbours by rows of the weights, so with z stored it costs two small sums a site instead
of a walk over the neighbours of the neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.gnn.direct_kernel import hardswish64
from asemacro.barriers.gnn.energy import (
    AT_KIND,
    AT_MESSAGES,
    AT_PAIRS,
    AT_REVERSE,
    N_COLUMNS,
    N_KINDS,
    N_MESSAGES,
    N_PAIRS,
    SPECIES,
    WIDTH,
)
from asemacro.lattice.gather import cell_of, site_at


@njit(cache=True, nogil=True)
def fill_features(energy: Any, shape: NDArray, x: NDArray, z: NDArray) -> None:
    """Fill z (n_sites, width) for the state x."""
    tables, offsets = energy.integers, energy.offsets
    species, width, n_messages = tables[SPECIES], tables[WIDTH], tables[N_MESSAGES]
    n_basis = offsets.shape[0]
    n_features = (n_messages + tables[N_KINDS]) * species
    weight = energy.double[: n_features * width].reshape(n_features, width)
    bias = energy.double[n_features * width : (n_features + 1) * width]
    for site in range(x.shape[0]):
        c1, c2, c3 = cell_of(shape, n_basis, site)
        basis = site % n_basis
        own = (n_messages + tables[tables[AT_KIND] + basis]) * species + np.int64(energy.species[x[site]])
        ends = tables[tables[AT_MESSAGES] + basis * (n_messages + 1) :]
        for c in range(width):
            z[site, c] = bias[c] + weight[own, c]
        for q in range(n_messages):
            for o in range(ends[q], ends[q + 1]):
                other = site_at(shape, n_basis, c1, c2, c3, offsets[basis, o])
                row = q * species + np.int64(energy.species[x[other]])
                for c in range(width):
                    z[site, c] += weight[row, c]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _gain(z: NDArray, dz: NDArray, before: NDArray, after: NDArray) -> float:
    total = 0.0
    for c in range(z.shape[0]):
        total += hardswish64(z[c] + dz[c]) * after[c] - hardswish64(z[c]) * before[c]
    return total


@njit(cache=True, nogil=True)
def _with_pairs(
    energy: Any, shape: NDArray, x: NDArray, pair: NDArray, site: int, partner: int, change: float
) -> float:
    """The change with that of the pair energies of one of two sites that are swapped added to it."""
    tables, offsets, species = energy.integers, energy.offsets, energy.integers[SPECIES]
    n_basis, n_columns, n_pairs = offsets.shape[0], tables[N_COLUMNS], tables[N_PAIRS]
    c1, c2, c3 = cell_of(shape, n_basis, site)
    basis = site % n_basis
    ends = tables[tables[AT_PAIRS] + basis * (n_pairs + 1) :]
    gone, come = np.int64(energy.species[x[site]]), np.int64(energy.species[x[partner]])
    for q in range(n_pairs):
        plus, minus = (q * species + come) * species, (q * species + gone) * species
        for o in range(n_columns + ends[q], n_columns + ends[q + 1]):
            other = site_at(shape, n_basis, c1, c2, c3, offsets[basis, o])
            if other != site and other != partner:
                s = np.int64(energy.species[x[other]])
                change += pair[plus + s] - pair[minus + s]
            elif other == site:  # its own image, which changes with it
                change += 0.5 * (pair[plus + come] - pair[minus + gone])
            elif site < partner:  # the bond of the two, once
                change += pair[plus + gone] - pair[minus + come]
    return change


@njit(cache=True, nogil=True)
def _touch(
    energy: Any,
    shape: NDArray,
    weight: NDArray,
    centre: int,
    swapped: tuple[int, int],
    close: bool,
    touched: NDArray,
    dz: NDArray,
    n: int,
) -> int:
    """Add what a site's change of species, from the first of two to the second, does to its neighbours' features.

    Args:
        energy: as in `swap_change`.
        shape: (3,) cells along each axis.
        weight: of the features.
        centre: the site.
        swapped: its species before and after.
        close: whether neighbours may be among the sites that are touched already.
        touched: sites whose features change, the first `n`; those that are new are added.
        dz: their changes.
        n: how many they are.

    Returns:
        How many they are now.
    """
    tables, offsets = energy.integers, energy.offsets
    species, width, n_messages = tables[SPECIES], tables[WIDTH], tables[N_MESSAGES]
    n_basis = offsets.shape[0]
    c1, c2, c3 = cell_of(shape, n_basis, centre)
    basis, known = centre % n_basis, n
    ends = tables[tables[AT_MESSAGES] + basis * (n_messages + 1) :]
    for q in range(n_messages):
        # the class by which the neighbour sees this site
        block = tables[tables[AT_REVERSE] + q] * species
        minus, plus = block + swapped[0], block + swapped[1]
        for o in range(ends[q], ends[q + 1]):
            site = site_at(shape, n_basis, c1, c2, c3, offsets[basis, o])
            i = -1
            if close:
                for k in range(known):
                    if touched[k] == site:
                        i = k
                        break
            if i < 0:
                i = n
                n += 1
                touched[i] = site
                for c in range(width):
                    dz[i, c] = weight[plus, c] - weight[minus, c]
            else:
                for c in range(width):
                    dz[i, c] += weight[plus, c] - weight[minus, c]
    return n


@njit(cache=True, nogil=True)
def swap_change(
    energy: Any, shape: NDArray, x: NDArray, z: NDArray, reach: int, a: int, b: int, touched: NDArray, dz: NDArray
) -> tuple[float, int]:
    """Energy change in eV of the swap of sites a and b, and how many sites change their features.

    Args:
        energy: `CompiledEnergy` of kind GNN_ENERGY.
        shape: (3,) cells along each axis.
        x: (n_sites,) lattice species, not edited.
        z: (n_sites, width) features of the state, not edited.
        reach: largest cell offset of a message neighbour.
        a: a site.
        b: another site, of another species.
        touched: (>= 2 + 2 N_COLUMNS,) filled with the sites whose features change.
        dz: (the same, width) filled with the changes.
    """
    tables, offsets = energy.integers, energy.offsets
    species, width = tables[SPECIES], tables[WIDTH]
    n_basis = offsets.shape[0]
    n_features = (tables[N_MESSAGES] + tables[N_KINDS]) * species
    weight = energy.double[: n_features * width].reshape(n_features, width)
    at = (n_features + 1) * width
    last = energy.double[at : at + species * width].reshape(species, width)
    pair = energy.double[at + species * width :]
    sa, sb = np.int64(energy.species[x[a]]), np.int64(energy.species[x[b]])
    ca, cb = cell_of(shape, n_basis, a), cell_of(shape, n_basis, b)
    # further apart, no site is a neighbour of both
    close = True
    for axis in range(3):
        d = abs(ca[axis] - cb[axis])
        close = close and min(d, shape[axis] - d) <= 2 * reach

    touched[0], touched[1] = a, b
    n_messages = tables[N_MESSAGES]
    own_a = (n_messages + tables[tables[AT_KIND] + a % n_basis]) * species
    own_b = (n_messages + tables[tables[AT_KIND] + b % n_basis]) * species
    for c in range(width):
        dz[0, c] = weight[own_a + sb, c] - weight[own_a + sa, c]
        dz[1, c] = weight[own_b + sa, c] - weight[own_b + sb, c]
    n = _touch(energy, shape, weight, a, (sa, sb), close, touched, dz, 2)
    change = _with_pairs(energy, shape, x, pair, a, b, 0.0)
    n = _touch(energy, shape, weight, b, (sb, sa), close, touched, dz, n)
    change = _with_pairs(energy, shape, x, pair, b, a, change)
    for i in range(n):
        site = touched[i]
        now = np.int64(energy.species[x[site]])
        then = sb if i == 0 else sa if i == 1 else now
        change += _gain(z[site], dz[i], last[now], last[then])
    return change, n
