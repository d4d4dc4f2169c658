"""Extended xyz as ASE writes it, ten times as fast."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms


def write_extxyz(path: Path, frames: Iterable[Atoms]) -> None:
    """Write frames as extended xyz, byte for byte what `ase.io.write` gives for atoms without calculator."""
    with path.open("w", encoding="utf-8") as file:
        for atoms in frames:
            append_extxyz(file, atoms)


def append_extxyz(file: TextIO, atoms: Atoms) -> None:
    """Write one more frame: ASE's head and columns, with the rows of all atoms formatted in one go.

    ASE makes a row of numpy numbers of each atom; a million atoms take it 20 s.
    """
    from ase.data import chemical_symbols
    from ase.io.extxyz import output_column_format

    arrays = {"symbols": np.array(chemical_symbols)[atoms.numbers], "positions": atoms.positions}
    arrays |= {name: array for name, array in atoms.arrays.items() if name not in ("numbers", "positions")}
    comment, _, _, row = output_column_format(atoms, list(arrays), arrays, True)
    columns = [part.tolist() for array in arrays.values() for part in array.reshape(len(atoms), -1).T]
    file.write(f"{len(atoms)}\n{comment}\n")
    file.writelines(map(row.__mod__, zip(*columns, strict=True)))
