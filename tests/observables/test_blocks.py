"""Means in blocks of spins and of fields, on every kind of lattice, and how a change of the state changes them."""

from __future__ import annotations

import numpy as np
import pytest

import asemacro as am
from asemacro.observables.base import Observable


def spins(lattice: am.Lattice, batch: int = 3) -> np.ndarray:
    return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


def test_blocks_of_a_square_are_its_tiles() -> None:
    lattice = am.Lattice.square(1.0, "X", (6, 9))
    phi = am.BlockMeans(lattice, 3)
    x = spins(lattice)
    tiles = np.array([[s.reshape(6, 9)[i : i + 3, j : j + 3].mean() for i in (0, 3) for j in (0, 3, 6)] for s in x])
    np.testing.assert_allclose(phi(x, lattice), tiles, rtol=1e-15)
    assert phi.fields(x, lattice).shape == (3, 2, 3)
    assert phi.fields(x, lattice).dtype == np.float32
    assert phi.labels == ("m[0,0]", "m[0,1]", "m[0,2]", "m[1,0]", "m[1,1]", "m[1,2]")
    assert (phi.dim, phi.sites) == (6, 9)
    np.testing.assert_array_equal(phi.bounds(x, lattice), [[-1, 1]] * 6)


def test_blocks_of_crystals_hold_whole_cells() -> None:
    lattice = am.Lattice.bcc(1.0, "X", 4)
    phi = am.BlockMeans(lattice, 2)
    assert (phi.dim, phi.sites) == (8, 16)
    x = np.ones((1, lattice.n_sites), np.int8)
    position = lattice.positions()
    x[0, (position < 2).all(axis=1)] = -1
    assert phi(x, lattice)[0].tolist() == [-1] + [1] * 7
    chain = am.Lattice.chain(1.0, "X", 6)
    assert am.BlockMeans(chain, 2)(np.array([[1, 1, -1, 1, -1, -1]], np.int8), chain).tolist() == [[1, 0, -1]]
    assert am.BlockMeans(chain, 6).labels == ("m[0]",)


def test_one_component_of_fields() -> None:
    lattice = am.Lattice.cubic(1.0, "X", (2, 4, 6))
    x = np.random.default_rng(1).normal(size=(2, lattice.n_sites, 3))
    phi = am.BlockMeans(lattice, 2, component=2)
    assert phi.fields(x, lattice).shape == (2, 1, 2, 3)
    cube = x[:, :, 2].reshape(2, 1, 2, 2, 2, 3, 2)
    np.testing.assert_allclose(phi(x, lattice), cube.mean(axis=(2, 4, 6)).reshape(2, -1), rtol=1e-12)
    assert np.isinf(phi.bounds(x, lattice)).all()
    with pytest.raises(ValueError, match="no component 3 of states with 3 fields"):
        am.BlockMeans(lattice, 2, component=3)(x, lattice)


@pytest.mark.parametrize("fields", [False, True])
def test_changes_are_differences(fields: bool) -> None:
    lattice = am.Lattice.square(1.0, "X", (4, 6))
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 24, 2)) if fields else spins(lattice, 2)
    phi = am.BlockMeans(lattice, 2, component=int(fields))
    sites = np.array([[[0, 7, -1], [23, 3, 4]], [[1, 2, 3], [-1, -1, 5]]])
    values = rng.normal(size=(2, 2, 3, 2)) if fields else -np.ones((2, 2, 3), np.int8)
    np.testing.assert_allclose(
        phi.changes(x, lattice, sites, values), Observable.changes(phi, x, lattice, sites, values), atol=1e-12
    )


@pytest.mark.parametrize(("block", "near"), [(5, "1, 2, 3, 4, 6, 12"), (24, "2, 3, 4, 6, 12|3, 4, 6, 12")])
def test_blocks_that_do_not_divide_name_those_that_do(block: int, near: str) -> None:
    lattice = am.Lattice.square(1.0, "X", (12, 36))
    with pytest.raises(
        ValueError, match=f"blocks of {block} do not divide the 12 cells .* axis 1; choose ({near}), or"
    ):
        am.BlockMeans(lattice, block)


def test_states_of_another_lattice_are_refused() -> None:
    phi = am.BlockMeans(am.Lattice.square(1.0, "X", 4), 2)
    other = am.Lattice.square(1.0, "X", (2, 8))
    with pytest.raises(ValueError, match=r"lattice of \(4, 4, 1\) cells, got one of \(2, 8, 1\)"):
        phi(spins(other), other)
    with pytest.raises(ValueError, match="states must have the shape"):
        phi(spins(other)[:, :5], am.Lattice.square(1.0, "X", 4))
