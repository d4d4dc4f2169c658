"""Numba evaluators of a cluster expansion: barriers of jumps, and the change of energy in a swap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.saddle import over_saddle
from asemacro.lattice.gather import neighbour

START, TARGET = -1, -2
"""In place of an entry of `env`: the site of the vacancy, and the site of the atom that jumps."""


@njit(cache=True, nogil=True)
def cluster_barriers(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Fill out[:Z] with max(E0, |dE|/2 + floor) + dE/2 and out[Z] with how often the maximum was not E0.

    integers: [S + 1, where the clusters of each (basis, jump) begin ..., end], then for each cluster whose energy the
    jump changes [n, where its table begins in `double`, n entries of env]. double: E0 of each model species, tables.
    """
    z = model.n_targets
    size = model.integers[0]
    clamped, vacant = 0.0, np.int64(0)
    for j in range(z):
        atom = np.int64(env[1 + j])
        if atom == 0:
            out[j] = np.inf
            continue
        change = 0.0
        at = model.integers[1 + basis * z + j]
        end = model.integers[2 + basis * z + j]
        while at < end:
            n = model.integers[at]
            before, after = 0, 0
            for k in range(at + 2, at + 2 + n):
                entry = model.integers[k]
                if entry == START:
                    now, then = vacant, atom
                elif entry == TARGET:
                    now, then = atom, vacant
                else:
                    now = then = np.int64(env[entry])
                before, after = before * size + now, after * size + then
            table = model.integers[at + 1]
            change += model.double[table + after] - model.double[table + before]
            at += 2 + n
        out[j], raised = over_saddle(model.double[atom], change)
        clamped += raised
    out[z] = clamped


@njit(cache=True, nogil=True)
def _change_around(energy: Any, shape: NDArray, x: NDArray, centre: int, other: int, both: bool) -> float:
    """Change of the clusters that hold one of two sites that exchange their species, those with both only if `both`."""
    offsets, tables = energy.offsets, energy.integers
    n_basis, n = offsets.shape[0], offsets.shape[1]
    size, basis = tables[0], centre % offsets.shape[0]
    sites = np.empty(n, dtype=np.int64)
    for o in range(n):
        sites[o] = neighbour(shape, n_basis, centre, offsets[basis, o])
    change = 0.0
    at, end = tables[1 + basis], tables[2 + basis]
    while at < end:
        order = tables[at]
        before, after = 0, 0
        shared = False
        for k in range(at + 2, at + 2 + order):
            site = sites[tables[k]]
            now = then = np.int64(energy.species[x[site]])
            if site == centre:
                then = np.int64(energy.species[x[other]])
            elif site == other:
                shared = True
                then = np.int64(energy.species[x[centre]])
            before, after = before * size + now, after * size + then
        if both or not shared:
            change += energy.double[tables[at + 1] + after] - energy.double[tables[at + 1] + before]
        at += 2 + order
    return change


@njit(cache=True, nogil=True)
def cluster_swap_energy(energy: Any, shape: NDArray, x: NDArray, a: int, b: int) -> float:
    """Change of the energy in eV if sites a and b exchanged their species.

    Args:
        energy: `CompiledEnergy` of kind CLUSTER_ENERGY. offsets: the sites of the clusters around each site of the unit
            cell. integers: [S + 1, where the clusters of each site begin ..., end], then for each cluster [n, where its
            table begins in `double`, n columns of offsets].
        shape: (3,) cells along each axis.
        x: (n_sites,) lattice species, not edited.
        a: a site.
        b: another site.
    """
    if energy.species[x[a]] == energy.species[x[b]]:
        return 0.0
    return _change_around(energy, shape, x, a, b, True) + _change_around(energy, shape, x, b, a, False)
