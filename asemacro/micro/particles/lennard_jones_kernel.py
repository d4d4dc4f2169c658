"""Lennard-Jones particles in a periodic cube: the compiled loops.

Atoms are sorted into cells at least as wide as the range of the forces, so that the neighbours of an atom are in its
own cell and the 26 around it. Positions are not wrapped: every distance is that of the nearest images.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.typing import Floats

Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _pair(square: float) -> tuple[float, float]:
    """Force over distance and energy, not shifted, of a pair at a squared distance; epsilon = sigma = 1."""
    inverse = 1.0 / square
    sixth = inverse * inverse * inverse
    return 24.0 * sixth * (2.0 * sixth - 1.0) * inverse, 4.0 * sixth * (sixth - 1.0)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _nearest(distance: float, box: float, per_length: float) -> float:
    """A distance along an axis to the nearest image; `per_length` is 1 / box."""
    return distance - box * np.floor(distance * per_length + 0.5)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _between(r: Floats, i: int, j: int, box: float, per_length: float) -> tuple[float, float, float]:
    """From atom j to the nearest image of atom i."""
    return (
        _nearest(r[i, 0] - r[j, 0], box, per_length),
        _nearest(r[i, 1] - r[j, 1], box, per_length),
        _nearest(r[i, 2] - r[j, 2], box, per_length),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def sorted_into_cells(r: Floats, box: float, reach: float) -> tuple[int, Ints, Ints, Ints]:
    """Atoms (N,) by cells at least as wide as `reach`, and not many more cells than atoms.

    Returns:
        Cells along an edge, the cell (N,) of each atom, the atoms in the order of their cells, and where each cell
        begins in it.
    """
    n = len(r)
    n_cells = max(min(int(box / reach), int(np.ceil(n ** (1 / 3)))), 1)
    cell = np.empty(n, dtype=np.int64)
    begin = np.zeros(n_cells**3 + 1, dtype=np.int64)
    for i in range(n):
        number = 0
        for axis in range(3):
            share = r[i, axis] / box
            place = int((share - np.floor(share)) * n_cells)  # any number if the atoms ran away to infinity
            number = number * n_cells + max(0, min(place, n_cells - 1))
        cell[i] = number
        begin[number + 1] += 1
    for c in range(n_cells**3):
        begin[c + 1] += begin[c]
    order = np.empty(n, dtype=np.int64)
    free = begin[:-1].copy()
    for i in range(n):
        order[free[cell[i]]] = i
        free[cell[i]] += 1
    return n_cells, cell, order, begin


@njit(cache=True, nogil=True, error_model="numpy")
def _cells_around(cell: int, n_cells: int, around: Ints) -> int:
    """The different cells next to a cell, itself among them: how many, listed in `around`."""
    count = 0
    width = min(n_cells, 3)
    x, y, z = cell // (n_cells * n_cells), cell // n_cells % n_cells, cell % n_cells
    for dx in range(width):
        for dy in range(width):
            for dz in range(width):
                a, b, c = (x + dx - 1) % n_cells, (y + dy - 1) % n_cells, (z + dz - 1) % n_cells
                around[count] = (a * n_cells + b) * n_cells + c
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def forces_on(
    r: Floats,
    atoms: Ints,
    box: float,
    cutoff: float,
    zero: float,
    cells: tuple[int, Ints, Ints, Ints],
    f: Floats,
    energy: Floats,
) -> None:
    """Forces (m, 3) on some atoms (m,) and sums (m,) of the energies of their pairs, written to `f` and `energy`.

    The cost grows with m: each atom looks at those in 27 cells.

    Args:
        r: (N, 3) positions of all atoms.
        atoms: whose forces are computed.
        box: edge of the cube, at least twice the cutoff.
        cutoff: range of the forces.
        zero: energy of a pair that counts as none.
        cells: the atoms by cells not narrower than the cutoff.
        f: for the forces.
        energy: for the sums of energies.
    """
    n_cells, cell, order, begin = cells
    per_length = 1.0 / box
    around = np.empty(27, dtype=np.int64)
    for k in range(len(atoms)):
        i = atoms[k]
        fx, fy, fz, total = 0.0, 0.0, 0.0, 0.0
        for c in around[: _cells_around(cell[i], n_cells, around)]:
            for place in range(begin[c], begin[c + 1]):
                j = order[place]
                dx, dy, dz = _between(r, i, j, box, per_length)
                square = dx * dx + dy * dy + dz * dz
                if square < cutoff * cutoff and j != i:
                    strength, potential = _pair(square)
                    fx += strength * dx
                    fy += strength * dy
                    fz += strength * dz
                    total += potential - zero
        f[k, 0], f[k, 1], f[k, 2], energy[k] = fx, fy, fz, total


@njit(cache=True, nogil=True, error_model="numpy")
def pairs_within(r: Floats, box: float, reach: float) -> tuple[Ints, Ints]:
    """Verlet list of the pairs nearer than `reach`, each once: where the partners of each atom begin, and these."""
    n = len(r)
    n_cells, cell, order, begin = sorted_into_cells(r, box, reach)
    per_length = 1.0 / box
    around = np.empty(27, dtype=np.int64)
    first = np.zeros(n + 1, dtype=np.int64)
    partners = np.empty(max(64 * n, 64), dtype=np.int64)
    count = 0
    for i in range(n):
        own = cell[i]
        for c in around[: _cells_around(own, n_cells, around)]:
            if c < own:  # seen from there
                continue
            for place in range(begin[c], begin[c + 1]):
                j = order[place]
                if c == own and j <= i:
                    continue
                dx, dy, dz = _between(r, i, j, box, per_length)
                if dx * dx + dy * dy + dz * dz < reach * reach:
                    if count == len(partners):
                        longer = np.empty(2 * count, dtype=np.int64)
                        longer[:count] = partners
                        partners = longer
                    partners[count] = j
                    count += 1
        first[i + 1] = count
    return first, partners[:count].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _forces_of_pairs(r: Floats, first: Ints, partners: Ints, box: float, cutoff: float, f: Floats) -> None:
    """All forces (N, 3) from a Verlet list, written to `f`; action and reaction cancel exactly."""
    per_length = 1.0 / box
    f[:] = 0.0
    for i in range(len(r)):
        fx, fy, fz = 0.0, 0.0, 0.0
        for place in range(first[i], first[i + 1]):
            j = partners[place]
            dx, dy, dz = _between(r, i, j, box, per_length)
            square = dx * dx + dy * dy + dz * dz
            if square < cutoff * cutoff:
                strength = _pair(square)[0]
                fx += strength * dx
                fy += strength * dy
                fz += strength * dz
                f[j, 0] -= strength * dx
                f[j, 1] -= strength * dy
                f[j, 2] -= strength * dz
        f[i, 0] += fx
        f[i, 1] += fy
        f[i, 2] += fz


@njit(cache=True, nogil=True, error_model="numpy")
def velocity_verlet(
    r: Floats,
    v: Floats,
    f: Floats,
    n_steps: int,
    step: float,
    box: float,
    cutoff: float,
    skin: float,
    lists: tuple[Floats, Ints, Ints],
) -> tuple[Floats, Ints, Ints]:
    """Advance positions, velocities and forces (N, 3) of atoms of mass 1 in place, by steps of velocity Verlet.

    Args:
        r: positions.
        v: velocities.
        f: forces.
        n_steps: steps.
        step: length of a step.
        box: edge of the cube.
        cutoff: range of the forces.
        skin: pairs are listed up to cutoff + skin, and anew once an atom has moved half the skin.
        lists: (positions when the pairs were listed, `pairs_within` them); what the last call returned.

    Returns:
        The lists now.
    """
    where, first, partners = lists
    for _ in range(n_steps):
        furthest = 0.0
        for i in range(len(r)):
            moved = 0.0
            for axis in range(3):
                v[i, axis] += 0.5 * step * f[i, axis]
                r[i, axis] += step * v[i, axis]
                moved += (r[i, axis] - where[i, axis]) ** 2
            furthest = max(furthest, moved)
        if 4.0 * furthest > skin * skin:
            where = r.copy()
            first, partners = pairs_within(r, box, cutoff + skin)
        _forces_of_pairs(r, first, partners, box, cutoff, f)
        for i in range(len(r)):
            for axis in range(3):
                v[i, axis] += 0.5 * step * f[i, axis]
    return where, first, partners
