"""Models learned from forces on disk: what is read again does the same, what does not belong together is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import asemacro as am
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.macro.training_file import Course
from asemacro.observables.differentiable import TorchObservable
from asemacro.studies.forces.figures import Comparison, draw_paths
from asemacro.studies.forces.learned import ENCODER_FILE, LearnedForces
from asemacro.studies.forces.path import Leaving, leaving
from asemacro.studies.forces.remarks import remark_on_error
from asemacro.studies.learn import pace
from asemacro.studies.learn.learned import Learned
from asemacro.studies.learn.loading import load_learned

MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
OTHER = TorchObservable(lambda x: x[:, :1], ("first",))


def learned(n: int = 50) -> LearnedForces:
    """A model of a mean and one more variable that is three times it in all training states."""
    encoder = Encoder(MEAN, MLPEncoder(6, 1, (4,)))
    models = [am.NeuralODE(am.GFINN(2, hidden=4), labels=encoder.labels) for _ in range(2)]
    z = np.linspace(-1, 1, n)[:, None] * [1.0, 3.0]
    return LearnedForces(models[0], z, 1, encoder, tuple(models))


def test_what_is_read_again_is_the_same(tmp_path: Path) -> None:
    model = learned()
    names = {path.name for path in model.save(tmp_path)}
    assert names == {"ode.safetensors", "training.safetensors", "encoder.safetensors"}
    again, with_encoder = load_learned(tmp_path), LearnedForces.load(tmp_path, MEAN)
    assert isinstance(again, LearnedForces)
    assert again.encoder is None
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 6)))
    assert model.encoder is not None
    assert with_encoder.encoder is not None
    with torch.no_grad():
        np.testing.assert_array_equal(with_encoder.encoder(x), model.encoder(x))
    for read in (again, with_encoder):
        np.testing.assert_array_equal(read.z, model.z)
        np.testing.assert_array_equal(read.ode.drift(model.z), model.ode.drift(model.z))
        assert len(read.members) == 2
        assert read.n_observed == 1
        np.testing.assert_allclose(read.start([0.5]), [0.5, 1.5], atol=0.1)


def test_what_does_not_belong_together_is_refused_in_one_line(tmp_path: Path) -> None:
    model = learned()
    model.save(tmp_path)
    with pytest.raises(ValueError, match="it was learned for mean, not for first"):
        LearnedForces.load(tmp_path, OTHER)
    with pytest.raises(FileNotFoundError, match=r"no sde\.safetensors"):
        Learned.load(tmp_path)
    (tmp_path / ENCODER_FILE).unlink()
    with pytest.raises(ValueError, match="holds a model of mean, encoder_1, not of mean"):
        LearnedForces.load(tmp_path, MEAN)
    with pytest.raises(FileNotFoundError, match=r"no ode\.safetensors"):
        LearnedForces.load(tmp_path.parent)
    am.save_ode(tmp_path / "ode.safetensors", am.NeuralODE(am.MLPDrift(2), labels=model.labels))
    with pytest.raises(ValueError, match="written with another model"):
        load_learned(tmp_path)


def test_an_encoder_belongs_to_one_model(tmp_path: Path) -> None:
    """One of another model, whose variables have the same names, is refused; that of an older model goes."""
    learned().save(tmp_path / "one")
    slower = learned()
    slower.ode.slow_down(2.0)
    slower.save(tmp_path / "two")
    (tmp_path / "two" / ENCODER_FILE).replace(tmp_path / "one" / ENCODER_FILE)
    with pytest.raises(
        ValueError, match=r"one/encoder\.safetensors does not belong to the model beside it \(it was wri"
    ):
        LearnedForces.load(tmp_path / "one", MEAN)
    plain = LearnedForces(am.NeuralODE(am.MLPDrift(1), labels=("mean",)), np.linspace(0, 1, 9)[:, None], 1, MEAN)
    plain.save(tmp_path / "one")
    assert LearnedForces.load(tmp_path / "one", MEAN).labels == ("mean",)
    assert not (tmp_path / "one" / ENCODER_FILE).exists()


def test_simulate_follows_the_path(tmp_path: Path, command: Any) -> None:
    model = learned()
    model.save(tmp_path / "m")
    out = tmp_path / "path.csv"
    words = ("simulate", tmp_path / "m", "--start", "0.5", "--until", "0.3", "--points", "3", "-o", out)
    code, said, _ = command(*words)
    assert code == 0
    assert said.startswith("one path to time 0.3: mean ")
    with out.open() as file:
        header, *rows = csv.reader(file)
    assert header == ["time", "mean", "encoder_1", "beyond"]
    times, z = am.simulate_ode(model.ode, model.start([0.5]), 0.3, n_saves=3)
    expected = np.column_stack([times, z[0], np.zeros(4)])
    np.testing.assert_allclose(np.array(rows, dtype=float), expected, rtol=1e-9)
    for wrong, message in (
        (("--trajectories", "3"), "an ODE has one path"),
        (("--temperature", "300"), "learned at one temperature"),
        (("--start", "1,2"), "a start has 1 values (mean)"),
        (("--start", "nan"), "--start nan: give one finite number per observable"),
    ):
        code, _, error = command(*words, *wrong)
        assert code == 2
        assert message in error
        assert error.count("\n") == 1


def test_a_path_beyond_what_was_learned_from() -> None:
    z, path = np.linspace(0, 1, 11)[:, None], np.linspace(0, 2, 11)[:, None]
    ode = am.NeuralODE(am.MLPDrift(1), labels=("mean",))
    model = LearnedForces(ode, z, 1)
    assert leaving(model, path) == Leaving(6, 0, 0.0, 1.0)
    assert leaving(model, path[:6]) is None
    assert leaving(model, path * 0.52) is None  # a tenth of the range is no reason to speak
    assert leaving(LearnedForces(ode, z, 1, bounds=np.array([[0.0, 1.0]])), path * 0.52) == Leaving(10, 0, 0.0, 1.0)
    assert leaving(LearnedForces(ode, np.zeros((0, 1)), 1), path) is None
    assert leaving(learned(), np.stack([np.zeros(11), 4 * path[:, 0]], axis=1)) == Leaving(4, 1, -3.0, 3.0)
    # the first is out of its range before the second is far out of its own
    earlier = np.stack([np.where(path[:, 0] > 0.5, 1.05, 0.0), 4 * path[:, 0]], axis=1)
    assert leaving(learned(), earlier) == Leaving(3, 0, -1.0, 1.0)
    assert leaving(model, path - 3) == Leaving(0, 0, 0.0, 1.0)


def growing() -> LearnedForces:
    """dx/dt = 3, of runs that start from x = 1 and 2 and end at time 1."""
    x = np.array([1.0, 2.0])[:, None] + [0.0, 1.5, 3.0]
    drift = am.MLPDrift(1, hidden=2)
    for parameter in drift.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(parameter, 3.0)
    ode = am.NeuralODE(drift, labels=("x",))
    runs = Course(np.repeat([0, 1], 3), np.tile([0.0, 0.5, 1.0], 2))
    return LearnedForces(ode, x.reshape(-1, 1), 1, runs=runs)


def test_the_last_line_and_the_table_say_from_when_on_a_path_means_nothing(tmp_path: Path, command: Any) -> None:
    growing().save(tmp_path / "m")
    out = tmp_path / "p.csv"
    code, said, error = command("simulate", tmp_path / "m", "--start", "2", "--until", "2", "--points", "5", "-o", out)
    assert code == 0, error
    assert said.splitlines()[-3:-1] == [
        "from time 1.2 on the path is beyond what was learned from, and means nothing: x goes out of 1 to 5",
        "one path to time 2: x +4.4000 at time 0.8, the last within what was learned from; the rows with beyond = 1 "
        "mean nothing",
    ]
    with out.open() as file:
        assert [row[-1] for row in csv.reader(file)] == ["beyond", "0", "0", "0", "1", "1", "1"]


def test_the_end_of_the_runs_counts_from_the_state_that_a_start_is_like(tmp_path: Path, command: Any) -> None:
    growing().save(tmp_path / "m")
    words = ("simulate", tmp_path / "m", "-o", tmp_path / "p.csv", "--until")
    ended = "the runs of the training ended at time 1"
    assert ended not in command(*words, 1, "--start", "2")[1]
    assert ended not in command(*words, 0.4, "--start", "3.3")[1]
    said = command(*words, 0.6, "--start", "3.3")[1]
    assert f"{ended}, 0.5 after a state like the start: what lies beyond rests on the equation alone\n" in said


def test_a_path_of_more_than_an_hour_is_refused_unless_forced(
    tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned().save(tmp_path / "m")
    words = ("simulate", tmp_path / "m", "--start", "0.5", "--until", "1", "-o", tmp_path / "p.csv")
    monkeypatch.setattr(pace, "HOUR_S", 0.0)
    monkeypatch.setattr(pace, "FIRST_ESTIMATE_S", 0.0)
    code, _, error = command(*words)
    assert code == 2
    assert error.startswith("asemacro: --until 1: would take about")
    assert "--force runs it all the same" in error
    assert not (tmp_path / "p.csv").exists()
    assert command(*words, "--force")[0] == 0


def test_a_start_outside_of_those_of_the_runs_is_said(caplog: pytest.LogCaptureFixture) -> None:
    model = oscillator(np.array([2.0, 1.0, 1.5, 0.5]), np.linspace(0, 6, 61))
    model.start([0.4])
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        (
            "WARNING",
            "the start lies outside of those of the training (they start from x = 0.5 to 2): starts as run 3 at time 0",
        )
    ]


def oscillator(starts: np.ndarray, times: np.ndarray) -> LearnedForces:
    """Runs of x'' = -x - x' / 5 that start at rest, one after the other: x is observed, v = x' is learned."""
    rate = np.array([[0.0, 1.0], [-1.0, -0.2]])
    values, vectors = np.linalg.eig(rate)
    flow = np.stack([((vectors * np.exp(values * t)) @ np.linalg.inv(vectors)).real for t in times])
    z = np.concatenate([flow @ [start, 0.0] for start in starts])
    runs = Course(np.repeat(np.arange(len(starts)), len(times)), np.tile(times, len(starts)))
    return LearnedForces(am.NeuralODE(am.MLPDrift(2, hidden=4), labels=("x", "encoder_1")), z, 1, runs=runs)


def test_a_start_is_at_rest_as_the_runs_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="asemacro")
    model = oscillator(np.array([2.0, 1.0, 1.5, 0.5]), np.linspace(0, 6, 61))
    nearest = model.z[np.argmin(np.abs(model.z[:, 0] - 1.2)), 1]
    assert abs(nearest) > 0.5  # states that pass there are far from rest
    model.save(tmp_path)
    for one in (model, LearnedForces.load(tmp_path)):
        np.testing.assert_allclose(one.start([1.2]), [1.2, 0.0], atol=1e-12)
    assert caplog.messages[-1] == "starts between run 1 and run 2 at time 0"
    caplog.clear()
    away = model.start([-0.8])  # no run starts there
    assert "no run of the training starts near (they start from x = 0.5 to 2): starts as run" in caplog.messages[-1]
    k = int(np.argmin(np.abs(model.z[:, 0] + 0.8)))
    np.testing.assert_allclose(away, [-0.8, model.z[k, 1]])


def test_learned_variables_of_a_start_are_interpolated_only_along_a_curve(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="asemacro")
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, 12)
    ode = am.NeuralODE(am.MLPDrift(2, hidden=4), labels=("x", "encoder_1"))
    runs = Course(np.arange(12), np.zeros(12))
    curve = LearnedForces(ode, np.column_stack([x, np.sqrt(x)]), 1, runs=runs)
    at = float(np.sort(x)[4:6].mean())
    np.testing.assert_allclose(curve.start([at]), [at, np.sqrt(at)], atol=1e-3)
    left, right = np.argsort(x)[4:6]
    assert caplog.messages[-1] == f"starts between run {left} and run {right} at time 0"
    scattered = LearnedForces(ode, np.column_stack([x, rng.standard_normal(12)]), 1, runs=runs)
    assert scattered.start([at])[1] in scattered.z[[left, right], 1]


def test_the_first_states_of_the_runs_are_all_kept_in_the_file(tmp_path: Path) -> None:
    z = np.zeros((30_000, 2))
    z[:, 0] = np.arange(len(z))
    runs = Course(np.arange(len(z)) // 3, np.tile([0.0, 1.0, 2.0], 10_000))
    ode = am.NeuralODE(am.MLPDrift(2, hidden=4), labels=("x", "encoder_1"))
    LearnedForces(ode, z, 1, runs=runs).save(tmp_path)
    again = LearnedForces.load(tmp_path)
    assert len(again.z) <= 20_000
    assert again.runs is not None
    assert (again.runs.times == 0).sum() == 10_000
    np.testing.assert_array_equal(again.runs.group, again.z[:, 0] // 3)


@pytest.mark.parametrize(
    ("error", "words"), [(0.05, None), (0.31, "(relative error 31 %)"), (None, "(it runs away)")], ids=str
)
def test_simulate_says_first_what_is_known_of_the_model(
    error: float | None, words: str | None, tmp_path: Path, command: Any
) -> None:
    """That it does not follow the runs, if so, and where they ended; then the line of the result."""
    oscillator(np.array([2.0, 1.0, 1.5, 0.5]), np.linspace(0, 6, 61)).save(tmp_path / "m")
    (tmp_path / "m" / "run.json").write_text(json.dumps({"relative_error": error, "unit_of_time": "fs"}))
    for until in (6, 8):
        code, said, told = command("simulate", tmp_path / "m", "--start", 1.2, "--until", until, "-o", tmp_path / "p")
        assert code == 0, told
        lines = said.splitlines()
        if words is not None:
            assert lines.pop(0).startswith(f"the model does not follow the runs {words}: look at diagnostics.png")
        if until > 6:
            assert lines.pop(0) == (
                "the runs of the training ended at time 6 fs: what lies beyond rests on the equation alone"
            )
        *leaves, path, _ = lines
        assert path.startswith(f"one path to time {until}: ")
        assert all("beyond what was learned from" in line for line in leaves)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--trajectories", "5", "-o", "p"), "--trajectories 5: an ODE has one path"),
        (("-o", "."), "is a folder; -o names the file to write"),
        (("-o", "m/run.json/p"), "cannot write to the output folder m/run.json"),
        (("-o", "p", "--sites", "5"), "--sites 5: an ODE has no noise"),
    ],
)
def test_simulate_refuses_before_it_says_anything(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    command: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    oscillator(np.array([2.0, 1.0, 1.5, 0.5]), np.linspace(0, 6, 61)).save(tmp_path / "m")
    (tmp_path / "m" / "run.json").write_text(json.dumps({"relative_error": 0.5, "unit_of_time": "fs"}))
    code, said, told = command("simulate", "m", "--start", 9.0, "--until", 3, *words)
    assert code == 2
    assert message in told
    assert (said, len(told.splitlines()), caplog.messages) == ("", 1, [])


@pytest.mark.parametrize(
    ("error", "fits", "words"),
    [
        (0.0996, [0.0996], None),
        (0.1, [0.1], "the model does not follow the runs (relative error 10 %): "),
        (0.03, [0.03, 0.05, 0.3], None),
        (
            0.03,
            [0.03, 0.2, 0.3],
            "most fits do not follow the runs (median of the relative errors 20 %), the model may",
        ),
        (0.03, [0.03, None, None], "most fits do not follow the runs (they run away)"),
    ],
    ids=str,
)
def test_a_poor_model_and_poor_fits_are_told(error: float, fits: list[float | None], words: str | None) -> None:
    said = remark_on_error({"relative_error": error, "relative_error_of_each_fit": fits})
    assert said is None if words is None else (said or "").startswith(words)


def test_the_figure_marks_the_model_and_the_means() -> None:
    z, errors = np.ones((2, 3, 1)), np.array([[0.01, 0.05], [0.02, 0.02]])
    left, right = draw_paths(Comparison(("T (K)",), np.arange(3.0), "fs", z, z, errors, best=1)).axes
    assert left.get_ylabel() == "T (K)"
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["1", "2\nmodel"]
    bars = [line for line in right.lines if line.get_marker() == "_"]
    np.testing.assert_allclose([bar.get_ydata()[0] for bar in bars], [3, 2])


def test_objects_say_in_a_line_what_they_are() -> None:
    assert repr(learned()) == "<LearnedForces mean, encoder_1: GFINN, 2 fits, 50 training states>"
    system = am.CallableForces(lambda x, places: -np.take_along_axis(x, places, axis=1), 6, time_step=0.1)
    assert repr(system) == "<CallableForces: 6 carriers, 6 numbers, time step 0.1>"
    data = am.make_force_data(system, np.ones((2, 6)), [0, 1], fraction=0.5, rng=np.random.default_rng(0))
    assert repr(data) == "<ForceData: 4 states of 6 carriers, forces on 3 of them, 2 trajectories>"
