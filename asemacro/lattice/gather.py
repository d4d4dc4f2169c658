"""Modular arithmetic on lattice sites inside numba kernels: neighbours without a neighbour table."""

from __future__ import annotations

from numba import njit
from numpy.typing import NDArray

from asemacro.tasks.stale_kernels import forget_stale_kernels

forget_stale_kernels()  # before any kernel is read from disk: all of them are built on this module


@njit(cache=True, nogil=True, inline="always")
def wrap(c: int, n: int) -> int:
    """c modulo n for a c that is rarely outside [0, n): two compares instead of a division."""
    while c >= n:
        c -= n
    while c < 0:
        c += n
    return c


@njit(cache=True, nogil=True, inline="always")
def cell_of(shape: NDArray, n_basis: int, site: int) -> tuple[int, int, int]:
    """Cell coordinates of a site."""
    cell = site // n_basis
    c3 = cell % shape[2]
    cell //= shape[2]
    return cell // shape[1], cell % shape[1], c3


@njit(cache=True, nogil=True, inline="always")
def site_in(shape: NDArray, n_basis: int, c1: int, c2: int, c3: int, basis: int) -> int:
    """The site of a cell that may lie outside of the grid, which is periodic in all axes.

    Site index = ((c1 N2 + c2) N3 + c3) n_basis + basis.
    """
    row = wrap(c1, shape[0]) * shape[1] + wrap(c2, shape[1])
    return (row * shape[2] + wrap(c3, shape[2])) * n_basis + basis


@njit(cache=True, nogil=True, inline="always")
def site_at(shape: NDArray, n_basis: int, c1: int, c2: int, c3: int, offset: NDArray) -> int:
    """Site at `offset` = (dc1, dc2, dc3, target basis) from the cell (c1, c2, c3), periodic in all axes."""
    return site_in(shape, n_basis, c1 + offset[0], c2 + offset[1], c3 + offset[2], offset[3])


@njit(cache=True, nogil=True, inline="always")
def neighbour(shape: NDArray, n_basis: int, site: int, offset: NDArray) -> int:
    """Site at `offset` = (dc1, dc2, dc3, target basis) from `site`, periodic in all axes."""
    c1, c2, c3 = cell_of(shape, n_basis, site)
    return site_at(shape, n_basis, c1, c2, c3, offset)


@njit(cache=True, nogil=True)
def gather(env_offsets: NDArray, species: NDArray, shape: NDArray, x: NDArray, site: int, env: NDArray) -> int:
    """Fill `env` with the model species indices of the sites around `site`; return the basis of `site`.

    Args:
        env_offsets: (n_basis, n_env, 4) int64, as in `CompiledBarriers.env`.
        species: (S + 1,) int8 map of lattice species indices to model species indices.
        shape: (3,) int64 cells along each axis.
        x: (n_sites,) int8 state.
        site: site index of the vacancy.
        env: (n_env,) int8, filled.
    """
    n_basis = env_offsets.shape[0]
    sizes = (shape[0], shape[1], shape[2])  # not read anew at each step, as an array would be
    basis = site % n_basis
    c1, c2, c3 = cell_of(sizes, n_basis, site)
    offsets = env_offsets[basis]
    for e in range(offsets.shape[0]):
        env[e] = species[x[site_at(sizes, n_basis, c1, c2, c3, offsets[e])]]
    return basis
