"""Weighted neighbours of a site in some shells, and sums over them in compiled kernels.

Sums over bonds count every bond once, as the offset tables of the shells have them: in a box so small that two sites
are neighbours along several ways, every way is a bond (2 x 2 squares have doubled bonds; use L >= 3).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.gather import site_in, wrap
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class Grid(NamedTuple):
    """Numbers of cells along the axes, of sites in a cell, and the reach of the neighbours in cells along the axes.

    Plain numbers: unlike arrays they cost nothing to hand to a function inside a compiled loop.
    """

    n1: int
    n2: int
    n3: int
    n_basis: int
    reach1: int
    reach2: int
    reach3: int


class Stencil(NamedTuple):
    """Neighbours with weights, as kernels read them; axes of one cell come first, which keeps the site indices.

    Attributes:
        grid: the lattice.
        offsets: (n_basis, Z, 4) int64 rows (dc1, dc2, dc3, target basis).
        deltas: (n_basis, Z) int64 the same as differences of site indices, right where nothing wraps around.
        weights: (Z,) float64.
        bonds: (n, 5) int64 rows (basis, dc1, dc2, dc3, target basis), each bond once.
        bond_weights: (n,) float64.
    """

    grid: Grid
    offsets: NDArray[np.int64]
    deltas: NDArray[np.int64]
    weights: Floats
    bonds: NDArray[np.int64]
    bond_weights: Floats


@lru_cache(maxsize=64)
def stencil_of(lattice: Lattice, weights: tuple[float, ...]) -> Stencil:
    """The neighbours in the first shells, with a weight for each shell; shells of weight 0 are left out.

    Raises:
        ValueError: a lattice with open faces, or one too large for 32-bit site indices.
    """
    if any(lattice.open_axes):
        raise ValueError("neighbours of spins wrap around; the lattice must not be opened along any axis")
    if lattice.n_sites >= 1 << 32:
        raise ValueError(f"{lattice.n_sites} sites are too many, the kernels of spins count them with 32 bits")
    kept = [s for s, w in enumerate(weights) if w != 0]
    shells = lattice.shells(max(kept) + 1) if kept else ()
    none = np.zeros((lattice.n_basis, 0, 4), dtype=np.int64), np.zeros((0, 5), dtype=np.int64)
    offsets = np.concatenate([none[0], *(shells[s].offsets for s in kept)], axis=1)
    bonds = np.concatenate([none[1], *(shells[s].bonds for s in kept)])
    order = np.argsort(np.array(lattice.shape) > 1, kind="stable")
    shape = np.array(lattice.shape)[order]
    # along an axis of one cell every neighbour lies in the same cell
    offsets[..., :3] = offsets[..., order] * (shape > 1)
    bonds[:, 1:4] = bonds[:, 1 + order] % shape
    strides = lattice.n_basis * np.array([shape[1] * shape[2], shape[2], 1])
    reach = np.abs(offsets[..., :3]).reshape(-1, 3).max(axis=0, initial=0)
    return Stencil(
        grid=Grid(*map(int, (*shape, lattice.n_basis, *reach))),
        offsets=offsets,
        deltas=offsets[..., :3] @ strides + offsets[..., 3] - np.arange(lattice.n_basis)[:, None],
        weights=np.repeat([float(weights[s]) for s in kept], [shells[s].offsets.shape[1] for s in kept]),
        bonds=bonds,
        bond_weights=np.repeat([float(weights[s]) for s in kept], [len(shells[s].bonds) for s in kept]),
    )


def refuse_own_neighbours(lattice: Lattice, stencil: Stencil) -> None:
    """Refuse a box so small that a site is its own neighbour.

    Raises:
        ValueError: it is.
    """
    own = np.arange(lattice.n_basis)[:, None] == stencil.offsets[..., 3]
    if (own & (stencil.offsets[..., :3] % stencil.grid[:3] == 0).all(axis=-1)).any():
        raise ValueError(
            f"a lattice of {' x '.join(map(str, lattice.shape))} cells is so small that a site is its own neighbour"
        )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def locate(grid: Grid, site: int) -> tuple[np.int64, np.int64, np.int64, np.int64, np.bool]:
    """Basis index and cell of a site, and whether all its neighbours lie at `deltas`."""
    n2, n3, n_basis = np.uint32(grid.n2), np.uint32(grid.n3), np.uint32(grid.n_basis)  # 32-bit divisions are fast
    cell = np.uint32(np.uint32(site) // n_basis)
    row = np.uint32(cell // n3)
    layer = np.uint32(row // n2)
    basis = np.int64(site) - np.int64(cell) * grid.n_basis
    c1 = np.int64(layer)
    c2 = np.int64(row) - c1 * grid.n2
    c3 = np.int64(cell) - np.int64(row) * grid.n3
    inside = (
        grid.reach1 <= c1 < grid.n1 - grid.reach1
        and grid.reach2 <= c2 < grid.n2 - grid.reach2
        and grid.reach3 <= c3 < grid.n3 - grid.reach3
    )
    return basis, c1, c2, c3, inside


@njit(cache=True, nogil=True, inline="always")
def wrapped(grid: Grid, c1: int, c2: int, c3: int, basis: int) -> int:
    """The site of a cell that may lie outside the grid."""
    return site_in((grid.n1, grid.n2, grid.n3), grid.n_basis, c1, c2, c3, basis)


# arrays are handed over one by one: unpacking a tuple of them in the inner loop costs more than the work
@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def next_site(
    grid: Grid,
    offsets: NDArray,
    deltas: NDArray,
    site: int,
    place: tuple[np.int64, np.int64, np.int64, np.int64, np.bool],
    j: int,
) -> int:
    """Neighbour j of a site, whose `place` is what `locate` says of it."""
    basis, c1, c2, c3, inside = place
    if inside:
        return site + deltas[basis, j]
    d1, d2, d3 = offsets[basis, j, 0], offsets[basis, j, 1], offsets[basis, j, 2]
    return wrapped(grid, c1 + d1, c2 + d2, c3 + d3, offsets[basis, j, 3])


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def code_of(grid: Grid, offsets: NDArray, deltas: NDArray, steps: NDArray, half: int, state: NDArray, site: int) -> int:
    """The code of a spin: the sum of `steps` over its up neighbours, and `half` more if it is up itself.

    Args:
        grid: the lattice.
        offsets: of the stencil.
        deltas: of the stencil.
        steps: (Z,) int64, what each neighbour adds.
        half: number of codes of a down spin.
        state: (n_sites,) int8.
        site: the spin.
    """
    place = locate(grid, site)
    code = half if state[site] > 0 else 0
    for j in range(len(steps)):
        if state[next_site(grid, offsets, deltas, site, place, j)] > 0:
            code += steps[j]
    return code


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def vector_field(
    grid: Grid, offsets: NDArray, deltas: NDArray, weights: NDArray, state: NDArray, site: int
) -> tuple[float, float, float]:
    """The weighted sum over the neighbours of a site of vectors on sites, `state` (n_sites, 3)."""
    place = locate(grid, site)
    x, y, z = 0.0, 0.0, 0.0
    for j in range(len(weights)):
        other = next_site(grid, offsets, deltas, site, place, j)
        x += weights[j] * state[other, 0]
        y += weights[j] * state[other, 1]
        z += weights[j] * state[other, 2]
    return x, y, z


@njit(cache=True, nogil=True)
def bond_products(stencil: Stencil, x: NDArray) -> NDArray:
    """(batch,) sums over bonds of weight x (s, s') of vectors x (batch, n_sites, 3) float64."""
    sums = np.zeros(len(x))
    for k in range(len(x)):
        state = x[k]
        for i in range(len(state)):
            a, b, c = vector_field(stencil.grid, stencil.offsets, stencil.deltas, stencil.weights, state, i)
            sums[k] += 0.5 * (a * state[i, 0] + b * state[i, 1] + c * state[i, 2])  # each bond is met from both ends
    return sums


@njit(cache=True, nogil=True)
def bond_sums(stencil: Stencil, x: NDArray) -> NDArray:
    """(batch,) sums over bonds of weight x s s' of the states x (batch, n_sites) int8."""
    grid = stencil.grid
    n3, n_basis = grid.n3, grid.n_basis
    sums = np.zeros(len(x))
    for k in range(len(x)):
        state = x[k]
        for r in range(len(stencil.bonds)):
            basis, d1, d2, d3, target = stencil.bonds[r]
            total = 0
            for c1 in range(grid.n1):
                for c2 in range(grid.n2):
                    here = wrapped(grid, c1, c2, 0, basis)
                    there = wrapped(grid, c1 + d1, c2 + d2, 0, target)
                    if n_basis == 1:  # slices without a step are vectorised
                        edge = here + n3 - d3
                        total += _dot(state[here:edge], state[there + d3 : there + n3])
                        total += _dot(state[edge : here + n3], state[there : there + d3])
                    else:
                        for c3 in range(n3):
                            other = state[there + wrap(c3 + d3, n3) * n_basis]
                            total += np.int64(state[here + c3 * n_basis]) * other
            sums[k] += stencil.bond_weights[r] * total
    return sums


@njit(cache=True, nogil=True)
def _dot(a: NDArray, b: NDArray) -> np.int32:
    total = np.int32(0)
    for i in range(len(a)):
        total += np.int32(a[i]) * np.int32(b[i])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def sum_changes(stencil: Stencil, x: NDArray, sites: NDArray, values: NDArray) -> tuple[NDArray, NDArray]:
    r"""Changes of the sum of spins and of `bond_sums` when some sites take other values, event by event.

    With d_i the change of spin i, sum_ij w_ij s_i s_j over bonds changes by sum_i d_i sum_j w_ij (s_j + d_j / 2),
    j over the neighbours of i.

    Args:
        stencil: the weights w.
        x: (batch, n_sites) int8 states, each the start of all its events.
        sites: (batch, n_events, m) changed sites, each once in an event; negative ones are ignored.
        values: (batch, n_events, m) int8 what they hold afterwards.

    Returns:
        (batch, n_events) changes of both; nan where a site is changed twice.
    """
    batch, n_events, m = sites.shape
    of_spins, of_bonds = np.zeros((batch, n_events)), np.zeros((batch, n_events))
    moved = np.zeros(x.shape[1], dtype=np.int8)
    grid, offsets, deltas, weights = stencil.grid, stencil.offsets, stencil.deltas, stencil.weights
    n_neighbours = len(weights)
    for k in range(batch):
        for e in range(n_events):
            spins, bonds = 0, 0.0
            for q in range(m):
                site = sites[k, e, q]
                if site >= 0:
                    if moved[site] != 0:
                        bonds = np.nan
                    change = values[k, e, q] - x[k, site]
                    moved[site] = change
                    spins += change
            for q in range(m if n_neighbours > 0 else 0):
                site = sites[k, e, q]
                if site >= 0 and moved[site] != 0:
                    place = locate(grid, site)
                    field = 0.0
                    for j in range(n_neighbours):
                        other = next_site(grid, offsets, deltas, site, place, j)
                        field += weights[j] * (x[k, other] + 0.5 * moved[other])
                    bonds += moved[site] * field
            for q in range(m):
                if sites[k, e, q] >= 0:
                    moved[sites[k, e, q]] = 0
            of_spins[k, e] = spins
            of_bonds[k, e] = bonds
    return of_spins, of_bonds
