"""The surroundings of a few atoms: as much of a structure as a local potential looks at for the forces on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from asemacro.typing import Floats

_MARGIN = 1e-6  # angstrom, added to every halo
_MOST_IMAGES = 1000  # of the cell along an axis
_MOST_PLACES = 2e6  # of atoms and their images, that a cut-out is looked for among


def reach_of(calculator: Any, atoms: Atoms) -> float | None:
    """How far around an atom, in angstrom, a calculator looks for the force on it; None if it does not say.

    A pair potential looks as far as its cutoff. A potential with densities (EMT, EAM) looks twice as far: the density
    at each neighbour counts, which that neighbour's own neighbours make.
    """
    from ase.calculators.eam import EAM
    from ase.calculators.emt import EMT
    from ase.calculators.lj import LennardJones
    from ase.calculators.morse import MorsePotential

    if isinstance(calculator, LennardJones):
        cutoff = calculator.parameters.rc
        return float(3 * calculator.parameters.sigma if cutoff is None else cutoff)
    if isinstance(calculator, MorsePotential):
        return float(calculator.parameters.rcut2 * calculator.parameters.r0)
    if isinstance(calculator, EAM):
        return 2 * float(calculator.cutoff)
    if isinstance(calculator, EMT) and not calculator.parameters.asap_cutoff:  # else it depends on all species
        calculator.initialize(atoms)
        return 2 * float(calculator.rc_list)
    return None


def cut_out(atoms: Atoms, active: NDArray[np.int64], halo: float) -> tuple[Atoms, NDArray[np.int64]]:
    """The atoms nearer than `halo` to one of some atoms, periodic images too, as a structure without periodic axes.

    Args:
        atoms: the whole structure.
        active: (m,) atoms.
        halo: radius in angstrom.

    Returns:
        The cut-out, and (m,) where the active atoms are in it.
    """
    atom, place = with_images(atoms, halo)
    near = cKDTree(place).query_ball_point(place[active], halo + _MARGIN)
    chosen = np.unique(np.concatenate([np.asarray(found, dtype=np.int64) for found in near]))
    part = atoms[atom[chosen]]
    part.positions[:] = place[chosen]
    part.pbc = False
    part.cell[:] = 0.0
    return part, np.searchsorted(chosen, active)


def holds_all(atoms: Atoms, halo: float) -> bool:
    """Whether every cut-out would hold all atoms of the structure, or there are too many images to look for it.

    No two atoms, the nearest image of one of them, are further from each other than half of all periodic cell vectors
    together, and along the others than the structure reaches.
    """
    lengths, fraction = _in_the_cell(atoms)
    reach = np.where(atoms.pbc, 0.5, np.ptp(fraction, axis=0)) @ lengths
    if halo >= reach:
        return True
    images = len(atoms) * np.prod(1 + 2 * halo / _heights(atoms.cell.complete().array)[atoms.pbc])
    return bool(images > max(_MOST_PLACES, 27 * len(atoms)))


def _in_the_cell(atoms: Atoms) -> tuple[Floats, Floats]:
    """Lengths (3,) of the cell vectors, and places (n, 3) of the atoms in units of them."""
    cell = atoms.cell.complete().array
    return np.linalg.norm(cell, axis=1), np.linalg.solve(cell.T, atoms.positions.T).T


def _heights(cell: Floats) -> Floats:
    """(3,) distances of the faces of a cell (3, 3)."""
    heights: Floats = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    return heights


def with_images(atoms: Atoms, halo: float) -> tuple[NDArray[np.int64], Floats]:
    """Atoms and places (n, 3) of the structure, wrapped, and after them of its images up to `halo` around it."""
    cell = atoms.cell.complete().array
    fraction = _in_the_cell(atoms)[1]
    fraction[:, atoms.pbc] %= 1.0
    atom = np.arange(len(atoms))
    heights = _heights(cell)
    for axis in np.flatnonzero(atoms.pbc):
        margin = (halo + 2 * _MARGIN) / heights[axis]
        copies = int(np.ceil(margin))
        if copies > _MOST_IMAGES:
            raise ValueError(f"a halo of {halo:g} angstrom covers more than {_MOST_IMAGES} images of the cell")
        atoms_too, fractions_too = [atom], [fraction]
        for shift in [*range(-copies, 0), *range(1, copies + 1)]:
            along = fraction[:, axis] + shift
            near = (along > -margin) & (along < 1 + margin)
            moved = fraction[near].copy()
            moved[:, axis] += shift
            atoms_too.append(atom[near])
            fractions_too.append(moved)
        atom, fraction = np.concatenate(atoms_too), np.concatenate(fractions_too)
    return atom, fraction @ cell
