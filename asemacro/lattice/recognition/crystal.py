"""ASE Atoms and pymatgen Structures in one plain form: sites, symbols and fractional occupancy.

A structure may name the sublattice that is meant (`sublattice_of`): then the sites are those of its elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from asemacro.lattice.reading.elements import VACANCY
from asemacro.lattice.reading.occupancy import is_definite, leading, site_shares
from asemacro.lattice.recognition.placement import check_reach

if TYPE_CHECKING:
    from pymatgen.core import Structure


MARK = "asemacro_sublattice"
"""Name under which a structure keeps the elements of the sublattice that is meant, "Ti,Zr,Hf"."""


class Crystal(NamedTuple):
    """Sites of a crystal, or of one sublattice of it.

    Attributes:
        cell: (3, 3) cell vectors in rows, angstrom.
        pbc: periodic axes.
        positions: (n, 3) angstrom.
        numbers: (n,) atomic number of each site, 0 for an empty one (the leading element of a fractional site).
        occupancy: None, or what each site holds, {element: fraction} with vacancies "X" adding up to 1, if one of
            them is fractional (`occupancy.site_shares`).
        notes: what was chosen in reading, for the user.
        whole: the crystal that the sites are a sublattice of; None if they are all.
        rows: (n,) which sites of `whole` they are; None if they are all.
    """

    cell: NDArray[np.float64]
    pbc: tuple[bool, bool, bool]
    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    occupancy: list[dict[str, float]] | None
    notes: tuple[str, ...] = ()
    whole: Crystal | None = None
    rows: NDArray[np.int64] | None = None

    def numbers_in_file(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers in the structure of some of the sites."""
        return rows if self.rows is None else self.rows[rows]

    def held(self) -> list[dict[str, float]]:
        """What each site holds, {element: fraction}, vacancies as "X"."""
        if self.occupancy is not None:
            return self.occupancy
        full = {symbol: {symbol: 1.0} for symbol in set(self.symbols)}
        return [full[symbol] for symbol in self.symbols]

    def at(self, rows: NDArray[np.int64]) -> Crystal:
        """Some of the sites."""
        held = None if self.occupancy is None else [self.occupancy[k] for k in rows]
        if held is not None and all(is_definite(shares) for shares in held):
            held = None
        return self._replace(positions=self.positions[rows], numbers=self.numbers[rows], occupancy=held)

    def sublattice(self, elements: Sequence[str]) -> Crystal:
        """The sites that hold these elements; empty ones (X) are left out, since nothing says whose they are.

        Raises:
            ValueError: elements that are not there, or are all there are, or share a site with others.
        """
        there, named = list(self.composition()), ", ".join(elements)
        absent = [symbol for symbol in elements if symbol not in there]
        if absent:
            raise ValueError(f"sublattice {named}: {absent[0]} is not in the structure, which holds {', '.join(there)}")
        if set(elements) == set(there):
            raise ValueError(
                f"sublattice {named}: names every element of the structure, so there is no other; leave it out"
            )
        if self.occupancy is None:
            own = np.isin(self.numbers, [atomic_numbers[symbol] for symbol in elements])
        else:
            own = np.array([any(symbol in shares for symbol in elements) for shares in self.occupancy])
            for k in np.flatnonzero(own):
                foreign = [s for s in self.occupancy[k] if s != VACANCY and s not in elements]
                if foreign:
                    both = next(s for s in self.occupancy[k] if s in elements)
                    raise ValueError(
                        f"sublattice {named}: site {k} (counted from 0) holds {both} and {foreign[0]}, which so are of "
                        f"one sublattice; name {foreign[0]} too"
                    )
        rows = np.flatnonzero(own)
        return self.at(rows)._replace(whole=self, rows=rows)

    @property
    def symbols(self) -> list[str]:
        """Symbol of each site, "X" for an empty one."""
        return np.array(chemical_symbols)[self.numbers].tolist()

    def vacant(self) -> float:
        """Fraction of the sites that the occupancies leave vacant, 0 for a definite structure."""
        return sum(site.get(VACANCY, 0.0) for site in self.occupancy or []) / len(self.numbers)

    def composition(self) -> dict[str, float]:
        """Fraction of each species among the atoms, by atomic number; empty if there are none."""
        total: dict[str, float] = {}
        if self.occupancy is None:
            total = {chemical_symbols[k]: float(n) for k, n in enumerate(np.bincount(self.numbers)) if n}
        for site in self.occupancy or []:
            for symbol, fraction in site.items():
                total[symbol] = total.get(symbol, 0.0) + fraction
        total.pop(VACANCY, None)
        atoms = sum(total.values())
        return {s: total[s] / atoms for s in sorted(total, key=atomic_numbers.__getitem__) if total[s] > 0}


def read_crystal(source: Atoms | Structure | Crystal) -> Crystal:
    """Sites of an ASE Atoms or a pymatgen Structure; a Crystal as it is.

    Fractional occupancy of Atoms (`info["occupancy"]`, keyed by `arrays["spacegroup_kinds"]`) counts for a
    kind of site as long as all its atoms carry the symbol that ase.io gave them; if the user has put other
    atoms there, these win, and one line says so. Structures are read from their site species.
    Ions, isotopes and repeated entries of an element are that element, what is missing to 1 is vacant.
    Of a structure that names a sublattice the sites of that.

    Raises:
        TypeError: neither of the two.
        ValueError: no atoms, no periodic axis, positions that are not finite, occupancies that are none.
    """
    if isinstance(source, Crystal):
        return source
    crystal, mark = all_sites(source), mark_of(source)
    return crystal.sublattice(mark) if mark else crystal


def mark_of(source: Atoms | Structure) -> list[str]:
    """Elements of the sublattice that a structure says is meant; none if it says nothing."""
    kept = source.info if isinstance(source, Atoms) else source.properties
    return [part for part in str(kept.get(MARK, "")).split(",") if part]


def all_sites(source: Atoms | Structure) -> Crystal:
    """Sites of a structure, whatever sublattice is meant."""
    notes: list[str] = []
    if isinstance(source, Atoms):
        cell, pbc = np.array(source.cell.complete()), tuple(bool(p) for p in source.pbc)
        positions, numbers = source.get_positions(), source.numbers.astype(np.int64)
        held = _occupancy(source, notes)
    elif hasattr(source, "lattice") and hasattr(source, "cart_coords"):
        cell, pbc = np.array(source.lattice.matrix), tuple(bool(p) for p in source.lattice.pbc)
        positions = np.array(source.cart_coords)
        held = [
            site_shares([(e.symbol, float(f)) for e, f in site.species.items()], f"site {k}")
            for k, site in enumerate(source)
        ]
        numbers = np.array([atomic_numbers[leading(shares)] for shares in held], dtype=np.int64)
    else:
        raise TypeError(f"the structure must be an ASE Atoms or a pymatgen Structure, got {type(source).__name__}")
    if len(numbers) == 0:
        raise ValueError("the structure has no atoms")
    if not any(pbc) or any(p and not np.any(v) for p, v in zip(pbc, np.asarray(source_cell(source)), strict=True)):
        raise ValueError("the structure has no periodic cell; set atoms.cell and atoms.pbc")
    if not (np.all(np.isfinite(positions)) and np.all(np.isfinite(cell))):
        raise ValueError("the structure has positions or cell vectors that are not finite numbers")
    check_reach(positions, cell)
    occupancy = None if held is None or all(is_definite(shares) for shares in held) else held
    for shares in occupancy or []:
        atoms_there = [s for s in shares if s != VACANCY]
        if shares.get(VACANCY, 0) > 0 and atoms_there:
            part = ", ".join(f"{s} {shares[s]:g}" for s in atoms_there)
            _note(notes, f"the occupancies of a site add up to {1 - shares[VACANCY]:g} ({part}): the rest is vacancies")
    return Crystal(cell, (pbc[0], pbc[1], pbc[2]), positions, numbers, occupancy, tuple(notes))


def source_cell(source: Atoms | Structure) -> NDArray[np.float64]:
    """(3, 3) cell vectors as the file has them, zero where there are none."""
    return np.array(source.cell if isinstance(source, Atoms) else source.lattice.matrix)


def _occupancy(atoms: Atoms, notes: list[str]) -> list[dict[str, float]] | None:
    """What each site holds by ASE's `info["occupancy"]`; None if the atoms carry none."""
    info = atoms.info.get("occupancy")
    kinds = atoms.arrays.get("spacegroup_kinds")
    if not isinstance(info, dict) or kinds is None:
        return None
    symbols = np.array(atoms.get_chemical_symbols())
    held: list[dict[str, float]] = [{str(s): 1.0} for s in symbols]
    entries = {str(kind): share for kind, share in info.items()}
    for kind in np.unique(kinds):
        share = entries.get(str(kind))
        if not share:
            continue
        if not isinstance(share, dict):
            raise ValueError(f"the occupancy of the sites of kind {kind} is not a table of fractions: {share!r}")
        members = np.flatnonzero(kinds == kind)
        canonical = site_shares(share.items(), f"site {members[0]}")
        if is_definite(canonical):
            continue
        if np.any(symbols[members] != leading(share)):
            _note(notes, "atoms were placed on the sites with fractional occupancy: the atoms count")
            continue
        for m in members:
            held[m] = canonical
    present = {str(kind) for kind in kinds}
    named = set().union(*(share for kind, share in entries.items() if kind in present and isinstance(share, dict)))
    lost = [s for kind, share in entries.items() if kind not in present for s in share if s not in named]
    if lost:
        raise ValueError(
            f"the occupancies name {lost[0]}, which is on no site: ASE drops atoms on equivalent positions; read the "
            "file with asemacro.read_structure, or delete atoms.info['occupancy'] if those sites were taken out"
        )
    return held


def _note(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)
