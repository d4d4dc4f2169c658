"""Cells that are distorted, cannot be, or hold atoms where no site is: the right neighbours, or one clear line."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.observables.short_range_order import warren_cowley

CUAU = Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[3.96 / 2**0.5, 3.96 / 2**0.5, 3.67], pbc=True)


def stretched(atoms: Atoms, *factors: float) -> Atoms:
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array * factors, scale_atoms=True)
    return atoms


def first(atoms: Atoms, pair: str, **options: float) -> tuple[int, float]:
    """Neighbours and alpha of a pair in the first shell."""
    order = warren_cowley(atoms, 1, **options)
    return int(order.neighbours[0]), float(order.alpha[0, order.pairs.index(pair)])


def test_tetragonal_order_on_fcc_has_twelve_neighbours(caplog: pytest.LogCaptureFixture) -> None:
    # of the 12 neighbours of Cu, 4 in its plane are Cu and 8 are Au: alpha = 1 - 8 / (12 / 2)
    with caplog.at_level(logging.INFO, logger="asemacro"):
        assert first(CUAU, "Cu-Au") == (12, pytest.approx(-1 / 3))
    assert "fcc distorted by 7.3%" in caplog.text
    assert first(stretched(CUAU, 1, 1, 0.963 * 3.96 / 3.67), "Cu-Au") == (12, pytest.approx(-1 / 3))
    # counted as they lie, the 8 Au are nearer than the 4 Cu
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="asemacro"):
        assert first(CUAU, "Cu-Au", shell_tolerance=0.05) == (8, pytest.approx(-1))
    assert "7.3% away from fcc" in caplog.text


def test_a_vacancy_in_tetragonal_order_moves_in_its_plane() -> None:
    atoms = CUAU.repeat(4)
    lattice = Lattice.from_atoms(atoms)
    x = lattice.state(atoms)
    x[0, 0] = 0
    model = PairBarrier(("Cu", "Au"), {"Cu": 0.7, "Au": 0.7}, [{"Cu-Au": 0.0}])
    hops = np.arange(1, 65)
    run = VacancyKMC(lattice, model, 3000).run(x, record_hops=hops, rng=np.random.default_rng(0))
    height = lattice.positions()[[int(np.flatnonzero(state == 0)[0]) for state in run.record]] @ [0, 0, 1]
    # 4 of 12 jumps stay in the plane: 63 / 3 on the average, sd 3.7
    assert 5 < np.count_nonzero(np.abs(np.diff(height)) < 0.1) < 38


@pytest.mark.parametrize(
    ("atoms", "prototype", "numbers"),
    [
        (stretched(bulk("Mo", "bcc", a=3.2, cubic=True), 1, 1, 1.06), "bcc", [8, 6]),
        (stretched(bulk("Mo", "bcc", a=3.2, cubic=True), 1, 1, 0.93), "bcc", [8, 6]),
        (stretched(bulk("Mo", "bcc", a=3.2, cubic=True), 1, 1, 1.1), "I4/mmm", [8, 4]),
        (stretched(bulk("Cu", cubic=True), 1, 1.03, 1.06), "fcc", [12, 6]),
        (stretched(bulk("Si", cubic=True), 1, 1, 1.05), "diamond", [4, 12]),
        (bulk("Mg", "hcp", a=3.2, covera=1.52), "hcp", [12, 6]),
        (bulk("Mg", "hcp", a=3.2, covera=1.75), "hcp", [12, 6]),
        (bulk("Zn", "hcp", a=2.66, covera=1.856), "hcp", [6, 6]),
    ],
    ids=["bcc+6%", "bcc-7%", "bcc+10%", "fcc-orthorhombic", "diamond", "hcp-7%", "hcp+7%", "zinc"],
)
def test_shells_of_distorted_crystals(atoms: Atoms, prototype: str, numbers: list[int]) -> None:
    lattice = Lattice.from_atoms(atoms)
    assert lattice.prototype == prototype
    assert [shell.offsets.shape[1] for shell in lattice.shells(2)] == numbers


def test_close_packed_layers_of_any_stacking_have_twelve_neighbours() -> None:
    layers = [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [0, 0, 0.5], [2 / 3, 1 / 3, 0.75]]
    cell = np.array([[3.7, 0, 0], [-1.85, 3.7 * 0.75**0.5, 0], [0, 0, 3.7 * 3.15]])  # the ideal ratio is 3.266
    lattice = Lattice.from_atoms(Atoms("La4", scaled_positions=layers, cell=cell, pbc=True))
    assert lattice.shells(1)[0].offsets.shape == (4, 12, 4)


def test_shell_tolerance_decides(caplog: pytest.LogCaptureFixture) -> None:
    zinc = bulk("Zn", "hcp", a=2.66, covera=1.856)
    assert Lattice.from_atoms(zinc, shell_tolerance=0.13).shells(1)[0].offsets.shape == (2, 12, 4)
    assert Lattice.from_atoms(bulk("Ti"), shell_tolerance=0).shells(1)[0].offsets.shape == (2, 6, 4)
    assert Lattice.hcp(3.2, "Mg", 2, c=3.2 * 1.6).shells(1)[0].offsets.shape == (2, 12, 4)
    for bad, kind in ((-0.1, ValueError), (0.2, ValueError), (float("nan"), ValueError), ("x", TypeError)):
        with pytest.raises(kind, match="shell_tolerance"):
            Lattice.from_atoms(zinc, shell_tolerance=bad)


def test_numbers_of_shells_are_checked() -> None:
    lattice = Lattice.bcc(3.2, "Mo", 2)
    for bad in (float("nan"), float("inf"), 1e300, 0, -1, 1.5, 101):
        with pytest.raises(ValueError, match="neighbour shells"):
            lattice.shells(bad)
        with pytest.raises(ValueError, match="neighbour shells"):
            warren_cowley(CUAU, bad)
    for wrong in ("2", None, [1]):
        with pytest.raises(TypeError, match="neighbour shells"):
            warren_cowley(CUAU, wrong)
    assert len(lattice.shells(2.0)) == 2


def test_shells_beyond_the_cell_are_said(caplog: pytest.LogCaptureFixture) -> None:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(4)
    atoms.symbols[::3] = "Ta"
    with caplog.at_level(logging.INFO, logger="asemacro"):
        warren_cowley(atoms, 6)
    assert not caplog.text  # shell 6 is at 6.40, half the cell
    with caplog.at_level(logging.INFO, logger="asemacro"):
        warren_cowley(atoms, 7)
    assert "from shell 7 on" in caplog.text


@pytest.mark.parametrize("size", [1e-10, 1e-3, 0.4, 2e5, 1e10])
@pytest.mark.parametrize("symbol", ["Fe", "X"])
def test_impossible_lengths_are_refused(size: float, symbol: str) -> None:
    atoms = Atoms([symbol] * 2, scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[size] * 3, pbc=True)
    with pytest.raises(ValueError, match=r"cell vector a is .* angstrom long|cell vectors of 1e\+10 angstrom"):
        Lattice.from_atoms(atoms)


@pytest.mark.parametrize("size", [1.2, 15.0, 9e4])
def test_impossible_volumes_are_refused_but_not_of_pseudo_atoms(size: float) -> None:
    atoms = Atoms("Fe2", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[size] * 3, pbc=True)
    with pytest.raises(ValueError, match="cubic angstrom per atom"):
        Lattice.from_atoms(atoms)
    atoms.symbols = "X2"
    assert Lattice.from_atoms(atoms).prototype == "bcc"


def test_vacuum_does_not_count_as_volume() -> None:
    chain = Atoms("Fe", cell=[2.5, 100, 100], pbc=True)
    assert Lattice.from_atoms(chain).prototype == "chain"
    flat = Atoms("Fe2", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0]], cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True)
    with pytest.raises(ValueError, match="in one plane"):
        Lattice.from_atoms(flat)


def test_a_rhombohedral_cell_with_three_sites_for_one(tmp_path: Path) -> None:
    # what ASE makes of "R -3 m :R" with a = 2.70, alpha = 60 and no operations: nearest distance 1.6 angstrom
    cell = 2.7 * np.array([[1, 0, 0], [0.5, 0.75**0.5, 0], [0.5, 0.75**0.5 / 3, (2 / 3) ** 0.5]])
    atoms = Atoms(
        "FePtFe", scaled_positions=[[0, 0, 0], [2 / 3, 1 / 3, 1 / 3], [1 / 3, 2 / 3, 2 / 3]], cell=cell, pbc=True
    )
    with pytest.raises(ValueError, match="60 % of the sum of their covalent radii"):
        Lattice.from_atoms(atoms)


def test_fractions_with_three_digits_are_named() -> None:
    sites = [[0.333, 0.667, 0.25], [0.334, 0.667, 0.25], [0.667, 0.333, 0.75], [0.666, 0.333, 0.75]]
    atoms = Atoms("Mg4", scaled_positions=sites, cell=bulk("Mg").cell, pbc=True)
    with pytest.raises(ValueError, match=r"0\.333 for 1/3"):
        Lattice.from_atoms(atoms)


@pytest.mark.parametrize(("n", "seed"), itertools.product((2, 3), range(3)))
@pytest.mark.parametrize("symbol", ["Mo", "Al"])
def test_shaken_atoms_are_no_crystal(symbol: str, n: int, seed: int) -> None:
    atoms = bulk(symbol, cubic=True).repeat(n)
    atoms.rattle(0.6, seed=seed)
    with pytest.raises(
        ValueError, match=r"how far atoms are displaced|no crystal lattice found|one atom written twice"
    ):
        Lattice.from_atoms(atoms)


def steel(carbon: int) -> Atoms:
    """Fe-Cr with carbon in octahedra."""
    atoms = bulk("Fe", "bcc", a=2.87, cubic=True).repeat(4)
    atoms.symbols[::4] = "Cr"
    holes = [[1.435 + 2.87 * k, 1.435, 0.0] for k in range(carbon)]
    return atoms + Atoms(f"C{carbon}", positions=holes)


def test_interstitial_species_leave_the_pairs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="asemacro"):
        order = warren_cowley(steel(3), 1)
    assert "C: on no site of the bcc lattice (3 of 131 atoms); left out" in caplog.text
    assert caplog.text.count("left out") == 1
    assert order.pairs == ("Cr-Cr", "Cr-Fe", "Fe-Fe")
    bare = warren_cowley(steel(3)[:128], 1)
    assert np.array_equal(order.alpha, bare.alpha)
    assert order.lattice.composition == bare.lattice.composition == {"Cr": 0.25, "Fe": 0.75}
    pure = steel(2)
    pure.symbols[:128] = "Fe"
    with pytest.raises(ValueError, match="the lattice holds Fe only"):
        warren_cowley(pure)


def test_an_atom_in_between_that_is_too_near_is_refused() -> None:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(4)
    atoms.append("Mo")
    atoms.positions[-1] = [1.6, 1.6, 0.0]  # the octahedron: 1.6 angstrom from two atoms
    with pytest.raises(ValueError, match=r"atoms \d+ and 128 .* 1\.6 angstrom apart.*take the misplaced atom out"):
        Lattice.from_atoms(atoms)


@pytest.mark.parametrize("vacant", [0.0, 0.25])
def test_alpha_among_atoms(vacant: float) -> None:
    # B2 with vacancies on a quarter of all sites, half of each sublattice's (0, 0, k) columns left as they are
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat((2, 2, 2))
    atoms.symbols[1::2] = "Ta"
    if vacant:
        atoms.symbols[[0, 1, 14, 15]] = "X"
    order = warren_cowley(atoms, 1)
    share, z = np.array([0.5, 0.5]), 8
    n = np.zeros((2, 3))
    kind = order.lattice.state(atoms)[0]
    for i, row in enumerate(order.lattice.neighbours(order.lattice.shells(1)[0].offsets)):
        if kind[i]:
            np.add.at(n[kind[i] - 1], kind[row], 1)
    p = n[:, 1:] / np.count_nonzero(kind == 1)
    mean_atoms = (p.sum(1) * share).sum()
    assert order.vacant == vacant
    for value, scaled, (i, j) in zip(order.alpha[0], order.alpha_atoms[0], [(0, 0), (0, 1), (1, 1)], strict=True):
        assert value == pytest.approx(1 - p[i, j] / (z * share[j]))
        assert scaled == pytest.approx(1 - p[i, j] / (mean_atoms * share[j]))
    assert (mean_atoms == z) == (vacant == 0)


def test_alpha_of_a_random_alloy_with_vacancies_is_their_fraction(structures: Path) -> None:
    atoms = ase.io.read(structures / "NbMoTa.cif")
    atoms.info["occupancy"] = {
        kind: {symbol: 0.95 * fraction for symbol, fraction in held.items()}
        for kind, held in atoms.info["occupancy"].items()
    }
    order = warren_cowley(atoms, 2)
    assert order.vacant == pytest.approx(0.05, abs=1e-6)
    assert np.allclose(order.alpha, 0.05, atol=1e-6)
    assert np.allclose(order.alpha_atoms, 0, atol=1e-12)


def test_a_sample_of_many_atoms_finds_the_same_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = bulk("Mg", "hcp", a=3.2, covera=1.6).repeat((40, 5, 4))
    atoms.symbols[::3] = "Ti"
    atoms.rattle(0.1, seed=3)
    del atoms[::101]
    whole = Lattice.from_atoms(atoms)
    monkeypatch.setattr("asemacro.lattice.recognition.periodic_points.MANY", 300)
    sampled = Lattice.from_atoms(atoms)
    assert sampled.shape == whole.shape
    assert np.allclose(sampled.cell, whole.cell)
    assert sampled.prototype == whole.prototype == "hcp"
    same, distance = sampled.nearest_sites(whole.positions())
    assert np.array_equal(same, np.arange(whole.n_sites)) or distance.max() < 0.05
    assert (sampled.state(atoms) == 0).sum() == (whole.state(atoms) == 0).sum()


@pytest.mark.parametrize("prototype", ["bcc", "hcp", "diamond", "honeycomb"])
def test_nearest_sites_are_the_nearest(prototype: str) -> None:
    lattice = Lattice.from_prototype(prototype, 4.0, "Fe", 3)
    rng = np.random.default_rng(1)
    box = lattice.cell * np.array(lattice.shape)[:, None]
    points = lattice.positions()[rng.integers(lattice.n_sites, size=200)] + rng.normal(0, 0.5, (200, 3)) * lattice.pbc
    site, distance = lattice.nearest_sites(points)
    gap = (points[:, None] - lattice.positions()) @ np.linalg.inv(box)
    shifts = np.array(list(itertools.product(*((-1, 0, 1) if p else (0,) for p in lattice.pbc))))
    gap -= np.rint(gap) * lattice.pbc
    table = np.linalg.norm((gap[:, :, None] + shifts) @ box, axis=-1).min(-1)
    assert np.array_equal(site, table.argmin(1))
    assert np.allclose(distance, table.min(1))
