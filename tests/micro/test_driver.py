"""Runs driven as ASE's dynamics: the trajectory of the functional runs, callbacks when ASE would make them."""

from __future__ import annotations

import io
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

import asemacro as am

PAIR = am.PairBarrier(["Nb", "Ta"], {"Nb": 0.6, "Ta": 0.7}, [{"Nb-Ta": -0.05}])
BOX = am.Lattice.bcc(3.2, ["Nb", "Ta"], 4)


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def alloy(vacancies: int = 2):
    return BOX.to_atoms(BOX.random_state(vacancies=vacancies, rng=rng(1)))


def test_the_hops_and_times_are_those_of_one_functional_run() -> None:
    atoms = alloy()
    lattice = am.Lattice.from_atoms(atoms)
    x = lattice.state(atoms)
    points = [0, 7, 50, 57, 300]
    run = am.VacancyKMC(lattice, PAIR, 1100.0).run(x, record_hops=points, rng=rng())
    dyn = am.KMC(atoms, PAIR, temperature_K=1100.0, rng=rng())
    seen = {}
    dyn.attach(lambda: seen.update({dyn.nsteps: (lattice.state(atoms)[0].copy(), atoms.info["time_s"])}), 1)
    assert dyn.run(7) is False
    for _ in dyn.irun(43):
        pass
    dyn._observers.clear()  # from here on in strides
    dyn.attach(lambda: seen.update({dyn.nsteps: (lattice.state(atoms)[0].copy(), atoms.info["time_s"])}), -57)
    dyn.run(250)
    assert dyn.nsteps == dyn.get_number_of_steps() == 300
    for hop, state, time in zip(points[:-1], run.record, run.record_times_s, strict=False):
        assert np.array_equal(seen[hop][0], state)
        assert seen[hop][1] == time
    assert np.array_equal(dyn.x, run.x)
    assert dyn.get_time() == atoms.info["time_s"] == run.time_s
    assert dyn.atoms is atoms


@pytest.mark.parametrize("cut", [(10,), (3, 4, 3)])
def test_functions_are_called_when_ase_would_call_them(cut: tuple[int, ...]) -> None:
    copper = ase.build.bulk("Cu")
    copper.calc = EMT()
    theirs, ours = VelocityVerlet(copper, 1.0), am.KMC(alloy(), PAIR, 1500.0, rng=rng())
    calls: dict[str, list[tuple[int, int]]] = {"theirs": [], "ours": []}
    for name, dyn in (("theirs", theirs), ("ours", ours)):
        for interval in (1, 2, 3, 7, 20, 0, -1, -6, -30):
            dyn.attach(lambda n, name=name, dyn=dyn: calls[name].append((dyn.nsteps, n)), interval, interval)
        for steps in cut:
            dyn.run(steps)
    assert calls["ours"] == calls["theirs"]
    assert len(calls["ours"]) > 20


def test_irun_stops_at_each_step_and_the_beginning() -> None:
    dyn = am.KMC(alloy(), PAIR, 1500.0, rng=rng())
    assert [(dyn.nsteps, stands) for stands in dyn.irun(3)] == [(n, False) for n in range(4)]
    assert [dyn.nsteps for _ in dyn.irun(2)] == [3, 4, 5]


def test_trajectory_and_logfile(tmp_path: Path) -> None:
    log = io.StringIO()
    with am.KMC(alloy(), PAIR, 1100.0, trajectory=tmp_path / "a.traj", logfile=log, loginterval=5, rng=rng()) as dyn:
        dyn.run(20)
        last = dyn.get_time()
    frames = ase.io.read(tmp_path / "a.traj", ":")
    assert len(frames) == 5
    assert frames[-1].info["time_s"] == last
    assert np.array_equal(frames[-1].numbers, dyn.atoms.numbers)
    with ase.io.Trajectory(tmp_path / "a.traj") as read:
        assert read.description == dyn.todict()
    assert dyn.todict()["temperature_K"] == 1100.0
    lines = log.getvalue().splitlines()
    assert lines[0].split() == ["hop", "time_s"]
    assert [int(line.split()[0]) for line in lines[1:]] == [0, 5, 10, 15, 20]
    # the same in extxyz, and a second run that adds to it
    for append in (False, True):
        with am.KMC(
            dyn.atoms,
            PAIR,
            1100.0,
            trajectory=tmp_path / "b.extxyz",
            append_trajectory=append,
            loginterval=5,
            rng=rng(),
        ) as more:
            more.run(10)
    assert len(ase.io.read(tmp_path / "b.extxyz", ":")) == 3 + 2


def test_sites_without_an_atom_are_vacancies_and_distorted_atoms_stay_where_they_are() -> None:
    whole = ase.build.bulk("Nb", "bcc", a=3.2, cubic=True).repeat(4)
    whole.symbols[rng().permutation(len(whole))[:60]] = "Ta"
    whole.rattle(0.04, seed=3)
    atoms = whole.copy()
    del atoms[[11, 70]]
    before = atoms.positions.copy()
    dyn = am.KMC(atoms, PAIR, 1500.0, rng=rng())
    assert len(atoms) == len(whole)
    assert list(atoms.symbols[-2:]) == ["X", "X"]
    counts = {s: list(atoms.symbols).count(s) for s in ("Nb", "Ta", "X")}
    dyn.run(200)
    assert {s: list(atoms.symbols).count(s) for s in ("Nb", "Ta", "X")} == counts
    assert np.array_equal(atoms.positions[:-2], before)
    gone = whole.positions[[11, 70]]
    assert min(np.linalg.norm(atoms.positions[-2] - gone, axis=1)) < 0.3
    assert not np.array_equal(np.flatnonzero(atoms.numbers == 0), [len(whole) - 2, len(whole) - 1])
    with pytest.raises(ValueError, match="no vacancy"):
        am.KMC(whole, PAIR, 1500.0, rng=rng())


def test_a_state_that_nothing_can_leave_ends_the_run() -> None:
    lattice = am.Lattice.bcc(3.2, ["Nb", "Ta"], 3)
    x = np.zeros((1, lattice.n_sites), dtype=np.int8)
    x[0, 0], x[0, 20] = 1, 2  # no atom beside the vacancy that may move
    kmc = am.VacancyKMC(lattice, PAIR, 1000.0)
    far = next(site for site in kmc.carriers(x)[0] if kmc.rates(x, np.array([site])).sum() == 0)

    class Held(am.VacancyKMC):
        def run(self, x, **options):
            return super().run(x, active=np.array([far]), **options)

    dyn = am.Driver(Held(lattice, PAIR, 1000.0), x, rng=rng())
    called = []
    dyn.attach(lambda: called.append(dyn.nsteps), 1)
    assert dyn.run(5) is True
    assert (dyn.nsteps, called) == (0, [0])
    assert list(dyn.irun(5)) == [True]


def test_spins_fields_and_swaps_are_driven_alike(tmp_path: Path) -> None:
    lattice = am.Lattice.square(1.0, "X", 8)
    ising = am.Ising(lattice, 2.0)
    spins = am.random_spins(lattice, 0.2, 1, rng=rng())
    dyn = am.Driver(ising, spins, step=0.3, trajectory=tmp_path / "spins.traj", rng=rng())
    dyn.run(4)
    x, stream = spins, rng()
    for _ in range(4):
        x, _ = ising.evolve(x, 0.3, rng=stream)
    assert np.array_equal(dyn.x, x[0])
    assert dyn.get_time() == pytest.approx(1.2)
    dyn.close()
    last = ase.io.read(tmp_path / "spins.traj")
    assert np.array_equal(am.spins_from_atoms(last, lattice)[0], x[0])
    assert last.info["time"] == pytest.approx(1.2)
    # fields: .traj files would lose them
    chain = am.Lattice.chain(1.0, (), 12).opened(0)
    prey, start = am.PredatorPrey(chain), am.random_cosines(chain, 1, rng=rng())
    with pytest.raises(ValueError, match=r"keeps no array u, v; give a name that ends in \.extxyz"):
        am.Driver(prey, start, step=0.05, trajectory=tmp_path / "fields.traj", rng=rng())
    with am.Driver(prey, start, step=0.05, trajectory=tmp_path / "fields.extxyz", rng=rng()) as fields:
        fields.run(2)
    found = am.fields_from_atoms(chain, ase.io.read(tmp_path / "fields.extxyz"))[0]
    assert found == pytest.approx(fields.x, abs=1e-7)
    # swaps count sweeps and have no time
    swaps = am.SwapMC(BOX, PAIR, 1000.0)
    x = BOX.random_state(rng=rng(1))
    chain_of_swaps = am.Driver(swaps, x, rng=rng())
    chain_of_swaps.attach(lambda: None, 2)
    chain_of_swaps.run(6)
    assert np.array_equal(chain_of_swaps.x, swaps.run(x, 6, rng=rng()).x)
    with pytest.raises(ValueError, match="has no time"):
        chain_of_swaps.get_time()


def test_steps_that_a_system_does_not_have_are_refused() -> None:
    lattice = am.Lattice.square(1.0, "X", 4)
    ising, spins = am.Ising(lattice, 2.0), am.random_spins(lattice, 0.0, 3, rng=rng())
    with pytest.raises(ValueError, match=r"Ising moves in time: give the duration of a step \(step=\)"):
        am.Driver(ising, spins[0], rng=rng())
    with pytest.raises(ValueError, match="one state"):
        am.Driver(ising, spins, step=0.1, rng=rng())
    with pytest.raises(ValueError, match="leave step out"):
        am.Driver(am.SwapMC(BOX, PAIR, 1000.0), BOX.random_state(rng=rng()), step=0.1, rng=rng())
    with pytest.raises(ValueError, match=r"ends in \.traj or \.extxyz"):
        am.Driver(ising, spins[0], step=0.1, trajectory="a.xyz", rng=rng())
