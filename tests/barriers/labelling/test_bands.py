"""Bands of single jumps: exact where the lattice is not relaxed, known values where it is, reasons where they fail."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from compiled_emt import CompiledEMT

from asemacro.barriers.labelling.bands import BandSettings, Jump, fault_of_energies, lattice_fields, lattice_of
from asemacro.barriers.labelling.neb import PUSH, Failed, _check_sites, compute_band, pushes_of
from asemacro.barriers.labelling.parameter import ideal_cell, relaxed_lattice
from asemacro.lattice.lattice import Lattice

NONE = BandSettings(relax="none")
ABOUT = {"calculator": "emt"}


def jump(lattice: Lattice, seed: int = 0, neighbour: int = 0) -> Jump:
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(seed))[0]
    vacancy = int(np.flatnonzero(x == 0)[0])
    return Jump(lattice, x, int(lattice.neighbours(lattice.shells(1)[0].offsets)[vacancy, neighbour]), "random-0")


CUAU = Lattice.fcc(3.86, ["Cu", "Au"], 2)


def test_ends_are_the_same_atoms_and_one_of_them_moved_by_the_distance_of_neighbours() -> None:
    for seed in range(5):
        one = jump(CUAU, seed, seed)
        before, after = one.ends()
        assert np.array_equal(before.numbers, after.numbers)
        moved = np.linalg.norm(after.positions - before.positions, axis=1)
        assert moved[one.atom] == pytest.approx(3.86 / np.sqrt(2))
        assert np.delete(moved, one.atom).max() == 0
        assert np.array_equal(CUAU.state(before)[0], one.x)
        assert np.array_equal(CUAU.state(after)[0], one.after)
        assert before.symbols[one.atom] == one.species


def test_the_jump_back_has_the_same_name_and_no_other_jump_has() -> None:
    one = jump(CUAU)
    assert Jump(CUAU, one.after, one.vacancy, "another cell").name == one.name
    names = {jump(CUAU, seed, k).name for seed in range(4) for k in range(12)}
    assert len(names) == 48
    assert Jump(Lattice.fcc(3.9, ["Cu", "Au"], 2), one.x, one.jumping, "").name != one.name


def test_unrelaxed_barriers_are_sums_of_exact_energies() -> None:
    """Forward minus backward is the difference of the energies of two lattices, and the jump back gives the same."""
    for seed in range(2):
        one = jump(CUAU, seed)
        band = compute_band(one, EMT(), "emt", NONE, ABOUT)
        energies = []
        for atoms in one.ends():
            atoms.calc = EMT()
            energies.append(atoms.get_potential_energy())
        assert band.reason == ""
        assert abs(band.forward_eV - band.backward_eV - (energies[1] - energies[0])) < 1e-10
        back = compute_band(Jump(CUAU, one.after, one.vacancy, ""), EMT(), "emt", NONE, ABOUT)
        assert abs(back.forward_eV - band.backward_eV) < 1e-6  # the top of the line is found to 1e-4 of its length
        assert abs(back.backward_eV - band.forward_eV) < 1e-6
        line = [  # the highest of many points of the line
            compute_band(one, EMT(), "emt", BandSettings(relax="none", images=25), ABOUT).energies.max()
        ]
        assert abs(max(line) - band.energies.max()) < 1e-6


def test_relaxed_barriers_of_pure_copper_are_the_same_in_both_directions_and_lower_than_unrelaxed_ones() -> None:
    copper = Lattice.fcc(3.59, ["Cu"], 2)
    one = jump(copper)
    bare = compute_band(one, EMT(), "emt", NONE, ABOUT)
    band = compute_band(one, EMT(), "emt", BandSettings(images=3), ABOUT)
    assert band.reason == ""
    assert abs(band.forward_eV - band.backward_eV) < 2e-3
    assert 0.3 < band.forward_eV < bare.forward_eV
    middle = band.positions[1, one.atom] - band.positions[[0, 2], one.atom].mean(axis=0)
    assert np.linalg.norm(middle) < 0.05  # the saddle is half way
    assert band.positions.shape == (3, 31, 3)


class Falling(Calculator):
    """Energies that fall along the way, or pull the atoms to where they are told."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": -float(self.atoms.positions[:, 0].sum()), "forces": np.zeros((len(self.atoms), 3))}


class Ridge(CompiledEMT):
    """Copper with a bump of 1 eV on the middle of one jump, 0.15 angstrom wide: a lower saddle lies beside the line."""

    def __init__(self, top: np.ndarray, atom: int) -> None:
        super().__init__()
        self.top, self.atom = top, atom

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        away = atoms.positions[self.atom] - self.top
        away -= np.rint(away @ np.linalg.inv(atoms.cell)) @ atoms.cell.array
        bump = np.exp(-(away @ away) / (2 * 0.15**2))
        self.results["energy"] += bump
        self.results["forces"] = self.results["forces"].copy()
        self.results["forces"][self.atom] += bump * away / 0.15**2


def test_of_several_paths_the_lowest_saddle_counts() -> None:
    """By symmetry the path of pure copper stays on its line; pushed aside it goes round the bump."""
    one = jump(Lattice.fcc(3.61, ["Cu"], 2))
    before, after = one.ends()
    top = (before.positions[one.atom] + after.positions[one.atom]) / 2
    barriers = []
    for calculator, paths in (
        (CompiledEMT(), 1),
        (CompiledEMT(), 3),
        (Ridge(top, one.atom), 1),
        (Ridge(top, one.atom), 3),
    ):
        band = compute_band(one, calculator, "emt", BandSettings(images=3, paths=paths), ABOUT)
        assert not band.reason
        barriers.append(band.energies.max() - band.energies[0])
    plain, plain_aside, over, round_it = barriers
    assert plain_aside == pytest.approx(plain, abs=2e-3)
    assert over == pytest.approx(plain + 1, abs=0.02)
    assert plain < round_it < over - 0.1


def test_pushed_paths_point_to_the_widest_openings() -> None:
    """Of fcc between the two pairs of atoms that are a apart, of bcc to the six sides of two triangles."""
    one = jump(Lattice.fcc(3.6, ["Cu"], 3))
    before, after = one.ends()
    along = after.positions[one.atom] - before.positions[one.atom]
    axis = np.eye(3)[np.abs(along).argmin()]
    none, *aside = pushes_of(one, 3)
    assert not none.any()
    np.testing.assert_allclose(aside[0], -aside[1], atol=1e-9)
    for push in aside:
        assert np.linalg.norm(push) == pytest.approx(PUSH * 3.6 / np.sqrt(2))
        assert push @ along == pytest.approx(0, abs=1e-9)
        assert push @ axis == pytest.approx(0, abs=1e-9)
    six = np.array(pushes_of(jump(Lattice.bcc(3.2, ["Mo"], 3)), 7)[1:])
    cosines = np.sort((six @ six.T / (six[0] @ six[0])).round(6), axis=1)
    np.testing.assert_allclose(cosines, np.tile([-1, -0.5, -0.5, 0.5, 0.5, 1], (6, 1)), atol=1e-6)


def test_bands_that_fail_say_why() -> None:
    one = jump(CUAU, 0, 0)
    assert compute_band(one, Falling(), "f", NONE, ABOUT).reason == "the highest image is an end point"
    settings = BandSettings(most_steps=1)
    failed = compute_band(one, EMT(), "emt", settings, ABOUT)
    assert failed.reason == "the cell before the jump did not relax in 1 steps"
    assert len(failed.energies) == 0
    assert fault_of_energies(np.array([0.0, 0.04, -1.0])) == "barrier not above 0.05 eV: 0.040 eV"
    assert fault_of_energies(np.array([0.0, 1.0, 0.97])) == "barrier not above 0.05 eV: 0.030 eV"
    assert fault_of_energies(np.array([0.0, 1.0, 0.9])) == ""


def test_atoms_that_leave_their_sites() -> None:
    one = jump(CUAU)
    near = CUAU.shells(1)[0].distance
    before, after = one.ends()
    _check_sites(before, before, near, one, after, "before the jump")
    gone = before.copy()
    gone.positions[one.atom] = after.positions[one.atom]
    with pytest.raises(Failed, match=r"^the vacancy was refilled before the jump$"):
        _check_sites(gone, before, near, one, after, "before the jump")
    other = next(k for k in range(len(before)) if before.get_distance(k, one.atom, mic=True) > 1.2 * near)
    gone = before.copy()
    gone.positions[other] += [0, 0, 0.6 * near]
    with pytest.raises(Failed, match=r"^an atom left its site after the jump$"):
        _check_sites(gone, before, near, one, None, "after the jump")


@pytest.mark.parametrize(
    ("options", "message"), [({"relax": "cell"}, "one of atoms, none"), ({"images": 0}, "one image")]
)
def test_settings_that_make_no_sense(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BandSettings(**options)


def test_lattice_parameter_of_copper_and_of_hexagonal_copper() -> None:
    """EMT copper: 3.590 A; the hexagonal crystal has the same neighbours at c/a = sqrt(8/3)."""
    lattice = ideal_cell(Lattice.fcc(3.3, ["Cu"], 2))
    assert lattice.shape == (1, 1, 1)
    found = relaxed_lattice(lattice, np.ones(4, np.int8), EMT(), "emt", "atoms")
    assert found.cell[0, 0] == pytest.approx(3.590, abs=0.003)
    hexagonal = ideal_cell(Lattice.hcp(2.4, ["Cu"], 1, c=4.1)).repeat(3)
    assert len(hexagonal.conventional) == 3
    found = relaxed_lattice(hexagonal, np.ones(54, np.int8), EMT(), "emt", "none")
    a, c = found.cell[0, 0], found.cell[2, 2]
    assert a == pytest.approx(3.590 / np.sqrt(2), rel=3e-3)
    assert c / a == pytest.approx(np.sqrt(8 / 3), rel=3e-3)
    assert found.shells(1)[0].offsets.shape == (2, 12, 4)


def test_crystals_that_cannot_be_labelled() -> None:
    with pytest.raises(ValueError, match="periodic along three axes, the square lattice"):
        ideal_cell(Lattice.square(3.0, ["Cu"], 4))
    with pytest.raises(ValueError, match="names no element"):
        ideal_cell(Lattice.fcc(3.0, "X", 2))
    with pytest.raises(ValueError, match="the calculator falling has no least energy of this crystal"):
        relaxed_lattice(CUAU, np.ones(32, np.int8), Falling(), "falling", "none")


def test_a_lattice_survives_plain_values() -> None:
    import json

    for lattice in (CUAU, Lattice.hcp(2.5, ["Co", "Ni"], 3, c=4.0, composition={"Co": 0.3, "Ni": 0.7})):
        again = lattice_of(json.loads(json.dumps(lattice_fields(lattice))))
        assert np.array_equal(again.positions(), lattice.positions())
        assert again.composition == lattice.composition
        assert np.array_equal(again.shells(2)[1].offsets, lattice.shells(2)[1].offsets)
