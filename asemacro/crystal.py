"""ASE Atoms and pymatgen Structures in one plain form: sites, symbols and fractional occupancy."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

VACANCY = "X"
log = logging.getLogger("asemacro")


class Crystal(NamedTuple):
    """Sites of a crystal.

    Attributes:
        cell: (3, 3) cell vectors in rows, angstrom.
        pbc: periodic axes.
        positions: (n, 3) angstrom.
        symbols: (n,) the symbol of each site, "X" for an empty one (the first one of a fractional site).
        occupancy: None, or what each site holds, {symbol: fraction}, if one of them is fractional.
    """

    cell: NDArray[np.float64]
    pbc: tuple[bool, bool, bool]
    positions: NDArray[np.float64]
    symbols: list[str]
    occupancy: list[dict[str, float]] | None

    def composition(self) -> dict[str, float]:
        """Fraction of each species among the atoms, by atomic number; empty if there are none."""
        sites = self.occupancy or [{s: 1.0} for s in self.symbols]
        total: dict[str, float] = {}
        for site in sites:
            for symbol, fraction in site.items():
                total[symbol] = total.get(symbol, 0.0) + fraction
        total.pop(VACANCY, None)
        for symbol in total:
            if symbol not in atomic_numbers:
                raise ValueError(f"{symbol!r} in the structure is not a chemical element")
        atoms = sum(total.values())
        return {s: total[s] / atoms for s in sorted(total, key=atomic_numbers.__getitem__) if total[s] > 0}


def read_crystal(source: Atoms | Structure) -> Crystal:
    """Sites of an ASE Atoms or a pymatgen Structure.

    Fractional occupancy of Atoms (`info["occupancy"]`, keyed by `arrays["spacegroup_kinds"]`) counts for a
    kind of site as long as all its atoms carry the symbol that ase.io gave them; if the user has put other
    atoms there, these win, and one line says so. Structures are read from their site species.

    Raises:
        ValueError: no atoms, no periodic axis, positions that are not finite.
    """
    if isinstance(source, Atoms):
        cell, pbc = np.array(source.cell.complete()), tuple(bool(p) for p in source.pbc)
        positions, symbols = source.get_positions(), list(source.symbols)
        occupancy = _occupancy(source)
    elif hasattr(source, "lattice") and hasattr(source, "cart_coords"):
        cell, pbc = np.array(source.lattice.matrix), tuple(bool(p) for p in source.lattice.pbc)
        positions = np.array(source.cart_coords)
        holds = [{e.symbol: float(f) for e, f in site.species.items()} for site in source]
        symbols = [max(h, key=h.__getitem__) for h in holds]
        occupancy = None if all(site.is_ordered for site in source) else holds
    else:
        raise ValueError(f"a structure is an ASE Atoms or a pymatgen Structure, not {type(source).__name__}")
    if len(symbols) == 0:
        raise ValueError("the structure has no atoms")
    if not any(pbc) or any(p and not np.any(v) for p, v in zip(pbc, np.asarray(source_cell(source)), strict=True)):
        raise ValueError("the structure has no periodic cell; set atoms.cell and atoms.pbc")
    if not (np.all(np.isfinite(positions)) and np.all(np.isfinite(cell))):
        raise ValueError("the structure has positions or cell vectors that are not finite numbers")
    return Crystal(cell, (pbc[0], pbc[1], pbc[2]), positions, symbols, occupancy)


def source_cell(source: Atoms | Structure) -> NDArray[np.float64]:
    """(3, 3) cell vectors as the file has them, zero where there are none."""
    return np.array(source.cell if isinstance(source, Atoms) else source.lattice.matrix)


def _occupancy(atoms: Atoms) -> list[dict[str, float]] | None:
    info = atoms.info.get("occupancy")
    kinds = atoms.arrays.get("spacegroup_kinds")
    if not isinstance(info, dict) or kinds is None:
        return None
    symbols = np.array(atoms.get_chemical_symbols())
    held: list[dict[str, float]] = [{s: 1.0} for s in symbols]
    fractional = False
    for kind in np.unique(kinds):
        share = info.get(str(kind), info.get(kind))
        if not share or (len(share) == 1 and abs(sum(share.values()) - 1) < 1e-6):
            continue
        members = np.flatnonzero(kinds == kind)
        written = sorted(share.items(), key=lambda item: item[1])[-1][0]  # as ase.spacegroup.crystal chooses
        if np.any(symbols[members] != written):
            log.info("atoms were placed on the sites with fractional occupancy: the atoms count")
            continue
        if abs(sum(share.values()) - 1) > 0.02:
            log.info("occupancies of a site add up to %g: the rest is read as vacancies", sum(share.values()))
        fractional = True
        for m in members:
            held[m] = {s: float(f) for s, f in share.items()}
    return held if fractional else None
