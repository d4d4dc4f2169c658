"""Neighbour shells of a lattice as offset tables of its unit cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from ase.geometry.minkowski_reduction import minkowski_reduce
from ase.neighborlist import primitive_neighbor_list
from numpy.typing import NDArray

from asemacro.lattice.grid import Grid
from asemacro.typing import Floats

MOST_SHELLS = 100
SAME_SHELL = 5e-3  # distances closer than this fraction of the first are one shell (the geometry is undistorted)


class Shell(NamedTuple):
    """One neighbour shell.

    Attributes:
        distance: of the undistorted crystal, angstrom.
        offsets: (n_basis, Z, 4) int64, rows (dc1, dc2, dc3, target basis): the neighbours of basis site b
            in cell c are the sites (c + dc, target basis).
        bonds: (n_basis Z / 2, 5) int64, rows (basis, dc1, dc2, dc3, target basis): each bond once.
    """

    distance: float
    offsets: NDArray[np.int64]
    bonds: NDArray[np.int64]


def find_shells(lattice: Grid, n: int) -> tuple[Shell, ...]:
    """The first `n` shells, from ase.neighborlist on one unit cell of the undistorted crystal."""
    frame = np.linalg.inv(lattice.conventional)
    cell = lattice.cell @ frame @ lattice.ideal
    spacing = (abs(np.linalg.det(cell)) / lattice.n_basis) ** (1 / 3)
    unit = min(1.0, spacing)  # ase bins space in steps of 3 angstroms: it takes minutes for the cells of a fine grid
    cell = cell / unit
    # ase is slow on very oblique cells
    reduced, change = minkowski_reduce(cell, pbc=np.array(lattice.pbc))
    cutoff = 1.2 * spacing / unit
    while True:
        i, j, step, distance = primitive_neighbor_list(
            "ijSd", lattice.pbc, reduced, lattice.basis @ cell, cutoff, use_scaled_positions=False
        )
        kinds = np.sort(distance)
        ends = np.flatnonzero(np.diff(kinds) > SAME_SHELL * kinds[0]) + 1 if len(kinds) else np.zeros(0, int)
        if len(ends) >= n:  # one shell beyond the last, so that the last is complete
            break
        cutoff *= 1.25
    offsets = np.column_stack([step @ change, j]).astype(np.int64)
    moved = (offsets[:, :3] + lattice.basis[j] - lattice.basis[i]) @ lattice.cell @ frame
    rank = np.searchsorted(kinds[ends] - 0.5 * SAME_SHELL * kinds[0], distance)
    found = []
    for s in range(n):
        tables = []
        for b in range(lattice.n_basis):
            rows = np.flatnonzero((rank == s) & (i == b))
            tables.append(offsets[rows[np.lexsort(np.round(moved[rows], 5).T[::-1])]])
        if len({len(t) for t in tables}) > 1:
            raise ValueError(
                f"sites of this {lattice.prototype} crystal have different numbers of neighbours in shell "
                f"{s + 1} ({', '.join(str(len(t)) for t in tables[:8])}); its sites are not equivalent; if "
                "groups of elements never exchange, name one: --sublattice A,B (sublattice_of)"
            )
        table = np.array(tables)
        found.append(Shell(float(distance[rank == s].mean() * unit), table, _each_bond_once(table)))
    return tuple(found)


def first_beyond(lattice: Grid, shells: Sequence[Shell]) -> tuple[int, float]:
    """The first shell, from 1, that lies beyond half the box, where shells meet atoms of nearer ones again; 0 for none.

    Returns:
        It, and half the shortest edge of the reduced box, angstrom. The first shell does not count.
    """
    box = minkowski_reduce(lattice.cell * np.array(lattice.shape)[:, None], pbc=np.array(lattice.pbc))[0]
    half = float(np.linalg.norm(box, axis=1)[np.array(lattice.pbc)].min() / 2)
    far = [n + 1 for n, shell in enumerate(shells) if n and shell.distance > half * (1 + 1e-6)]
    return (far[0] if far else 0), half


def first_own_image(lattice: Grid, shells: Sequence[Shell]) -> int:
    """The first shell, from 1, that leads from a site to images of itself; 0 for none."""
    for n, shell in enumerate(shells):
        own = shell.offsets[..., 3] == np.arange(lattice.n_basis)[:, None]
        if (own & (shell.offsets[..., :3] % np.array(lattice.shape) == 0).all(axis=-1)).any():
            return n + 1
    return 0


def _each_bond_once(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of a bond and its reverse, (b, dc, b') and (b', -dc, b), the one that comes first in order."""
    rows = [(b, *map(int, row)) for b in range(len(offsets)) for row in offsets[b]]
    kept = [row for row in rows if row < (row[4], -row[1], -row[2], -row[3], row[0])]
    return np.array(kept, dtype=np.int64).reshape(-1, 5)


def offset_table(lattice: Grid, halves: NDArray[np.integer]) -> NDArray[np.int64]:
    """(n_basis, n, 4) offsets of displacements (n, 3) in halves of the conventional cell vectors."""
    moves = halves / 2 @ lattice.conventional @ np.linalg.inv(lattice.cell)
    width = 1e-3 * float(np.linalg.norm(lattice.cell, axis=1).min())
    table = np.empty((lattice.n_basis, len(halves), 4), dtype=np.int64)
    for b in range(lattice.n_basis):
        found, error = _nearest(lattice, b, moves)
        if (error > width).any():
            raise ValueError(
                f"displacement {tuple(halves[error > width][0].tolist())} (halves of the conventional cell) does not "
                f"lead from site to site of the {lattice.prototype} lattice"
            )
        table[b] = found
    return table


def offsets_from(lattice: Grid, site: int, moves: Floats, width: float) -> NDArray[np.int64]:
    """(n, 4) offsets of the sites nearest to displacements (n, 3), fractions of the cell, from a site of the unit cell.

    Raises:
        ValueError: one is further than `width`, angstrom, from any site.
    """
    found, error = _nearest(lattice, site, moves)
    if (error > width).any():
        raise ValueError(f"a displacement does not lead from site to site of the {lattice.prototype} lattice")
    return found


def _nearest(lattice: Grid, site: int, moves: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Offsets (n, 4) of the sites nearest to displacements from a site of the unit cell, and the errors in angstrom."""
    gap = lattice.basis[site] + moves[:, None] - lattice.basis[None]  # (n, n_basis, 3)
    whole = np.rint(gap)
    error = np.linalg.norm((gap - whole) @ lattice.cell, axis=2)
    target = error.argmin(1)
    rows = np.arange(len(moves))
    return np.column_stack([whole[rows, target], target]).astype(np.int64), error[rows, target]
