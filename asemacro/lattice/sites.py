"""Modular arithmetic on whole arrays of lattice sites; `gather` has the same for one site inside compiled kernels.

Site index = ((c1 N2 + c2) N3 + c3) n_basis + basis, for the cell (c1, c2, c3) of a grid of N1 x N2 x N3 cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.typing import Integers


def sites_at(shape: Sequence[int] | Integers, n_basis: int, cells: NDArray[np.integer], basis: ArrayLike) -> Integers:
    """Sites (...) of the cells (..., 3), which may lie outside of the grid: it wraps around along all axes."""
    c1, c2, c3 = np.moveaxis(cells % np.asarray(shape), -1, 0)
    sites: Integers = ((c1 * shape[1] + c2) * shape[2] + c3) * n_basis + np.asarray(basis)
    return sites


def cells_of(shape: Sequence[int] | Integers, n_basis: int, sites: NDArray[np.integer]) -> tuple[Integers, Integers]:
    """Cells (..., 3) and places in the unit cell (...) of sites (...)."""
    cell, basis = np.divmod(sites, n_basis)
    return np.stack(np.unravel_index(cell, tuple(shape)), axis=-1), basis


def neighbours_of(
    shape: Sequence[int] | Integers, n_basis: int, sites: NDArray[np.integer], offsets: NDArray[np.integer]
) -> Integers:
    """Sites (..., n) that lie at offsets (n_basis, n, 4) from sites (...)."""
    cells, basis = cells_of(shape, n_basis, sites)
    steps = offsets[basis]
    return sites_at(shape, n_basis, cells[..., None, :] + steps[..., :3], steps[..., 3])
