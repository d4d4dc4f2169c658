"""One sublattice of a crystal as a lattice of its own; the atoms beside it stay where they are."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from pymatgen.core import Lattice as Cell
from pymatgen.core import Structure

from asemacro import Lattice, PairBarrier, SwapMC, read_structure, sublattice_of, warren_cowley
from asemacro.micro.alloy.kmc_driver import KMC
from asemacro.studies.alloy.start import Start

FCC = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
METALS = ("Ti", "Zr", "Hf")
# name: lattice parameter, sites of the group, their elements, sites beside them with their elements, prototype, shells
CRYSTALS: dict[str, tuple[Any, ...]] = {
    "rock salt": (4.6, FCC, METALS, [(tuple(np.subtract((0.5,) * 3, f)), "C") for f in FCC], "fcc", (2**-0.5, 1.0)),
    "zinc blende": (5.6, FCC, ("Al", "Ga", "In"), [(tuple(np.add(f, 0.25)), "As") for f in FCC], "fcc", (2**-0.5, 1.0)),
    "fluorite": (5.4, FCC, ("Zr", "Ce"), [(s, "O") for s in itertools.product((0.25, 0.75), repeat=3)], "fcc",
                 (2**-0.5, 1.0)),
    "perovskite B": (4.1, [(0.5, 0.5, 0.5)], ("Ti", "Zr"),
                     [((0, 0, 0), "Ba"), ((0.5, 0.5, 0), "O"), ((0.5, 0, 0.5), "O"), ((0, 0.5, 0.5), "O")], "sc",
                     (1.0, 2**0.5)),
    "perovskite A": (4.1, [(0, 0, 0)], ("Sr", "Ba"),
                     [((0.5, 0.5, 0.5), "Ti"), ((0.5, 0.5, 0), "O"), ((0.5, 0, 0.5), "O"), ((0, 0.5, 0.5), "O")], "sc",
                     (1.0, 2**0.5)),
    "B2": (2.9, [(0, 0, 0)], ("Fe", "Ni"), [((0.5, 0.5, 0.5), "Al")], "sc", (1.0, 2**0.5)),
}  # fmt: skip


def crystal(name: str, cells: int, seed: int = 0) -> tuple[Atoms, np.ndarray]:
    """A box of cells^3 with a random group in a random order of atoms, and which atoms are of the group."""
    a, group, elements, beside, _, _ = CRYSTALS[name]
    rng = np.random.default_rng(seed)
    symbols = [elements[0]] * len(group) + [s for _, s in beside]
    atoms = Atoms(symbols, scaled_positions=[*group, *(p for p, _ in beside)], cell=[a] * 3, pbc=True).repeat(cells)
    own = atoms.symbols == elements[0]
    kinds = np.resize(np.array(elements), own.sum())
    rng.shuffle(kinds)
    atoms.symbols[np.flatnonzero(own)] = kinds
    order = rng.permutation(len(atoms))
    return atoms[order], own[order]


def alpha_by_counting(atoms: Atoms, distance: float, first: str, second: str) -> float:
    """1 - p / (Z c) from the list of pairs at one distance."""
    i, j, d = neighbor_list("ijd", atoms, distance + 0.05)
    symbols = np.array(atoms.get_chemical_symbols())
    at = np.abs(d - distance) < 0.05
    i, j = i[at], j[at]
    met = symbols[j[symbols[i] == first]]
    z = len(i) / len(atoms)
    p = (met == second).sum() / (symbols == first).sum()
    return float(1 - p / (z * (symbols == second).mean()))


def same_atoms(a: Atoms, b: Atoms) -> bool:
    """The same elements at the same places, in any order."""
    if len(a) != len(b):
        return False
    inverse = np.linalg.inv(a.cell.array)
    gap = (a.positions[:, None] - b.positions[None]) @ inverse
    gap -= np.rint(gap)
    near = np.linalg.norm(gap @ a.cell.array, axis=2) < 1e-3
    return bool(np.all(near.sum(1) == 1) and np.all(a.numbers == b.numbers[near.argmax(1)]))


@pytest.mark.parametrize("name", CRYSTALS)
def test_order_is_that_of_the_group_by_itself_and_of_the_pairs_counted_one_by_one(name: str) -> None:
    atoms, own = crystal(name, 3)
    a, _, elements, _, prototype, shells = CRYSTALS[name]
    found = warren_cowley(sublattice_of(atoms, elements), 2)
    alone = warren_cowley(atoms[own], 2)
    assert found.lattice.prototype == prototype
    assert found.pairs == alone.pairs
    np.testing.assert_allclose(found.alpha, alone.alpha, atol=1e-12)
    np.testing.assert_array_equal(found.state, alone.state)
    for s, p in itertools.product(range(2), range(len(found.pairs))):
        one, two = found.pairs[p].split("-")
        assert found.alpha[s, p] == pytest.approx(alpha_by_counting(atoms[own], shells[s] * a, one, two), abs=1e-12)


@pytest.mark.parametrize("name", CRYSTALS)
def test_states_are_written_with_all_atoms_in_place_and_read_again(name: str, tmp_path: Path) -> None:
    atoms, own = crystal(name, 2 if len(CRYSTALS[name][1]) > 1 else 3)
    marked = sublattice_of(atoms, CRYSTALS[name][2])
    lattice = Lattice.from_atoms(marked)
    x = lattice.state(marked)
    assert lattice.n_sites == own.sum()
    assert same_atoms(lattice.to_atoms(x), atoms)
    assert np.array_equal(lattice.state(lattice.to_atoms(x)), x)
    assert np.array_equal(lattice.state(atoms), x)  # also of atoms that nobody marked
    ase.io.write(tmp_path / "again.extxyz", lattice.to_atoms(x))
    again = read_structure(tmp_path / "again.extxyz")
    np.testing.assert_allclose(warren_cowley(again, 2).alpha, warren_cowley(marked, 2).alpha)
    larger = lattice.at_least(2 * lattice.n_sites)
    times = np.rint(np.diag(larger.to_atoms(larger.random_state(vacancies=0, rng=np.random.default_rng(0))).cell.array)
                    / np.diag(atoms.cell.array)).astype(int)  # fmt: skip
    assert same_atoms(larger.to_atoms(lattice.tile(x, larger)), atoms.repeat(times))


def test_atoms_that_are_off_the_sites_of_their_sublattice_are_said_to_be_written_on_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    atoms, own = crystal("B2", 3)
    atoms.positions[own] += 0.2 * np.where(np.arange(own.sum()) % 2, 1.0, -1.0)[:, None] * [0, 0, 1]
    with caplog.at_level(logging.INFO, logger="asemacro"):
        lattice = Lattice.from_atoms(sublattice_of(atoms, ["Fe", "Ni"]))
    assert "its atoms, 0.2 angstrom from its sites (rms), are written on them" in caplog.text
    written = lattice.to_atoms(lattice.random_state(vacancies=0, rng=np.random.default_rng(0)))
    assert same_atoms(written[written.symbols == "Al"], atoms[~own])


def test_swaps_keep_the_composition_and_move_no_atom_beside_the_group() -> None:
    atoms, own = crystal("rock salt", 4)
    marked = sublattice_of(atoms, METALS)
    lattice = Lattice.from_atoms(marked)
    x = lattice.state(marked)
    bare = Lattice.from_atoms(atoms[own])
    model = PairBarrier(METALS, dict.fromkeys(METALS, 1.0), [{"Ti-Hf": 0.05, "Ti-Zr": -0.03}])
    after = SwapMC(lattice, model, 800.0).run(x, 20.0, rng=np.random.default_rng(3)).x
    alone = SwapMC(bare, model, 800.0).run(x, 20.0, rng=np.random.default_rng(3)).x
    assert np.array_equal(after, alone)
    assert (after != x).any()
    written = lattice.to_atoms(after.reshape(-1))
    assert sorted(written.get_chemical_symbols()) == sorted(atoms.get_chemical_symbols())
    assert same_atoms(written[written.symbols == "C"], atoms[~own])


# ---------------------------------------------------------------- vacancies


def test_vacancies_of_either_side_of_b2_are_its_own(caplog: pytest.LogCaptureFixture) -> None:
    atoms, own = crystal("B2", 6)
    gone = np.flatnonzero(own)[:7]
    holes = np.flatnonzero(~own)[:5]
    missing = atoms[np.setdiff1d(np.arange(len(atoms)), np.concatenate([gone, holes]))]
    named = atoms.copy()
    named.symbols[np.concatenate([gone, holes])] = "X"
    with caplog.at_level(logging.INFO, logger="asemacro"):
        for source in (missing, named):
            marked = sublattice_of(source, ["Ni", "Fe"])
            lattice = Lattice.from_atoms(marked)
            x = lattice.state(marked)
            assert (lattice.n_sites, (x == 0).sum()) == (216, 7)
            assert same_atoms(lattice.to_atoms(x, vacancies=False), missing)
            assert (lattice.to_atoms(x).symbols == "X").sum() == 7
            assert np.array_equal(lattice.state(lattice.to_atoms(x)), x)
            order = warren_cowley(marked, 1)
            assert order.vacant == pytest.approx(7 / 216)
    assert "the sublattice of Fe, Ni alone" in caplog.text
    assert "Al" in caplog.text


def test_many_vacancies_that_the_file_names_are_told_apart_by_their_places() -> None:
    atoms, own = crystal("rock salt", 4)
    rng = np.random.default_rng(5)
    metals, carbon = np.flatnonzero(own), np.flatnonzero(~own)
    atoms.symbols[rng.choice(metals, 64, replace=False)] = "X"  # a quarter of the metals: too many to do without
    atoms.symbols[rng.choice(carbon, 100, replace=False)] = "X"
    marked = sublattice_of(atoms, METALS)
    lattice = Lattice.from_atoms(marked)
    assert (lattice.prototype, lattice.n_sites) == ("fcc", 256)
    assert (lattice.state(marked) == 0).sum() == 64
    assert len(lattice.to_atoms(lattice.state(marked))) == 256 + 156


def test_hops_lead_from_site_to_site_of_the_group() -> None:
    atoms, own = crystal("rock salt", 4)
    atoms.symbols[np.flatnonzero(own)[0]] = "X"
    marked = sublattice_of(atoms, METALS)
    before = marked.copy()
    model = PairBarrier(METALS, dict.fromkeys(METALS, 1.0), [{"Ti-Hf": 0.05}])
    alone = atoms[own]
    kmc = KMC(marked, model, 1500.0, rng=np.random.default_rng(1))
    bare = KMC(alone, model, 1500.0, rng=np.random.default_rng(1))
    hop = 4.6 / 2**0.5
    for _ in range(20):
        vacancy = np.flatnonzero(marked.numbers == 0)[0]
        kmc.run(1)
        bare.run(1)
        moved = np.flatnonzero(marked.numbers == 0)[0]
        assert marked.get_distance(vacancy, moved, mic=True) == pytest.approx(hop)
    assert np.array_equal(marked.numbers[own], alone.numbers)
    assert marked.info["time_s"] == alone.info["time_s"]
    assert np.array_equal(marked.numbers[~own], before.numbers[~own])
    assert np.array_equal(marked.positions, before.positions)


def test_oxygen_of_a_perovskite_is_a_lattice_of_three_kinds_of_sites() -> None:
    atoms, _ = crystal("perovskite A", 3)
    oxygen = np.flatnonzero(atoms.symbols == "O")
    atoms.symbols[oxygen[::9]] = "X"
    atoms.symbols[oxygen[1::9]] = "F"
    marked = sublattice_of(atoms, ["O", "F"])
    lattice = Lattice.from_atoms(marked)
    assert lattice.n_sites == 81
    assert len(lattice.shells(1)[0].offsets[0]) == 8
    assert (lattice.state(marked) == 0).sum() == 9


# ---------------------------------------------------------------- occupancies

BSCF = {"A": {"Ba": 0.5, "Sr": 0.5}, "B": {"Co": 0.8, "Fe": 0.2}, "O": {"O": 0.8}}


def bscf() -> Structure:
    """The cubic perovskite Ba0.5Sr0.5Co0.8Fe0.2O2.4."""
    return Structure(
        Cell.cubic(4.0), [BSCF["A"], BSCF["B"], *[BSCF["O"]] * 3],
        [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    )  # fmt: skip


def test_occupancies_of_the_group_are_drawn_and_those_beside_it_too_in_exact_numbers(tmp_path: Path) -> None:
    bscf().to(str(tmp_path / "bscf.cif"))
    for marked in (
        sublattice_of(bscf(), ["Co", "Fe"]),
        read_structure(tmp_path / "bscf.cif", sublattice=["Fe", "Co"]),
    ):
        lattice = Lattice.from_atoms(marked)
        assert lattice.composition == pytest.approx({"Fe": 0.2, "Co": 0.8})
        assert lattice.vacant == 0
        begin = Start.read(marked)
        box = begin.lattice.at_least(125)
        x = begin.draw(box, 1, None, rng=np.random.default_rng(0))
        atoms = box.to_atoms(x, vacancies=False)
        count = {s: int((atoms.symbols == s).sum()) for s in ("Ba", "Sr", "Co", "Fe", "O")}
        assert count["Ba"] + count["Sr"] == box.n_sites
        assert abs(count["Ba"] - count["Sr"]) <= 1
        assert count["Co"] + count["Fe"] == box.n_sites - 1
        assert abs(count["O"] - 2.4 * box.n_sites) < 1
        assert same_atoms(atoms, box.to_atoms(x, vacancies=False))  # drawn once and for all


def test_vacant_oxygen_is_the_vacancy_of_its_own_sublattice() -> None:
    begin = Start.read(sublattice_of(bscf(), ["O"]))
    assert begin.lattice.vacant == pytest.approx(0.2)


# ---------------------------------------------------------------- what is refused


def test_what_is_no_sublattice_is_refused_in_one_line() -> None:
    atoms, own = crystal("rock salt", 3)
    with pytest.raises(ValueError, match=r"W is not in the structure, which holds C, Ti, Zr, Hf"):
        sublattice_of(atoms, ["Ti", "W"])
    with pytest.raises(ValueError, match=r"'Tii' is not a chemical element"):
        sublattice_of(atoms, ["Ti", "Tii"])
    with pytest.raises(ValueError, match=r"Ti is named twice"):
        sublattice_of(atoms, ["Ti", "Zr", "Ti"])
    with pytest.raises(ValueError, match=r"names every element of the structure.*leave it out"):
        sublattice_of(atoms, ["C", *METALS])
    with pytest.raises(ValueError, match=r"no unlike pairs: the lattice holds C only"):
        warren_cowley(sublattice_of(atoms, ["C"]))
    atoms.symbols[np.flatnonzero(own)[:2]] = "C"
    with pytest.raises(ValueError, match=r"2 atoms of C are on sites of the sublattice of Ti, Zr, Hf.*name C too"):
        Lattice.from_atoms(sublattice_of(atoms, METALS))
    mixed = Structure(Cell.cubic(4.0), [{"Ti": 0.9, "O": 0.1}, "O"], [[0, 0, 0], [0.5] * 3])
    with pytest.raises(ValueError, match=r"site 0 .*holds Ti and O.*name O too"):
        sublattice_of(mixed, ["Ti"])


def test_a_box_that_the_atoms_beside_the_group_do_not_fit_is_refused() -> None:
    atoms, own = crystal("B2", 3)
    del atoms[np.flatnonzero(~own)[0]]
    unit = dataclasses.replace(Lattice.from_atoms(sublattice_of(atoms, ["Fe", "Ni"])), shape=(2, 2, 2), _memo={})
    with pytest.raises(ValueError, match=r"the atoms of Al beside the sublattice repeat after 8.7.*a box of 5.8"):
        unit.to_atoms(unit.random_state(vacancies=0, rng=np.random.default_rng(0)))
