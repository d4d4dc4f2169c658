"""The verb simulate: equilibrium, estimates, the hour, starts that cannot be, memory."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from asemacro.data import Moments
from asemacro.files.tensors import read_tensors, write_tensors
from asemacro.lattice.lattice import Lattice
from asemacro.macro.trajectories import simulate
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, EnergyPerSite, Magnetization
from asemacro.studies.learn import pace, settling
from asemacro.studies.learn.learned import Learned, learn_from_moments
from asemacro.studies.learn.settling import Settling, agree

SD = np.sqrt(0.05)  # of dz = -z dt + sqrt(0.1) dB


@pytest.fixture(scope="module")
def relaxing() -> Learned:
    """dz = -z dt + sqrt(0.1) dB, learned from exact labels."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 0.3, (200, 1))
    moments = Moments(z, -z, np.full((200, 1, 1), 0.1), np.array(1.0), np.zeros(0))
    return learn_from_moments(moments, ("M",), 64, bounds=np.array([[-1.0, 1.0]]), rng=rng)


@pytest.fixture(scope="module")
def two_wells() -> Learned:
    """dz = (z - z^3) dt + noise: wells at -1 and 1, which trajectories leave once in ages."""
    rng = np.random.default_rng(0)
    z = rng.uniform(-1.6, 1.6, (400, 1))
    moments = Moments(z, z - z**3, np.full((400, 1, 1), 0.02), np.array(1.0), np.zeros(0))
    return learn_from_moments(moments, ("M",), 64, rng=rng)


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equilibrium is looked for from fewer steps on."""
    monkeypatch.setattr(settling, "FIRST_LOOKS", 12)


def table(path: Path) -> np.ndarray:
    with path.open() as file:
        return np.array(list(csv.reader(file))[1:], dtype=float)


@pytest.mark.usefixtures("early")
def test_larger_specimens_scatter_less(command, relaxing: Learned, tmp_path: Path) -> None:
    """The variance is that of the 64 sites that it was learned for, times 64 over the sites; the mean is the same."""
    relaxing.save(tmp_path / "m")
    for sites in (16, 6400):
        words = ("--start", 0.9, "--until", 400, "--points", 400, "--sites", sites, "-o", tmp_path / "s.csv")
        code, out, err = command("simulate", tmp_path / "m", *words)
        assert code == 0, err
        assert f"of {sites} sites; the noise learned for 64 sites times {64 / sites:g}" in out
        assert "equilibrium reached" in out
        time, mean, sd = table(tmp_path / "s.csv").T
        early, scale = time <= 2, SD * (64 / sites) ** 0.5
        assert mean[early] == pytest.approx(0.9 * np.exp(-time[early]), abs=5 * scale / 10 + 0.01)
        assert sd[1:] == pytest.approx(scale * np.sqrt(1 - np.exp(-2 * time[1:])), rel=0.35)  # 5 errors of 100
    code, _, err = command("simulate", tmp_path / "m", "--start", 0.9, "--until", 1, "--sites", 0)
    assert code == 2
    assert "--sites" in err


@pytest.mark.usefixtures("early")
def test_a_long_run_ends_at_equilibrium(command, relaxing: Learned, tmp_path: Path) -> None:
    relaxing.save(tmp_path / "m")
    words = ("--start", 0.9, "--until", 360000, "--trajectories", 40, "--points", 4, "-o", tmp_path / "s.csv")
    code, out, err = command("simulate", tmp_path / "m", *words)
    assert code == 0, err
    assert "equilibrium reached at time" in out
    assert "the 4 later times hold the mean and standard deviation of equilibrium" in out
    rows = table(tmp_path / "s.csv")
    assert rows[:, 0].tolist() == [0, 90000, 180000, 270000, 360000]
    assert rows[0, 1:].tolist() == [0.9, 0]
    assert len(np.unique(rows[1:, 1:], axis=0)) == 1
    # 104 trajectories over more than 25 relaxation times: an error of sd sqrt(2 / 2600) = 0.006, and that of the fit
    assert rows[-1, 1] == pytest.approx(0, abs=0.03)
    assert rows[-1, 2] == pytest.approx(SD, rel=0.1)


@pytest.mark.usefixtures("early")
def test_the_second_group_changes_nothing(relaxing: Learned) -> None:
    """The same random numbers with a judge and without one, up to where it ends the run."""
    words = {"until_s": 80.0, "n_trajectories": 30, "n_saves": 20}
    judge = Settling(relaxing.sde, np.zeros((64, 1)), None, rng=np.random.default_rng(9))
    _, short = simulate(relaxing.sde, [0.9], **words, watch=judge, rng=np.random.default_rng(1))
    words["until_s"], words["n_saves"] = 4.0 * short.shape[1], short.shape[1]
    _, plain = simulate(relaxing.sde, [0.9], **words, rng=np.random.default_rng(1))
    assert 2 < short.shape[1] < 21
    np.testing.assert_array_equal(short, plain[:, : short.shape[1]])


@pytest.mark.usefixtures("early")
def test_a_metastable_well_is_no_equilibrium(two_wells: Learned) -> None:
    """Stationary by itself, as the first group stays where it began; the second one has half of it elsewhere."""
    starts = np.repeat([[-1.0], [1.0]], 32, axis=0)
    judge = Settling(two_wells.sde, starts, None, rng=np.random.default_rng(9))
    times, z = simulate(two_wells.sde, [-1.0], 45.0, None, 30, n_saves=2, watch=judge, rng=np.random.default_rng(1))
    assert len(times) == 3
    assert judge.time is None
    assert z[:, -1].mean() == pytest.approx(-1, abs=0.1)


def test_agreement_of_two_groups() -> None:
    rng = np.random.default_rng(0)

    def averages(n: int, mean: float = 0.0, sd: float = 1.0, own: float = 0.1) -> np.ndarray:
        """Of trajectories with a law N(mean, sd^2), whose own averages have the standard deviation `own`."""
        z = mean + own * rng.standard_normal((n, 1))
        return np.stack([z, z**2 + sd**2 - own**2 + 0.2 * sd**2 * rng.standard_normal((n, 1))])

    assert agree(averages(40), averages(64))
    assert not agree(averages(40), averages(64, mean=0.2))
    assert not agree(averages(40), averages(64, sd=1.3))
    assert not agree(averages(40, own=0.9), averages(64, own=0.9))  # each in a well of its own
    assert not agree(averages(40), np.full((2, 64, 1), np.nan))


def test_more_than_an_hour_is_refused_unless_forced(
    command, relaxing: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relaxing.save(tmp_path / "m")
    words = ("simulate", tmp_path / "m", "--start", 0.5, "--trajectories", 3, "--points", 3, "-o", tmp_path / "s.csv")
    code, out, err = command(*words, "--until", 1e9)
    assert code == 2
    assert "to time 1e+09 it takes about" in out
    assert "3 trajectories are too few to tell" in out
    assert err.startswith("asemacro: --until 1e+09: would take about")
    assert "--force runs it all the same" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "s.csv").exists()
    monkeypatch.setattr(pace, "HOUR_S", 0.0)
    monkeypatch.setattr(pace, "FIRST_ESTIMATE_S", 0.0)
    assert command(*words, "--until", 100)[0] == 2
    assert command(*words, "--until", 100, "--force")[0] == 0
    assert len(table(tmp_path / "s.csv")) == 4


def test_starts_that_no_state_has_are_refused(command, relaxing: Learned, tmp_path: Path, caplog) -> None:
    relaxing.save(tmp_path / "m")
    words = ("--until", 1, "--points", 2, "--trajectories", 2, "-o", tmp_path / "s.csv")
    for start in ("5", "-1.001"):
        code, _, err = command("simulate", tmp_path / "m", f"--start={start}", *words)
        assert code == 2
        assert err == f"asemacro: a start with M = {start} is impossible: M lies from -1 to 1\n"
    with caplog.at_level(logging.WARNING, "asemacro"):
        assert command("simulate", tmp_path / "m", "--start", "0.1", *words)[0] == 0
        assert not caplog.records
        assert command("simulate", tmp_path / "m", "--start", "1", *words)[0] == 0
    low, high = relaxing.z.min(), relaxing.z.max()
    assert f"lies outside the states that the model was learned from: M = 1 (learned from {low:.3g}" in caplog.text
    assert f"to {high:.3g})" in caplog.text


def test_a_model_alone_says_how_far_its_states_went(relaxing: Learned, caplog) -> None:
    alone = Learned(relaxing.sde, np.zeros((0, 1)), np.zeros((0, 0)), 1)
    with caplog.at_level(logging.WARNING, "asemacro"):
        alone.start([0.9])
        assert not caplog.records
        alone.start([3.0])
    assert "M = 3 (learned from -1." in caplog.text


def test_bounds_are_kept_in_the_file_and_old_files_are_read(relaxing: Learned, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    relaxing.save(tmp_path / "m")
    np.testing.assert_array_equal(Learned.load(tmp_path / "m").bounds, [[-1, 1]])
    path = tmp_path / "m" / "training.safetensors"
    notes, tensors = read_tensors(path, "training")
    assert json.loads(notes["bounds"]) == [[-1, 1]]
    for damaged in ("[[1, -1]]", "[[0, 1], [0, 1]]", '[["a", 1]]', "3", "[[NaN, 1]]"):
        write_tensors(path, tensors, {**notes, "bounds": damaged})
        with pytest.raises(ValueError, match=r"training\.safetensors"):
            Learned.load(tmp_path / "m")
    write_tensors(path, tensors, {name: text for name, text in notes.items() if name != "bounds"})
    assert Learned.load(tmp_path / "m").bounds is None
    half = Learned(relaxing.sde, rng.normal(size=(5, 1)), np.zeros((5, 0)), 1, bounds=np.array([[0.0, np.inf]]))
    half.save(tmp_path / "half")
    np.testing.assert_array_equal(Learned.load(tmp_path / "half").bounds, [[0, np.inf]])
    with pytest.raises(ValueError, match="M is at least 0"):
        half.start([-0.1])
    none = Learned(relaxing.sde, rng.normal(size=(5, 1)), np.zeros((5, 0)), 1, bounds=np.array([[-np.inf, np.inf]]))
    none.save(tmp_path / "none")
    assert "bounds" not in read_tensors(tmp_path / "none" / "training.safetensors", "training")[0]


def test_bounds_of_observables() -> None:
    square, x = Lattice.square(1.0, "X", 4), np.ones((1, 16), dtype=np.int8)
    phi = Observables([Magnetization(), DomainWallDensity(), EnergyPerSite(1.0, 0.5)])
    # each of the two bonds of a spin gives at most 1
    np.testing.assert_allclose(phi.bounds(x, square), [[-1, 1], [0, 1], [-2.5, 2.5]])

    class Bare:
        labels, dim = ("b",), 1

        def __call__(self, x: np.ndarray, lattice: Lattice) -> np.ndarray:
            return np.zeros((len(x), 1))

    assert Observables([Magnetization(), Bare()]).bounds(x, square).tolist() == [[-1, 1], [-np.inf, np.inf]]
    bcc = Lattice.bcc(3.24, ("Mo", "Ta"), 2)
    alloy = np.array([[1] * 4 + [2] * 12], dtype=np.int8)
    # Z = 8, c_Ta = 3/4: p(Mo-Ta) from 0 to 8; of 12 Ta among 16 sites at least 8 (24 - 16) / 12 have Ta beside them
    found = WarrenCowley(("Mo", "Ta"), pairs="all").bounds(alloy, bcc)
    np.testing.assert_allclose(found, [[-2, 6], [-6, 2], [16 / 3 - 6, 2]])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"n_trajectories": 10**6, "n_saves": 10**10}, "1000000 trajectories at 10000000001 times would take"),
        ({"n_trajectories": 0}, "n_trajectories must be a whole number"),
        ({"n_trajectories": 2.5}, "n_trajectories must be a whole number"),
        ({"until_s": np.inf}, "until_s and n_saves must be positive"),
        ({"n_saves": -1}, "n_saves must be a whole number"),
        ({"max_rate_step": np.nan}, "max_rate_step"),
        ({"sites": 0}, "sites must be a whole number"),
    ],
    ids=str,
)
def test_arguments_of_simulate(relaxing: Learned, words: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(relaxing.sde, [0.0], **{"until_s": 1.0, **words}, rng=np.random.default_rng(0))


def test_types_of_simulate(relaxing: Learned) -> None:
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, got int"):
        simulate(relaxing.sde, [0.0], 1.0, rng=7)
    with pytest.raises(TypeError, match="sde must be a NeuralSDE"):
        simulate("model", [0.0], 1.0, rng=np.random.default_rng(0))


def test_a_simulation_of_ages_says_so(relaxing: Learned, caplog) -> None:
    """The loop comes back to Python at every step: an interrupt from the log stands for Ctrl-C."""

    class Stop(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise KeyboardInterrupt

    logger, stop = logging.getLogger("asemacro"), Stop()
    logger.addHandler(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            simulate(relaxing.sde, [0.0], 1e15, rng=np.random.default_rng(0))
    finally:
        logger.removeHandler(stop)
