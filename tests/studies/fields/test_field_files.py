"""Block fields from elsewhere: what is read, said and learned of npz, zarr and OVF files, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from block_fields import KERNEL, glauber

import asemacro as am
from asemacro.macro.spde import FieldFitOptions
from asemacro.studies.fields.readers import FieldSeries, data_of, read_series

FOUND = importlib.util.find_spec("discretisedfield") is not None
NEEDS_OVF = pytest.mark.skipif(not FOUND, reason="discretisedfield is not installed: pip install 'asemacro[fields]'")
STEP = 0.05
WORDS = ("-T", 0.8, "--block", 4)


@pytest.fixture(scope="module")
def run() -> np.ndarray:
    """(n, 16, 16) fields of the known equation after a quench."""
    rng = np.random.default_rng(0)
    start = 2 * rng.binomial(16, 0.5, (16, 16)) / 16 - 1
    found = am.simulate_fields(glauber(), start, 200 * STEP, temperature=0.8, n_saves=200, rng=rng)
    assert found.fields is not None
    return found.fields[:, 0]


def npz(path: Path, fields: np.ndarray, time: np.ndarray | None = None) -> Path:
    np.savez(path, time=STEP * np.arange(len(fields)) if time is None else time, fields=fields)
    return path


def header(time: float | None, shape: tuple[int, int, int]) -> list[str]:
    """Of an OVF 2.0 file in the words of mumax3."""
    cells = zip("xyz", shape, strict=True)
    said = [] if time is None else [f"# Desc: Total simulation time:  {time}  s"]
    return [
        "# OOMMF OVF 2.0",
        "# Segment count: 1",
        "# Begin: Segment",
        "# Begin: Header",
        "# Title: m",
        "# meshtype: rectangular",
        "# meshunit: m",
        *(f"# {axis}min: 0\n# {axis}max: {n}e-09\n# {axis}base: 5e-10" for axis, n in cells),
        *(f"# {axis}nodes: {n}\n# {axis}stepsize: 1e-09" for axis, n in zip("xyz", shape, strict=True)),
        "# valuedim: 3",
        "# valuelabels: m_x m_y m_z",
        "# valueunits: 1 1 1",
        *said,
        "# End: Header",
        "# Begin: Data Text",
    ]


def ovf(path: Path, m: np.ndarray, time: float | None, length: float = 1.0) -> Path:
    """Unit vectors times a length whose z components are a field (x, y)."""
    vectors = np.stack([np.sqrt(1 - m**2), np.zeros_like(m), m], axis=-1) * length
    rows = vectors.transpose(1, 0, 2).reshape(-1, 3)  # x runs fastest
    data = [" ".join(f"{v:.9g}" for v in row) + " " for row in rows]
    tail = ["# End: Data Text", "# End: Segment"]
    path.write_text("\n".join([*header(time, (*m.shape, 1)), *data, *tail]) + "\n")
    return path


def one_line(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert err.startswith("asemacro: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_a_run_from_elsewhere_gives_its_equation_back(command, run: np.ndarray, tmp_path: Path) -> None:
    file = npz(tmp_path / "mine.npz", run)
    code, out, err = command("learn", "fields", file, *WORDS, "-o", tmp_path / "learned")
    assert code == 0, err
    assert f"{file}: 201 times from 0 to 10, 0.05 apart, fields of 16 x 16 blocks" in out
    assert "V = 16 spins, edge 4 sites, at T = 0.8 (k_B = 1), field h = 0" in out
    record = json.loads((tmp_path / "learned/run.json").read_text())
    assert abs(record["J0"] - KERNEL.total) < 4.5 * record["J0_error"] < 0.4
    assert record["rate"] == pytest.approx(1.0, abs=0.05)
    assert command("simulate", tmp_path / "learned", "--start", 0.1, "--until", 1, "-o", tmp_path / "s.csv")[0] == 0


@pytest.mark.parametrize("unit", [1e-12, 1e3])
def test_the_unit_of_time_is_that_of_the_file(run: np.ndarray, unit: float) -> None:
    def rate(unit: float) -> float:
        data = data_of([FieldSeries(unit * STEP * np.arange(len(run)), run, "")], 0.8, 16, 4, 0.0)
        options = FieldFitOptions(rate=None, reach=2)
        report = am.fit_fields(data, options=options, rng=np.random.default_rng(1)).report
        return report.rate * unit

    assert rate(unit) == pytest.approx(rate(1.0), rel=1e-3)


def test_zarr_and_npz_hold_the_same(run: np.ndarray, tmp_path: Path) -> None:
    import zarr

    group = zarr.open_group(tmp_path / "mine.zarr", mode="w")
    group.create_array("time", data=STEP * np.arange(len(run)))
    group.create_array("fields", data=run)
    given = {"temperature": 0.8, "sites": 16, "block": 4, "field": 0.3}
    a = am.read_fields([npz(tmp_path / "mine.npz", run)], **given)
    b = am.read_fields([tmp_path / "mine.zarr"], **given)
    assert np.array_equal(a.before, b.before)
    assert np.array_equal(a.after, run[1:])
    assert np.allclose(a.duration, STEP)
    assert set(a.field) == {0.3}
    assert len(am.read_fields([tmp_path / "mine.npz", tmp_path / "mine.zarr"], **given)) == 2 * len(a)
    assert len(np.unique(a.group)) == 10


@NEEDS_OVF
def test_ovf_files_are_one_run_in_the_order_of_their_times(command, run: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "run.out"
    folder.mkdir()
    names = [f"m{k:06d}.ovf" for k in (2, 0, 1)]
    for k, name in enumerate(names):
        ovf(folder / name, run[k], 1e-12 * k)
    (series,) = read_series([folder])
    assert np.allclose(series.time, [0, 1e-12, 2e-12])
    assert np.allclose(series.fields, run[:3], atol=1e-6)
    assert "component z" in series.said
    x = read_series([folder], "x")[0].fields
    assert np.allclose(x, np.sqrt(1 - run[:3] ** 2), atol=1e-3)
    long = ovf(tmp_path / "long.omf", run[0], None, length=8e5)
    assert np.allclose(read_series([long])[0].fields[0], run[0], atol=1e-5)
    assert "divided by the longest vector, 800000" in read_series([long])[0].said
    one_line(command("learn", "fields", long, *WORDS, "-o", tmp_path / "no"), "a single time holds no change")


@NEEDS_OVF
def test_ovf_files_that_are_no_run_are_refused(command, run: np.ndarray, tmp_path: Path) -> None:
    first = ovf(tmp_path / "a.ovf", run[0], 0.0)
    without, other = ovf(tmp_path / "b.ovf", run[1], None), ovf(tmp_path / "c.ovf", run[1][:8], 1e-12)
    broken = tmp_path / "d.ovf"
    broken.write_text("# OOMMF OVF 2.0\n")
    for files, *said in (
        ((first, without), "b.ovf has no 'Total simulation time'"),
        ((first, other), "c.ovf has another grid"),
        ((first, broken), "d.ovf is not a readable OVF file"),
        ((first, npz(tmp_path / "e.npz", run)), "is no OVF file"),
    ):
        one_line(command("learn", "fields", *files, *WORDS, "-o", tmp_path / "no"), *said)


def test_without_discretisedfield_one_line_says_how_to_get_it(
    command, run: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "discretisedfield", None)
    file = ovf(tmp_path / "a.ovf", run[0], 0.0)
    one_line(command("learn", "fields", file, *WORDS, "-o", tmp_path / "no"), "pip install 'asemacro[fields]'")


def test_files_that_hold_no_run_are_one_line(command, run: np.ndarray, tmp_path: Path) -> None:
    hole = run.copy()
    hole[3, 2, 1] = np.nan
    uneven = STEP * np.arange(len(run))
    uneven[7:] += 0.02
    nothing, words = tmp_path / "text.npz", tmp_path / "words"
    nothing.write_text("no zip")
    words.mkdir()
    np.savez(tmp_path / "names.npz", t=uneven, m=run)
    np.save(tmp_path / "bare.npy", run)
    for file, *said in (
        (npz(tmp_path / "nan.npz", hole), "holds nan or infinite values, 1 of them, the first at (3, 2, 1)"),
        (npz(tmp_path / "uneven.npz", run, uneven), "evenly spaced", "0.05", "0.07"),
        (npz(tmp_path / "back.npz", run, -uneven), "ascending"),
        (npz(tmp_path / "when.npz", run, np.full(len(run), np.inf)), "time must hold finite numbers"),
        (npz(tmp_path / "one.npz", run[:1]), "a single time holds no change"),
        (npz(tmp_path / "flat.npz", run[:, 0, 0]), "fields must be (n, x[, y[, z]])"),
        (npz(tmp_path / "shape.npz", run, uneven[:5]), "got the shapes (201, 16, 16) and (5,)"),
        (npz(tmp_path / "large.npz", 2 * run), "magnetisations from -1 to 1"),
        (tmp_path / "names.npz", "no time and no fields", "it holds m, t"),
        (tmp_path / "bare.npy", "it holds one array without a name"),
        (nothing, "is not a readable field file (it is no archive of arrays)"),
        (words, "is not a readable field file", "OVF files or is a zarr group"),
        (tmp_path / "missing.npz", "no field file"),
    ):
        one_line(command("learn", "fields", file, *WORDS, "-o", tmp_path / "no"), str(file), *said)
    few = npz(tmp_path / "few.npz", run[:2, :6, :6])
    needed = "36 changes of blocks are too few to fit a mobility, 264 more are needed"
    one_line(command("learn", "fields", few, *WORDS, "-o", tmp_path / "no"), needed)


def test_what_is_not_in_the_file_must_be_given(command, run: np.ndarray, tmp_path: Path) -> None:
    file = npz(tmp_path / "mine.npz", run)
    for words, *said in (
        ((file, "--block", 4), "needs -T"),
        ((file, "-T", 0.8), "needs --block B", "--spins V"),
        ((file, "-T", -1, "--block", 4), "temperature above 0"),
        ((file, *WORDS, "--component", "z"), "a component belongs to the vectors of OVF files"),
        ((file, *WORDS, "--range", 8), "--range does not belong to learn fields"),
        ((*WORDS,), "needs a file"),
    ):
        one_line(command("learn", "fields", *words, "-o", tmp_path / "no"), *said)
    code, out, _ = command("learn", "fields", file, "-T", 0.8, "--spins", 16, "-o", tmp_path / "yes")
    assert code == 0
    assert "V = 16 spins, edge 4 sites" in out


def test_numbers_that_no_fields_have_are_one_line(command, run: np.ndarray, tmp_path: Path) -> None:
    file = npz(tmp_path / "mine.npz", run)
    full = npz(tmp_path / "full.npz", np.where(np.random.default_rng(0).random((50, 8, 8)) < 0.5, -1.0, 1.0))
    low = npz(tmp_path / "low.npz", np.full((20, 8, 8), -128, dtype=np.int8))
    for words, *said in (
        ((file, "-T", 1e300, "--block", 4), "--temperature 1e+300", "choose another unit"),
        ((file, "-T", 1e-20, "--block", 4), "--temperature 1e-20", "choose another unit"),
        ((file, "-T", "0.8,1.5", "--block", 4), "one temperature", "FieldData.joined"),
        ((file, "-T", 1, "--block", 1), "at least two spins"),
        ((full, "-T", 1, "--block", 4), "all are 1 or -1, as single spins are"),
        ((low, "-T", 1, "--block", 4), "magnetisations from -1 to 1, got -128"),
    ):
        one_line(command("learn", "fields", *words, "-o", tmp_path / "no"), *said)
    with pytest.raises(ValueError, match="got -128"):
        am.FieldData(np.full((4, 8), -128, np.int8), np.zeros((4, 8)), None, 1.0, 1.0, 0.0, 4, 2)


def test_a_block_is_no_neighbour_of_itself(command, tmp_path: Path) -> None:
    rng, m = np.random.default_rng(0), np.zeros((400, 2))
    for k in range(1, 400):
        m[k] = np.clip(0.9 * m[k - 1] + 0.1 * rng.standard_normal(2), -0.99, 0.99)
    code, out, err = command("learn", "fields", npz(tmp_path / "2.npz", m), "-T", 1, "--block", 4, "-o", tmp_path / "2")
    assert code == 0, err
    assert "correlation of first neighbours" in out
    assert "+1.0000" not in out
    one = npz(tmp_path / "1.npz", m[:, :1])
    one_line(command("learn", "fields", one, "-T", 1, "--block", 4, "-o", tmp_path / "1"), "cut the system into more")
    data = am.read_fields([one], temperature=1.0, sites=4, block=4)
    report = am.learn_from_fields(data, rng=rng).report
    assert report is not None
    assert "a single block has no neighbours" in "\n".join(report.lines())
