"""Compiled loops of closure variables: local environments of spins as codes, and neighbourhoods that an event changes.

A spin and the numbers of up spins in its first shells make a code: sum_k n_k prod_{l<k} (Z_l + 1) for a down spin and
`half` = prod (Z_k + 1) more for an up spin. A mean over sites of any function of these is a table over 2 `half` codes.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.gather import wrap
from asemacro.lattice.neighbour_tables import Stencil, code_of, locate, next_site, wrapped


@njit(cache=True, nogil=True, error_model="numpy")
def find_codes(stencil: Stencil, steps: NDArray, half: int, state: NDArray, codes: NDArray) -> None:
    """Write the codes of all spins of a state (n_sites,) to codes (n_sites,) int32."""
    grid, n3, n_basis = stencil.grid, stencil.grid.n3, stencil.grid.n_basis
    for site in range(len(state)):
        codes[site] = half if state[site] > 0 else 0
    for basis in range(n_basis):
        for j in range(len(steps)):
            d1, d2, d3, target = stencil.offsets[basis, j]
            step, shift = np.int32(steps[j]), wrap(d3, n3)
            for c1 in range(grid.n1):
                for c2 in range(grid.n2):
                    here = wrapped(grid, c1, c2, 0, basis)
                    there = wrapped(grid, c1 + d1, c2 + d2, 0, target)
                    if n_basis == 1:  # slices without a step are vectorised
                        edge = here + n3 - shift
                        _add_up(codes[here:edge], state[there + shift : there + n3], step)
                        _add_up(codes[edge : here + n3], state[there : there + shift], step)
                    else:
                        for c3 in range(n3):
                            if state[there + wrap(c3 + d3, n3) * n_basis] > 0:
                                codes[here + c3 * n_basis] += step


@njit(cache=True, nogil=True)
def _add_up(codes: NDArray, state: NDArray, step: np.int32) -> None:
    for i in range(len(codes)):
        codes[i] += step * np.int32(state[i] > 0)


@njit(cache=True, nogil=True, error_model="numpy")
def count_codes(stencil: Stencil, steps: NDArray, half: int, x: NDArray) -> NDArray:
    """(batch, 2 half) int64: how many spins of the states x (batch, n_sites) have each code."""
    counts = np.zeros((len(x), 2 * half), dtype=np.int64)
    codes = np.empty(x.shape[1], dtype=np.int32)
    for k in range(len(x)):
        find_codes(stencil, steps, half, x[k], codes)
        for code in codes:
            counts[k, code] += 1
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def table_sums(stencil: Stencil, steps: NDArray, half: int, table: NDArray, x: NDArray) -> NDArray:
    """(batch, d) sums over the spins of the states x (batch, n_sites) of table[code], table (2 half, d)."""
    sums = np.zeros((len(x), table.shape[1]))
    codes = np.empty(x.shape[1], dtype=np.int32)
    for k in range(len(x)):
        find_codes(stencil, steps, half, x[k], codes)
        for code in codes:
            for c in range(table.shape[1]):
                sums[k, c] += table[code, c]
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def table_changes(
    stencil: Stencil, steps: NDArray, half: int, table: NDArray, x: NDArray, sites: NDArray, values: NDArray
) -> NDArray:
    """Changes of sum_i table[code of i] by events, from the spins whose code changes: those near a changed site.

    Args:
        stencil: the neighbours.
        steps: (Z,) int64 what each adds to a code.
        half: codes of a down spin.
        table: (2 half, d).
        x: (batch, n_sites) int8 states, each the start of all its events.
        sites: (batch, n_events, m) changed sites, each once in an event; negative ones are ignored.
        values: (batch, n_events, m) int8 what they hold afterwards.

    Returns:
        (batch, n_events, d); nan where a site is changed twice.
    """
    batch, n_events, m = sites.shape
    n, n_neighbours, d = x.shape[1], len(steps), table.shape[1]
    grid, offsets, deltas = stencil.grid, stencil.offsets, stencil.deltas
    out = np.zeros((batch, n_events, d))
    codes = np.full(n, -1, dtype=np.int64)  # of the state itself, found when they are needed
    known = np.empty(n, dtype=np.int64)
    shift = np.zeros(n, dtype=np.int64)  # of the codes, by the event
    seen = np.full(n, -1, dtype=np.int64)
    given = np.full(n, -1, dtype=np.int64)
    near = np.empty(min(n, m * (n_neighbours + 1)), dtype=np.int64)
    for k in range(batch):
        n_known = 0
        for e in range(n_events):
            event, n_near = k * n_events + e, 0
            for q in range(m):
                site = sites[k, e, q]
                if site < 0:
                    continue
                if given[site] == event:
                    out[k, e] = np.nan
                given[site] = event
                turned = (values[k, e, q] - x[k, site]) // 2
                if turned == 0:
                    continue
                place = locate(grid, site)
                for j in range(-1, n_neighbours):
                    if j < 0:
                        other, step = site, half
                    else:
                        other, step = next_site(grid, offsets, deltas, site, place, j), steps[j]
                    if seen[other] != event:
                        seen[other] = event
                        shift[other] = 0
                        near[n_near] = other
                        n_near += 1
                    shift[other] += turned * step
            for h in range(n_near):
                site = near[h]
                if codes[site] < 0:
                    codes[site] = code_of(grid, offsets, deltas, steps, half, x[k], site)
                    known[n_known] = site
                    n_known += 1
                before = codes[site]
                after = before + shift[site]
                for c in range(d):
                    out[k, e, c] += table[after, c] - table[before, c]
        for h in range(n_known):
            codes[known[h]] = -1
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def affected_sites(neighbours: NDArray, sites: NDArray) -> NDArray:
    """Sites whose neighbourhood an event changes, each once: (n_events, m (Z + 1)), filled up with -1.

    Args:
        neighbours: (n_sites, Z).
        sites: (n_events, m), each once in an event; negative ones are ignored.
    """
    n_events, m = sites.shape
    near = np.full((n_events, m * (neighbours.shape[1] + 1)), -1, dtype=np.int64)
    seen = np.full(len(neighbours), -1, dtype=np.int64)
    for e in range(n_events):
        n_near = 0
        for q in range(m):
            if sites[e, q] < 0:
                continue
            for j in range(-1, neighbours.shape[1]):
                other = sites[e, q] if j < 0 else neighbours[sites[e, q], j]
                if seen[other] != e:
                    seen[other] = e
                    near[e, n_near] = other
                    n_near += 1
    return near
