"""`asemacro sro` and the tables of kmc as users meet them."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.short_range_order import warren_cowley
from asemacro.studies.alloy.sro_measured import Measured

Command = Callable[..., tuple[int, str, str]]


def strict(text: str) -> list[dict[str, object]]:
    """JSON without the NaN that Python writes and other readers refuse."""

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def b2() -> Atoms:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.symbols[1::2] = "Ta"
    return atoms


def test_a_row_for_each_frame_with_its_number_and_time(command: Command, tmp_path: Path) -> None:
    frames = []
    for k in range(3):
        atoms = b2()
        atoms.symbols[: 2 * k] = atoms.symbols[: 2 * k][::-1]
        atoms.info["time_s"] = 1e-6 * k
        frames.append(atoms)
    path = tmp_path / "run.extxyz"
    ase.io.write(path, frames)
    code, out, err = command("sro", f"{path}@:", "--json")
    assert code == 0, err
    rows = [row for row in strict(out) if row["pair"] == "Mo-Ta"]
    assert [(row["frame"], row["time"]) for row in rows] == [(0, 0.0), (1, 1e-6), (2, 2e-6)]
    assert [row["alpha"] for row in rows] == pytest.approx([warren_cowley(a, 1).alpha[0, 1] for a in frames])
    code, out, _ = command("sro", f"{path}@1")
    assert code == 0
    head = next(line for line in out.splitlines() if line.startswith("file"))
    assert head.split() == ["file", "frame", "time", "pair", "shell", "neighbours", "alpha", "delta", "alpha_atoms"]
    assert all(line.split()[1:3] == ["1", "1e-06"] for line in out.splitlines() if "Mo-Ta" in line)
    # a last frame that cannot be read does not take the others with it
    frames[2].symbols[:] = "Mo"
    ase.io.write(path, frames)
    code, out, err = command("sro", f"{path}@:", "--json")
    assert code == 2
    assert {row["frame"] for row in strict(out)} == {0, 1}
    assert "frame 2: no unlike pairs" in err


def test_bad_files_come_after_the_rows_of_the_good_ones(command: Command, structures: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.cif"
    text.write_text("not a structure\n")
    code, out, err = command("sro", "absent.cif", structures / "MoTa_B2.cif", text, structures / "NbMoTa_128.POSCAR")
    assert code == 2
    assert "MoTa_B2.cif" in out
    assert "NbMoTa_128.POSCAR" in out
    read, lines = err.splitlines()[:2], err.splitlines()[2:]
    assert [line.split(": ")[1] for line in read] == ["bcc, 2 sites in the cell", "bcc, 128 sites in the cell"]
    assert len(lines) == 2
    assert "absent.cif" in lines[0]
    assert "notes.cif" in lines[1]
    assert all(line.startswith("asemacro: ") for line in lines)


def test_what_is_not_defined_is_null_and_off_lattice_species_are_left_out(command: Command, tmp_path: Path) -> None:
    lonely = Atoms("MoTaX14", positions=b2().positions, cell=b2().cell, pbc=True)
    lonely.symbols[[0, 2]], lonely.symbols[1] = ["Mo", "Ta"], "X"  # second neighbours of each other
    steel = bulk("Fe", "bcc", a=2.87, cubic=True).repeat(3)
    steel.symbols[::4] = "Cr"
    steel += Atoms("C", positions=[[1.435, 1.435, 0]])
    for name, atoms in (("lonely", lonely), ("steel", steel)):
        ase.io.write(tmp_path / f"{name}.extxyz", atoms)
    code, out, err = command("sro", tmp_path / "lonely.extxyz", tmp_path / "steel.extxyz", "--json")
    assert code == 0, err
    rows = strict(out)
    assert {row["pair"] for row in rows if "steel" in str(row["file"])} == {"Cr-Cr", "Cr-Fe", "Fe-Fe"}
    first = [row for row in rows if "lonely" in str(row["file"])]
    assert all(row["alpha_atoms"] is None and row["alpha"] == 1 for row in first)
    assert "87.5 % of the sites are vacant" in err
    code, out, _ = command("sro", tmp_path / "lonely.extxyz")
    assert code == 0
    assert out.splitlines()[-1].split()[-1] == "-"


def test_shells_and_tolerance(command: Command, tmp_path: Path) -> None:
    edge = 3.96 / 2**0.5
    ase.io.write(
        tmp_path / "CuAu.cif", Atoms("CuAu", scaled_positions=[[0] * 3, [0.5] * 3], cell=[edge, edge, 3.67], pbc=True)
    )
    for words, neighbours, alpha in (((), 12, -1 / 3), (("--shell-tolerance", 0.05), 8, -1)):
        code, out, _ = command("sro", tmp_path / "CuAu.cif", "--json", *words)
        row = next(row for row in strict(out) if row["pair"] == "Cu-Au")
        assert (code, row["neighbours"], row["alpha"]) == (0, neighbours, pytest.approx(alpha))
    assert (
        command("sro", tmp_path / "CuAu.cif", "--json", "--shells", "all")[1]
        == command("sro", tmp_path / "CuAu.cif", "--json")[1]
    )
    for option, value in (("--shells", 300), ("--shells", 100000), ("--shell-tolerance", 0.5), ("--shells", 1.5)):
        code, out, err = command("sro", tmp_path / "CuAu.cif", option, value)
        assert (code, out) == (2, "")
        assert len(err.strip().splitlines()) == 1
        assert option in err


def test_learning_of_spins_has_no_shell_tolerance(command: Command, tmp_path: Path) -> None:
    code, _, err = command("learn", "ising", "--shell-tolerance", 0.01, "-o", tmp_path)
    assert code == 2
    assert "--shell-tolerance belongs to alloys" in err


@pytest.mark.parametrize("verb", ["kmc", "sample"])
def test_tables_say_delta_and_alpha_and_frames_their_time(
    command: Command, structures: Path, tmp_path: Path, verb: str
) -> None:
    code, _, err = command(
        verb, structures / "NiCoCr.cif", "-T", 1200, "--hops", 400, "--sites", 256,
        "--barriers", structures / "NiCoCr_pair.json", "-o", tmp_path,
    )  # fmt: skip
    assert code == 0, err
    with (tmp_path / "sro.csv").open() as file:
        rows = list(csv.DictReader(file))
    frames = ase.io.read(tmp_path / "trajectory.amz.zip", ":")
    times = [float(row["time_s"]) for row in rows]
    assert all(np.isclose(times, frame.info["time_s"], rtol=1e-6).any() for frame in frames)
    assert frames[0].info["time_s"] == 0
    assert ase.io.read(tmp_path / "final.extxyz").info["time_s"] == pytest.approx(times[-1])
    # read back, the first frame has the order of the first row
    order = warren_cowley(frames[0], 1)
    for k, pair in enumerate(order.pairs):
        assert float(rows[0][f"delta_{pair}"]) == pytest.approx(order.delta[0, k])
        assert float(rows[0][f"alpha_{pair}"]) == pytest.approx(order.alpha[0, k])
    assert set(rows[0]) == {"hop", "time_s", *(f"{what}_{p}" for p in order.pairs for what in ("delta", "alpha"))}


def test_frames_of_spins_carry_their_time(command: Command, tmp_path: Path) -> None:
    code, _, err = command("sample", "curie-weiss", "--sites", 64, "--until", 2, "-o", tmp_path)
    assert code == 0, err
    times = [frame.info["time"] for frame in ase.io.read(tmp_path / "trajectory.amz.zip", ":")]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] == pytest.approx(2, rel=0.1)


def test_a_note_is_made_once_a_file_and_names_it(
    command: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    atoms = bulk("Cu", "fcc", a=3.9, cubic=True).repeat(2)
    atoms.symbols[::2] = "Au"
    del atoms[5]
    atoms.set_cell(atoms.cell * [1, 1, 0.95], scale_atoms=True)
    files = [tmp_path / "a.extxyz", tmp_path / "b.extxyz"]
    for file in files:
        ase.io.write(file, [atoms, atoms, atoms])
    with caplog.at_level(logging.INFO, logger="asemacro"):
        code, _, err = command("sro", *(f"{file}@:" for file in files))
    assert code == 0
    for file in files:
        for text in ("fcc distorted by 5.0%", "1 lattice site has no atom: a vacancy"):
            assert [text in line for line in caplog.messages if line.startswith(f"{file}@:: ")].count(True) == 1
        own = [line for line in err.splitlines() if line.startswith(f"{file}@: frame 0: ")]
        assert ["vacant" in line for line in own] == [False, True]
    assert err.count("vacant;") == 2
    assert caplog.text.count("fcc distorted") == 2
    assert not logging.getLogger("asemacro").filters


def test_a_frame_that_is_not_there_names_the_file_once(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.extxyz"
    ase.io.write(file, [b2(), b2()])
    code, _, err = command("sro", f"{file}@5")
    assert code == 2
    assert err.count(str(file)) == 1


@pytest.mark.parametrize(
    "words", [("sro",), ("equilibrium",), ("kmc", "-T", 1000), ("phase-diagram",), ("diffusion", "-T", "1000")]
)
def test_a_wrong_name_is_told_before_a_word_on_the_folder(command: Command, tmp_path: Path, words: tuple) -> None:
    (tmp_path / "run.json").write_text('{"verb": "learn"}')
    verb, *options = words
    code, _, err = command(verb, "absent.cif", *options, "-o", tmp_path)
    assert code == 2
    assert err.strip() == "asemacro: absent.cif: no such file"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


# ---------------------------------------------------------------- a folder of results


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_folder_holds_rows_of_all_shells_atoms_to_colour_and_a_figure(
    command: Command, structures: Path, tmp_path: Path
) -> None:
    code, out, err = command("sro", structures / "MoTa_B2.cif", "--shells", 3, "-o", tmp_path / "b2")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "b2").iterdir()} == {
        "sro.csv", "sro.png", "order.extxyz", "run.json", "run.log",
    }  # fmt: skip
    rows = {(row["pair"], row["shell"]): row for row in rows_of(tmp_path / "b2" / "sro.csv")}
    assert len(rows) == 9
    # B2: unlike in the first shell, like in the second and the third
    assert [float(rows["Mo-Ta", str(s)]["alpha"]) for s in (1, 2, 3)] == pytest.approx([-1, 1, 1])
    assert [int(rows["Mo-Ta", str(s)]["neighbours"]) for s in (1, 2, 3)] == [8, 6, 12]
    edge = float(rows["Mo-Ta", "2"]["distance"])
    assert float(rows["Mo-Ta", "1"]["distance"]) == pytest.approx(edge * 0.75**0.5)
    atoms = ase.io.read(tmp_path / "b2" / "order.extxyz")
    mo = np.array(atoms.symbols) == "Mo"
    assert (atoms.arrays["neighbours_Ta"] == np.where(mo, 8, 0)).all()
    assert (atoms.arrays["neighbours_Ta_2"] == np.where(mo, 0, 6)).all()
    assert np.allclose(atoms.arrays["alpha_Mo"], np.where(mo, 1, -1))
    assert np.allclose(atoms.arrays["alpha_unlike"], -1)
    assert "neighbours_X" not in atoms.arrays
    assert atoms.info["frame"] == 0
    assert "Mo-Ta" in out
    # another command's results are not overwritten
    (tmp_path / "kmc").mkdir()
    (tmp_path / "kmc" / "run.json").write_text('{"verb": "kmc"}')
    code, _, err = command("sro", structures / "MoTa_B2.cif", "-o", tmp_path / "kmc")
    assert code == 2
    assert "asemacro kmc" in err


def test_order_of_each_atom_adds_up_to_that_of_the_structure() -> None:
    rng = np.random.default_rng(2)
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(5)
    atoms.symbols[:] = rng.choice(["Mo", "Ta", "Nb", "X"], len(atoms), p=[0.4, 0.3, 0.25, 0.05])
    order = warren_cowley(atoms, 2)
    local = order.atoms
    held = ("X", "Nb", "Mo", "Ta")
    for end, size in (("", 8), ("_2", 6)):
        assert (np.sum([local.arrays[f"neighbours_{symbol}{end}"] for symbol in held], axis=0) == size).all()
    mo = np.array(local.symbols) == "Mo"
    assert local.arrays["alpha_Ta"][mo].mean() == pytest.approx(order.alpha[0, order.pairs.index("Mo-Ta")])
    others = local.arrays["neighbours_Ta"] + local.arrays["neighbours_Nb"]
    share = mo.sum() / np.count_nonzero(local.numbers)
    assert np.allclose(local.arrays["alpha_unlike"][mo], 1 - others[mo] / (8 * (1 - share)))
    # of two species it is the alpha of their pair
    two = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(4)
    two.symbols[:] = rng.choice(["Mo", "Ta"], len(two), p=[0.3, 0.7])
    found = warren_cowley(two, 1)
    assert found.atoms.arrays["alpha_unlike"].mean() == pytest.approx(found.alpha[0, 1])


def test_frames_of_a_run_have_rows_and_a_mean(command: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(3)
    frames = []
    for k in range(12):
        atoms.symbols[:] = rng.permutation(["Mo"] * 27 + ["Ta"] * 27)
        moved = atoms.copy()
        moved.rattle(0.05, seed=k)
        moved.info["time"] = 0.5 * k
        frames.append(moved)
    ase.io.write(tmp_path / "md.extxyz", frames)
    code, out, err = command("sro", tmp_path / "md.extxyz", "--index", "2::2", "-o", tmp_path / "out")
    assert code == 0, err
    rows = [row for row in rows_of(tmp_path / "out" / "sro.csv") if row["pair"] == "Mo-Ta"]
    assert [int(row["frame"]) for row in rows] == [2, 4, 6, 8, 10]
    assert [float(row["time"]) for row in rows] == [1, 2, 3, 4, 5]
    alpha = [float(row["alpha"]) for row in rows]
    assert alpha[1] == pytest.approx(warren_cowley(frames[4], 1).alpha[0, 1])
    mean = next(row for row in rows_of(tmp_path / "out" / "average.csv") if row["pair"] == "Mo-Ta")
    assert float(mean["alpha"]) == pytest.approx(np.mean(alpha))
    assert int(mean["frames"]) == 5
    assert "mean of 5 frames, Mo-Ta in shell 1" in out
    written = ase.io.read(tmp_path / "out" / "order.extxyz", ":")
    assert [a.info["frame"] for a in written] == [2, 4, 6, 8, 10]
    assert {"sro.png", "run.json"} < {path.name for path in (tmp_path / "out").iterdir()}


def test_the_error_of_a_mean_knows_the_correlation_of_the_frames() -> None:
    """Of x' = r x + noise: tau = (1 + r) / (2 (1 - r)) frames, and the mean of n has the variance 2 tau Var / n."""
    rng, r, n = np.random.default_rng(4), 0.8, 4000
    series = np.zeros(n)
    for k in range(1, n):
        series[k] = r * series[k - 1] + rng.normal() * (1 - r * r) ** 0.5
    measured = Measured(atoms={"md": [54] * n})
    for k, alpha in enumerate(series):
        head = {"file": "md", "frame": k, "time": 0.1 * k, "pair": "Mo-Ta", "shell": 1}
        measured.rows += [head | {"alpha": alpha, "delta": -4 * alpha}]
        measured.rows += [head | {"pair": "Mo-Mo", "alpha": None if k == 7 else 0.0, "delta": 0.0}]
    (mean,) = measured.means()  # that of a pair which one frame does not have is left out
    assert mean.autocorrelation_frames == pytest.approx(4.5, rel=0.25)
    assert mean.alpha_err == pytest.approx((9 / n) ** 0.5, rel=0.25)
    assert mean.delta_err == pytest.approx(4 * mean.alpha_err)
    assert mean.alpha == pytest.approx(series.mean())
    assert measured.remarks() == []


def test_the_scatter_of_frames_is_that_of_specimens_of_their_size(command: Command, tmp_path: Path) -> None:
    """sd(n) = sd(N) sqrt(N / n), of random alloys."""
    small = Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 4)
    large, scatter = small.repeat(3), {}
    for box, count in ((small, 400), (large, 100)):
        rng = np.random.default_rng(7)
        states = box.random_state(vacancies=0, batch=count, rng=rng)
        alpha = WarrenCowley(box.species)(states, box) / -8 * 3
        scatter[box.n_sites] = alpha.std(axis=0, ddof=1)
    # errors of the ratio: sqrt(1/800 + 1/200) = 8 % of each of three pairs
    assert scatter[128] / scatter[27 * 128] == pytest.approx(27**0.5, rel=0.35)
    frames = [small.to_atoms(x) for x in small.random_state(vacancies=2, batch=30, rng=np.random.default_rng(8))]
    ase.io.write(tmp_path / "many.extxyz", frames)
    code, _, err = command("sro", f"{tmp_path / 'many.extxyz'}@:", "-o", tmp_path / "out")
    assert code == 0, err
    rows = rows_of(tmp_path / "out" / "sro.csv")
    for mean in rows_of(tmp_path / "out" / "average.csv"):
        own = np.array([[row["alpha"], row["delta"]] for row in rows if row["pair"] == mean["pair"]], dtype=float)
        assert [float(mean["alpha_sd"]), float(mean["delta_sd"])] == pytest.approx(own.std(axis=0, ddof=1))
        assert float(mean["atoms"]) == 126
        assert float(mean["sd_relative_err"]) == pytest.approx((1 / 60) ** 0.5, rel=0.6)


def test_a_drift_is_said(command: Command, tmp_path: Path) -> None:
    frames = []
    for k in range(6):  # from B2 to a half that is phase separated
        atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(3)
        atoms.symbols[1::2] = "Ta"
        atoms.symbols[: 10 * k] = sorted(atoms.symbols[: 10 * k])
        atoms.info["time_s"] = float(k * k)
        frames.append(atoms)
    ase.io.write(tmp_path / "drift.extxyz", frames)
    code, _, err = command("sro", f"{tmp_path / 'drift.extxyz'}@:")
    assert code == 0
    assert "changes so slowly that 6 frames are worth about" in err
    assert "uneven times" in err


def test_frames_are_chosen_while_the_file_is_read(tmp_path: Path) -> None:
    from asemacro.lattice.reading.structure_file import read_frames

    ase.io.write(tmp_path / "a.extxyz", [b2() for _ in range(7)])
    for index in ("::3", "1:5:2", "2:", ":3", "-2:", "::-1", ":-4", "5:1:-2", "3", "-1"):
        wanted = slice(*(int(p) if p else None for p in index.split(":"))) if ":" in index else int(index)
        numbers = list(range(7))[wanted]
        found = [frame.number for frame in read_frames(tmp_path / "a.extxyz", index=index)]
        assert found == (numbers if isinstance(numbers, list) else [numbers]), index


def test_extxyz_is_byte_for_byte_that_of_ase(tmp_path: Path) -> None:
    from asemacro.files.extxyz import write_extxyz

    atoms = bulk("NaCl", "rocksalt", a=5.6).repeat(3)
    atoms.rattle(0.3, seed=1)
    atoms.symbols[4] = "X"
    atoms.set_initial_magnetic_moments(np.linspace(-1, 1, len(atoms)))
    atoms.set_array("flag", np.arange(len(atoms)) % 3 == 0)
    atoms.set_array("vector", np.random.default_rng(0).normal(size=(len(atoms), 3)))
    atoms.set_array("small", np.arange(len(atoms), dtype=np.int8))
    atoms.set_array("hole", np.where(np.arange(len(atoms)) % 2, np.nan, 1e-12))
    atoms.info.update(time_s=1e-7, name="a b", numbers=[1, 2, 3])
    write_extxyz(tmp_path / "ours.extxyz", [atoms, atoms[:5]])
    ase.io.write(tmp_path / "theirs.extxyz", [atoms, atoms[:5]])
    assert (tmp_path / "ours.extxyz").read_bytes() == (tmp_path / "theirs.extxyz").read_bytes()
