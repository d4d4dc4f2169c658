"""Cells that cannot be a crystal, refused before any lattice is looked for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from asemacro.lattice.recognition.crystal import VACANCY, Crystal
from asemacro.lattice.recognition.periodic_points import PeriodicPoints, empty_layers

SHORTEST, LONGEST = 0.5, 1e5  # cell vectors, angstrom
DENSEST, THINNEST = 1.0, 1e3  # volume per atom, cubic angstrom
TOO_NEAR = 0.6  # of the sum of the covalent radii
MANY_NEAR = 0.1  # of the atoms nearer than that: the cell is wrong, not the place of an atom
COINCIDENT = 0.1  # angstrom: one atom written twice
SKIN = 12.0  # angstrom of the empty space beside a plane or a chain that counts as its own
LOOKED_AT = 2000  # atoms


class NearPair(NamedTuple):
    """Two atoms that are too near to each other, and how far apart they should be at least, angstrom."""

    atom: int
    other: int
    distance: float
    least: float


def check_cell(crystal: Crystal) -> None:
    """Refuse vectors and volumes that no crystal has; pseudo-atoms X may have any density.

    Raises:
        ValueError: a periodic vector shorter than 0.5 or longer than 1e5 angstrom, vectors in one plane, or a
            volume per atom below 1 or above 1e3 cubic angstrom. Vacuum beside planes and chains does not count.
    """
    lengths = np.linalg.norm(crystal.cell, axis=1)
    for name, length, periodic in zip("abc", lengths, crystal.pbc, strict=True):
        if periodic and not SHORTEST <= length <= LONGEST:
            raise ValueError(
                f"cell vector {name} is {length:.3g} angstrom long, not {SHORTEST:g} to {LONGEST:g}: "
                "check the unit of the cell"
            )
    volume = abs(np.linalg.det(crystal.cell))
    if volume < 1e-6 * np.prod(lengths):
        raise ValueError("the cell vectors lie in one plane, the cell has no volume")
    if not crystal.numbers.any():
        return
    inverse = np.linalg.inv(crystal.cell)
    filled, height = _filled(crystal, inverse), 1 / np.linalg.norm(inverse, axis=0)
    share = volume / len(crystal.numbers)
    if (share < DENSEST and all(crystal.pbc)) or share * np.prod(filled / height) > THINNEST:
        raise ValueError(
            f"the cell has {share:.3g} cubic angstrom per atom, a crystal {DENSEST:g} to {THINNEST:g}: "
            "check the unit of the cell and the number of atoms"
        )


def _filled(crystal: Crystal, inverse: NDArray[Any]) -> NDArray[np.float64]:
    """(3,) height of the box without the part of the largest empty layer that is beyond SKIN."""
    fractions = crystal.positions @ inverse
    height = 1 / np.linalg.norm(inverse, axis=0)
    gap, reach = (share * height for share in empty_layers(fractions - np.floor(fractions) * crystal.pbc))
    thick = reach + SKIN
    return np.where(crystal.pbc, np.where(gap > SKIN, height - gap + SKIN, height), thick)


def radii(crystal: Crystal) -> NDArray[np.float64]:
    """(n,) covalent radius of each site, angstrom, the mean of what it holds; 0 for X, which is near to nothing."""
    if crystal.occupancy is None:
        return np.where(crystal.numbers > 0, covalent_radii[crystal.numbers], 0.0)
    known = {s: float(covalent_radii[atomic_numbers[s]]) for s in atomic_numbers if s != VACANCY}
    means = []
    for held in crystal.occupancy:
        atoms = {s: f for s, f in held.items() if s in known and f > 0}
        total = sum(atoms.values())
        means.append(sum(known[s] * f for s, f in atoms.items()) / total if total else 0.0)
    return np.array(means)


def check_distances(crystal: Crystal, points: PeriodicPoints) -> str | None:
    """Refuse a cell many of whose atoms are nearer to each other than 60 % of the sum of their covalent radii.

    A few such pairs may be those of a hot or rattled crystal: they are refused later, when the lattice is known, if
    the atoms have no site each of their own.

    Returns:
        A line about the closest such pair, None if there is none.

    Raises:
        ValueError: more than a tenth of the atoms have such a neighbour; the closest pair is named.
    """
    n = len(crystal.numbers)
    looked = np.unique(np.linspace(0, n - 1, LOOKED_AT).astype(int))
    pairs = near_pairs(crystal, points, looked)
    if not pairs:
        return None
    line = too_near(pairs)
    if len({pair.atom for pair in pairs}) <= MANY_NEAR * len(looked):
        return line
    if min(pair.distance for pair in pairs) < COINCIDENT:
        raise ValueError(
            f"{line}: they are one atom written twice; a fraction with few digits (0.333 for 1/3) makes symmetry put "
            "two atoms on one site: write it with six digits (0.333333), or remove the double atoms"
        )
    raise ValueError(
        f"{line}: no crystal is like that; check the unit, the cell vectors, the setting of the space group and how "
        "far atoms are displaced"
    )


def too_near(pairs: list[NearPair]) -> str:
    """What to say of the closest of these pairs."""
    i, j, distance, least = min(pairs, key=lambda pair: pair.distance)
    which = f"atoms {min(i, j)} and {max(i, j)}" if i != j else f"atom {i} and its image in the next cell"
    return (
        f"{which} (counted from 0) are {distance:.2g} angstrom apart, nearer than 60 % of the sum of their covalent "
        f"radii ({least:.3g} angstrom)"
    )


def near_pairs(crystal: Crystal, points: PeriodicPoints, atoms: NDArray[np.int64]) -> list[NearPair]:
    """Pairs of each of these atoms with others that are nearer than 60 % of the sum of the covalent radii."""
    sizes = radii(crystal)
    widest = TOO_NEAR * 2 * sizes.max()
    if widest == 0:
        return []
    images = points.images(widest)
    pairs = []
    for i, close in zip(atoms, images.tree.query_ball_point(points.inside[atoms], widest), strict=True):
        distance = np.linalg.norm(images.positions[close] - points.inside[i], axis=1)
        others = images.owner[close]
        least = TOO_NEAR * (sizes[i] + sizes[others])
        itself = (others == i) & (distance < 1e-9)
        bare = (sizes[i] == 0) | (sizes[others] == 0)
        for k in np.flatnonzero((distance < least) & ~itself & ~bare):
            pairs.append(NearPair(int(i), int(others[k]), float(distance[k]), float(least[k])))
    return pairs
