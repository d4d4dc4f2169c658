"""One sublattice of a crystal: named by its elements, found under its atoms, all others kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from asemacro.arguments.door import checked, one_or_many, structure, text
from asemacro.lattice.reading.elements import VACANCY, as_element
from asemacro.lattice.recognition.crystal import MARK, Crystal, all_sites
from asemacro.lattice.recognition.periodic_points import PeriodicPoints
from asemacro.lattice.recognition.placement import nearest_sites
from asemacro.lattice.recognition.translations import neighbour_distance
from asemacro.lattice.spectators import Spectators, in_smallest_box
from asemacro.typing import Floats

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from asemacro.lattice.grid import Grid

ON_SITE = 0.25  # of the neighbour distance: as near to a site an atom is on it
NEIGHBOURS = (0.85, 1.2)  # neighbour distances between which a vacant site is from a filled one of its sublattice
WORTH_SAYING = 0.05  # angstrom, rms, that the atoms of a sublattice are from its sites; told to one digit
SAME = 0.02  # angstrom: atoms beside the sublattice that repeat as exactly stand for each other


@checked(atoms=structure, elements=one_or_many(text))
def sublattice_of(atoms: Atoms | Structure, elements: str | Sequence[str]) -> Atoms | Structure:
    """A copy of a structure of which one sublattice is meant: the sites of these elements and of no other.

    Whatever takes the structure (`Lattice.from_atoms`, `warren_cowley`, `phase_diagram`, ...) then sees the lattice of
    these sites alone: neighbours, order, swaps and hops are those within it, vacancies those on its sites. All other
    atoms stay where they are and stand in every structure that is written; nothing depends on them.

    Args:
        atoms: any cell of a crystal in which the elements share no site with others: a carbide, a perovskite.
        elements: all that the sublattice holds, ["Ti", "Zr", "Hf"].

    Raises:
        ValueError: elements that are not there, are named twice, are all that there are, or share a site with others.
    """
    named: list[str] = []
    for written in [elements] if isinstance(elements, str) else elements:
        symbol = as_element(written)
        if symbol is None or symbol == VACANCY:
            raise ValueError(f"sublattice: {written!r} is not a chemical element")
        named.append(symbol)
        if symbol in named[:-1]:
            raise ValueError(f"sublattice {', '.join(named)}: {symbol} is named twice; an element is on one sublattice")
    copy = atoms.copy()
    there = all_sites(copy).sublattice(named).composition()
    if isinstance(copy, Atoms):
        copy.info[MARK] = ",".join(there)
    else:
        copy.properties = {**copy.properties, MARK: ",".join(there)}
    return copy


def likely_vacancies(crystal: Crystal, points: PeriodicPoints) -> Floats:
    """(n, 3) positions of empty sites (X) that are likely to be of a sublattice.

    Those at about a neighbour distance from an atom of it or from another such site, and nearer to no atom of it.
    """
    assert crystal.whole is not None
    whole = crystal.whole
    bare = [set(shares) == {VACANCY} for shares in whole.occupancy] if whole.occupancy else whole.numbers == 0
    spots = points.wrap(whole.positions[np.flatnonzero(bare)])
    if not len(spots):
        return spots
    near = neighbour_distance(points)
    least, most = (times * near for times in NEIGHBOURS)
    apart = points.images(most).tree.query(spots)[0]
    free, found = apart > least, (apart > least) & (apart < most)
    while True:
        tree = PeriodicPoints(crystal.cell, crystal.pbc, spots[found]).images(most).tree if found.any() else None
        more = free & ~found & (tree.query(spots)[0] < most) if tree is not None else np.zeros(len(spots), dtype=bool)
        if not more.any():
            return np.asarray(spots[found])
        found |= more


def spectators_of(crystal: Crystal, lattice: Grid, near: float) -> Spectators:
    """The atoms beside a sublattice whose lattice was found.

    Raises:
        ValueError: some of them are on sites of the sublattice.
    """
    assert crystal.whole is not None
    assert crystal.rows is not None
    whole = crystal.whole
    others = whole.at(np.setdiff1d(np.arange(len(whole.numbers)), crystal.rows))
    held = others.held()
    filled = np.array([k for k, shares in enumerate(held) if set(shares) != {VACANCY}])
    on = nearest_sites(lattice, others.positions[filled]).distance < ON_SITE * near
    if on.any():
        there = [max(held[k].items(), key=lambda item: (item[0] != VACANCY, item[1]))[0] for k in filled[on]]
        symbol = there[0]
        raise ValueError(
            f"{there.count(symbol)} atoms of {symbol} are on sites of the sublattice of {', '.join(lattice.species)}: "
            f"these elements exchange; name {symbol} too"
        )
    inverse = np.linalg.inv(lattice.conventional)
    box = Spectators(crystal.cell @ inverse, others.positions[filled] @ inverse, tuple(held[k] for k in filled))
    return in_smallest_box(box, lattice.cell, lattice.conventional, SAME)


def describe_sublattice(lattice: Grid, distance: Floats) -> str:
    """One line: which sublattice is meant, what stays where it is, and how far its atoms are from the sites (n,)."""
    beside = lattice.spectators
    assert beside is not None
    drawn = any(len(shares) > 1 for shares in beside.held)
    off = float(np.sqrt(np.mean(np.square(distance))))
    moved = f"; its atoms, {off:.1g} angstrom from its sites (rms), are written on them" if off > WORTH_SAYING else ""
    return (
        f"the sublattice of {', '.join(lattice.species)} alone: {lattice.prototype}, {lattice.n_sites} sites; "
        f"{', '.join(beside.elements)} on {lattice.n_beside} others "
        + ("are drawn once by their occupancies and stay where they are" if drawn else "stay where they are")
        + moved
    )
