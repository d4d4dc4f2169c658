"""Files of frames as a format of ASE, `asemacro`: `ase.io.read`, `ase.io.write`, `ase gui` and `ase convert` know it.

ASE finds it by what `format_of_ase` says.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.jsonio import decode, encode

from asemacro.files.frames import FramesFile, write_frames
from asemacro.files.store import write_whole

_RESULT = "result of the calculator: "
say = logging.getLogger("asemacro")


def read_asemacro(filename: str, index: int | slice = -1) -> Iterator[Atoms]:
    """Frames of a file, as ASE asks for them; only those wanted are read."""
    file = FramesFile(filename)
    numbers = range(len(file))[index]
    yield from frames_of(file, [numbers] if isinstance(numbers, int) else numbers)


def frames_of(file: FramesFile, numbers: Iterable[int]) -> Iterator[Atoms]:
    """The frames of these numbers as atoms."""
    chosen = list(numbers)
    for number, columns in zip(chosen, file.read(chosen), strict=True):
        atoms = Atoms(
            numbers=columns.pop("numbers"), positions=columns.pop("positions"), cell=columns.pop("cell"),
            pbc=columns.pop("pbc"), info=decode(json.dumps(file.info[number])),
        )  # fmt: skip
        results = {name: columns.pop(name) for name in list(columns) if name.startswith(_RESULT)}
        for name, array in columns.items():
            atoms.set_array(name, array)
        if results:
            plain = {n.removeprefix(_RESULT): r if r.ndim else r.item() for n, r in results.items()}
            atoms.calc = SinglePointCalculator(atoms, **plain)
        yield atoms


def write_asemacro(filename: str | Path, images: Iterable[Atoms]) -> None:
    """Write frames of equally many atoms, with their arrays, `info` and results of calculators.

    Raises:
        ValueError: frames that differ in the number of atoms or in their arrays, or arrays of texts.
    """
    frames = [images] if isinstance(images, Atoms) else list(images)
    rows = [_columns_of(atoms) for atoms in frames]
    if not rows:
        raise ValueError(f"{filename}: there is no frame to write")
    for k, row in enumerate(rows):
        if len(frames[k]) != len(frames[0]):
            raise ValueError(
                f"{filename}: frame {k} has {len(frames[k])} atoms, the first one {len(frames[0])}; a file of this "
                "format keeps one number of atoms, extxyz any"
            )
        if set(row) != set(rows[0]) or any(row[n].shape != rows[0][n].shape for n in row):
            differ = ", ".join(sorted(set(row) ^ set(rows[0]))) or "the shapes of their arrays"
            raise ValueError(f"{filename}: frame {k} and the first one differ in {differ}; extxyz keeps such frames")
    if any(atoms.constraints for atoms in frames):
        say.warning("%s: constraints are not kept", filename)
    info = [json.loads(encode(atoms.info)) for atoms in frames]
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    write_whole(filename, lambda path: write_frames(path, columns, info))


def _columns_of(atoms: Atoms) -> dict[str, Any]:
    """All that is kept of a frame but its info."""
    columns = {**atoms.arrays, "cell": atoms.cell.array, "pbc": atoms.pbc}
    for name, result in ({} if atoms.calc is None else atoms.calc.results).items():
        columns[_RESULT + name] = np.asarray(result)
    return columns


def columns_of_states(atoms: Atoms, **states: Any) -> dict[str, Any]:
    """Columns for `write_frames` of many states on the same sites.

    Args:
        atoms: one of them.
        states: (n_frames, n_atoms, ...) of the arrays that change.
    """
    return {name: array[None] for name, array in _columns_of(atoms).items()} | states
