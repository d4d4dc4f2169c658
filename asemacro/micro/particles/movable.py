"""Atoms that can be moved by forces: what a structure must have for that, said with the atom that lacks it."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from asemacro.micro.particles.cut_out import with_images

FARTHEST = 1e6
"""Angstrom from the origin, or of a cell vector: a tenth of a millimetre, where no structure reaches."""
_SAME_PLACE = 1e-3  # angstrom between two atoms
_FLAT = 1e-6  # least singular value of the directions of the cell vectors
_SHOWN = 5  # atoms of a list


def check_movable(atoms: Atoms) -> None:
    """Refuse a structure whose atoms cannot be moved, or not by finite forces.

    Raises:
        ValueError: one line; fewer than two atoms, places or a cell that are not finite or absurd, a periodic axis
            without length, two atoms at one place, constraints, or atoms without mass.
    """
    if len(atoms) < 2:
        raise ValueError("there is one atom; give two atoms or more" if len(atoms) else "there are no atoms")
    for k in np.flatnonzero(~(np.abs(atoms.positions) <= FARTHEST).all(axis=1))[:1]:
        place = ", ".join(f"{value:g}" for value in atoms.positions[k])
        raise ValueError(f"atom {k} (counted from 0) is at {place} angstrom, which is no place in a structure")
    if not (np.abs(atoms.cell.array) <= FARTHEST).all():
        raise ValueError(f"the cell vectors {atoms.cell.array.tolist()} are none of a structure")
    lengths = np.linalg.norm(atoms.cell.array, axis=1)
    for axis in np.flatnonzero(atoms.pbc & (lengths == 0))[:1]:
        raise ValueError(
            f"the cell vector along axis {axis + 1} has no length, but that axis is periodic; give the vector, or set "
            "atoms.pbc"
        )
    ways = atoms.cell.array[lengths > 0] / lengths[lengths > 0, None]
    if len(ways) and np.linalg.svd(ways, compute_uv=False).min() < _FLAT:
        raise ValueError(f"the cell vectors {atoms.cell.array.tolist()} lie in a plane or on a line")
    _check_apart(atoms)
    if atoms.constraints:
        kinds = ", ".join(sorted({type(constraint).__name__ for constraint in atoms.constraints}))
        raise ValueError(
            f"{_held(atoms)} by constraints ({kinds}), and all atoms must be free to move; take them out: in a POSCAR "
            "the line 'Selective dynamics' and the letters T and F, in extxyz the column move_mask, in Python "
            "atoms.set_constraint()"
        )
    for k in np.flatnonzero(~(atoms.get_masses() > 0))[:1]:
        raise ValueError(
            f"atom {k} (counted from 0), {atoms.get_chemical_symbols()[k]}, has the mass {atoms.get_masses()[k]:g}; "
            "all must have one above 0"
        )


def _check_apart(atoms: Atoms) -> None:
    """Refuse two atoms at one place, periodic images too."""
    atom, place = with_images(atoms, _SAME_PLACE)
    for one, other in sorted(cKDTree(place).query_pairs(_SAME_PLACE))[:1]:
        first, second = sorted((int(atom[one]), int(atom[other])))
        raise ValueError(f"atoms {first} and {second} (counted from 0) are at the same place; take one of them out")


def _held(atoms: Atoms) -> str:
    """Which atoms constraints hold, as far as they say it: "atoms 0, 1 are held"."""
    numbers = sorted({int(k) for constraint in atoms.constraints for k in constraint.get_indices()})
    if not numbers:
        return "some of the atoms are held"
    listed = ", ".join(map(str, numbers[:_SHOWN])) + (f", ... ({len(numbers)} in all)" if numbers[_SHOWN:] else "")
    return f"{'atom' if len(numbers) == 1 else 'atoms'} {listed} {'is' if len(numbers) == 1 else 'are'} held"
