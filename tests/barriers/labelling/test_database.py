"""labels.db: what is written is read again, other files are refused, bands of other programs are understood."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import ase.db
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from asemacro.barriers.labelling.bands import Band, Jump
from asemacro.barriers.labelling.database import LabelDatabase, read_labels
from asemacro.barriers.labelling.elsewhere import import_bands
from asemacro.lattice.lattice import Lattice

LATTICE = Lattice.bcc(3.2, ["Mo", "Ta"], 3)
ENERGIES = np.array([-1.0, -0.4, 0.0, -0.5, -1.2])


def jump(seed: int = 0) -> Jump:
    x = LATTICE.random_state(vacancies=1, rng=np.random.default_rng(seed))[0]
    vacancy = int(np.flatnonzero(x == 0)[0])
    return Jump(LATTICE, x, int(LATTICE.neighbours(LATTICE.shells(1)[0].offsets)[vacancy, seed % 8]), f"cell-{seed}")


def band(seed: int = 0, reason: str = "", energies=ENERGIES) -> Band:
    one = jump(seed)
    positions = np.stack([atoms.positions for atoms in (*one.ends(), one.ends()[1])]) if len(energies) else np.empty(0)
    return Band(one, energies, positions, reason, {"calculator": "emt"}, 1.0)


def images(one: Jump, energies=ENERGIES) -> list[Atoms]:
    """The images of a jump along the straight line, with energies, off their sites by a little."""
    before, after = one.ends()
    noise = np.random.default_rng(1).normal(0, 0.05, before.positions.shape)
    found = []
    for share, energy in zip(np.linspace(0, 1, len(energies)), energies, strict=True):
        atoms = before.copy()
        atoms.positions += share * (after.positions - before.positions) + noise
        atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=np.zeros((len(atoms), 3)))
        found.append(atoms)
    return found


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    with LabelDatabase(tmp_path / "labels.db") as labels:
        assert labels.names() == {}
        labels.write(band(0))
        labels.write(band(1, "the band did not converge in 300 steps", np.empty(0)))
        labels.write(band(2, "barrier not above 0.05 eV: 0.010 eV"))
        labels.asked = {"calculator": "emt"}
    with LabelDatabase(tmp_path / "labels.db") as labels:
        assert labels.asked == {"calculator": "emt"}
        assert [bool(reason) for reason in labels.names().values()] == [False, True, True]
    assert not list(tmp_path.glob(".*"))
    (one,) = read_labels(tmp_path / "labels.db")
    assert (one.forward_eV, one.backward_eV) == pytest.approx((1.0, 1.2))
    assert np.array_equal(one.x, jump().x)
    assert (one.vacancy, one.jumping, one.cell) == (jump().vacancy, jump().jumping, "cell-0")
    assert (one.name, one.potential, one.reason) == (jump().name, "emt", "")
    assert np.array_equal(one.lattice.positions(), LATTICE.positions())
    every = read_labels(tmp_path / "labels.db", failed=True)
    assert [np.isfinite(label.forward_eV) for label in every] == [True, False, False]
    row = ase.db.connect(tmp_path / "labels.db").get(status="labelled")
    assert row.symbols.count("X") == 1
    assert row.data["saddle"].shape == (53, 3)


def test_two_processes_do_not_write_to_one_database(tmp_path: Path) -> None:
    with (
        LabelDatabase(tmp_path / "l.db"),
        pytest.raises(OSError, match=r"is writing to .*l\.db; wait for it or give another"),
        LabelDatabase(tmp_path / "l.db"),
    ):
        pass


@pytest.mark.parametrize("kind", ["text", "sqlite", "ase", "newer", "folder"])
def test_other_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "labels.db"
    if kind == "text":
        path.write_text("not a database\n" * 100)
    elif kind == "sqlite":
        sqlite3.connect(path).execute("create table systems (x)").connection.close()
    elif kind == "folder":
        path.mkdir()
    else:
        database = ase.db.connect(path)
        database.write(bulk("Cu"))
        database.metadata = {"kind": "barrier labels", "format": 99} if kind == "newer" else {}
    content = path.read_bytes() if path.is_file() else b""
    with pytest.raises((ValueError, OSError), match=r"labels\.db") as failed, LabelDatabase(path):
        pass
    assert "\n" not in str(failed.value)
    with pytest.raises((ValueError, FileNotFoundError), match=r"labels\.db"):
        read_labels(path)
    assert (path.read_bytes() if path.is_file() else b"") == content


def test_damaged_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with LabelDatabase(path) as labels:
        labels.write(band())
    ase.db.connect(path).update(1, vacancy=jump().jumping)
    with pytest.raises(ValueError, match="row 1 are not those of a cell with one vacancy"):
        read_labels(path)


# ---------------------------------------------------------------- bands of other programs


def imported(tmp_path: Path, *files: Path) -> tuple[float, float, str, bool]:
    counts = import_bands(files, tmp_path / "labels.db")
    again = import_bands(files, tmp_path / "labels.db")
    assert (again.new, again.known) == (0, counts.new)
    (one,) = read_labels(tmp_path / "labels.db")
    mine = {"Mo": 1, "Ta": 2}
    before = [mine.get(symbol, 0) for symbol in one.lattice.to_atoms(one.x).symbols]
    same = sorted(before) == sorted(jump().x.tolist())
    return one.forward_eV, one.backward_eV, one.lattice.species[one.x[one.jumping] - 1], same


RIGHT = (pytest.approx(1.0), pytest.approx(1.2), jump().species, True)


@pytest.mark.parametrize("name", ["band.traj", "band.extxyz"])
def test_a_trajectory(tmp_path: Path, name: str) -> None:
    ase.io.write(tmp_path / name, images(jump()))
    assert imported(tmp_path, tmp_path / name) == RIGHT


def test_the_record_of_a_relaxation_counts_with_its_last_band(tmp_path: Path) -> None:
    first = images(jump(), np.array([-1.0, 2.0, 3.0, 2.0, -1.2]))
    ase.io.write(tmp_path / "band.traj", [*first, *first, *images(jump())])
    assert imported(tmp_path, tmp_path / "band.traj") == RIGHT


def test_folders(tmp_path: Path) -> None:
    for kind in ("files", "numbered"):
        folder = tmp_path / kind
        folder.mkdir()
        for k, image in enumerate(images(jump())):
            if kind == "numbered":
                (folder / f"{k:02}").mkdir()
            ase.io.write(folder / (f"{k:02}.extxyz" if kind == "files" else f"{k:02}/image.extxyz"), image)
    assert imported(tmp_path, tmp_path / "files") == RIGHT
    counts = import_bands([tmp_path / "numbered"], tmp_path / "labels.db")
    assert (counts.new, counts.known) == (0, 1)  # the same band


@pytest.mark.parametrize("header", ["", "structure,atom,forward_eV,backward_eV\n"])
def test_a_table(tmp_path: Path, header: str) -> None:
    (tmp_path / "data").mkdir()
    ase.io.write(tmp_path / "data" / "a.POSCAR", images(jump())[0], format="vasp")
    atoms = ase.io.read(tmp_path / "data" / "a.POSCAR")
    place = images(jump())[0].positions[jump().atom]
    atom = int(np.linalg.norm(atoms.positions - place, axis=1).argmin())
    (tmp_path / "table.csv").write_text(f"{header}data/a.POSCAR,{atom},1.0,1.2\n\n")
    assert imported(tmp_path, tmp_path / "table.csv") == RIGHT


def test_what_is_not_understood_is_one_line_and_the_rest_is_taken(tmp_path: Path) -> None:
    good = images(jump())
    other = [image.copy() for image in good]
    for image in other:
        image.calc = SinglePointCalculator(image, energy=float("nan"))
    still = [good[0].copy() for _ in good]
    for image, like in zip(still, good, strict=True):
        image.calc = SinglePointCalculator(image, energy=like.get_potential_energy())
    swapped = [image.copy() for image in good]
    swapped[-1].symbols[:] = swapped[-1].symbols[::-1]
    for image, like in zip(swapped, good, strict=True):
        image.calc = SinglePointCalculator(image, energy=like.get_potential_energy())
    full = LATTICE.to_atoms(np.ones(54, np.int8))
    whole = [full.copy() for _ in good]
    for image in whole:
        image.calc = SinglePointCalculator(image, energy=0.0)
    cases = {
        "few.traj": (good[:2], "holds 2 images"),
        "bare.extxyz": ([image.copy() for image in good], "not all of its images have an energy"),
        "nan.traj": (other, "energies of its images are not finite"),
        "still.traj": (still, "0 atoms change their sites"),
        "swapped.traj": (swapped, "do not hold the same atoms in the same order"),
        "whole.traj": (whole, "has 0 vacancies on the bcc lattice"),
    }
    lines: list[str] = []
    for name, (frames, _) in cases.items():
        ase.io.write(tmp_path / name, frames)
    ase.io.write(tmp_path / "good.traj", good)
    ase.io.write(tmp_path / "a.extxyz", good[0])
    far = next(k for k in range(53) if good[0].get_distance(k, jump().atom, mic=True) > 6)
    tables = {
        "far.csv": (f"a.extxyz,{far},1,1\n", "is not beside the vacancy"),
        "short.csv": ("a.extxyz,0,1\n", "row 1: give structure file, number"),
        "many.csv": ("a.extxyz,53,1,1\n", "which has the atoms 0 to 52"),
        "unit.csv": ("a.extxyz,0,96,96\n", "must be numbers in eV"),
        "none.csv": ("none.extxyz,0,1,1\n", "no such file"),
        "empty.csv": ("", "holds no rows"),
    }
    for name, (text, _) in tables.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder" / "00").mkdir(parents=True)
    names = [*cases, *tables, "folder", "absent.traj", "good.traj"]
    counts = import_bands([tmp_path / name for name in names], tmp_path / "l.db", refused=lines.append)
    assert (counts.new, counts.failed) == (1, 0)
    assert len(lines) == len(names) - 1
    for name, line in zip(names, lines, strict=False):
        message = {**cases, **tables}.get(name, (None, "an image needs its energy" if name == "folder" else "no such"))[
            1
        ]
        assert name in line
        assert message in line
        assert "\n" not in line
    with pytest.raises(ValueError, match=r"few\.traj"):
        import_bands([tmp_path / "few.traj"], tmp_path / "l.db")


def test_failed_bands_are_kept_with_their_reason(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "low.traj", images(jump(), np.array([0.0, 0.02, 0.04, 0.01, 0.0])))
    assert import_bands([tmp_path / "low.traj"], tmp_path / "l.db").failed == 1
    assert read_labels(tmp_path / "l.db") == []
    assert read_labels(tmp_path / "l.db", failed=True)[0].reason == "barrier not above 0.05 eV: 0.040 eV"
