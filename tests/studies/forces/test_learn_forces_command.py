"""`asemacro learn` of systems without noise: what it writes, and what it refuses in one line with exit code 2."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import ase.build
import ase.io
import numpy as np
import pytest
from ase.constraints import FixAtoms

import asemacro as am
from asemacro.lattice.reading.structure_file import Reading
from asemacro.studies.forces.commands import _compared, _contents, _result, _say_quality
from asemacro.studies.forces.errors import encode
from asemacro.studies.forces.learned import ForcesReport, LearnedForces
from asemacro.studies.forces.particles import Particles, particle_setup
from asemacro.studies.forces.systems import force_setup
from asemacro.studies.learn.loading import load_learned

MINE = """
import os
import time

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes


class Springs(Calculator):
    implemented_properties = ["forces", "energy"]
    strength = 0.5

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        away = atoms.positions - 2.0 * np.round(atoms.positions / 2.0)
        self.results = {"forces": -self.strength * away, "energy": self.strength * (away**2).sum() / 2}


class EnergyAlone(Calculator):
    implemented_properties = ["energy"]


class Flaky(Springs):
    left = 10

    def calculate(self, *given):
        super().calculate(*given)
        if not os.path.exists("mended"):
            time.sleep(0.03)  # as long as a part of a run takes that is kept
            Flaky.left -= 1
            if Flaky.left < 0:
                raise RuntimeError("CUDA out of memory")


class Counting(Springs):
    def calculate(self, *given):
        open("asked", "a").close()
        super().calculate(*given)


class Failing(Springs):
    def calculate(self, *given):
        raise KeyError("Xe")


def nothing():
    return None


def broken():
    raise RuntimeError("no licence")


class Leaving(Springs):
    def calculate(self, *given):
        raise SystemExit(3)


def counted(x):
    return (x > 0).double().sum(dim=1)


def steps(x):
    return x.round().mean(dim=1)


def encoder_1(x):
    return x.mean(dim=1)


def detached(x):
    return torch.as_tensor(x.numpy().mean(axis=1))


def constant(x):
    return (x - x.detach()).sum(dim=1) + 1


def one_number(x):
    return x.sum()


def speed(x):
    return (x[:, x.shape[1] // 2 :] ** 2).mean(dim=1)


def huge(x):
    return (x**2).sum(dim=1) * 1e200


def mixed(x):
    return (x**2).mean(dim=1) + (x**2).mean()


SIZE = 1.0


def shift(x):
    r = x[:, : x.shape[1] // 2]
    return SIZE * ((r - 2.0 * torch.round(r / 2.0)) ** 2).mean(dim=1)
"""
SHORT = ("--trajectories", "3", "--until", "20", "--fits", "1")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a structure and a module of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_of_test.py").write_text(MINE)
    atoms = ase.build.bulk("Ar", "sc", a=2.0).repeat(2)
    ase.io.write(tmp_path / "atoms.extxyz", atoms)
    ase.io.write(tmp_path / "one.extxyz", atoms[:1])
    atoms.set_constraint(FixAtoms(range(6)))
    ase.io.write(tmp_path / "held.extxyz", atoms)
    atoms.set_constraint()
    atoms.positions[2, 0] = np.nan
    ase.io.write(tmp_path / "nowhere.extxyz", atoms)
    atoms.positions[2, 0] = 0.0
    atoms.positions[0] -= 9.0
    atoms.pbc = False
    ase.io.write(tmp_path / "outside.extxyz", atoms)
    return tmp_path


def test_particles_with_a_calculator_of_ones_own(here: Path, command: Any) -> None:
    code, said, error = command(
        "learn", "particles", "atoms.extxyz", "--calculator", "mine_of_test:Springs", "--trajectories", "4", "--until",
        "100", "--closure", "2", "--fits", "2", "-T", "100", "-o", "out",
    )  # fmt: skip
    assert code == 0, error
    assert said.startswith("particles: forces on 1 of 8 atoms in each state, observables T, 2 learned beside them")
    record = json.loads((here / "out" / "run.json").read_text())
    assert set(record["files"]) == {
        "ode.safetensors", "encoder.safetensors", "training.safetensors", "diagnostics.png",
    }  # fmt: skip
    assert record["force_evaluations"] * 8 == record["force_evaluations_of_all_carriers"]
    assert len(record["relative_error_of_each_fit"]) == 2
    model = load_learned("out")
    assert isinstance(model, LearnedForces)
    assert model.labels == ("T", "encoder_1", "encoder_2")
    assert np.ptp(model.z[:, 0]) > 50
    assert model.runs is not None
    assert model.runs.times.max() == pytest.approx(100)
    code, said, error = command("simulate", "out", "--start", "100", "--until", "50", "-o", "path.csv")
    assert code == 0, error
    code, _, error = command("simulate", "out", "--start", "-5", "--until", "50", "-o", "path.csv")
    assert code == 2
    assert "T is at least 0" in error


@pytest.mark.parametrize(("system", "sites"), [("predator-prey-ode", 6), ("allen-cahn", 576)])
def test_systems_known_by_name(system: str, sites: int, here: Path, command: Any) -> None:
    words = ("--sites", sites, "--trajectories", "3", "--fits", "1", "--fraction", "0.5", "--drift", "mlp")
    code, said, error = command("learn", system, *words, "-o", "out", "--closure", "1")
    assert code == 0, error
    assert "wrote ode.safetensors" in said
    model = LearnedForces.load("out")
    assert model.runs is not None
    starts = model.z[model.runs.times == 0, 0]
    lines = [line for line in said.splitlines() if line.startswith("learned from states with ")]
    ranges = (model.z[:, 0].min(), model.z[:, 0].max(), starts.min(), starts.max())
    assert "from {:.4g} to {:.4g} (starts {:.4g} to {:.4g})".format(*ranges) in lines[0]
    first = (here / "out" / "ode.safetensors").read_bytes()
    assert command("learn", system, *words, "-o", "again", "--closure", "1")[0] == 0
    assert (here / "again" / "ode.safetensors").read_bytes() == first


PARTICLES = ("learn", "particles", "atoms.extxyz")
NBMOTA = str(Path(__file__).resolve().parents[3] / "structures" / "NbMoTa.cif")
SPRINGS = ("--calculator", "mine_of_test:Springs")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("learn", "predator-prey-ode", "--fraction", "0"), "'0' is not a number above 0, at most 1"),
        (("learn", "predator-prey-ode", "--fraction", "1.5"), "'1.5' is not a number above 0, at most 1"),
        (("learn", "predator-prey-ode", "--fraction", "1e-3"), "a fraction of 0.001 of 100 carriers is none of them"),
        (("learn", "predator-prey-ode", "--trajectories", "1", "--closure", "60"), "61 states are too few for 62"),
        (("learn", "predator-prey-ode", "--closure", "auto"), "--closure auto: give a number of variables"),
        (("learn", "predator-prey-ode", "--drift", "linear"), "--drift linear: give one of onsager, mlp, gfinn"),
        (("learn", "predator-prey-ode", "--temperature", "1"), "predator-prey-ode has no --temperature"),
        (("learn", "predator-prey-ode", "--field", "1"), "predator-prey-ode has no --field"),
        (("learn", "predator-prey-ode", "--hops", "9"), "--hops belongs to alloys, not to predator-prey-ode"),
        (("learn", "predator-prey-ode", "--calculator", "emt"), "--calculator belongs to particles"),
        (("learn", "allen-cahn", "--sites", "110"), "a square grid has 100 or 121 cells, not 110"),
        (("learn", "allen-cahn", "--sites", "64"), "--sites 64: so few cells hold no ring; give 100 or more"),
        (("learn", "lennard-jones", "-T", "1e9"), "too long for such fast atoms; give at most 1000, in reduced units"),
        (("learn", "predator-prey-ode", "--closure", "²"), "--closure ²: give a number of variables from 0 to 64"),
        (
            ("learn", "lennard-jones", "--closure", "0", "--drift", "gfinn"),
            "drift gfinn needs two variables or more, an energy stays while they change; learn one beside",
        ),
        (("learn", "allen-cahn", "atoms.extxyz"), "allen-cahn takes no structure file"),
        (("learn", "lennard-jones", "--sites", "10"), "less than twice the cutoff"),
        (("learn", "ising", "--until", "3"), "--until belongs to predator-prey-ode, allen-cahn"),
        (("learn", "isling"), "there is no system 'isling'; there are ising"),
        (
            ("learn", "particles", "--calculator", "emt"),
            "learn particles needs a structure file: asemacro learn particles STRUCTURE --calculator NAME -o DIR",
        ),
        (("learn", "particles", "nofile.xyz"), "nofile.xyz"),
        (PARTICLES, "learn particles needs --calculator"),
        ((*PARTICLES, "--calculator", "emt"), "the calculator EMT gives no forces of these atoms"),
        (
            (*PARTICLES, "--calculator", "vasp"),
            "lj, eam:FILE, lammps:FILE, chgnet or MODULE:NAME",
        ),
        ((*PARTICLES, "--calculator", "nowhere_at_all:make"), "the module nowhere_at_all does not import"),
        ((*PARTICLES, "--calculator", "mine_of_test:no"), "the module mine_of_test has no function no"),
        ((*PARTICLES, "--calculator", "mine_of_test:broken"), "--calculator mine_of_test:broken fails: no licence"),
        ((*PARTICLES, "--calculator", "mine_of_test:nothing"), "calculator must be a calculator of ASE, got None"),
        ((*PARTICLES, "--calculator", "mine_of_test:EnergyAlone"), "the calculator EnergyAlone gives no forces"),
        ((*PARTICLES, *SPRINGS, "--ensemble", "npt"), "--ensemble npt: give one of nve, langevin"),
        ((*PARTICLES, *SPRINGS, "-T", "-4"), "--temperature must be from 1 to 100,000 K"),
        ((*PARTICLES, *SPRINGS, "--sites", "8"), "particles are those of the structure file"),
        ((*PARTICLES, *SPRINGS, "--observable", "heat"), "--observable heat: give temperature or MODULE:NAME"),
        (
            (*PARTICLES, *SPRINGS, *SHORT, "--observable", "mine_of_test:counted"),
            "the observable counted has no gradient",
        ),
        (
            (*PARTICLES, *SPRINGS, *SHORT, "--observable", "mine_of_test:constant"),
            "the observable constant is 1 in all states",
        ),
        (
            (*PARTICLES, *SPRINGS, *SHORT, "--observable", "mine_of_test:one_number"),
            ",) or (",
        ),
        ((*PARTICLES, "--calculator", "mine_of_test:Failing"), "the calculator Failing fails: Xe is missing"),
        (
            (*PARTICLES, "--calculator", "mine_of_test:Leaving"),
            "the calculator Leaving fails: it ends the program, sys",
        ),
        (("learn", "particles", NBMOTA, *SPRINGS), "partial occupancies, particles are definite atoms; give a file of"),
        (
            ("learn", "particles", "held.extxyz", *SPRINGS),
            "held.extxyz: atoms 0, 1, 2, 3, 4, ... (6 in all) are held by",
        ),
        (("learn", "particles", "nowhere.extxyz", *SPRINGS), "nowhere.extxyz: atom 2 (counted from 0) is at nan, 2, 0"),
        (("learn", "particles", "one.extxyz", *SPRINGS), "one.extxyz: there is one atom; give two atoms or more"),
        (("learn", "particles", "outside.extxyz", *SPRINGS), "atom 0 is outside the box along axis 1"),
    ],
    ids=lambda value: " ".join(map(str, value[1:])) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line(words: tuple[str, ...], message: str, here: Path, command: Any) -> None:
    code, _, error = command(*words, "-o", "out")
    assert code == 2, error
    lines = [line for line in error.splitlines() if line.startswith("asemacro: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (here / "out").exists()


def test_particles_that_leave_their_box_are_told(here: Path, command: Any) -> None:
    """Free flight out of a box that is not periodic."""
    atoms = ase.io.read("atoms.extxyz")
    atoms.positions += 0.5
    atoms.pbc = False
    ase.io.write("open.extxyz", atoms)
    code, _, error = command(
        "learn", "particles", "open.extxyz", *SPRINGS, "-T", "100000", *SHORT[:2], "--until", "300", "-o", "out"
    )
    assert code == 2
    assert "is outside the box along axis" in error.splitlines()[-1]


def test_a_bath_is_for_visiting_states(here: Path, command: Any) -> None:
    code, _, error = command(*PARTICLES, *SPRINGS, *SHORT, "--ensemble", "langevin", "--observable",
                             "mine_of_test:speed", "--closure", "1", "-o", "out")  # fmt: skip
    assert code == 0, error
    assert load_learned("out").labels == ("speed", "encoder_1")


def test_a_calculator_that_fails_on_the_way_keeps_what_is_finished(here: Path, command: Any) -> None:
    words = (*PARTICLES, "--calculator", "mine_of_test:Flaky", *SHORT, "--closure", "0", "--fraction", "1", "-o", "out")
    code, _, error = command(*words)
    assert code == 2
    (line,) = [line for line in error.splitlines() if line.startswith("asemacro: ")]
    assert line == (
        "asemacro: the calculator Flaky fails: CUDA out of memory; what was computed is kept in out, the same command "
        "goes on from there"
    )
    (here / "mended").touch()
    code, said, error = command(*words)
    assert code == 0, error
    assert "goes on from what is kept in out" in said


def test_another_calculator_of_the_same_name_does_not_go_on(
    here: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the perfect lattice of the start springs of every strength give no force."""
    words = (*PARTICLES, "--calculator", "mine_of_test:Flaky", *SHORT, "--closure", "0", "--fraction", "1")
    monkeypatch.setattr(importlib.import_module("mine_of_test").Flaky, "left", 12)
    code, _, error = command(*words, "-o", "out")
    assert code == 2
    assert "what was computed is kept in out" in error
    (here / "mended").touch()
    monkeypatch.setattr(importlib.import_module("mine_of_test").Springs, "strength", 5.0)
    code, said, error = command(*words, "-o", "out")
    assert code == 0, error
    assert "goes on from" not in said


def test_what_tells_runs_apart(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calculators and observables by what they give beside the starts, too; always at the same states in the box."""
    monkeypatch.syspath_prepend(here)
    mine = importlib.import_module("mine_of_test")
    atoms = ase.io.read("atoms.extxyz")
    atoms.pbc = False
    atoms.positions[:, 0] += 1e-12
    ase.io.write("edge.extxyz", atoms)
    asked = Particles("edge.extxyz", Reading(), "mine_of_test:Springs", "mine_of_test:shift", None, None)
    made_of = particle_setup(asked)
    first, again = _contents(made_of), _contents(made_of)
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    for where, attribute, name in (
        (mine.Springs, "strength", "forces of the calculator"),
        (mine, "SIZE", "observable"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(where, attribute, 7.0)
            other = _contents(particle_setup(asked))
            assert [key for key in first if not np.array_equal(first[key], other[key])] == [name]


@pytest.mark.parametrize("name", ["counted", "steps", "encoder_1", "detached", "huge", "mixed"])
def test_what_can_be_known_before_the_runs_is_said_before_them(name: str, here: Path, command: Any) -> None:
    """The calculator is asked for the forces of no run."""
    asked = here / "asked"
    code, _, error = command(
        *PARTICLES, "--calculator", "mine_of_test:Counting", "--observable", f"mine_of_test:{name}", *SHORT, "-o", "out"
    )
    assert code == 2
    assert len([line for line in error.splitlines() if line.startswith("asemacro: ")]) == 1
    assert name in error.splitlines()[-1]
    assert not asked.exists()


def test_runs_that_start_far_from_the_training_states_are_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps bound to the stiffness out there may take minutes, for a path that means nothing."""
    made_of = force_setup("predator-prey-ode", 6, None)
    starts = made_of.starts(3, np.random.default_rng(0))
    inside = encode(made_of.phi, starts[2:])
    ode = am.NeuralODE(am.MLPDrift(2), labels=made_of.phi.labels)
    about = ForcesReport((1.0,), 1.0, None, 2, 2, 2)
    learned = LearnedForces(ode, inside + 1e-4 * np.array([[-1.0], [1.0]]), 2, made_of.phi, (ode,), about)
    found = _compared(made_of, learned, starts, np.array([0.0, 0.01]))
    np.testing.assert_array_equal(np.isfinite(found.errors), [[False, False, True]])
    np.testing.assert_array_equal(np.isfinite(found.paths).all(axis=(1, 2)), [False, False, True])
    result = _result(learned, found)
    assert (result["runs_not_followed"], result["relative_error"]) == (2, None)
    _say_quality(result)
    said = capsys.readouterr().out
    assert "2 of the runs to compare with start more than 10 times the width of the training states away" in said


def test_of_systems_known_by_name_the_arguments_say_all() -> None:
    """A stopped run of another seed is told apart by its seed alone."""
    assert _contents(force_setup("predator-prey-ode", 6, None)) == {}
