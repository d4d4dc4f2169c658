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

from asemacro.observables.short_range_order import warren_cowley

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
    frames = ase.io.read(tmp_path / "trajectory.extxyz", ":")
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
    times = [frame.info["time"] for frame in ase.io.read(tmp_path / "trajectory.extxyz", ":")]
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
