"""Files of frames: nothing is lost, frames are read alone, ASE knows them, damage is one line."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from asemacro.files.ase_format import write_asemacro
from asemacro.files.frames import FramesFile, write_frames
from asemacro.files.reading import UnreadableFile
from asemacro.lattice.reading.structure_file import read_frames, read_structure

ROOT = Path(__file__).resolve().parents[2]


def frames(n: int = 5) -> list[Atoms]:
    """States on sites that stay, with arrays of every kind."""
    rng = np.random.default_rng(0)
    sites = ase.build.bulk("Nb", "bcc", a=3.3, cubic=True).repeat(3)
    found = []
    for k in range(n):
        atoms = sites.copy()
        atoms.numbers[:] = rng.choice([0, 41, 42, 73], len(atoms))
        atoms.set_initial_magnetic_moments(rng.choice([-1.0, 1.0], len(atoms)))
        atoms.set_array("u", rng.normal(size=len(atoms)))
        atoms.set_array("zero", np.where(rng.random(len(atoms)) < 0.5, -0.0, 0.0))
        atoms.set_array("hole", np.where(rng.random(len(atoms)) < 0.5, np.nan, 3.0))
        atoms.set_array("flag", rng.random(len(atoms)) < 0.5)
        atoms.set_array("small", rng.integers(-9, 9, len(atoms)).astype(np.int16))
        atoms.set_array("large", rng.integers(0, 2**40, len(atoms)))
        atoms.set_array("vector", rng.normal(size=(len(atoms), 3)).astype(np.float32))
        atoms.info.update(time_s=0.1 * k, name=f"frame {k}", matrix=np.eye(2))
        found.append(atoms)
    return found


def same(a: Atoms, b: Atoms) -> bool:
    arrays = a.arrays.keys() == b.arrays.keys() and all(
        a.arrays[n].dtype == b.arrays[n].dtype and a.arrays[n].tobytes() == b.arrays[n].tobytes() for n in a.arrays
    )
    info = a.info.keys() == b.info.keys() and all(np.array_equal(a.info[k], b.info[k]) for k in a.info)
    return arrays and info and np.array_equal(a.cell, b.cell) and np.array_equal(a.pbc, b.pbc)


def test_ase_writes_and_reads_what_was_there(tmp_path: Path) -> None:
    given = frames()
    ase.io.write(tmp_path / "a.amz.zip", given)
    back = ase.io.read(tmp_path / "a.amz.zip", ":")
    assert len(back) == 5
    assert all(same(a, b) for a, b in zip(given, back, strict=True))
    for index in (0, -1, 3, "1::2", "::-1", "-2:"):
        some, ours = ase.io.read(tmp_path / "a.amz.zip", index), read_frames(tmp_path / "a.amz.zip", index=index)
        wanted = (
            given[index] if isinstance(index, int) else given[slice(*(int(p) if p else None for p in index.split(":")))]
        )
        wanted, some = ([wanted], [some]) if isinstance(index, int) else (wanted, some)
        assert all(same(a, b) and same(a, c.atoms) for a, b, c in zip(wanted, some, ours, strict=True))
    # by its content, whatever its name
    (tmp_path / "a.amz.zip").rename(tmp_path / "other")
    assert same(ase.io.read(tmp_path / "other"), given[-1])
    assert same(read_structure(f"{tmp_path / 'other'}@2"), given[2])
    with pytest.raises(ValueError, match="frame 5 asked for, but the file holds 5 frames, numbers 0 to 4"):
        read_structure(tmp_path / "other", index=5)


def test_results_of_calculators_and_moving_atoms_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    atoms = ase.build.bulk("Cu", cubic=True)
    atoms.set_constraint(ase.constraints.FixAtoms([0]))
    atoms.calc = EMT()
    md = []
    for k in range(3):
        atoms.rattle(0.1, seed=k)
        atoms.get_forces()
        md.append(atoms.copy())
        md[-1].calc = ase.calculators.singlepoint.SinglePointCalculator(atoms, **atoms.calc.results)
    with caplog.at_level(logging.WARNING, logger="asemacro"):
        ase.io.write(tmp_path / "a.amz.zip", md)
    assert "constraints are not kept" in caplog.text
    for a, b in zip(md, ase.io.read(tmp_path / "a.amz.zip", ":"), strict=True):
        assert b.get_potential_energy() == a.get_potential_energy()
        assert np.array_equal(b.get_forces(), a.get_forces(apply_constraint=False))
        assert np.array_equal(a.positions, b.positions)


def test_frames_are_small_alike_to_the_byte_and_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    states = np.repeat(rng.integers(0, 3, 20000).astype(np.int8)[None], 400, axis=0)
    for k in range(1, 400):
        states[k] = states[k - 1]
        states[k, rng.integers(0, 20000, 50)] = 1
    columns = {"numbers": states, "positions": np.zeros((1, 20000, 3)), "cell": np.eye(3)[None], "pbc": np.ones((1, 3))}
    info = [{"time_s": float(k)} for k in range(400)]
    for name in ("a", "b"):
        write_frames(tmp_path / name, columns, info)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_size < states.nbytes / 20
    file, read = FramesFile(tmp_path / "a"), []
    real = zipfile.ZipFile.open

    def opened(self, name, *arguments, **options):
        read.append(name)
        return real(self, name, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    (row,) = file.read([250])
    assert np.array_equal(row["numbers"], states[250])
    assert sum("c0/c/" in str(name) for name in read) == 1  # of two parts


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    two = frames(2)
    for change, message in (
        (lambda a: a.__delitem__([0]), "has 53 atoms, the first one 54"),
        (lambda a: a.arrays.pop("u"), "differ in u"),
        (lambda a: a.set_array("name", np.array(["x"] * 54)), "name"),
    ):
        images = [atoms.copy() for atoms in two]
        change(images[1])
        with pytest.raises(ValueError, match=message):
            write_asemacro(tmp_path / "a.amz.zip", images)
    two[0].set_array("name", np.array(["x"] * 54))
    with pytest.raises(ValueError, match="numbers only"):
        write_asemacro(tmp_path / "a.amz.zip", two[:1])
    assert not list(tmp_path.iterdir())


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "a.amz.zip", frames())
    whole = (tmp_path / "a.amz.zip").read_bytes()
    rng, failed = np.random.default_rng(0), []
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        (tmp_path / "b.amz.zip").write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.2 else data)
        try:
            read_frames(tmp_path / "b.amz.zip", index=":")
        except ValueError as error:
            failed.append(str(error))
    assert len(failed) > 10
    assert all("b.amz.zip" in line and "\n" not in line for line in failed)
    with pytest.raises(UnreadableFile, match="not a readable file of frames"):
        FramesFile(ROOT / "pyproject.toml")


def test_ase_finds_the_format_by_the_entry_point_of_the_package(tmp_path: Path) -> None:
    """As `ase convert` and `ase gui` start, without importing asemacro first."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["ase.ioformats"]
    there = (
        "from importlib.metadata import entry_points; print(len(entry_points(group='ase.ioformats', name='asemacro')))"
    )
    if subprocess.run([sys.executable, "-c", there], capture_output=True, text=True).stdout.strip() == "0":
        about = tmp_path / "site" / "asemacro_installed_anew-0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: asemacro_installed_anew\nVersion: 0\n")
        lines = "\n".join(f"{name} = {value}" for name, value in points.items())
        (about / "entry_points.txt").write_text(f"[ase.ioformats]\n{lines}\n")
    given = frames()
    for atoms in given:
        del atoms.arrays["large"]  # beyond the whole numbers of ASE's extxyz
    ase.io.write(tmp_path / "a.amz.zip", given)
    paths = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
    words = ["convert", str(tmp_path / "a.amz.zip"), str(tmp_path / "b.xyz"), "-n", "1::2", "-o", "extxyz"]
    done = subprocess.run(
        [sys.executable, "-m", "ase", *words], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr
    assert [a.info["name"] for a in ase.io.read(tmp_path / "b.xyz", ":", format="extxyz")] == ["frame 1", "frame 3"]
