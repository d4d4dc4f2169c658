"""Force data: rows are what was computed, in memory as in a file, and a file is whole or not there."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from asemacro.files.store import CannotWrite
from asemacro.force_data import ForceData, Layout
from asemacro.micro.callable_forces import CallableForces
from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
from asemacro.micro.force_runs import make_force_data, redraw_forces
from asemacro.micro.force_system import draw_active

TIMES = 0.1 * np.arange(1, 31)
SYSTEM = PredatorPreyODE(10)
STARTS = SYSTEM.initial(7, rng=np.random.default_rng(1))


def some_data(path: Path | None = None, fraction: float = 0.2, **more: object) -> ForceData:
    return make_force_data(SYSTEM, STARTS, TIMES, fraction=fraction, path=path, rng=np.random.default_rng(2), **more)


def check_equal(one: ForceData, two: ForceData) -> None:
    rows = np.random.default_rng(3).permutation(len(one))
    for name in ("states", "active", "forces", "components"):
        np.testing.assert_array_equal(getattr(one, name)(rows), getattr(two, name)(rows))
    np.testing.assert_array_equal(one.group, two.group)
    np.testing.assert_array_equal(one.times, two.times)


# --- what the rows are -------------------------------------------------------------------------------------------


def test_places_of_carriers_in_a_state() -> None:
    atoms = Layout(3, blocks=2, width=3)
    assert (atoms.per_carrier, atoms.n_components) == (6, 18)
    np.testing.assert_array_equal(atoms.components(np.array([[2, 0]])), [[6, 7, 8, 15, 16, 17, 0, 1, 2, 9, 10, 11]])
    np.testing.assert_array_equal(Layout(4).components(np.array([[3], [1]])), [[3], [1]])
    assert sorted(atoms.components(np.arange(3))) == list(range(18))


@pytest.mark.parametrize("fraction", [0.2, 1.0])
def test_rows_are_the_trajectories_and_the_forces_on_some_carriers(fraction: float) -> None:
    data = some_data(fraction=fraction)
    rows = np.arange(len(data))
    states = SYSTEM.trajectories(STARTS, TIMES).reshape(-1, 20)
    full = SYSTEM.forces(states)
    np.testing.assert_array_equal(data.states(rows), states)
    np.testing.assert_array_equal(data.forces(rows), np.take_along_axis(full, data.components(rows), axis=1))
    np.testing.assert_array_equal(data.group, np.repeat(np.arange(7), 30))
    np.testing.assert_array_equal(data.times, np.tile(TIMES, 7))
    assert (data.fraction, data.n_configurations, data.force_evaluations) == (fraction, 210, 210 * 20 * fraction)


def test_carriers_are_drawn_anew_for_each_state_all_alike() -> None:
    active = draw_active(20_000, 10, 0.3, rng=np.random.default_rng(0))
    assert active.shape == (20_000, 3)
    assert (np.diff(np.sort(active, axis=1), axis=1) > 0).all()
    counts = np.bincount(active.reshape(-1), minlength=10)
    assert abs(counts - 6000).max() < 5 * np.sqrt(20_000 * 0.3 * 0.7)
    assert len(np.unique(active, axis=0)) > 100


def test_no_rows_of_a_file(tmp_path: Path) -> None:
    """As where a single trajectory leaves none to judge an encoder by."""
    assert some_data(tmp_path / "made.zip").states(np.arange(0)).shape == (0, 20)


def test_some_rows_without_a_copy() -> None:
    data = some_data()
    part = data.take(data.group == 3).take(slice(5, 8))
    np.testing.assert_array_equal(part.times, TIMES[5:8])
    np.testing.assert_array_equal(part.states([1]), data.states([3 * 30 + 6]))
    np.testing.assert_array_equal(part.components(slice(0, 3)), data.components([95, 96, 97]))
    assert part.force_evaluations == 3 * 4


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_the_same_states_with_other_forces(tmp_path: Path, fraction: float) -> None:
    some_data(tmp_path / "made.zip")
    data = ForceData.open(tmp_path / "made.zip", 0).take(slice(20, 90))
    other = redraw_forces(SYSTEM, data, fraction=fraction, rng=np.random.default_rng(5))
    states, rows = data.states(slice(None)), np.random.default_rng(6).permutation(70)
    np.testing.assert_array_equal(other.states(rows), states[rows])
    np.testing.assert_array_equal(other.group, data.group)
    expected = np.take_along_axis(SYSTEM.forces(states[rows]), other.components(rows), axis=1)
    np.testing.assert_array_equal(other.forces(rows), expected)
    assert other.fraction == fraction
    with pytest.raises(ValueError, match="the data hold states of Layout"):
        redraw_forces(PredatorPreyODE(11), data, rng=np.random.default_rng(5))


def test_states_that_are_kept() -> None:
    all_rows = some_data()
    data = some_data(keep=lambda x: x[:, 0] > 0.5)
    kept = all_rows.states(slice(None))[:, 0] > 0.5
    assert 0 < len(data) < len(all_rows)
    np.testing.assert_array_equal(data.states(slice(None)), all_rows.states(kept))
    np.testing.assert_array_equal(data.group, all_rows.group[kept])


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.2, 1.0])
@pytest.mark.parametrize("in_memory_bytes", [0, 1e4, 1e9])
def test_a_file_holds_the_same_rows(tmp_path: Path, fraction: float, in_memory_bytes: float) -> None:
    made = some_data(tmp_path / "made.zarr.zip", fraction)
    assert isinstance(made, ForceData)
    check_equal(some_data(fraction=fraction), ForceData.open(tmp_path / "made.zarr.zip", in_memory_bytes))
    saved = some_data(fraction=fraction).take(slice(10, 99))
    saved.save(tmp_path / "saved.zarr.zip")
    check_equal(saved, ForceData.open(tmp_path / "saved.zarr.zip", in_memory_bytes))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.zarr.zip", "saved.zarr.zip"]


def test_single_precision_takes_half_the_room(tmp_path: Path) -> None:
    double = some_data(tmp_path / "double.zip")
    single = some_data(tmp_path / "single.zip", dtype="float32")
    assert single.states([0]).dtype == single.forces([0]).dtype == np.float32
    np.testing.assert_array_equal(single.states(slice(None)), double.states(slice(None)).astype(np.float32))


def test_any_zarr_reads_the_file(tmp_path: Path) -> None:
    data = some_data(tmp_path / "made.zarr.zip")
    group = zarr.open_group(zarr.storage.ZipStore(tmp_path / "made.zarr.zip", mode="r"), mode="r")
    assert int(group["n_rows"][0]) == 210
    np.testing.assert_array_equal(group["states"][:210], data.states(slice(None)))
    np.testing.assert_array_equal(group["active"][:210], data.active(slice(None)))


def test_writing_and_reading_take_no_more_memory_than_a_block(tmp_path: Path) -> None:
    """600 MB of states, written and read by a process whose memory grows by a third of that."""
    code = """
        import resource
        import numpy as np
        from asemacro.force_data import ForceData, Layout
        from asemacro.micro.callable_forces import CallableForces
        from asemacro.micro.force_runs import make_force_data

        class Still(CallableForces):
            def states_at(self, x, times, *, rng=None):
                for time in times:
                    yield x + time

        n, m = 300_000, 500
        system = Still(lambda x, places: np.take_along_axis(x, places, axis=1), n)
        starts = np.zeros((1, n))
        make = dict(fraction=10 / n, rng=np.random.default_rng(0), dtype="float32")
        make_force_data(system, starts, np.arange(3.0), path="small.zip", **make)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        data = make_force_data(system, starts, np.arange(1.0 * m), path="large.zip", **make)
        for k in np.random.default_rng(1).integers(m, size=20):
            assert (data.states([k]) == k).all() and (data.forces([k]) == k).all()
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "large.zip").stat().st_size > 5.9e8
    assert float(done.stdout) < 200
    (tmp_path / "large.zip").unlink()


def test_a_killed_writer_leaves_no_file(tmp_path: Path) -> None:
    code = """
        import numpy as np
        from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
        from asemacro.micro.force_runs import make_force_data
        rng = np.random.default_rng(0)
        system = PredatorPreyODE(20_000)
        make_force_data(system, system.initial(50, rng=rng), np.arange(100.0), fraction=0.1, path="made.zip", rng=rng)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 1e6 for path in tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in tmp_path.iterdir()] == [f".made.{process.pid}.zip"]
    with pytest.raises(FileNotFoundError, match="no force data file"):
        ForceData.open(tmp_path / "made.zip")
    check_equal(some_data(), some_data(tmp_path / "made.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["made.zip"]


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def stop(task: str, fraction: float, text: str) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        some_data(tmp_path / "made.zip", progress=stop)
    assert not list(tmp_path.iterdir())


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, np.nan])
def test_fractions_that_make_no_sense(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"fraction must lie in \(0, 1\], got"):
        some_data(fraction=fraction)


def test_a_fraction_of_no_carrier() -> None:
    with pytest.raises(ValueError, match=r"a fraction of 0.001 of 20 carriers is none of them; take 0.05 or more"):
        some_data(fraction=0.001)


def test_no_state_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no state is kept"):
        some_data(tmp_path / "made.zip", keep=lambda x: x[:, 0] > 99)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"states": np.zeros((4, 5))}, r"states must have the shape \(4, 6\), got \(4, 5\)"),
        ({"forces": np.zeros((4, 3))}, r"forces must have the shape \(4, 4\), got \(4, 3\)"),
        ({"active": np.array([[0, 0]] * 4)}, "different from each other"),
        ({"active": np.array([[0, 3]] * 4)}, r"must be 0\.\.2, got 0\.\.3"),
        ({"states": np.full((4, 6), np.nan)}, "states must be finite"),
        ({"group": np.arange(3)}, "group has shape"),
    ],
)
def test_rows_that_do_not_fit(change: dict[str, np.ndarray], message: str) -> None:
    right = {"states": np.zeros((4, 6)), "active": np.array([[0, 2]] * 4), "forces": np.zeros((4, 4))}
    ForceData(**right, layout=Layout(3, blocks=2))
    with pytest.raises(ValueError, match=message):
        ForceData(**right | change, layout=Layout(3, blocks=2))


@pytest.mark.parametrize(
    "keep",
    [
        lambda x: np.ones(3, dtype=bool),
        lambda x: np.ones((len(x), 1), dtype=bool),
        lambda x: np.full(len(x), np.nan),
        lambda x: None,
        lambda x: [[True], []],
        lambda x: (torch.from_numpy(x[:, 0]).requires_grad_() > 0).double(),
    ],
)
def test_what_is_kept_must_be_truth_values(keep: Callable[[np.ndarray], np.ndarray]) -> None:
    with pytest.raises(
        ValueError, match=r"^keep must give \(210,\) truth values, one for each state, got (an array|\[\[True)[^\n]*$"
    ):
        some_data(keep=keep)


def test_a_file_that_was_written_again_is_another_one(tmp_path: Path) -> None:
    """Of as many bytes, and of the same rows or others."""
    data = some_data(tmp_path / "made.zip")
    states = data.states(slice(None))
    make_force_data(SYSTEM, STARTS[::-1], TIMES, fraction=0.2, path=tmp_path / "made.zip", rng=np.random.default_rng(2))
    with pytest.raises(ValueError, match=r"made\.zip is not the file that was opened: it was written again; open it"):
        data.states([0])
    again = ForceData.open(tmp_path / "made.zip", 0.0).states(slice(None))
    np.testing.assert_array_equal(again[:30], states[-30:])


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "made.zip"
    some_data(path)
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    said = []
    for trial in range(60):
        damaged = bytearray(whole if trial % 3 else whole[: draw.integers(1, len(whole))])
        for place in draw.integers(len(damaged), size=trial % 20):
            damaged[place] = draw.integers(256)
        path.write_bytes(damaged)
        try:
            ForceData.open(path, 1e4 * (trial % 2)).states(slice(None))
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 20
    assert not [line for line in said if "\n" in line or str(path) not in line]


def test_files_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no force data file"):
        ForceData.open(tmp_path / "absent.zip")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="is not a readable force data file"):
        ForceData.open(tmp_path / "other.npz")


def test_a_file_with_carriers_that_there_are_not_is_refused(tmp_path: Path) -> None:
    data = some_data()
    data._columns["active"][3, 0] = 10**6  # type: ignore[index]
    data.save(tmp_path / "bad.zarr.zip")
    with pytest.raises(ValueError, match=r"bad\.zarr\.zip holds force data that do not fit together \(active carriers"):
        ForceData.open(tmp_path / "bad.zarr.zip")


@pytest.mark.parametrize("there", [False, True], ids=["no folder", "a folder of this name"])
def test_a_file_that_cannot_be_written_is_known_before_anything_is_computed(there: bool, tmp_path: Path) -> None:
    path = tmp_path / "made.zip" if there else tmp_path / "absent" / "made.zip"
    if there:
        path.mkdir()

    def never(x: np.ndarray) -> np.ndarray:
        raise AssertionError

    with pytest.raises(CannotWrite, match=r"^cannot write .*made\.zip: (No such file|there is a folder)[^\n]*$"):
        some_data(path, keep=never)


def failing(*given: object) -> None:
    raise RuntimeError("not\nnow")


def leaving(*given: object) -> None:
    sys.exit(3)


@pytest.mark.parametrize("function", [failing, leaving])
def test_functions_that_fail_are_named_in_one_line(function: Callable[..., None]) -> None:
    reason = r"(not|it ends the program, sys\.exit\(3\))$"
    with pytest.raises(ValueError, match=f"^keep fails: {reason}"):
        some_data(keep=function)
    with pytest.raises(ValueError, match=f"^the function of CallableForces fails: {reason}"):
        CallableForces(function, 3).forces(np.zeros((1, 3)))


@pytest.mark.parametrize(
    "given",
    [
        lambda x, places: 1j * np.take_along_axis(x, places, axis=1),
        lambda x, places: None,
        lambda x, places: "abc",
        lambda x, places: [[1.0], []],
        lambda x, places: torch.from_numpy(x).requires_grad_(),
    ],
    ids=["complex", "nothing", "text", "ragged", "in a gradient"],
)
def test_rates_must_be_real_numbers(given: Callable[..., object]) -> None:
    """Complex ones would be cut to their real part."""
    with pytest.raises(
        ValueError, match=r"^the function of CallableForces must give (an array of )?real numbers[^\n]*$"
    ):
        CallableForces(given, 3).forces(np.ones((2, 3)))
