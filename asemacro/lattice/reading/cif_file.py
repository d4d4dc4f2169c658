"""CIF files with every atom they list: co-occupied sites, equivalent positions, ions, occupancies that are not known.

ASE parses the file and knows the symmetry; its sites are made here, since ASE keeps one row of those that share an
element or lie on equivalent positions. Each row is carried over the cell by the operations, images nearer than 0.1
angstrom are one site, and a site holds what all its rows put there.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from asemacro.lattice.reading.cif_symmetry import column, compare_with_pymatgen, operations
from asemacro.lattice.reading.elements import VACANCY, as_element
from asemacro.lattice.reading.occupancy import is_definite, leading, site_shares
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase.io.cif import CIFBlock

SAME_SITE = 0.1  # angstrom; images of a row nearer than this differ by rounded fractions
MOST_PAIRS = 50_000_000
MOST_IMAGES = 2_000_000  # of the rows by all operations
_SYMBOL, _LABEL, _OCCUPANCY = "_atom_site_type_symbol", "_atom_site_label", "_atom_site_occupancy"


class Row(NamedTuple):
    """One row of the list of atoms.

    Attributes:
        name: its label.
        element: or "X".
        position: (3,) fractions of the cell as they are written.
        occupancy: None if the file has "?" or ".".
    """

    name: str
    element: str
    position: Floats
    occupancy: float | None


def cif_frames(text: str) -> list[Atoms]:
    """The structures of a CIF, one for each data block that has one; partial occupancies as ASE keeps them.

    `info["occupancy"]` {kind: {element: fraction}} with `arrays["spacegroup_kinds"]`, if a site is not simply one atom.

    Raises:
        ValueError: one line that names the row or site.
    """
    from ase.io.cif import CIFBlock, parse_cif

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        blocks = list(parse_cif(io.StringIO(text)))
    lost = [str(w.message) for w in caught if "Wrong number" in str(w.message)]
    found = []
    for block in blocks:
        tags = {key.replace(".", "_"): value for key, value in block.items()}
        if not any(key in tags for key in ("_atom_site_fract_x", "_atom_site_cartn_x")):
            continue
        columns = sum(key.startswith("_atom_site_") and "aniso" not in key for key in tags)
        for message in lost:
            if f"expected {columns}:" in message:
                raise ValueError(f"a row of the atoms has a wrong number of entries ({message.split(': ', 1)[1]})")
        found.append(_structure(CIFBlock(block.name, tags), text))
    return found


def _structure(block: CIFBlock, text: str) -> Atoms:
    """The atoms of one data block."""
    cell = np.array(block.get_cell())
    rows = [row for row in _rows(block, cell) if row.occupancy != 0]
    if not rows:
        return Atoms()
    if not cell.any():
        return Atoms([row.element for row in rows], positions=[row.position for row in rows])
    if not np.isfinite(cell).all() or 1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max() < 5 * SAME_SITE:
        raise ValueError(f"the cell ({', '.join(map(str, block.get_cellpar() or ()))}) is too thin for atoms")
    rotations, translations = operations(block, text, cell)
    places = len(rows) * len(rotations)
    if places > MOST_IMAGES:
        raise ValueError(
            f"{len(rows)} atoms and {len(rotations)} symmetry operations are {places:.2g} places of atoms, at most "
            f"{MOST_IMAGES:.0e} are taken"
        )
    images = np.einsum("oij,rj->roi", rotations, [row.position for row in rows]) + translations % 1.0
    images = (images % 1.0) % 1.0  # -1e-17 % 1 is 1
    site = _coincident(images.reshape(-1, 3), cell)
    firsts = np.unique(site, return_index=True)[1]
    of_row = np.repeat(np.arange(len(rows)), len(rotations))
    members: list[list[int]] = [[] for _ in firsts]
    for number, row in np.unique(np.column_stack([site, of_row]), axis=0):
        members[number].append(row)
    held = [_held([rows[k] for k in group]) for group in members]
    order = np.argsort(firsts)
    held = [held[k] for k in order]
    kinds = of_row[firsts[order]]
    positions = images.reshape(-1, 3)[firsts[order]]
    definite = all(is_definite(shares) for shares in held)
    shown = [{s: f for s, f in shares.items() if s != VACANCY} or shares for shares in held]
    atoms = Atoms([leading(shares) for shares in shown], scaled_positions=positions, cell=cell, pbc=True)
    if not definite:
        kinds, info = _kinds(kinds, shown)
        atoms.info["occupancy"] = info
    atoms.set_array("spacegroup_kinds", kinds)
    if len(rotations) > 1:
        compare_with_pymatgen(block, text, len(atoms), sum(sum(shares.values()) for shares in shown))
    return atoms


def _rows(block: CIFBlock, cell: Floats) -> list[Row]:
    labels = column(block, _LABEL)
    symbols = column(block, _SYMBOL)
    names = labels or symbols
    if names is None:
        raise ValueError("the atoms have neither labels nor symbols")
    fractions = [column(block, f"_atom_site_fract_{k}") for k in "xyz"]
    form = "fract" if None not in fractions else "cartn"
    columns = fractions if form == "fract" else [column(block, f"_atom_site_cartn_{k}") for k in "xyz"]
    occupancies = column(block, _OCCUPANCY)
    rows = []
    for k, name in enumerate(names):
        where = f"atom {k + 1} ({name})"
        position = np.array([_number(column[k] if column else None, where, "coordinate") for column in columns])
        if form == "cartn" and cell.any():
            position = position @ np.linalg.inv(cell)
        element = _element(str(symbols[k])) if symbols else _element_of_label(str(name), where)
        if element is None:
            raise ValueError(
                f"{where}: {symbols[k] if symbols else name!r} is not a chemical element, nor a vacancy (X); "
                "write one row for each element of a site"
            )
        occupancy = _occupancy(element, occupancies[k] if occupancies else 1, where)
        rows.append(Row(str(name), element, position, occupancy))
    return rows


def _number(value: object, where: str, what: str) -> float:
    if not isinstance(value, (int, float)) or not np.isfinite(value):
        raise ValueError(f"{where}: {value!r} is no number for its {what}")
    return float(value)


def _occupancy(element: str, value: object, where: str) -> float | None:
    if value in ("?", "."):
        return None
    number = _number(value, where, "occupancy")
    site_shares([(element, number)], where)  # says what is out of range
    return number


def _element(symbol: str) -> str | None:
    """The element of a type symbol, which may carry a running number ("Nb1")."""
    return as_element(symbol) or as_element(re.sub(r"\d+$", "", symbol))


def _element_of_label(label: str, where: str) -> str | None:
    """The element that a label begins with ("Fe1A", "Nb_2"), where there is no type symbol."""
    found = re.match(r"[A-Za-z]+", label)
    if found is None:
        return as_element(label)
    letters = found.group()
    if letters.lower() in ("va", "vac", "x", "vacancy"):
        return VACANCY
    two, one = letters[:2].capitalize(), letters[:1].upper()
    both = [name for name in (two, one) if atomic_numbers.get(name, 0) > 0]
    if len(letters) > 1 and len(both) == 2 and letters[1].isupper():
        raise ValueError(f"{where}: the label may mean {two} or {one}; add the column {_SYMBOL}")
    return both[0] if both else as_element(letters)


def _coincident(points: Floats, cell: Floats) -> NDArray[np.int64]:
    """(n,) which site each of the fractional points is, points nearer than 0.1 angstrom being one."""
    radius = SAME_SITE * float(np.linalg.norm(np.linalg.inv(cell), 2))
    tree = cKDTree(points, boxsize=1.0)
    radius = min(radius, 0.45)
    if tree.count_neighbors(tree, radius) > MOST_PAIRS:
        raise ValueError("too many atoms lie on top of each other")
    pairs = tree.query_pairs(radius, output_type="ndarray")
    gap = points[pairs[:, 0]] - points[pairs[:, 1]]
    gap -= np.rint(gap)
    pairs = pairs[np.linalg.norm(gap @ cell, axis=1) < SAME_SITE]
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(points), len(points)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _held(rows: Sequence[Row]) -> dict[str, float]:
    """What a site holds that these rows describe."""
    where = "site " + ", ".join(row.name for row in rows) + " at " + " ".join(f"{v:g}" for v in rows[0].position)
    kept: list[Row] = []
    for row in rows:
        # a full atom that is listed again on an equivalent position is the same atom
        same = [
            k for k in kept if k.element == row.element and k.occupancy == row.occupancy == 1
            and np.abs(k.position - row.position).max() > 1e-6
        ]  # fmt: skip
        if not same:
            kept.append(row)
    if len(kept) > 1 and any(row.occupancy is None for row in kept):
        raise ValueError(f"{where}: an occupancy is not known ('?' or '.') and the site is shared; write a number")
    return site_shares([(row.element, 1.0 if row.occupancy is None else row.occupancy) for row in kept], where)


def _kinds(first: NDArray[np.int64], held: Sequence[Mapping[str, float]]) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """A number for each kind of site (first row, content), and {number: content} as ASE keeps it."""
    kinds = np.empty(len(held), dtype=np.int64)
    names: dict[tuple[Any, ...], int] = {}
    new = itertools.count(int(first.max()) + 1)
    info: dict[str, Any] = {}
    for k, (row, shares) in enumerate(zip(first, held, strict=True)):
        key = (int(row), *sorted(shares.items()))
        if key not in names:
            names[key] = int(row) if str(row) not in info else next(new)
            info[str(names[key])] = dict(shares)
        kinds[k] = names[key]
    return kinds, info
