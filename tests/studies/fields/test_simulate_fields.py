"""The verb simulate on a learned field equation: starts, grids, files, and the energy of spins that it reports."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from block_fields import BLOCK, KERNEL, SITES, glauber
from PIL import Image, ImageSequence
from scipy.integrate import solve_ivp

import asemacro as am
from asemacro.data import Moments
from asemacro.macro.spde.file import spde_notes
from asemacro.studies.learn import pace
from asemacro.studies.learn.learned import learn_from_moments

WORDS = ("--until", 2, "--points", 10)


@pytest.fixture(scope="module")
def learned() -> am.LearnedFields:
    """The known equation, as if learned at T = 1.25 on 16 x 16 blocks."""
    return am.LearnedFields(glauber(), (1.25,), 0.1, (16, 16))


@pytest.fixture
def folder(learned: am.LearnedFields, tmp_path: Path) -> Path:
    learned.save(tmp_path / "model")
    return tmp_path / "model"


def series(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def one_line(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert err.startswith("asemacro: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_energy_is_the_mean_over_all_spins_with_these_block_means() -> None:
    """Two blocks of four spins on a ring, every arrangement of 3 and of 1 spins up counted once."""
    ring = am.Lattice.chain(1.0, "X", 8)
    system = am.KacIsing(ring, am.top_hat(3), 1.0, 0.3)
    kernel = am.box_averaged(system.kernel, 4)
    model = dataclasses.replace(glauber(), kernel=kernel, sites=4, block=4)
    states = [
        [1 if i in first else -1 for i in range(4)] + [1 if i in second else -1 for i in range(4)]
        for first in itertools.combinations(range(4), 3)
        for second in itertools.combinations(range(4), 1)
    ]
    exact = system.energy(np.array(states, dtype=np.int8)).mean() / 8
    learned = am.LearnedFields(model, (1.0,), 0.3, (2,))
    assert learned.energy([[0.5, -0.5]], 0.3) == pytest.approx([exact], abs=1e-9)


def test_what_is_saved_is_loaded(learned: am.LearnedFields, folder: Path) -> None:
    again = am.LearnedFields.load(folder)
    assert (again.temperatures, again.field, again.grid) == ((1.25,), 0.1, (16, 16))
    assert np.array_equal(again.spde.kernel.values, learned.spde.kernel.values)
    assert spde_notes(folder / "spde.safetensors") == {"temperatures": [1.25], "field": 0.1, "grid": [16, 16]}
    am.save_spde(folder / "spde.safetensors", learned.spde)
    with pytest.raises(ValueError, match="does not say where it was learned"):
        am.LearnedFields.load(folder)


def test_a_homogeneous_start_follows_the_mean_field(command, learned: am.LearnedFields, tmp_path: Path) -> None:
    quiet = dataclasses.replace(learned, spde=am.hydrodynamic_limit(learned.spde))
    quiet.save(tmp_path / "model")
    file = tmp_path / "run.csv"
    code, out, err = command("simulate", tmp_path / "model", "--start", "-0.4", "--until", 4, "--points", 8, "-o", file)
    assert code == 0, err
    assert "start: m = -0.4 everywhere" in out
    got = series(file)
    exact = solve_ivp(lambda _, m: np.tanh((m + 0.1) / 1.25) - m, (0, 4), [-0.4], t_eval=got["time"], rtol=1e-9).y[0]
    assert np.allclose(got["m"], exact, atol=1e-4)
    own = KERNEL.own / (SITES - 1)  # J(0) V / (V - 1) is over pairs, 1 / V of which is a spin with itself
    assert np.allclose(got["energy"], -exact * exact * (1 + own) / 2 + own / 2 - 0.1 * exact, atol=1e-4)
    assert np.isnan(got["domain_length"]).all()  # nothing varies


def test_a_quench_starts_from_independent_spins(command, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    words = ("--blocks", "64x32", "-T", 0.8, "--field", 0, "--until", 20, "--points", 100, "--movie", "-o", file)
    code, out, err = command("simulate", folder, "--start", "quench", *words)
    assert code == 0, err
    assert "64 x 32 blocks that stand for 32768 spins, T = 0.8, h = 0, to time 20" in out
    assert "lies outside of what was learned, T = 1.25" in out
    got = series(file)
    assert len(got["time"]) == 101
    assert np.allclose(np.diff(got["time"]), 0.2)
    length = got["domain_length"]
    assert length[-1] > 2 * length[0]
    assert length[0] < 6 * BLOCK
    with np.load(tmp_path / "run.npz") as held:
        assert held["fields"].shape == (51, 64, 32)
        assert np.allclose(held["time"], got["time"][::2])
        assert np.allclose(held["fields"].mean(axis=(1, 2)), got["m"][::2], atol=1e-6)
        first = held["fields"][0]
    n = first.size
    assert abs((first**2).mean() * SITES - 1) < 4.5 * np.sqrt((2 - 2 / SITES) / n)
    assert set(np.unique(np.rint(SITES * (first + 1) / 2) - SITES * (first + 1) / 2)) == {0.0}
    with Image.open(tmp_path / "run.gif") as movie:
        assert sum(1 for _ in ImageSequence.Iterator(movie)) == 51
        assert movie.size[0] / movie.size[1] == 0.5
    with Image.open(tmp_path / "run.png") as picture:
        assert min(picture.size) > 500


def test_a_quench_from_a_temperature_has_its_waves(command, folder: Path, tmp_path: Path) -> None:
    assert (
        command(
            "simulate", folder, "--start", "quench:3", "--field", 0, *WORDS, "--blocks", 64, "-o", tmp_path / "r.csv"
        )[0]
        == 0
    )
    with np.load(tmp_path / "r.npz") as held:
        s = am.structure_factor(held["fields"][:1], SITES)
    spectrum = KERNEL.spectrum((64, 64))
    low = np.mean([1 / (1 - spectrum[i, j] / 3) for i, j in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 1))])
    weight = s.waves[1:4]
    assert abs((s.value[1:4] * weight).sum() / weight.sum() / low - 1) < 4.5 * np.sqrt(2 / weight.sum())


def test_a_run_goes_on_from_its_own_file(command, folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    assert command("simulate", folder, "--start", "quench", *WORDS, "-o", first)[0] == 0
    code, out, err = command("simulate", folder, "--start", tmp_path / "a.npz", *WORDS, "-o", second)
    assert code == 0, err
    assert "of which the last is taken" in out
    assert series(second)["m"][0] == pytest.approx(series(first)["m"][-1], abs=1e-6)
    np.save(tmp_path / "one.npy", np.full((8, 8), 0.25))
    code, out, _ = command("simulate", folder, "--start", tmp_path / "one.npy", *WORDS, "-o", second)
    assert code == 0
    assert "a field of 8 x 8 blocks" in out


def test_same_seed_same_series(command, folder: Path, tmp_path: Path) -> None:
    words = ("simulate", folder, "--start", "quench", *WORDS)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert command(*words, "--seed", seed, "-o", tmp_path / f"{name}.csv")[0] == 0
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c


def test_chains_and_cubes(command, tmp_path: Path) -> None:
    for dim, said in ((1, "12 blocks"), (3, "12 x 12 x 12 blocks")):
        kernel = am.BlockKernel(np.full((3,) * dim, 3.0**-dim))
        model = dataclasses.replace(glauber(), kernel=kernel)
        am.LearnedFields(model, (1.5, 2.0), 0.0, (12,) * dim).save(tmp_path / f"m{dim}")
        words = ("--start", "quench", *WORDS, "--movie", "-o", tmp_path / f"r{dim}.csv")
        code, out, err = command("simulate", tmp_path / f"m{dim}", "-T", 1.6, *words)
        assert code == 0, err
        assert said in out
        assert (tmp_path / f"r{dim}.gif").stat().st_size > 0
    one_line(command("simulate", tmp_path / "m3", *words), "give --temperature from 1.5 to 2")


def test_what_cannot_be_simulated_is_one_line(command, folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", time=[0.0], fields=np.zeros((1, 4, 4)))
    np.savez(tmp_path / "line.npz", time=[0.0], fields=np.zeros((1, 4)))
    np.savez(tmp_path / "nan.npz", time=[0.0], fields=np.full((1, 4, 4), np.nan))
    for words, *said in (
        (("--start", "1.5"), "a magnetisation lies from -1 to 1"),
        (("--start", "nan"), "a magnetisation lies from -1 to 1"),
        (("--start", "nowhere.npz"), "neither a magnetisation, nor quench, nor a file that is there"),
        (("--start", "quench:cold"), "give a temperature above 0 after the colon"),
        (("--start", "quench:-1"), "give a temperature above 0 after the colon"),
        (("--start", tmp_path / "line.npz"), "a field of 1 axes, the equation has 2"),
        (("--start", tmp_path / "nan.npz"), "nan or infinite"),
        (("--start", tmp_path / "small.npz", "--blocks", 8), "a field of 4 x 4 blocks, asked for are 8 x 8"),
        (("--start", 0, "--blocks", "8x"), "--blocks 8x"),
        (("--start", 0, "--blocks", "8x8x8"), "--blocks 8x8x8"),
        (("--start", 0, "--blocks", 0), "--blocks 0"),
        (("--start", 0, "--blocks", 1), "at least 2 along each edge"),
        (("--start", 0, "--blocks", 10**6), "at most 4294967296 in all"),
        (("--start", 0, "--blocks", 60000), "GB of memory"),
        (("--start", 0, "--sites", 1000), "a whole number of blocks of 16 spins along each edge, as 1024 or 1296"),
        (("--start", 0, "--sites", 1024, "--blocks", 8), "either --sites or --blocks"),
        (("--start", 0, "--trajectories", 5), "--trajectories 5: fields have one run"),
        (("--start", 0, "-o", tmp_path / "run.gif"), "names the table"),
    ):
        given = words if "-o" in words else (*words, "-o", tmp_path / "no.csv")
        one_line(command("simulate", folder, *WORDS, *given), *said)
        assert not (tmp_path / "no.csv").exists()
    one_line(command("simulate", folder, "--start", 0, "--until", 1e9, "-o", tmp_path / "no.csv"), "more than 1e+09")


def test_more_than_an_hour_is_refused_unless_forced(
    command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "HOUR_S", 0.0)
    monkeypatch.setattr(pace, "FIRST_ESTIMATE_S", 0.0)
    words = ("simulate", folder, "--start", 0, *WORDS, "-o", tmp_path / "s.csv")
    one_line(command(*words), "--until 2: would take about", "--force runs it all the same")
    assert not (tmp_path / "s.csv").exists()
    assert command(*words, "--force")[0] == 0


def test_options_of_fields_belong_to_fields(command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 1))
    moments = Moments(z, -z, np.full((200, 1, 1), 0.1), np.array(1.0), np.zeros(0))
    learn_from_moments(moments, ("a",), 64, rng=rng).save(tmp_path / "sde")
    for words in (("--movie",), ("--blocks", 8), ("--field", 0.1)):
        said = f"{words[0]} belongs to block fields"
        one_line(command("simulate", tmp_path / "sde", "--start", 0, "--until", 1, *words), said)
