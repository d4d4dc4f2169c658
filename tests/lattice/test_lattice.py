"""Lattice: neighbours against ase.neighborlist, sizes, states."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from asemacro.lattice.lattice import Lattice

PROTOTYPES = ("sc", "bcc", "fcc", "hcp", "diamond", "square", "triangular", "honeycomb", "chain")
SHAPES = {"chain": 7, "square": 5, "honeycomb": 4, "diamond": 2}


def lattice_of(prototype: str, species: tuple[str, ...] = ("Nb", "Mo", "Ta")) -> Lattice:
    a = {"diamond": 5.4, "honeycomb": 4.0}.get(prototype, 3.1)  # no atoms nearer than their radii allow
    return Lattice.from_prototype(prototype, a, species, SHAPES.get(prototype, 3))


def ase_shells(atoms: Atoms, distances: list[float]) -> list[NDArray[np.int64]]:
    """(n, n) how often atom j is a neighbour of atom i at each distance."""
    i, j, d = neighbor_list("ijd", atoms, max(distances) + 0.01)
    tables = []
    for distance in distances:
        table = np.zeros((len(atoms), len(atoms)), dtype=np.int64)
        hit = np.abs(d - distance) < 1e-3
        np.add.at(table, (i[hit], j[hit]), 1)
        tables.append(table)
    return tables


def own_shells(lattice: Lattice, n: int) -> list[NDArray[np.int64]]:
    tables = []
    for shell in lattice.shells(n):
        table = np.zeros((lattice.n_sites, lattice.n_sites), dtype=np.int64)
        neighbours = lattice.neighbours(shell.offsets)
        np.add.at(table, (np.arange(lattice.n_sites)[:, None], neighbours), 1)
        tables.append(table)
    return tables


@pytest.mark.parametrize("prototype", PROTOTYPES)
def test_shells_equal_ase_neighborlist(prototype: str) -> None:
    lattice = lattice_of(prototype)
    atoms = lattice.to_atoms(np.ones(lattice.n_sites, dtype=np.int8))
    cutoff = 16.0 if prototype in ("chain", "square", "triangular") else 7.0
    d = sorted(set(np.round(neighbor_list("d", atoms, cutoff), 4)))[:5]
    assert np.allclose([s.distance for s in lattice.shells(5)], d, atol=1e-3)
    for expected, found in zip(ase_shells(atoms, d), own_shells(lattice, 5), strict=True):
        assert np.array_equal(expected, found)
    for shell in lattice.shells(5):
        assert 2 * len(shell.bonds) == lattice.n_basis * shell.offsets.shape[1]


@pytest.mark.parametrize("prototype", PROTOTYPES)
def test_shells_equal_ase_after_rotation_and_relabelling(prototype: str) -> None:
    rng = np.random.default_rng(5)
    lattice = lattice_of(prototype)
    atoms = lattice.to_atoms(np.ones(lattice.n_sites, dtype=np.int8))
    atoms = atoms[rng.permutation(len(atoms))]
    turn = Rotation.random(random_state=7).as_matrix()
    atoms.set_cell(atoms.cell.array @ turn, scale_atoms=True)
    atoms.positions += [0.3, 1.1, -0.7]
    found = Lattice.from_atoms(atoms)
    assert found.prototype == prototype
    site, distance = found.nearest_sites(atoms.positions)
    assert distance.max() < 1e-6
    assert np.array_equal(np.sort(site), np.arange(len(atoms)))
    distances = [s.distance for s in found.shells(4)]
    assert np.allclose(distances, [s.distance for s in lattice.shells(4)])
    for expected, table in zip(ase_shells(atoms, distances), own_shells(found, 4), strict=True):
        assert np.array_equal(expected, table[np.ix_(site, site)])


@pytest.mark.parametrize(("prototype", "numbers"), [("bcc", [8, 6, 12, 24, 8]), ("fcc", [12, 6, 24, 12, 24])])
def test_neighbours_lie_in_the_same_order_around_every_site(prototype: str, numbers: list[int]) -> None:
    lattice = lattice_of(prototype)
    for shell, number in zip(lattice.shells(5), numbers, strict=True):
        steps = shell.offsets[..., :3] + lattice.basis[shell.offsets[..., 3]] - lattice.basis[:, None]
        assert steps.shape[1] == number
        assert np.allclose(steps, steps[:1])


def test_images_count_in_a_box_smaller_than_the_shell() -> None:
    lattice = Lattice.bcc(3.0, "Fe", 1)
    first, second = lattice.shells(2)
    assert np.array_equal(lattice.neighbours(first.offsets), [[1] * 8, [0] * 8])
    assert np.array_equal(lattice.neighbours(second.offsets), [[0] * 6, [1] * 6])


def test_a_hundred_million_sites_take_no_memory() -> None:
    tracemalloc.start()
    lattice = Lattice.bcc(3.24, ("Nb", "Mo", "Ta"), 368)
    lattice.shells(8)
    counts = lattice.counts(vacancies=97_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lattice.n_sites == 2 * 368**3 == counts.sum()
    assert peak < 5_000_000


def test_offsets_of_displacements() -> None:
    lattice = Lattice.bcc(3.24, "Ta", (3, 4, 5))
    corners = [(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]
    assert np.array_equal(lattice.offsets(corners), lattice.shells(1)[0].offsets)
    positions = lattice.positions()
    moved = positions + 3.24 * np.array([1.5, -0.5, 0.5])
    site, distance = lattice.nearest_sites(moved)
    assert distance.max() < 1e-9
    assert np.array_equal(lattice.neighbours(lattice.offsets([(3, -1, 1)]))[:, 0], site)
    with pytest.raises(ValueError, match=r"\(1, 0, 0\).*bcc"):
        lattice.offsets([(0, 0, 2), (1, 0, 0)])
    with pytest.raises(ValueError, match="diamond"):
        Lattice.diamond(5.4, "Si", 1).offsets([(1, 0, 0)])


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    vacancies=st.integers(0, 20),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=50, deadline=None)
def test_random_state_has_exact_counts(counts: list[int], vacancies: int, seed: int) -> None:
    species = ("V", "Nb", "Mo", "Ta", "W")[: len(counts)]
    fractions = {s: n / sum(counts) for s, n in zip(species, counts, strict=True)}
    lattice = Lattice.bcc(3.2, species, 4, composition=fractions)
    x = lattice.random_state(vacancies=vacancies, batch=3, rng=np.random.default_rng(seed))
    assert x.shape == (3, 128)
    assert x.dtype == np.int8
    for state in x:
        found = np.bincount(state, minlength=len(species) + 1)
        assert found[0] == vacancies
        assert np.array_equal(found, lattice.counts(vacancies=vacancies))
        assert np.all(np.abs(found[1:] - np.array(list(fractions.values())) * (128 - vacancies)) < 1)


def test_random_state_of_given_counts_and_seeds() -> None:
    lattice = Lattice.bcc(3.2, ("Nb", "Mo"), 2)
    x = lattice.random_state({"Mo": 9, "Nb": 5, "X": 2}, rng=np.random.default_rng(1))
    assert np.array_equal(np.bincount(x[0]), [2, 5, 9])
    assert np.array_equal(x, lattice.random_state({"Mo": 9, "Nb": 5, "X": 2}, rng=np.random.default_rng(1)))
    assert np.array_equal(lattice.counts({"Mo": 9, "Nb": 6}, vacancies=1), [1, 6, 9])
    # fifteen atoms of two kinds in equal shares: the odd one goes to the first species
    assert np.array_equal(lattice.counts(vacancies=1), [1, 8, 7])


def test_shuffle_is_uniform_over_sites() -> None:
    lattice = Lattice.bcc(3.2, ("Nb", "Mo"), 2)
    x = lattice.random_state(batch=20_000, rng=np.random.default_rng(3))
    hits = (x == 0).sum(0)
    # chi-square with 15 degrees of freedom: 53 is exceeded with probability 4e-6
    assert ((hits - 1250) ** 2 / 1250).sum() < 53


def test_states_and_atoms() -> None:
    lattice = Lattice.fcc(3.6, ("Ni", "Co", "Cr"), (2, 3, 2))
    assert lattice.species == ("Cr", "Co", "Ni")
    x = lattice.random_state(vacancies=3, rng=np.random.default_rng(2))
    atoms = lattice.to_atoms(x)
    assert atoms.symbols.count("X") == 3
    assert np.array_equal(lattice.state(atoms), x)
    assert np.array_equal(lattice.state(atoms[::-1]), x)
    without = lattice.to_atoms(x[0], vacancies=False)
    assert len(without) == lattice.n_sites - 3
    assert np.array_equal(lattice.state(without), x)


def test_repeat_and_at_least() -> None:
    lattice = Lattice.bcc(3.24, ("Nb", "Mo"), 1)
    assert lattice.at_least(1024).shape == (8, 8, 8)
    assert lattice.at_least(8192).shape == (16, 16, 16)
    assert lattice.at_least(2) is lattice
    assert lattice.repeat((1, 2, 3)).n_sites == 12
    assert Lattice.square(1.0, "Fe", 1).at_least(1000).shape == (32, 32, 1)
    assert Lattice.chain(1.0, "Fe", 3).at_least(1000).shape == (1002, 1, 1)
    big = Lattice.bcc(3.24, ("Nb", "Mo"), (3, 4, 5)).at_least(1000)
    assert big.n_sites >= 1000
    assert all(n % m == 0 for n, m in zip(big.shape, (3, 4, 5), strict=True))


def test_tile_repeats_a_state() -> None:
    lattice = Lattice.hcp(3.2, ("Mg", "Zn"), (2, 3, 1))
    x = lattice.random_state(batch=2, rng=np.random.default_rng(4))
    big = lattice.repeat((2, 1, 3))
    tiled = lattice.tile(x, big)
    assert np.array_equal(big.state(lattice.to_atoms(x[1]).repeat((2, 1, 3))), tiled[1:])
    with pytest.raises(ValueError, match="does not tile"):
        lattice.tile(x, Lattice.hcp(3.2, ("Mg", "Zn"), (3, 3, 1)))


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match="no lattice is named 'hpc'"):
        Lattice.from_prototype("hpc", 1.0, "Fe", 1)
    with pytest.raises(ValueError, match="lattice parameter"):
        Lattice.bcc(-1.0, "Fe", 1)
    with pytest.raises(ValueError, match="not a chemical element"):
        Lattice.bcc(3.0, ("Fe", "Qq"), 1)
    with pytest.raises(ValueError, match=r"shape.*from 1"):
        Lattice.bcc(3.0, "Fe", (1, 0, 1))
    with pytest.raises(ValueError, match="repeated along 2 axes"):
        Lattice.square(1.0, "Fe", (3, 3, 3))
    lattice = Lattice.bcc(3.0, ("Nb", "Mo"), 2)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no species Fe"):
        lattice.random_state({"Fe": 1.0}, rng=rng)
    with pytest.raises(ValueError, match="16 vacancies do not fit on 16 sites"):
        lattice.random_state(vacancies=16, rng=rng)
    with pytest.raises(ValueError, match=r"add up to 1\.3"):
        lattice.random_state({"Nb": 0.6, "Mo": 0.7}, rng=rng)
    with pytest.raises(ValueError, match="do not add up to the 16 sites"):
        lattice.random_state({"Nb": 5, "Mo": 5, "X": 1}, rng=rng)
    with pytest.raises(ValueError, match="from 1 to 100, got 0"):
        lattice.shells(0)
    with pytest.raises(ValueError, match="has 15 sites, the lattice 16"):
        lattice.to_atoms(np.zeros(15, dtype=np.int8))


def test_fractions_of_a_box_with_one_atom_are_no_counts() -> None:
    lattice = Lattice.chain(1.0, ["Nb", "Mo"], 2)
    np.testing.assert_array_equal(lattice.counts({"Nb": 0.6, "Mo": 0.4}, vacancies=1), [1, 1, 0])
    np.testing.assert_array_equal(lattice.counts({"Mo": 1}, vacancies=1), [1, 0, 1])
