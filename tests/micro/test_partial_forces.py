"""Atoms with calculators of ASE: forces by cut-outs are all forces, runs are those of ASE, what goes wrong is said."""

from __future__ import annotations

import logging
from typing import Any

import ase.build
import ase.constraints
import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.calculators.eam import EAM
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.md.verlet import VelocityVerlet

import asemacro as am
from asemacro.micro.particles.cut_out import cut_out, holds_all, reach_of
from asemacro.testing import check_force_system


def shaken(atoms: Atoms, by: float = 0.1) -> Atoms:
    atoms.positions += by * np.random.default_rng(1).standard_normal((len(atoms), 3))
    return atoms


def own_eam() -> EAM:
    """An EAM potential that ends smoothly at 4 angstrom."""
    r, rho = np.linspace(0.0, 4.0, 400), np.linspace(0.0, 60.0, 400)
    end = (1 - r / 4.0) ** 3
    calculator = EAM(
        elements=["Cu"], embedded_energy=np.array([None]), electron_density=np.array([None]), phi=np.array([[None]]),
        cutoff=4.0, form="alloy",
    )  # fmt: skip
    calculator.Nelements, calculator.Z, calculator.mass, calculator.a, calculator.lattice = (
        1,
        [29],
        [63.5],
        [3.6],
        ["fcc"],
    )
    calculator.nr, calculator.dr, calculator.nrho, calculator.drho = 400, r[1], 400, rho[1]
    calculator.r, calculator.rho = r, rho
    calculator.embedded_data = -np.sqrt(rho)[None]
    calculator.density_data = (8 * np.exp(-r) * end)[None]
    calculator.rphi_data = (r * 40 * np.exp(-2 * r) * end)[None, None]
    calculator.set_splines()
    return calculator


SLAB = shaken(ase.build.fcc111("Cu", (5, 4, 4), vacuum=6.0))
LIQUID = shaken(ase.build.bulk("Ar", "fcc", a=5.3, cubic=True).repeat((6, 3, 3)), 0.2)
SKEW = shaken(ase.build.bulk("Cu", "fcc", a=3.6).repeat((6, 6, 7)))
CASES: dict[str, tuple[Atoms, Any]] = {
    "pairs": (LIQUID, LennardJones(sigma=3.4, epsilon=0.0103, rc=7.0)),
    "pairs across a small box": (LIQUID[:32], LennardJones(sigma=3.4, epsilon=0.0103, rc=7.0)),
    "smooth pairs in a skew box": (SKEW, MorsePotential(epsilon=0.35, rho0=3.8, r0=2.8, rcut1=1.2, rcut2=1.6)),
    "densities on a slab": (SLAB, own_eam()),
    "densities in a skew box": (SKEW, own_eam()),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_forces_by_cut_outs_are_all_forces(name: str) -> None:
    atoms, calculator = CASES[name]
    halo = reach_of(calculator, atoms.copy())
    assert halo is not None
    full = calculator.get_property("forces", atoms)
    active = np.random.default_rng(0).choice(len(atoms), 3, replace=False)
    part, places = cut_out(atoms, active, halo)
    np.testing.assert_allclose(calculator.get_property("forces", part)[places], full[active], rtol=0, atol=1e-10)
    small, places = cut_out(atoms, active, 0.7 * halo)
    gap = calculator.get_property("forces", small)[places] - full[active]
    assert abs(gap).max() > 1e-8, "the halo is larger than it needs to be"


def test_forces_of_emt_by_cut_outs() -> None:
    atoms = shaken(ase.build.bulk("CuAu", "rocksalt", a=5.6, cubic=True).repeat((6, 5, 5)))
    system = am.PartialForces(atoms, EMT())
    x = system.initial([300.0, 600.0], rng=np.random.default_rng(0))
    active = np.array([[5], [900]])
    full = np.take_along_axis(system.forces(x), system.components(active), axis=1)
    np.testing.assert_allclose(system.forces(x, active), full, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["pairs", "densities on a slab"])
def test_systems_do_what_the_learner_assumes(name: str) -> None:
    atoms, calculator = CASES[name]
    system = am.PartialForces(atoms, calculator)
    x = system.initial([100.0, 200.0], rng=np.random.default_rng(0))
    check_force_system(system, x, rng=np.random.default_rng(0), tolerance=1e-11)


class Counting(LennardJones):
    """How many atoms were given to the calculator."""

    atoms_seen = 0

    def calculate(self, atoms: Atoms | None = None, *more: Any, **named: Any) -> None:
        self.atoms_seen += len(atoms or ())
        super().calculate(atoms, *more, **named)


def test_a_few_forces_cost_a_few_atoms() -> None:
    counts = []
    for copies in (5, 10):
        atoms = shaken(ase.build.bulk("Ar", "sc", a=4.0).repeat(copies))
        calculator = Counting(sigma=3.4, epsilon=0.0103, rc=5.0)
        system = am.PartialForces(atoms, calculator)
        system.forces(system.initial([50.0], rng=np.random.default_rng(0)), np.array([[0]]))
        counts.append(calculator.atoms_seen)
    assert max(counts) < 20


def test_runs_are_those_of_ase() -> None:
    atoms, calculator = CASES["pairs"]
    system = am.PartialForces(atoms, calculator, time_step_fs=5.0)
    x = system.initial([60.0], rng=np.random.default_rng(0))
    twin = system.atoms_of(x[0])
    twin.calc = calculator
    VelocityVerlet(twin, 5.0 * units.fs).run(20)
    end = system.trajectories(x, [50 * units.fs, 100 * units.fs])[0, 1]
    np.testing.assert_allclose(end[: x.size // 2], twin.positions.reshape(-1), atol=1e-10)
    np.testing.assert_allclose(end[x.size // 2 :], twin.get_velocities().reshape(-1), atol=1e-12)
    energy = system.energy(np.stack([x[0], end]))
    assert abs(energy[1] - energy[0]) < 1e-3 * abs(energy[0])
    assert energy[1] == pytest.approx(twin.get_total_energy(), abs=1e-9)


def test_temperature_of_starts_and_baths() -> None:
    atoms, calculator = LIQUID[:16], CASES["pairs"][1]
    system = am.PartialForces(atoms, calculator, time_step_fs=10.0, bath_K=40.0, friction_per_fs=0.02)
    phi = am.KineticTemperature(len(atoms), masses=atoms.get_masses(), k_B=units.kB)
    x = system.initial([20.0, 90.0], rng=np.random.default_rng(0))
    np.testing.assert_allclose(phi(torch.as_tensor(x))[:, 0], [20.0, 90.0], rtol=1e-12)
    times = np.arange(10, 70) * 50 * units.fs
    runs = system.trajectories(x, times, rng=np.random.default_rng(1)).reshape(-1, x.shape[1])
    values = phi(torch.as_tensor(runs))[:, 0].numpy()
    error = 40.0 * np.sqrt(2 / (3 * 15)) / np.sqrt(len(values) / 3)  # correlated over some three samples
    assert abs(values.mean() - 40.0) < 4.4 * error
    momentum = (atoms.get_masses()[:, None] * runs[:, x.shape[1] // 2 :].reshape(-1, len(atoms), 3)).sum(axis=1)
    assert abs(momentum).max() < 1e-9
    with pytest.raises(TypeError, match="rng must be a numpy"):
        system.trajectories(x, times)


def test_calculators_that_know_a_part_of_the_forces() -> None:
    atoms, calculator = CASES["pairs across a small box"]
    asked = []

    def subset(now: Atoms, numbers: np.ndarray) -> np.ndarray:
        asked.append(len(numbers))
        return calculator.get_property("forces", now)[numbers]

    system = am.PartialForces(atoms, calculator, subset=subset)
    check_force_system(system, system.initial([40.0, 50.0], rng=np.random.default_rng(0)), rng=np.random.default_rng(0))
    assert {1, 10, 32} <= set(asked)


class Spring(Calculator):
    """A potential that says nothing of its range."""

    implemented_properties: tuple[str, ...] = ("energy", "forces")

    def __init__(self, strength: float = 1.0, given: tuple[str, ...] = ("energy", "forces")) -> None:
        super().__init__()
        self.strength, self.implemented_properties = strength, given

    def calculate(self, atoms: Atoms | None = None, *more: Any, **named: Any) -> None:
        super().calculate(atoms, *more, **named)
        assert atoms is not None
        self.results = {
            "energy": self.strength * (atoms.positions**2).sum() / 2,
            "forces": -self.strength * atoms.positions,
        }


def test_calculators_without_a_range_are_spoken_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "asemacro"):
        system = am.PartialForces(ase.build.molecule("C6H6"), Spring())
    x = system.initial([300.0, 400.0], rng=np.random.default_rng(0))
    check_force_system(system, x, rng=np.random.default_rng(0))
    assert len(caplog.records) == 1
    assert "Spring does not say how far its forces reach" in caplog.text
    assert "\n" not in caplog.records[0].getMessage()


def test_what_goes_wrong_is_one_line() -> None:
    molecule = ase.build.molecule("H2O", vacuum=0.3)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="the calculator Spring gives no forces"):
        am.PartialForces(molecule, Spring(given=("energy",)))
    with pytest.raises(ValueError, match="EMT gives no forces of these atoms: No EMT-potential for Fe"):
        am.PartialForces(ase.build.bulk("Fe", cubic=True), EMT())
    with pytest.raises(ValueError, match=r"atom \d is outside the box along axis \d, which is not periodic"):
        am.PartialForces(ase.build.molecule("H2O", cell=[5, 5, 5]), Spring())
    leaving = am.PartialForces(molecule, Spring(-1.0), time_step_fs=5.0, halo=3.0)
    with pytest.raises(ValueError, match=r"atom \d is outside the box along axis \d, which is not periodic"):
        leaving.trajectories(leaving.initial([300.0], rng=rng), [100.0])
    broken = am.PartialForces(molecule, Spring(np.nan), halo=3.0)
    with pytest.raises(ValueError, match=r"Spring gives forces that are not finite on 3 of 3 atoms, first on atom 0"):
        broken.forces(broken.initial([300.0], rng=rng))
    with pytest.raises(ValueError, match=r"Spring gives forces that are not finite on 1 of 1 atoms, first on atom 2"):
        broken.forces(broken.initial([300.0], rng=rng), np.array([[2]]))
    with pytest.raises(ValueError, match="temperatures must be numbers of kelvin above 0"):
        broken.initial([-3.0], rng=rng)
    for error, said in (
        (RuntimeError("no convergence\nat all"), "no convergence"),
        (MemoryError(), "asks for more mem"),
        (SystemExit(3), r"it ends the program, sys.exit\(3\)"),
    ):

        def fail(*given: Any, error: BaseException = error) -> None:
            raise error

        broken = am.PartialForces(molecule, Spring(), halo=3.0)
        broken._calculator.calculate = fail
        with pytest.raises(ValueError, match=f"^the calculator Spring fails: .*{said}[^\n]*$"):
            broken.forces(broken.initial([300.0], rng=rng))
        partial = am.PartialForces(molecule, Spring(), subset=fail)
        with pytest.raises(ValueError, match=f"^the function subset of Spring fails: .*{said}[^\n]*$"):
            partial.forces(partial.initial([300.0], rng=rng), np.array([[0]]))
    fixed = molecule.copy()
    fixed.set_constraint(ase.constraints.FixAtoms([0]))
    with pytest.raises(
        ValueError, match=r"^atom 0 is held by constraints \(FixAtoms\).*Selective dynamics.*set_constr"
    ):
        am.PartialForces(fixed, Spring())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("abc", "must give real numbers, got 'abc'"),
        (None, "must give real numbers, got None"),
        ([[1, 2], [3]], "must give an array of real numbers"),
        (1j * np.ones((1, 3)), r"must give real numbers, got an array of complex128 with the shape \(1, 3\)"),
        (torch.ones(1, 3, requires_grad=True), "must give an array of real numbers: .*requires grad"),
        (np.ones((2, 3)), r"gives forces of the shape \(2, 3\), there must be 1 x 3"),
    ],
    ids=str,
)
def test_what_a_function_for_a_part_must_give(found: Any, message: str) -> None:
    system = am.PartialForces(ase.build.molecule("H2O"), Spring(), subset=lambda atoms, numbers: found)
    x = system.initial([300.0], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"^the function subset of Spring {message}[^\n]*$"):
        system.forces(x, np.array([[0]]))


def changed(**named: Any) -> Atoms:
    """Copper whose first atom, cell, or the like is another one."""
    atoms = ase.build.bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2)
    if "place" in named:
        atoms.positions[3] = named["place"]
    if "cell" in named:
        atoms.cell[2] = named["cell"]
    if "mass" in named:
        atoms.set_masses([named["mass"], *atoms.get_masses()[1:]])
    return atoms[: named.get("count", len(atoms))]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"place": [1.8, np.nan, 0]}, r"atom 3 \(counted from 0\) is at 1.8, nan, 0 angstrom, which is no place"),
        ({"place": [1e30, 0, 0]}, r"atom 3 \(counted from 0\) is at 1e\+30, 0, 0 angstrom, which is no place"),
        ({"place": [7.2, -7.2, 1e-9]}, r"atoms 0 and 3 \(counted from 0\) are at the same place"),
        ({"cell": [0, 0, 0]}, "the cell vector along axis 3 has no length, but that axis is periodic"),
        ({"cell": [7.2, 7.2, 0]}, "the cell vectors .* lie in a plane"),
        ({"cell": [np.inf, 0, 0]}, "the cell vectors .* are none of a structure"),
        ({"mass": 0.0}, r"atom 0 \(counted from 0\), Cu, has the mass 0; all must have one above 0"),
        ({"count": 1}, "there is one atom; give two atoms or more"),
    ],
    ids=str,
)
def test_structures_that_cannot_be_moved(named: dict[str, Any], message: str, recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(ValueError, match=f"^{message}[^\n]*$"):
        am.PartialForces(changed(**named), EMT())
    assert not recwarn.list


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("axes", [(True, True, True), (True, False, True), (False, False, False)])
def test_a_halo_around_all_atoms_is_known_without_a_cut_out(name: str, axes: tuple[bool, ...]) -> None:
    atoms = CASES[name][0][::7]
    atoms.pbc = axes
    least = 0.0
    while not holds_all(atoms, least):
        least += 0.5
    for number in (0, len(atoms) - 1):
        assert len(cut_out(atoms, np.array([number]), least)[0]) >= len(atoms)


@pytest.mark.parametrize("halo", [2000.0, 1e300])
@pytest.mark.parametrize("length", [1, 400])
def test_forces_with_a_halo_of_any_size(halo: float, length: int) -> None:
    """Of a box, and of a chain whose halo is full of images of it across."""
    atoms = ase.build.bulk("Cu", "fcc", a=3.6, cubic=True).repeat((1, 1, length))
    asked = []

    def forces(now: Atoms) -> np.ndarray:
        asked.append(len(now))
        return np.ones((len(now), 3))

    calculator = Spring()
    calculator.get_property = lambda what, now: forces(now)  # type: ignore[method-assign]
    system = am.PartialForces(shaken(atoms), calculator, halo=halo if length == 1 or halo > 1e9 else 700.0)
    system.forces(system.initial([300.0], rng=np.random.default_rng(0)), np.array([[1]]))
    assert asked == [len(atoms)]
