"""What is in the text of a structure file before ASE reads it: its encoding, its format, its names of species."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asemacro.lattice.reading.elements import as_element, check_elements

if TYPE_CHECKING:
    from ase import Atoms

ALIASES = {
    "poscar": "vasp", "contcar": "vasp", "mcif": "cif", "lammps": "lammps-data", "lmp": "lammps-data",
    "lammps-dump": "lammps-dump-text", "dump": "lammps-dump-text", "xdatcar": "vasp-xdatcar", "outcar": "vasp-out",
}  # fmt: skip
PLAIN_TEXT = ("xyz", "extxyz", "vasp", "lammps-dump-text", "vasp-xdatcar")
_NUMBERS = re.compile(r"\s*[-+]?[\d.]+(?:[eEdD][-+]?\d+)?(?:\s+[-+]?[\d.]+(?:[eEdD][-+]?\d+)?){2}")
say = logging.getLogger("asemacro")


def plain_text(file: Path) -> str | None:
    """The text of a file without a byte-order mark, its line ends as they are; None for what is not text."""
    data = file.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        code = "utf-16"
    elif b"\0" in data[:4096] or data[:2] == b"\x1f\x8b":
        return None
    else:
        code = "utf-8-sig"
    try:
        return data.decode(code)
    except UnicodeDecodeError:
        return None


def file_format(file: Path, text: str | None, asked: str | None) -> str:
    """ASE's name of the format: the one asked for, else by the name of the file, else by its content.

    Raises:
        ValueError: ASE has no such format, or the file tells none.
    """
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    from asemacro.files.format_of_ase import register

    register()
    if asked is not None:
        name = ALIASES.get(asked.lower(), asked.lower())
        if name not in ioformats or not ioformats[name].can_read:
            near = difflib.get_close_matches(name, [*ioformats, *ALIASES], 3, 0.5)
            raise ValueError(f"format {asked!r}: ASE reads no such format" + (f"; {', '.join(near)}?" if near else ""))
        return name
    found = format_by_content(text or "")
    try:
        name = filetype(str(file))
    except (UnknownFileTypeError, OSError):
        name = ""
    name = ALIASES.get(name, name)
    if name in ioformats and (found in (None, "vasp", "extxyz") or name == found):  # a layout is no proof
        return name
    if found is None:
        raise ValueError(
            f"{file}: not a structure file that ASE can tell by its name or content; name its format with --format "
            "(format=): cif, vasp, extxyz, lammps-data, lammps-dump-text or another of `ase info --formats`"
        )
    say.info("%s: read as %s", file, found)
    return found


def format_by_content(text: str) -> str | None:
    """Format of a text by its keywords, or by the layout of a POSCAR or an xyz file."""
    lines = text[:20000].splitlines()
    if any(line.startswith("data_") for line in lines) and "_cell_length_a" in text:
        return "cif"
    if re.search(r"^\s*\d+\s+atoms\b", text[:20000], re.M) and re.search(r"\bxlo\s+xhi\b", text[:20000]):
        return "lammps-data"
    if "ITEM: TIMESTEP" in text[:20000]:
        return "lammps-dump-text"
    if len(lines) > 7 and all(_NUMBERS.match(line) for line in lines[2:5]) and re.match(r"\s*[-+\d.]", lines[1]):
        return "vasp"
    if len(lines) > 2 and lines[0].strip().isdigit() and re.match(r"\s*[A-Za-z]{1,3}(\s+[-+]?[\d.]+\S*){3}", lines[2]):
        return "extxyz"
    return None


def numbered_types(file: Path, known: str, text: str) -> str | None:
    """What tells the elements of the numbered types of a LAMMPS file, if not their names.

    Raises:
        ValueError: nothing does.
    """
    remedy = "name the elements of the types in order with --types Mo,Nb,... (types=)"
    if known == "lammps-dump-text":
        columns = [line.split()[2:] for line in re.findall(r"^ITEM: ATOMS.*$", text, re.M)]
        if not columns or all("element" in c for c in columns):
            return None
        if not all("mass" in c or "element" in c for c in columns):
            raise ValueError(f"{file}: the dump numbers its types and names no elements; {remedy}")
        return "elements told by the masses of the atoms; --types names them"
    if known == "lammps-data":
        if re.search(r"^\s*Masses\b", text, re.M):
            return "elements told by the section Masses; --types names them"
        if not re.search(r"^\s*Atom Type Labels\b", text, re.M):
            raise ValueError(f"{file}: the data file numbers its types and has no masses; {remedy}")
    if known == "vasp" and not _names_species(text):
        return f"no line of elements (VASP 4), they are told by its first line, {text.splitlines()[0].strip()!r}"
    return None


def with_types(file: Path, atoms: Atoms, types: Sequence[str]) -> Atoms:
    """The atoms with the elements of their LAMMPS types."""
    names = check_elements(types)
    if "type" not in atoms.arrays:
        raise ValueError(f"{file}: has no types of atoms that could be named; leave --types (types=) out")
    kinds = atoms.arrays["type"].astype(int)
    if kinds.min() < 1 or kinds.max() > len(names):
        raise ValueError(f"{file}: has atoms of type {kinds.max()}, {len(names)} types are named; name them all")
    atoms = atoms.copy()
    atoms.symbols = [names[k - 1] for k in kinds]
    atoms.set_masses("defaults")
    return atoms


def name_vasp_species(file: Path, text: str, types: Sequence[str]) -> str:
    """The text of a POSCAR without a line of elements (VASP 4) with one.

    Raises:
        ValueError: the file names its elements, or types do not name one for each count.
    """
    lines = text.splitlines()
    if _names_species(text):
        raise ValueError(f"{file}: names its elements itself ({lines[5].strip()}); leave --types (types=) out")
    names = check_elements(types)
    counts = _vasp_counts(lines)
    if len(names) != len(counts):
        raise ValueError(f"{file}: has {len(counts)} kinds of atoms, {len(names)} types are named; name one for each")
    return "\n".join([*lines[:5], " ".join(names), *lines[5:]]) + "\n"


def _vasp_counts(lines: Sequence[str]) -> list[str]:
    return re.sub(r"!.*", "", lines[5]).split() if len(lines) > 5 else []


def _names_species(text: str) -> bool:
    """Whether the sixth line of a POSCAR names elements rather than counting atoms."""
    counts = _vasp_counts(text.splitlines()[:6])
    return not counts or not all(word.isdigit() for word in counts)


def replace_symbols(file: Path, text: str, known: str) -> str | None:
    """The text with vacancies written as X and isotopes as their element; None if nothing is to be replaced.

    Raises:
        ValueError: a symbol that is no element, with the line it is on.
    """
    lines = text.splitlines(keepends=True)
    changed = False
    for number in _symbol_lines(lines, known):
        for word in re.findall(r"(?<![\w.])[A-Za-z]{1,3}(?![\w.])", lines[number]):
            name = as_element(word)
            if name is None:
                if known in ("vasp", "vasp-xdatcar") or re.match(rf"\s*{word}\b", lines[number]):
                    raise ValueError(
                        f"{file}, line {number + 1}: {word!r} is not a chemical element, nor a vacancy (X)"
                    )
            elif name != word:
                lines[number] = re.sub(rf"(?<![\w.]){word}(?![\w.])", name, lines[number])
                changed = True
    return "".join(lines) if changed else None


def _symbol_lines(lines: Sequence[str], known: str) -> list[int]:
    """Numbers of the lines that hold symbols of atoms."""
    if known in ("vasp", "vasp-xdatcar"):
        return [5] if len(lines) > 5 else []
    found = []
    if known == "lammps-dump-text":
        inside = False
        for number, line in enumerate(lines):
            if line.startswith("ITEM:"):
                inside = line.startswith("ITEM: ATOMS")
            elif inside:
                found.append(number)
        return found
    number = 0
    while number < len(lines) and lines[number].strip().isdigit():
        count = int(lines[number])
        found += range(number + 2, min(number + 2 + count, len(lines)))
        number += 2 + count
    return found
