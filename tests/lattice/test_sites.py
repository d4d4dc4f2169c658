"""Wrap-around arithmetic of arrays, of single sites in kernels and of neighbour tables: what Python says of all."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.lattice.gather import cell_of, neighbour, site_in
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.neighbour_tables import locate, next_site, stencil_of
from asemacro.lattice.sites import cells_of, sites_at

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "n_basis"), [((3, 4, 5), 2), ((1, 7, 1), 1), ((2, 2, 2), 4)])
def test_cells_outside_of_the_grid_wrap_around(shape: tuple[int, int, int], n_basis: int) -> None:
    cells, basis = RNG.integers(-20, 20, (50, 3)), RNG.integers(0, n_basis, 50)
    sites = sites_at(shape, n_basis, cells, basis)
    numbers = np.arange(np.prod(shape) * n_basis).reshape(*shape, n_basis)
    right = [numbers[a % shape[0], b % shape[1], c % shape[2], k] for (a, b, c), k in zip(cells, basis, strict=True)]
    np.testing.assert_array_equal(sites, right)
    inside, place = cells_of(shape, n_basis, sites)
    np.testing.assert_array_equal(inside, cells % shape)
    np.testing.assert_array_equal(place, basis)
    size = np.array(shape)
    assert [site_in(size, n_basis, *cell, k) for cell, k in zip(cells, basis, strict=True)] == right
    assert [cell_of(size, n_basis, site) for site in sites] == [tuple(cell) for cell in inside]


@pytest.mark.parametrize(
    "lattice", [Lattice.square(1.0, "X", 5), Lattice.bcc(3.0, ["Nb", "Ta"], 3), Lattice.fcc(3.6, ["Ni", "Cr"], 3)]
)
def test_neighbours_of_one_site_are_those_of_all(lattice: Lattice) -> None:
    offsets, shape = lattice.shells(1)[0].offsets, np.array(lattice.shape)
    stencil = stencil_of(lattice, (1.0,))
    cells, basis = cells_of(lattice.shape, lattice.n_basis, np.arange(lattice.n_sites))
    steps = offsets[basis]
    all_of_them = sites_at(lattice.shape, lattice.n_basis, cells[:, None] + steps[..., :3], steps[..., 3])
    np.testing.assert_array_equal(lattice.neighbours(offsets), all_of_them)
    for site, row in enumerate(all_of_them):
        place = locate(stencil.grid, site)
        for j, other in enumerate(row):
            assert neighbour(shape, lattice.n_basis, site, offsets[basis[site], j]) == other
            assert next_site(stencil.grid, stencil.offsets, stencil.deltas, site, place, j) == other
