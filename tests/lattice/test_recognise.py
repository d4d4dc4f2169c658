"""Lattice.from_atoms on cells as users have them."""

from __future__ import annotations

import logging
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, make_supercell
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import DummySpecies, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from scipy.spatial.transform import Rotation

from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley


def alloy(atoms: Atoms, seed: int = 0, symbols: tuple[str, ...] = ("Nb", "Mo", "Ta")) -> Atoms:
    atoms = atoms.copy()
    atoms.symbols = np.random.default_rng(seed).choice(symbols, len(atoms))
    return atoms


def cell128() -> Atoms:
    return alloy(bulk("Mo", "bcc", a=3.2, cubic=True).repeat(4))


def ase_counts(ideal: Atoms, species: tuple[str, ...], distances: list[float]) -> NDArray[np.int64]:
    """Pair numbers (shells, S + 1, S + 1) of an undistorted cell by ase.neighborlist, X being index 0."""
    kind = np.array([("X", *species).index(s) for s in ideal.symbols])
    i, j, d = neighbor_list("ijd", ideal, max(distances) + 0.01)
    counts = np.zeros((len(distances), len(species) + 1, len(species) + 1), dtype=np.int64)
    for n, distance in enumerate(distances):
        hit = np.abs(d - distance) < 1e-3
        np.add.at(counts[n], (kind[i[hit]], kind[j[hit]]), 1)
    return counts


def check(given: Atoms, ideal: Atoms, prototype: str, shells: int = 3) -> Lattice:
    """The lattice under `given` has the neighbours that `ideal`, the same cell undistorted, has."""
    lattice = Lattice.from_atoms(given)
    assert lattice.prototype == prototype
    assert lattice.n_sites == len(ideal)
    x = lattice.state(given)
    reference = Lattice.from_atoms(ideal)
    distances = [s.distance for s in reference.shells(shells)]
    found = WarrenCowley(lattice.species, shells, pairs="all").pair_counts(x, lattice)[0]
    assert np.array_equal(found, ase_counts(ideal, lattice.species, distances))
    back = lattice.to_atoms(x)
    assert np.array_equal(lattice.state(back), x)
    assert np.array_equal(np.sort(back.numbers), np.sort(ideal.numbers))
    return lattice


def test_perfect_cell() -> None:
    lattice = check(cell128(), cell128(), "bcc")
    assert lattice.shape == (4, 4, 4)
    assert lattice.n_basis == 2
    assert np.allclose(lattice.conventional, 3.2 * np.eye(3))
    assert sum(lattice.composition.values()) == pytest.approx(1)
    assert lattice.composition["Nb"] == cell128().symbols.count("Nb") / 128


@pytest.mark.parametrize("seed", range(6))
def test_rattled_cell(seed: int) -> None:
    atoms = cell128()
    atoms.rattle(0.15, seed=seed)
    lattice = check(atoms, cell128(), "bcc")
    assert lattice.shape == (4, 4, 4)


@pytest.mark.parametrize("rattle", [0.0, 0.15])
@pytest.mark.parametrize("missing", [[5], [5, 17, 100], [40, 41, 42]])
def test_missing_atoms_become_vacancies(missing: list[int], rattle: float, caplog: pytest.LogCaptureFixture) -> None:
    ideal = cell128()
    ideal.symbols[missing] = "X"
    atoms = cell128()
    atoms.rattle(rattle, seed=2)
    del atoms[missing]
    with caplog.at_level(logging.INFO, logger="asemacro"):
        lattice = check(atoms, ideal, "bcc")
    assert lattice.shape == (4, 4, 4)
    several = f"{len(missing)} lattice sites have no atom: vacancies"
    assert ("1 lattice site has no atom: a vacancy" if len(missing) == 1 else several) in caplog.text


def test_atoms_X_are_vacancies_and_sites() -> None:
    ideal = cell128()
    ideal.symbols[:60] = "X"
    lattice = check(ideal, ideal, "bcc")
    assert (lattice.state(ideal) == 0).sum() == 60
    assert sum(lattice.composition.values()) == pytest.approx(1)


def test_strained_cell_keeps_its_shells() -> None:
    atoms = cell128()
    strain = 0.01 * np.array([[1.0, 0.5, 0.0], [0.2, -1.0, 0.3], [0.0, 0.0, 0.4]])
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    lattice = check(atoms, cell128(), "bcc")
    assert lattice.shape == (4, 4, 4)
    assert np.allclose(lattice.cell * 4, atoms.cell.array)
    assert [s.offsets.shape[1] for s in lattice.shells(5)] == [8, 6, 12, 24, 8]


def test_rotated_shifted_rattled_cell() -> None:
    atoms = cell128()
    atoms.set_cell(atoms.cell.array @ Rotation.random(random_state=3).as_matrix(), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    atoms.positions += [0.7, 0.3, 0.1]
    atoms.wrap()
    assert check(atoms, cell128(), "bcc").shape == (4, 4, 4)


def test_primitive_and_sheared_supercells() -> None:
    primitive = alloy(bulk("Mo", "bcc", a=3.2))
    assert check(primitive, primitive, "bcc").n_sites == 1
    cubes = alloy(bulk("Mo", "bcc", a=3.2).repeat((3, 4, 5)))
    assert check(cubes, cubes, "bcc").shape == (3, 4, 5)
    sheared = alloy(make_supercell(bulk("Mo", "bcc", a=3.2, cubic=True), [[3, 1, 0], [0, 3, 0], [0, 1, 3]]))
    check(sheared, sheared, "bcc")
    turned = alloy(make_supercell(bulk("Mo", "bcc", a=3.2, cubic=True), [[4, 4, 0], [-4, 4, 0], [0, 0, 4]]))
    rattled = turned.copy()
    rattled.rattle(0.1, seed=4)
    check(rattled, turned, "bcc")
    left = cell128()
    left.set_cell(left.cell.array[[1, 0, 2]])
    assert check(left, left, "bcc").shape == (4, 4, 4)


@given(
    crystal=st.sampled_from([("bcc", "Mo"), ("fcc", "Cu"), ("hcp", "Mg"), ("diamond", "Si")]),
    matrix=st.lists(st.integers(-3, 3), min_size=9, max_size=9),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=25, deadline=None)
def test_any_supercell(crystal: tuple[str, str], matrix: list[int], seed: int) -> None:
    prototype, symbol = crystal
    m = np.array(matrix).reshape(3, 3)
    if not 1 <= abs(round(np.linalg.det(m))) <= 40:
        return
    kw = {"covera": np.sqrt(8 / 3), "a": 3.2} if prototype == "hcp" else {}
    ideal = alloy(make_supercell(bulk(symbol, prototype, **kw), m), seed)
    atoms = ideal.copy()
    atoms.set_cell(atoms.cell.array @ Rotation.random(random_state=seed).as_matrix(), scale_atoms=True)
    atoms.rattle(0.02, seed=seed)
    atoms = atoms[np.random.default_rng(seed).permutation(len(atoms))]
    lattice = check(atoms, ideal, prototype)
    big = lattice.at_least(200)
    x = lattice.tile(lattice.state(atoms), big)
    phi = WarrenCowley(lattice.species, 2, pairs="all")
    small = phi.pair_counts(lattice.state(atoms), lattice)
    assert np.array_equal(phi.pair_counts(x, big) * lattice.n_sites, small * big.n_sites)


@pytest.mark.parametrize(
    ("atoms", "prototype"),
    [
        (bulk("Cu", cubic=True).repeat(3), "fcc"),
        (bulk("Po", "sc", a=3.3).repeat(3), "sc"),
        (bulk("Mg", "hcp", a=3.2, covera=np.sqrt(8 / 3)).repeat((4, 4, 3)), "hcp"),
        (bulk("Mg", "hcp", a=3.2, covera=np.sqrt(8 / 3), orthorhombic=True).repeat((3, 2, 2)), "hcp"),
        (bulk("Si", cubic=True).repeat(2), "diamond"),
        (graphene(size=(5, 4, 1), vacuum=8), "honeycomb"),
    ],
    ids=["fcc", "sc", "hcp", "hcp-orthorhombic", "diamond", "honeycomb"],
)
def test_other_crystals_rattled_with_an_atom_missing(atoms: Atoms, prototype: str) -> None:
    given = alloy(atoms, symbols=("B", "C", "N") if prototype == "honeycomb" else ("Nb", "Mo", "Ta"))
    ideal = given.copy()
    ideal.symbols[7] = "X"
    given.rattle(0.06, seed=3)
    del given[7]
    check(given, ideal, prototype)


def test_hcp_off_the_ideal_ratio_has_twelve_neighbours() -> None:
    lattice = Lattice.from_atoms(bulk("Ti").repeat((3, 3, 2)))
    assert lattice.prototype == "hcp"
    assert lattice.shells(1)[0].offsets.shape == (2, 12, 4)


def test_decorations_do_not_matter() -> None:
    b2 = Atoms("MoTa", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[3.2] * 3, pbc=True)
    assert check(b2, b2, "bcc").shape == (1, 1, 1)
    l12 = bulk("Cu", cubic=True)
    l12.symbols[0] = "Au"
    assert check(l12, l12, "fcc").n_basis == 4
    d03 = Atoms("AlFe3", scaled_positions=np.outer([0, 2, 1, 3], [0.25] * 3), cell=bulk("Al", a=5.8).cell, pbc=True)
    assert check(d03, d03, "bcc").n_sites == 4


@pytest.mark.parametrize(("name", "prototype", "neighbours"), [("square", "square", 4), ("chain", "chain", 2)])
def test_pseudo_atoms_in_vacuum(structures: Path, name: str, prototype: str, neighbours: int) -> None:
    lattice = Lattice.from_atoms(ase.io.read(structures / f"{name}.cif"))
    assert lattice.prototype == prototype
    assert lattice.species == ()
    assert lattice.shells(1)[0].offsets.shape == (1, neighbours, 4)
    assert lattice.shells(1)[0].distance == pytest.approx(1)
    assert np.count_nonzero(lattice.pbc) == neighbours // 2


@pytest.mark.parametrize("name", ["NbMoTa", "MoNbTaVW", "NiCoCr"])
def test_fractional_occupancy(structures: Path, name: str) -> None:
    path = structures / f"{name}.cif"
    for source in (ase.io.read(path), Structure.from_file(path)):
        lattice = Lattice.from_atoms(source)
        n = len(lattice.species)
        assert lattice.composition == pytest.approx(dict.fromkeys(lattice.species, 1 / n))
        big = lattice.at_least(1024)
        assert np.ptp(big.counts(vacancies=0)[1:]) <= 1
        with pytest.raises(ValueError, match="fractional occupancy"):
            lattice.state(source)


def test_atoms_put_on_fractional_sites_win(structures: Path, caplog: pytest.LogCaptureFixture) -> None:
    atoms = alloy(ase.io.read(structures / "NbMoTa.cif").repeat(3), symbols=("Nb", "Mo"))
    with caplog.at_level(logging.INFO, logger="asemacro"):
        lattice = Lattice.from_atoms(atoms)
    assert "the atoms count" in caplog.text
    assert lattice.species == ("Nb", "Mo")
    assert np.array_equal(np.bincount(lattice.state(atoms)[0])[1:], [atoms.symbols.count(s) for s in ("Nb", "Mo")])


def test_pymatgen_structures() -> None:
    atoms = cell128()
    structure = AseAtomsAdaptor.get_structure(atoms)
    structure.replace(9, DummySpecies("X"))
    lattice = Lattice.from_atoms(structure)
    x = lattice.state(structure)
    ideal = atoms.copy()
    ideal.symbols[9] = "X"
    assert np.array_equal(lattice.state(ideal), x)
    assert (x == 0).sum() == 1


def test_a_long_rattled_box() -> None:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat((30, 6, 6))
    ideal_sites = len(atoms)
    atoms.rattle(0.12, seed=6)
    del atoms[::97]
    lattice = Lattice.from_atoms(atoms)
    assert lattice.shape == (30, 6, 6)
    assert (lattice.state(atoms) == 0).sum() == ideal_sites - len(atoms)


def test_bad_input_is_one_clear_line() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no crystal is like that"):
        Lattice.from_atoms(Atoms("Cu150", positions=rng.random((150, 3)) * 12, cell=[12] * 3, pbc=True))
    shaken = bulk("Al", cubic=True).repeat(3)
    shaken.rattle(0.35, seed=1)
    with pytest.raises(ValueError, match="no crystal lattice found under the 108 atoms"):
        Lattice.from_atoms(shaken)
    with pytest.raises(ValueError, match="no periodic cell"):
        Lattice.from_atoms(Atoms("OH2", positions=rng.random((3, 3))))
    with pytest.raises(ValueError, match="no atoms"):
        Lattice.from_atoms(Atoms(cell=[3] * 3, pbc=True))
    with pytest.raises(TypeError, match="pymatgen Structure, got str"):
        Lattice.from_atoms("NbMoTa.cif")
    twice = cell128()
    twice.positions[3] = twice.positions[7] + 0.1
    with pytest.raises(ValueError, match=r"atoms 3 and 7 .* same lattice site.*take one of them out"):
        Lattice.from_atoms(twice).state(twice)
    lattice = Lattice.from_atoms(cell128())
    with pytest.raises(ValueError, match="another box"):
        lattice.state(cell128().repeat((2, 1, 1)))
    with pytest.raises(ValueError, match="no species Fe"):
        lattice.state(alloy(cell128(), symbols=("Nb", "Fe")))
    off = cell128()
    off.positions[:40] += [1.6, 0, 0]
    with pytest.raises(ValueError, match="off the lattice"):
        lattice.state(off)
    chains = np.array([[0.25, 0, 0.5], [0.75, 0, 0.5]])
    sites = np.vstack([[[0, 0, 0], [0.5] * 3], chains, np.roll(chains, 1, axis=1), np.roll(chains, 2, axis=1)])
    a15 = Atoms("Cr8", scaled_positions=sites, cell=[4.5] * 3, pbc=True)
    with pytest.raises(ValueError, match="different numbers of neighbours"):
        Lattice.from_atoms(a15).shells(1)
