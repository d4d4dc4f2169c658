"""The waves of concentration that make the simple ordered structures of a lattice, by the symmetry of its crystal."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from fractions import Fraction

import numpy as np
import spglib
from numpy.typing import NDArray

from asemacro.lattice.boxes import in_conventional_cells
from asemacro.lattice.grid import Grid
from asemacro.typing import Floats, Integers

_SAME = 1e-3
_NAMED: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {
    "bcc": {
        ("0", "0", "1"): ("H", "B2"),
        ("1/2", "1/2", "1/2"): ("P", "B32; with H: D0_3"),
        ("0", "1/2", "1/2"): ("N", "B11 and others"),
    },
    "fcc": {
        ("0", "0", "1"): ("X", "L1_0, L1_2"),
        ("1/2", "1/2", "1/2"): ("L", "L1_1"),
        ("0", "1/2", "1"): ("W", "structure 40; with X: D0_22"),
    },
    "hcp": {
        ("0", "0", "0"): ("Gamma", "B_h"),
        ("0", "1/2", "0"): ("M", "B19, D0_19"),
        ("0", "0", "1/2"): ("A", ""),
        ("0", "1/2", "1/2"): ("L", ""),
    },
    "sc": {
        ("0", "0", "1/2"): ("X", "layers"),
        ("0", "1/2", "1/2"): ("M", "columns"),
        ("1/2", "1/2", "1/2"): ("R", "rock salt"),
    },
}
"""Prototype -> wave vector in reciprocal vectors of the conventional cell -> its name, the structures that it makes."""


@dataclasses.dataclass(frozen=True)
class Star:
    """Wave vectors that the symmetry of the crystal carries into each other.

    Attributes:
        name: as in textbooks, H, X, M ..., or its components where the lattice has no such names.
        structures: ordered structures that such waves make, as words; empty where none is named here.
        arms: (n, 3) the vectors, in reciprocal vectors of the conventional cell.
    """

    name: str
    structures: str
    arms: Floats


@dataclasses.dataclass(frozen=True)
class Superstructures:
    """Waves that repeat after two conventional cells along each axis, and the sublattices that they act on.

    Attributes:
        stars: all of them but the one that is constant, which the composition fixes.
        coordinates: (n_sites, 3) of the sites of the box, in conventional cells.
        sublattice: (n_sites,) index of the sublattice of a primitive cell: sites that a lattice translation joins.
    """

    stars: tuple[Star, ...]
    coordinates: Floats
    sublattice: Integers


def superstructures(box: Grid) -> Superstructures:
    """The waves of a box of an even number of conventional cells along each periodic axis.

    Two wave vectors are the same if they differ by a vector of the reciprocal lattice of the primitive cell; those
    that the point group carries into each other are one star (`spglib.get_symmetry` of the undistorted crystal, all
    sites of one kind). Of bcc these are the points H, P, N and the middle of Gamma-H, of fcc X, L, W and the middles
    of Gamma-X and Gamma-K, of hcp M, A, L and, since its primitive cell has two sites, Gamma.

    Raises:
        ValueError: a box of other edges.
    """
    unit = in_conventional_cells(box)
    edges = (box.cell * np.array(box.shape)[:, None]) @ np.linalg.inv(box.conventional)
    periodic = np.array(box.pbc)
    if np.abs(edges[periodic] / 2 - np.rint(edges[periodic] / 2)).max() > _SAME:
        raise ValueError(
            f"ordered structures are looked for in boxes of an even number of conventional cells along each axis, "
            f"not {np.round(edges, 2).tolist()}"
        )
    rotations, translations = symmetry_of(unit)
    coordinates = box_coordinates(box)
    sublattice = _classes(coordinates, translations)
    grid = [(0, 1, 2, 3) if p else (0,) for p in box.pbc]
    left = [np.array(h) / 2 for h in itertools.product(*grid)]
    stars: list[Star] = []
    while left:
        arms = _star(left[0], rotations, translations, periodic)
        left = [k for k in left if not any(_same(k, arm, translations) for arm in arms)]
        if sublattice.max() > 0 or not _same(arms[0], np.zeros(3), translations):
            stars.append(_named(box.prototype, arms, translations))
    return Superstructures(tuple(stars), coordinates, sublattice)


def box_coordinates(box: Grid) -> Floats:
    """(n_sites, 3) sites of a box in conventional cells."""
    cells = np.indices(box.shape).reshape(3, -1).T
    inner = (cells[:, None] + box.basis[None]).reshape(-1, 3)
    return np.asarray(inner @ box.cell @ np.linalg.inv(box.conventional))


def symmetry_of(unit: Grid) -> tuple[Integers, Floats]:
    """Rotations (n, 3, 3) of fractional coordinates, and the translations (m, 3) among the sites of a cell.

    Of the undistorted crystal, all sites of one kind; `unit` is made of conventional cells.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_symmetry((unit.ideal, unit.basis, [1] * unit.n_basis), symprec=_SAME * _shortest(unit))
    if found is None:
        return np.eye(3, dtype=np.int64)[None], np.zeros((1, 3))
    same = np.all(found["rotations"] == np.eye(3, dtype=np.int64), axis=(1, 2))
    return np.unique(found["rotations"], axis=0).astype(np.int64), found["translations"][same]


def _shortest(unit: Grid) -> float:
    return float(np.linalg.norm(unit.ideal, axis=1).min())


def _classes(coordinates: Floats, translations: Floats) -> Integers:
    """(n,) sites that a translation of the lattice joins have one index."""
    found = np.full(len(coordinates), -1, dtype=np.int64)
    while (found < 0).any():
        apart = coordinates - coordinates[np.flatnonzero(found < 0)[0]]
        away = apart[:, None] - translations
        joined = (np.abs(away - np.rint(away)) < 0.02).all(axis=2).any(axis=1)
        found[joined] = found.max() + 1
    return found


def _same(one: Floats, two: Floats, translations: Floats) -> bool:
    """Whether two wave vectors make the same waves on the sites."""
    apart = one - two
    phases = np.concatenate([apart, translations @ apart])
    return bool(np.abs(phases - np.rint(phases)).max() < 0.02)


def _star(k: Floats, rotations: Integers, translations: Floats, periodic: NDArray[np.bool_]) -> list[Floats]:
    """The arms that a wave vector is carried to, each once; vectors along axes of vacuum are no waves."""
    arms: list[Floats] = []
    for rotation in rotations:
        arm = k @ np.linalg.inv(rotation)
        if not np.abs(arm[~periodic]).any() and not any(_same(arm, other, translations) for other in arms):
            arms.append(arm)
    return arms


def _named(prototype: str, arms: list[Floats], translations: Floats) -> Star:
    """A star with its name, by any vector that is one of its arms."""
    for vector, (name, structures) in _NAMED.get(prototype, {}).items():
        k = np.array([float(Fraction(part)) for part in vector])
        if any(_same(arm, k, translations) for arm in arms):
            return Star(name, structures, np.array(arms))
    shortest = min(
        (sign * arm for arm in arms for sign in (1, -1)), key=lambda k: (round(float(np.abs(k).sum()), 6), tuple(-k))
    )
    text = " ".join(str(Fraction(float(part)).limit_denominator(8)) for part in shortest)
    return Star(f"({text})", "", np.array(arms))
