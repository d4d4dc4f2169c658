"""Bands that were computed elsewhere: trajectories, folders of images, or a table of barriers.

A trajectory (.traj, .extxyz, ...) holds the images of one band in order, each with its energy; if it is the record of a
whole relaxation, the last band counts. A folder holds one image in each file or numbered sub-folder (00, 01, ..., as
VASP has them), in the order of the names. A table (.csv) has four columns: structure file of the state before the jump,
number of the atom that jumps (counted from 0), barrier of the jump and of the jump back in eV; names of files are
relative to the table.

The lattice is found under the first image. It must have one vacancy, and between the first and the last image one atom
must have moved into it from a neighbouring site.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from asemacro.barriers.labelling.bands import Band, Jump, fault_of_energies
from asemacro.barriers.labelling.database import LabelDatabase
from asemacro.files.content import digest
from asemacro.files.reading import plain
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reading.structure_file import read_frames, read_structure
from asemacro.typing import Floats

IMAGE_FILES = ("OUTCAR", "vasprun.xml")  # with energies, in the folder of an image
LARGEST_EV = 20.0  # of a barrier in a table: what is larger has another unit


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of bands.

    Attributes:
        new: were written.
        known: were in the database already.
        failed: of the new ones, are kept with a reason and left out of training.
    """

    new: int
    known: int
    failed: int


def import_bands(
    files: Sequence[str | Path],
    path: str | Path,
    *,
    types: Sequence[str] | None = None,
    refused: Callable[[str], object] | None = None,
) -> Counts:
    """Write bands of other programs into a database of labels.

    Args:
        files: see the module.
        path: the database; made if it is not there.
        types: elements of the numbered types of LAMMPS files.
        refused: called with one line for each file that is not understood; by default the first one is raised.

    Raises:
        ValueError: one line; a file is not understood, or the database is something else.
    """
    new = known = failed = 0
    with LabelDatabase(path) as database:
        names = set(database.names())
        for file in map(Path, files):
            try:
                bands = _bands(file, types)
            except ValueError as error:
                if refused is None:
                    raise
                refused(str(error))
                continue
            for band in bands:
                if band.jump.name in names:
                    known += 1
                    continue
                database.write(band)
                names.add(band.jump.name)
                new, failed = new + 1, failed + bool(band.reason)
    return Counts(new, known, failed)


def _bands(file: Path, types: Sequence[str] | None) -> list[Band]:
    """What a file or folder holds.

    Raises:
        ValueError: one line that names it.
    """
    if file.suffix.lower() == ".csv":
        return _table(file)
    try:
        images = _folder(file, types) if file.is_dir() else _trajectory(file, types)
        return [_band(images, file)]
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(file)) else f"{file}: {text}") from None


def _trajectory(file: Path, types: Sequence[str] | None) -> list[Atoms]:
    """The last band of a file."""
    images = [frame.atoms for frame in read_frames(file, types=types, index=":")]
    same = [np.array_equal(image.positions, images[0].positions) for image in images]
    for length in range(3, len(images)):
        if len(images) % length == 0 and all(same[::length]):
            return images[-length:]
    return images


def _folder(folder: Path, types: Sequence[str] | None) -> list[Atoms]:
    """One image of each file or sub-folder."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    folders = [path for path in inside if path.is_dir() and path.name.isdigit()]
    images = []
    for path in folders or [path for path in inside if path.is_file()]:
        file = path
        if path.is_dir():
            found = [path / name for name in IMAGE_FILES if (path / name).is_file()] or sorted(path.glob("*.*xyz"))
            if not found:
                raise ValueError(
                    f"{path.name} holds none of {', '.join(IMAGE_FILES)}, *.extxyz: an image needs its energy"
                )
            file = found[0]
        images.append(read_structure(file, types=types))
    return images


def _band(images: list[Atoms], file: Path) -> Band:
    """The band of images with energies.

    Raises:
        ValueError: no energies, not one atom that moves into the one vacancy.
    """
    if len(images) < 3:
        raise ValueError(f"holds {len(images)} images; a band has at least 3, with both end points")
    try:
        energies = np.array([image.get_potential_energy() for image in images], dtype=float)
    except Exception:  # no calculator, or one without an energy
        raise ValueError("not all of its images have an energy") from None
    if not np.isfinite(energies).all():
        raise ValueError("energies of its images are not finite")
    numbers = images[0].numbers
    if any(not np.array_equal(image.numbers, numbers) for image in images):
        raise ValueError("its images do not hold the same atoms in the same order")
    lattice, before = _one_vacancy(images[0])
    after = lattice.nearest_sites(images[-1].positions)[0]
    moved = np.flatnonzero(before != after)
    if len(moved) != 1:
        raise ValueError(f"{len(moved)} atoms change their sites between the end points; in a jump one does")
    jump = _jump(lattice, before, numbers, int(moved[0]), file, energies)
    if after[moved[0]] != jump.vacancy:
        raise ValueError("the atom that moves does not go into the vacancy")
    top = images[int(energies.argmax())]
    positions = np.stack([images[0].positions, top.positions, images[-1].positions])
    order = np.argsort(before)
    return Band(jump, energies, positions[:, order], fault_of_energies(energies), _about(file))


def _table(file: Path) -> list[Band]:
    """The bands of a table of barriers.

    Raises:
        ValueError: one line that names the file and the row.
    """
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{file}: cannot be read ({plain(error)})") from None
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if rows and not _number(rows[0][-1:]):
        rows = rows[1:]
    if not rows:
        raise ValueError(f"{file}: holds no rows")
    bands = []
    for k, row in enumerate(rows, 1):
        try:
            bands.append(_of_row(row, file))
        except ValueError as error:
            raise ValueError(f"{file}: row {k}: {error}") from None
    return bands


def _of_row(row: list[str], file: Path) -> Band:
    if len(row) != 4 or not row[1].isdigit() or not _number(row[2:]):
        raise ValueError("give structure file, number of the atom that jumps, barrier of the jump, of the jump back")
    barriers = np.array(row[2:], dtype=float)
    if not np.isfinite(barriers).all() or np.abs(barriers).max() > LARGEST_EV:
        raise ValueError(f"barriers {row[2]} and {row[3]}: they must be numbers in eV, at most {LARGEST_EV:g}")
    atoms = read_structure(file.parent / row[0])
    if int(row[1]) >= len(atoms):
        raise ValueError(f"atom {row[1]} of {row[0]}, which has the atoms 0 to {len(atoms) - 1}")
    energies = np.array([0.0, barriers[0], barriers[0] - barriers[1]])
    solid = atoms[atoms.numbers > 0]
    atom = int(np.count_nonzero(atoms.numbers[: int(row[1])] > 0))
    if atoms.numbers[int(row[1])] == 0:
        raise ValueError(f"atom {row[1]} of {row[0]} is a vacancy")
    lattice, sites = _one_vacancy(solid)
    jump = _jump(lattice, sites, solid.numbers, atom, file, energies)
    return Band(jump, energies, np.empty((0, 0, 3)), fault_of_energies(energies), _about(file))


def _one_vacancy(atoms: Atoms) -> tuple[Lattice, NDArray[np.int64]]:
    """The lattice under the atoms of a cell, and the site of each of them.

    Raises:
        ValueError: no lattice, atoms off it, or not one vacancy.
    """
    lattice = Lattice.from_atoms(atoms)
    x = lattice.state(atoms)[0]
    site = lattice.nearest_sites(atoms.positions)[0]
    empty = int((x == 0).sum())
    if empty != 1 or len(set(site.tolist())) != len(atoms):
        raise ValueError(f"its first image has {empty} vacancies on the {lattice.prototype} lattice; a jump needs one")
    return lattice, site


def _jump(
    lattice: Lattice, sites: NDArray[np.int64], numbers: NDArray[np.int64], atom: int, file: Path, energies: Floats
) -> Jump:
    """The jump of an atom into the vacancy.

    Raises:
        ValueError: it is not beside it.
    """
    x = np.zeros(lattice.n_sites, dtype=np.int8)
    x[sites] = [1 + lattice.species.index(chemical_symbols[z]) for z in numbers]
    # the same states by another calculation are another band
    jump = Jump(lattice, x, int(sites[atom]), file.stem, origin=digest(np.round(energies - energies[0], 6)))
    if jump.vacancy not in lattice.neighbours(lattice.shells(1)[0].offsets)[jump.jumping]:
        raise ValueError(f"atom {atom} is not beside the vacancy: the end points of its jump are no neighbours")
    return jump


def _about(file: Path) -> dict[str, object]:
    return {"calculator": "elsewhere", "file": file.name}


def _number(cells: Sequence[str]) -> bool:
    """Whether texts are numbers."""
    try:
        return bool([float(cell) for cell in cells])
    except ValueError:
        return False
