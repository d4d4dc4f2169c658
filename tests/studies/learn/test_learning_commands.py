"""The verbs sample, learn and simulate as users meet them: files, numbers, one clear line when something is wrong."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest

from asemacro.data import Moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.vector_spins import vectors_from_atoms
from asemacro.macro.trajectories import simulate
from asemacro.observables.joined import Observables
from asemacro.observables.vector_spins import VectorEnergyPerSite, VectorMagnetization
from asemacro.studies.alloy import memory
from asemacro.studies.learn.learned import Learned, learn_from_moments
from asemacro.studies.learn.systems import setup

OUTPUTS = {"sde.safetensors", "training.safetensors", "run.json", "run.log", "diagnostics.png"}
SMALL = ("--sites", 128, "--small", 32, "--starts", 25)


def model(folder: Path, d: int = 1, temperatures: tuple[float, ...] = (), n_observed: int | None = None) -> Path:
    """A learned OU process on disk."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, d))
    condition = np.resize(temperatures, 200) if temperatures else np.zeros(0)
    moments = Moments(z, -z, np.tile(0.1 * np.eye(d), (200, 1, 1)), np.array(1.0), condition)
    learn_from_moments(moments, ("a", "b", "c")[:d], 64, n_observed=n_observed, rng=rng).save(folder)
    return folder


def table(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open() as file:
        header, *rows = list(csv.reader(file))
    return header, np.array(rows, dtype=float)


def one_line(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert err.startswith("asemacro: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_learn_then_simulate(command, tmp_path: Path) -> None:
    folder, file = tmp_path / "model", tmp_path / "out" / "path.csv"
    code, out, err = command("learn", "curie-weiss", *SMALL, "-T", 1.3, "--field", 0.2, "-o", folder, "--seed", 3)
    assert code == 0, err
    assert {path.name for path in folder.iterdir()} == OUTPUTS
    record = json.loads((folder / "run.json").read_text())
    assert record["arguments"] | {"temperature": 1.3, "field": 0.2, "sites": 128, "small": 32} == record["arguments"]
    assert record["seed"] == 3
    assert record["drift_explained_held_out"]["M"] > 0.99
    assert record["variance_rate_held_out_over_learned"]["M"] == pytest.approx(1, abs=0.02)
    assert 0.4 < record["path_pull"] < 2
    assert "part explained" in out
    words = ("--start", "0.5", "--until", 6, "--trajectories", 300, "--points", 12, "--seed", 5)
    code, out, err = command("simulate", folder, *words, "-o", file)
    assert code == 0, err
    header, rows = table(file)
    assert header == ["time", "M_mean", "M_std"]
    learned = Learned.load(folder)
    times, z = simulate(
        learned.sde,
        learned.start([0.5]),
        until_s=6,
        n_trajectories=300,
        n_saves=12,
        rng=np.random.default_rng(5),
    )
    np.testing.assert_allclose(rows[:, 0], times, rtol=1e-9)
    np.testing.assert_allclose(rows[:, 1], z[:, :, 0].mean(axis=0), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(rows[:, 2], z[:, :, 0].std(axis=0), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    "words",
    [
        ("ising", "--sites", 64, "--small", 16, "--starts", 25, "--lattice", "triangular"),
        ("predator-prey", "--sites", 40, "--small", 20, "--starts", 25),
    ],
    ids=lambda words: words[0],
)
def test_other_systems_have_the_same_outputs(command, tmp_path: Path, words: tuple[object, ...]) -> None:
    code, _, err = command("learn", *words, "-o", tmp_path / "m")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "m").iterdir()} == OUTPUTS
    start = "0.3,0.4" if words[0] == "ising" else "0.5,0.5"
    code, _, err = command("simulate", tmp_path / "m", "--start", start, "--until", 2, "-o", tmp_path / "s.csv")
    assert code == 0, err
    header, rows = table(tmp_path / "s.csv")
    first, second = ("M", "rho_DW") if words[0] == "ising" else ("u", "v")
    assert header == ["time", f"{first}_mean", f"{first}_std", f"{second}_mean", f"{second}_std"]
    assert len(rows) == 201


def test_a_closure_variable_is_learned_and_started(command, tmp_path: Path) -> None:
    words = ("--sites", 256, "--small", 64, "--starts", 25, "--closure", 1)
    code, _, err = command("learn", "ising", *words, "-o", tmp_path / "m")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "m").iterdir()} == OUTPUTS | {"closure.safetensors"}
    code, _, err = command("simulate", tmp_path / "m", "--start", "0.3,0.4", "--until", 2, "-o", tmp_path / "s.csv")
    assert code == 0, err
    assert table(tmp_path / "s.csv")[0][5:] == ["closure_1_mean", "closure_1_std"]


def test_an_alloy_is_learned_like_the_others(command, structures: Path, tmp_path: Path) -> None:
    words = ("--barriers", structures / "NiCoCr_pair.json", "-T", "900,1500", "--sites", 216, "--small", 108)
    code, _, err = command("learn", "alloy", structures / "NiCoCr.cif", *words, "--hops", 2000, "-o", tmp_path / "m")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "m").iterdir()} == OUTPUTS | {".checkpoint"}
    start = ("--start", "0,0,0", "--until", 1e-7, "-o", tmp_path / "s.csv")
    one_line(command("simulate", tmp_path / "m", *start), "--temperature", "900", "1500")
    code, _, err = command("simulate", tmp_path / "m", *start, "-T", 1200)
    assert code == 0, err
    assert len(table(tmp_path / "s.csv")[0]) == 7


def test_the_past_of_an_alloy_is_learned_and_started(
    command, structures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ERRORS", -1e9)  # is taken, whatever it does to so small a budget
    words = ("--barriers", structures / "NiCoCr_pair.json", "-T", 1200, "--sites", 216, "--small", 108, "--hops", 2000)
    known = ("learn", "alloy", structures / "NiCoCr.cif", *words, "-o", tmp_path / "m")
    code, _, err = command(*known)
    assert code == 0, err
    record = json.loads((tmp_path / "m" / "run.json").read_text())
    assert record["labels"] == ["Cr-Co", "Cr-Ni", "Co-Ni", "Cr-Co:memory", "Cr-Ni:memory", "Co-Ni:memory"]
    assert record["observed"] == 3
    assert set(record["memory"]) == {"hops", "change", "error"}
    assert "hops is among the variables" in (tmp_path / "m" / "run.log").read_text()
    # a start needs the order alone; its past is that of the runs of the same order
    code, _, err = command("simulate", tmp_path / "m", "--start", "0,0,0", "--until", 1e-7, "-o", tmp_path / "s.csv")
    assert code == 0, err
    header, rows = table(tmp_path / "s.csv")
    assert header[1::2] == [f"{label}_mean" for label in record["labels"]]
    np.testing.assert_allclose(rows[0, 1::2], Learned.load(tmp_path / "m").start([0, 0, 0]), atol=1e-9)


def test_simulate_takes_temperatures_of_the_data_only(command, tmp_path: Path) -> None:
    folder, words = (
        model(tmp_path / "m", 1, (800.0, 1000.0)),
        ("--start", "0", "--until", "1", "-o", tmp_path / "s.csv"),
    )
    one_line(command("simulate", folder, *words), "--temperature from 800 to 1000")
    for outside in (799, 1001):
        one_line(command("simulate", folder, *words, f"--temperature={outside}"), "from 800 to 1000")
    for inside in (800, 900, 1000):
        assert command("simulate", folder, *words, "-T", inside)[0] == 0
    one_line(command("simulate", model(tmp_path / "n"), *words, "-T", 800), "leave --temperature out")


def test_closure_variables_start_near_the_training_states(command, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", 2, n_observed=1)
    assert command("simulate", folder, "--start", "0.5", "--until", 1, "-o", tmp_path / "s.csv")[0] == 0
    header, rows = table(tmp_path / "s.csv")
    assert header == ["time", "a_mean", "a_std", "b_mean", "b_std"]
    np.testing.assert_allclose(rows[0, [1, 3]], Learned.load(folder).start([0.5]), rtol=1e-9)
    # a folder with the model alone, as of a phase diagram, wants all of them
    (folder / "training.safetensors").unlink()
    one_line(command("simulate", folder, "--start", "0.5", "--until", 1, "-o", tmp_path / "s.csv"), "2 values (a, b)")
    assert command("simulate", folder, "--start", "0.5,0", "--until", 1, "-o", tmp_path / "s.csv")[0] == 0


def test_bad_input_of_simulate(command, tmp_path: Path) -> None:
    folder, out = model(tmp_path / "m", 2), tmp_path / "s.csv"

    def run(*words: object, where: Path = folder, to: Path = out) -> tuple[int, str, str]:
        return command("simulate", where, *words, "-o", to)

    good = ("--start", "0,0", "--until", 1)
    one_line(run("--start", "0", "--until", 1), "2 values (a, b), got 1")
    one_line(run("--start", "0,x", "--until", 1), "--start 0,x")
    one_line(run("--start", "0,nan", "--until", 1), "finite")
    for until in ("0", "-1", "nan", "inf"):
        one_line(run("--start", "0,0", f"--until={until}"), "--until")
    one_line(run(*good, "--trajectories", 0), "--trajectories")
    one_line(run("--until", 1), "--start")
    one_line(run(*good, where=tmp_path / "nothing"), "no such folder")
    one_line(run(*good, where=tmp_path), "not a learned model")
    one_line(run(*good, to=tmp_path), "is a folder")
    (tmp_path / "file").write_text("")
    one_line(run(*good, to=tmp_path / "file" / "s.csv"), "cannot write")
    assert not out.exists()
    for name in ("training.safetensors", "sde.safetensors"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        one_line(run(*good), name)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("potts",), "no system 'potts'"),
        (("alloy",), "needs a structure file"),
        (("alloy", "missing.cif"), "missing.cif: no such file"),
        (("alloy", "missing.cif", "--closure", "1"), "--closure 1: an alloy has its past order"),
        (("ising", "x.cif"), "takes no structure"),
        (("ising", "--sites", "100", "--small", "64"), "multiple"),
        (("ising", "--sites", "64", "--small", "256"), "multiple"),
        (("ising", "-T", "0"), "--temperature 0"),
        (("curie-weiss", "--temperature=-1"), "--temperature -1"),
        (("curie-weiss", "-T", "nan"), "--temperature nan"),
        (("curie-weiss", "-T", "1,2"), "one number"),
        (("curie-weiss", "--field", "inf"), "--field"),
        (("curie-weiss", "--lattice", "square"), "no --lattice"),
        (("curie-weiss", "--closure", "1"), "Markov"),
        (("curie-weiss", "--starts", "3"), "--starts 3"),
        (("curie-weiss", "--fraction", "0"), "'0' is not a number above 0, at most 1"),
        (("ising", "--closure", "many"), "--closure many"),
        (("ising", "--lattice", "kagome"), "kagome"),
        (("ising", "--lattice", "bcc", "--small", "125", "--sites", "1000"), "whole cells"),
        (("ising", "--hops", "100"), "belongs to alloys"),
        (("predator-prey", "-T", "1"), "no --temperature"),
        (("predator-prey", "--small", "2", "--sites", "3"), "multiple"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_of_learn(command, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    one_line(command("learn", *words, "-o", tmp_path / "m"), text)
    assert not (tmp_path / "m").exists()


def test_unwritable_output(command, structures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_line(command("learn", "curie-weiss", *SMALL, "-o", tmp_path / "file"), "cannot write")
    one_line(command("sample", "curie-weiss", "-o", tmp_path / "file"), "cannot write")


def test_sample_spins(command, tmp_path: Path) -> None:
    words = ("--sites", 64, "--until", 4, "--runs", 3, "--start", 0.5, "--lattice", "square")
    code, _, err = command("sample", "ising", *words, "-o", tmp_path)
    assert code == 0, err
    header, rows = table(tmp_path / "observables.csv")
    assert header == ["run", "time", "M", "rho_DW"]
    assert len(rows) == 3 * 201
    np.testing.assert_allclose(rows[rows[:, 1] == 0, 2], 0.5)
    final, frames = ase.io.read(tmp_path / "final.extxyz"), ase.io.read(tmp_path / "trajectory.amz.zip", ":")
    assert len(final) == 64
    last = rows[(rows[:, 0] == 0) & (rows[:, 1] == 4), 2][0]
    assert final.get_initial_magnetic_moments().mean() == pytest.approx(last)
    assert frames[0].get_initial_magnetic_moments().mean() == pytest.approx(0.5)
    assert json.loads((tmp_path / "run.json").read_text())["arguments"]["temperature"] == 2.5


@pytest.mark.parametrize(("kernel", "lattice", "sites"), [("top-hat", "square", 144), ("gaussian", "chain", 30)])
def test_sample_spins_of_some_range(command, tmp_path: Path, kernel: str, lattice: str, sites: int) -> None:
    words = ("--sites", sites, "--until", 4, "--runs", 2, "--start", 0.5, "--lattice", lattice, "--field", 0.2)
    code, out, err = command("sample", "kac-ising", *words, "--range", 3, "--kernel", kernel, "-T", 0.8, "-o", tmp_path)
    assert code == 0, err
    assert f"kac-ising, {sites} sites, 2 runs to time 4" in out
    header, rows = table(tmp_path / "observables.csv")
    assert header == ["run", "time", "M", "energy"]
    assert len(rows) == 2 * 201
    start, end = rows[(rows[:, 1] == 0)], rows[rows[:, 1] == 4]
    np.testing.assert_allclose(start[:, 2], 0.5, atol=0.04)
    assert start[:, 3] == pytest.approx(-(start[:, 2] ** 2) / 2 - 0.2 * start[:, 2], abs=0.15)  # far from order
    final = ase.io.read(tmp_path / "final.extxyz")
    assert final.get_initial_magnetic_moments().mean() == pytest.approx(end[0, 2])
    arguments = json.loads((tmp_path / "run.json").read_text())["arguments"]
    assert (arguments["range"], arguments["kernel"], arguments["temperature"]) == (3, kernel, 0.8)


def test_sample_vector_spins(command, tmp_path: Path) -> None:
    words = ("--sites", 64, "-T", 0, "--field", 0.5, "--exchange", "1,0.5", "--anisotropy", 0.2, "--damping", 0)
    code, out, err = command("sample", "heisenberg", *words, "--start", 0.6, "--until", 4, "-o", tmp_path)
    assert code == 0, err
    assert "heisenberg, 64 sites, 1 run to time 4" in out
    header, rows = table(tmp_path / "observables.csv")
    assert header == ["run", "time", "M_x", "M_y", "M_z", "energy"]
    assert len(rows) == 201
    lattice = Lattice.cubic(1.0, "X", 4)
    frames = ase.io.read(tmp_path / "trajectory.amz.zip", ":")
    final = ase.io.read(tmp_path / "final.extxyz")
    x = np.concatenate([vectors_from_atoms(atoms, lattice) for atoms in (*frames, final)])
    phi = Observables([VectorMagnetization(), VectorEnergyPerSite((1.0, 0.5), 0.2, 0.5)])
    np.testing.assert_allclose(phi(x, lattice), rows[[*range(0, 201, 4), 200], 2:], atol=1e-7)
    assert np.ptp(rows[:, 5]) < 1e-3  # no damping
    assert rows[0, 4] == pytest.approx(0.6, abs=0.3)
    arguments = json.loads((tmp_path / "run.json").read_text())["arguments"]
    assert (arguments["exchange"], arguments["damping"], arguments["temperature"]) == ([1.0, 0.5], 0, 0)


def test_sampled_magnets_obey_the_langevin_function(command, tmp_path: Path) -> None:
    words = ("--sites", 1000, "-T", 0.5, "--field", 1, "--exchange", 0, "--damping", 1, "--until", 40)
    assert command("sample", "heisenberg", *words, "-o", tmp_path)[0] == 0
    _, rows = table(tmp_path / "observables.csv")
    late = rows[rows[:, 1] > 10]
    assert late[:, 4].mean() == pytest.approx(1 / np.tanh(2) - 0.5, abs=0.01)
    assert late[:, 5].mean() == pytest.approx(-late[:, 4].mean())


def test_sample_fields_and_structures(command, structures: Path, tmp_path: Path) -> None:
    code, _, err = command("sample", "predator-prey", "--sites", 20, "--until", 1, "-o", tmp_path / "p")
    assert code == 0, err
    header, rows = table(tmp_path / "p" / "observables.csv")
    assert header == ["run", "time", "u", "v"]
    final = ase.io.read(tmp_path / "p" / "final.extxyz")
    assert final.arrays["u"].mean() == pytest.approx(rows[-1, 2])
    pair = structures / "NiCoCr_pair.json"
    words = ("--barriers", pair, "-T", 1000, "--hops", 500, "--sites", 108)
    code, _, err = command("sample", structures / "NiCoCr.cif", *words, "-o", tmp_path / "a")
    assert code == 0, err
    assert {"final.extxyz", "trajectory.amz.zip", "run.json"} < {path.name for path in (tmp_path / "a").iterdir()}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("potts",), "nor is it one of ising, curie-weiss, predator-prey, kac-ising, heisenberg"),
        (("ising", "--range", "3"), "ising has no --range"),
        (("predator-prey", "--kernel", "gaussian"), "predator-prey has no --kernel"),
        (("kac-ising", "--kernel", "box"), "--kernel box: must be one of top-hat, gaussian"),
        (("kac-ising", "--range", "0"), "--range"),
        (("kac-ising", "--range", "0.5"), "reach must be a finite number >= 1"),
        (("kac-ising", "--range", "40"), "longer than half of the 64 sites along axis 1; take 81 sites or more"),
        (("kac-ising", "--lattice", "bcc"), "not a bcc lattice"),
        (("kac-ising", "-T", "0"), "--temperature 0: must be from 0.01"),
        (("kac-ising", "--hops", "5"), "belongs to alloys"),
        (("STRUCTURE", "-T", "900", "--range", "3"), "an alloy has no --range"),
        (("heisenberg", "-T", "-1"), "--temperature -1: must be from 0"),
        (("heisenberg", "--damping", "-0.1"), "--damping -0.1: must be from 0"),
        (("heisenberg", "--sites", "101"), "its own neighbour; take 64 or 125"),
        (("heisenberg", "--sites", "33", "--lattice", "bcc"), "33 sites are not whole cells of 2 sites"),
        (("heisenberg", "--lattice", "nowhere"), "--lattice nowhere"),
        (("heisenberg", "--exchange", "1,x"), "as 1,0.2"),
        (("heisenberg", "--range", "3"), "heisenberg has no --range"),
        (("ising", "--damping", "1"), "ising has no --damping"),
        (("STRUCTURE", "-T", "900", "--exchange", "3"), "an alloy has no --exchange"),
        (("ising", "--until=-1"), "--until"),
        (("ising", "--start", "2"), "'2' is not a number from -1 to 1"),
        (("ising", "-T", "0"), "--temperature"),
        (("ising", "--hops", "10"), "alloys"),
        (("predator-prey", "--start", "0.1"), "cosines"),
        (("STRUCTURE",), "--temperature"),
        (("STRUCTURE", "-T", "900", "--runs", "2"), "one run"),
        (("STRUCTURE", "-T", "900", "--field", "1"), "no --field"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_of_sample(command, structures: Path, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    full = [structures / "NiCoCr.cif" if word == "STRUCTURE" else word for word in words]
    one_line(command("sample", *full, "-o", tmp_path / "s"), text)


def test_structure_files_name_the_sites_of_spins(structures: Path) -> None:
    made = setup("ising", lattice=str(structures / "MoTa_B2.cif"), sites=128, small=16)
    assert made.small.lattice.n_sites == 16
    assert made.copies == 8


def test_ctrl_c(tmp_path: Path) -> None:
    code = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from asemacro.cli.app import main; main()"
    folder = tmp_path / "m"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "learn", "ising", "--starts", "5000", "-o", folder],
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(6000):
        if folder.exists():
            break
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "interrupted" in said
    assert not folder.exists() or {path.name for path in folder.iterdir()} <= {".checkpoint", "run.log"}, "no results"


def test_simulate_reads_the_table_of_its_folder_before_it_runs(command, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", 1, (800.0, 1000.0))
    (folder / "sro.csv").write_text("")
    words = ("--start", "0", "--until", "1", "-T", 900, "-o", tmp_path / "s.csv")
    one_line(command("simulate", folder, *words), "sro.csv is not the table of a diagram")
    assert not (tmp_path / "s.csv").exists()
