"""Which site of a lattice each position is nearest to."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from ase.geometry.minkowski_reduction import minkowski_reduce
from numpy.typing import NDArray

from asemacro.lattice.grid import Grid
from asemacro.lattice.sites import sites_at
from asemacro.typing import Floats

FARTHEST = 1e9
"""Angstrom, of an atom from the origin: beyond it a float has too few digits for the place in a cell."""


class Places(NamedTuple):
    """Where positions are on a lattice.

    Attributes:
        site: (n,) the site nearest to each position.
        distance: (n,) to it, angstrom.
    """

    site: NDArray[np.int64]
    distance: Floats


def check_reach(*vectors: Floats) -> None:
    """Refuse positions and cell vectors, in angstrom, that are too large to find the place of an atom in a cell.

    Raises:
        ValueError: beyond FARTHEST.
    """
    far = max(float(np.abs(of).max(initial=0.0)) for of in vectors)
    if not far <= FARTHEST:
        raise ValueError(
            f"the structure has positions or cell vectors of {far:.3g} angstrom, at most {FARTHEST:g} are taken; "
            "write the atoms inside the cell"
        )


def nearest_sites(lattice: Grid, positions: Floats) -> Places:
    """The site nearest to each position (n, 3), and the distance to it.

    Raises:
        ValueError: positions beyond FARTHEST.
    """
    check_reach(positions)
    cell, change = minkowski_reduce(lattice.cell, pbc=np.array(lattice.pbc))
    origins = lattice.basis @ lattice.cell @ np.linalg.inv(cell)
    reduced = positions @ np.linalg.inv(cell)
    best = np.full(len(reduced), np.inf)
    site = np.zeros(len(reduced), dtype=np.int64)

    def offer(rows: NDArray[np.int64], step: Floats, distance: Floats, b: int) -> None:
        """These sites to these positions: a nearer one is taken."""
        nearer = distance < best[rows]
        rows, cells = rows[nearer], step[nearer].astype(np.int64) @ change
        site[rows] = sites_at(lattice.shape, lattice.n_basis, cells, b)
        best[rows] = distance[nearer]

    # nearly all atoms are less than half the least distance between sites from one: no other can be nearer
    safe = 0.499 * _least_distance(cell, origins, lattice.pbc)
    left = np.arange(len(reduced))
    for b, origin in enumerate(origins):
        gap = reduced[left] - origin
        step = np.rint(gap) * lattice.pbc
        distance = _norm((gap - step) @ cell)
        found = distance < safe
        offer(left[found], step[found], distance[found], b)
        left = left[~found]
    # in a reduced cell the nearest image is at a corner of the cell the atom is in (if closer than d / 2)
    for b, origin in enumerate(origins):
        gap = reduced[left] - origin
        for corner in itertools.product(*((0, 1) if p else (0,) for p in lattice.pbc)):
            step = (np.floor(gap) + corner) * lattice.pbc
            offer(left, step, _norm((gap - step) @ cell), b)
    return Places(site, best)


def _norm(vectors: Floats) -> Floats:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))


def _least_distance(cell: Floats, origins: Floats, pbc: tuple[bool, bool, bool]) -> float:
    """Of two different sites of the lattice whose reduced cell and basis these are."""
    gap = origins[:, None] - origins[None]
    gap -= np.rint(gap) * pbc
    shifts = np.array(list(itertools.product(*((-1, 0, 1) if p else (0,) for p in pbc))))
    distance = np.linalg.norm((gap[:, :, None] + shifts) @ cell, axis=-1)
    return float(np.where(distance > 1e-9, distance, np.inf).min())
