"""Structure files: formats, frames, names of species, byte-order marks."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from asemacro.lattice.reading.structure_file import read_frames, read_structure


def alloy() -> Atoms:
    """Eight Nb and eight Mo."""
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.numbers[::2] = 41
    return atoms


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    """Five frames, half a second apart, frame k with its first k atoms Ta."""
    frames = []
    for k in range(5):
        atoms = alloy()
        atoms.numbers[:k] = 73
        atoms.info["time_s"] = 0.5 * k
        frames.append(atoms)
    path = tmp_path / "run.extxyz"
    ase.io.write(path, frames)
    return path


def dump(columns: str, rows: list[str]) -> str:
    """One frame of a LAMMPS dump."""
    head = f"ITEM: TIMESTEP\n100\nITEM: NUMBER OF ATOMS\n{len(rows)}\nITEM: BOX BOUNDS pp pp pp\n" + "0 6.4\n" * 3
    return head + f"ITEM: ATOMS {columns}\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("index", "numbers"),
    [
        (None, [4]), ("0", [0]), ("-2", [3]), (":", [0, 1, 2, 3, 4]), ("::2", [0, 2, 4]), ("1:3", [1, 2]),
        ("::-2", [4, 2, 0]), (2, [2]), (slice(3, None), [3, 4]),
    ],
)  # fmt: skip
def test_frames_have_their_numbers_and_times(trajectory: Path, index: str | int | slice | None, numbers: list) -> None:
    frames = read_frames(trajectory, index=index)
    assert [frame.number for frame in frames] == numbers
    assert [frame.time for frame in frames] == [0.5 * n for n in numbers]
    assert [frame.atoms.symbols.count("Ta") for frame in frames] == numbers
    if isinstance(index, str):
        assert [frame.number for frame in read_frames(f"{trajectory}@{index}")] == numbers


def test_the_number_of_frames_is_said(trajectory: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="asemacro"):
        assert read_structure(trajectory).symbols.count("Ta") == 4
    assert "frame 4 of 5" in caplog.text
    assert "--index" in caplog.text


def test_one_structure_is_one_frame(trajectory: Path) -> None:
    assert read_structure(trajectory, index=1).symbols.count("Ta") == 1
    with pytest.raises(ValueError, match="3 frames are asked for where one is needed"):
        read_structure(f"{trajectory}@:3")


def test_a_file_of_that_very_name_wins(trajectory: Path) -> None:
    shutil.copy(trajectory, f"{trajectory}@0")
    assert read_frames(f"{trajectory}@0")[0].number == 4


@pytest.mark.parametrize(
    ("name", "index", "message"),
    [
        ("run.extxyz", 9, "frame 9 asked for, but the file holds 5 frames, numbers 0 to 4"),
        ("run.extxyz", -9, "frame -9 asked for"),
        ("run.extxyz", "7:", "frame 7:: asked for"),
        ("run.extxyz", "x", "START:STOP:STEP"),
        ("run.extxyz", "::0", "START:STOP:STEP"),
        ("run.extxyz@1", 2, "given twice"),
        ("absent.extxyz@1", None, "no such file"),
    ],
)
def test_bad_frames(trajectory: Path, name: str, index: str | int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_frames(trajectory.with_name(name), index=index)


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    atoms = alloy()
    for name, form in (("hello", "vasp"), ("a.txt", "cif"), ("b.mcif", "cif"), ("c.run@7", "extxyz")):
        ase.io.write(tmp_path / name, atoms, format=form)
        assert read_structure(tmp_path / name).symbols.count("Nb") == 8, name
    ase.io.write(tmp_path / "d.data", atoms, format="lammps-data", masses=True, specorder=["Nb", "Mo"])
    assert read_structure(tmp_path / "d.data").symbols.count("Mo") == 8
    (tmp_path / "e.weird").write_text("nothing known")
    with pytest.raises(ValueError, match="--format"):
        read_structure(tmp_path / "e.weird")
    with pytest.raises(ValueError, match="format 'vaspp': ASE reads no such format; vasp"):
        read_structure(tmp_path / "hello", format="vaspp")


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(trajectory: Path, code: str) -> None:
    for name, form in (("POSCAR", "vasp"), ("a.cif", "cif"), ("a.extxyz", "extxyz")):
        path = trajectory.with_name(name)
        ase.io.write(path, alloy(), format=form)
        path.write_bytes(path.read_text().encode(code))
        assert read_structure(path).symbols.count("Nb") == 8


def test_types_of_lammps_files(tmp_path: Path) -> None:
    atoms = alloy()
    ase.io.write(tmp_path / "a.lmp", atoms, format="lammps-data", specorder=["Nb", "Mo"])
    rows = [f"{k + 1} {1 + (a.symbol == 'Mo')} {a.x} {a.y} {a.z}" for k, a in enumerate(atoms)]
    (tmp_path / "a.dump").write_text(dump("id type x y z", rows) * 2)
    for name in ("a.lmp", "a.dump"):
        with pytest.raises(ValueError, match="--types"):  # not H and He
            read_structure(tmp_path / name)
        read = read_structure(tmp_path / name, types=["W", "V"])
        assert np.array_equal(read.numbers == 74, atoms.numbers == 41)
        assert set(read.symbols) == {"W", "V"}
        with pytest.raises(ValueError, match="type 2, 1 types are named"):
            read_structure(tmp_path / name, types=["W"])
        with pytest.raises(ValueError, match="'Q'"):
            read_structure(tmp_path / name, types=["W", "Q"])
    assert read_frames(tmp_path / "a.dump@:", types=["W", "Vac"])[1].atoms.symbols.count("X") == 8


def test_vasp_4_without_names(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    ase.io.write(path, alloy(), format="vasp", sort=True)
    with pytest.raises(ValueError, match="names its elements itself"):
        read_structure(path, types=["Mo", "Nb"])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["a random cell", *lines[1:5], *lines[6:]]))
    with pytest.raises(ValueError, match="--types"):
        read_structure(path)
    assert read_structure(path, types=["W", "V"]).symbols.count("W") == 8
    with pytest.raises(ValueError, match="2 kinds of atoms, 3 types"):
        read_structure(path, types=["W", "V", "Mo"])


def test_types_of_files_that_have_names(trajectory: Path) -> None:
    with pytest.raises(ValueError, match="types are for files that number theirs"):
        read_structure(trajectory, types=["Mo"])
    with pytest.raises(TypeError, match="types must be"):
        read_structure(trajectory, types="Mo,Nb")


@pytest.mark.parametrize(("symbol", "element"), [("Va", "X"), ("Vac", "X"), ("VA", "X"), ("D", "H")])
def test_symbols_of_vacancies_and_isotopes(trajectory: Path, tmp_path: Path, symbol: str, element: str) -> None:
    trajectory.write_text(trajectory.read_text().replace("Mo ", symbol + " "))
    assert read_structure(trajectory, index=0).symbols.count(element) == 8
    poscar = tmp_path / "POSCAR"
    ase.io.write(poscar, alloy(), format="vasp", sort=True)
    poscar.write_text(poscar.read_text().replace("Mo", symbol))
    assert read_structure(poscar).symbols.count(element) == 8
    rows = [f"{k} {symbol if a.symbol == 'Mo' else 'Nb'} {a.x} {a.y} {a.z}" for k, a in enumerate(alloy(), 1)]
    (tmp_path / "a.dump").write_text(dump("id element x y z", rows))
    assert read_structure(tmp_path / "a.dump").symbols.count(element) == 8


def test_other_symbols_are_named_with_their_row(trajectory: Path) -> None:
    trajectory.write_text(trajectory.read_text().replace("Mo ", "Qq "))
    with pytest.raises(ValueError, match=r"run.extxyz, line 4: 'Qq' is not a chemical element"):
        read_structure(trajectory)


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"\xff\xfe\x00", b"16\n\nMo 0 0\n", b"data_\n_cell_length_a x\n"])
@pytest.mark.parametrize("name", ["a.cif", "POSCAR", "a.extxyz", "a.lmp", "a.traj", "a.json", "a.db", "vasprun.xml"])
def test_what_is_no_structure_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_structure(path)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
