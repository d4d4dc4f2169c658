"""Boxes of a crystal: which multiples of a cell are closest to a cube, and cyclic grids of oblique ones."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TypeVar

import numpy as np
from ase.geometry.minkowski_reduction import minkowski_reduce
from numpy.typing import NDArray

from asemacro.lattice.grid import Grid

AnyGrid = TypeVar("AnyGrid", bound=Grid)


def near_cube(lattice: AnyGrid, n_sites: int) -> AnyGrid:
    """The box nearest to a cube, with at least `n_sites` sites, that `lattice` tiles.

    Minimises sites x (longest edge / shortest edge)^(1/2).
    """
    if n_sites <= lattice.n_sites:
        return lattice
    base = in_conventional_cells(lattice)
    edges = np.linalg.norm(base.cell, axis=1) * base.shape
    axes = [k for k in range(3) if base.pbc[k]]
    need = -(-n_sites // base.n_sites)
    cube = float(need * np.prod([edges[k] for k in axes])) ** (1 / len(axes))
    trials = []
    for first in itertools.product(*(_around(cube / edges[k]) for k in axes[:-1])):
        last = -(-need // int(np.prod(first)))
        times = [1, 1, 1]
        for k, n in zip(axes, (*first, last), strict=True):
            times[k] = n
        box = [edges[k] * times[k] for k in axes]
        trials.append((np.prod(times) * np.sqrt(max(box) / min(box)), times))
    best = base.repeat(min(trials)[1])
    # an odd box may tile conventional cells only at a huge size: then it is repeated as it is
    plain = lattice.repeat(int(np.ceil((n_sites / lattice.n_sites) ** (1 / len(axes)) - 1e-9)))
    return plain if best.n_sites > 3 * plain.n_sites else best


def _around(value: float) -> list[int]:
    return sorted({max(1, int(np.floor(value)) + k) for k in (-1, 0, 1, 2)})


def in_conventional_cells(lattice: AnyGrid) -> AnyGrid:
    """The smallest box of conventional cells that `lattice` tiles; itself if it is one."""
    steps = np.rint(lattice.conventional @ np.linalg.inv(lattice.cell)).astype(np.int64)
    if np.array_equal(steps, np.eye(3, dtype=np.int64)):
        return lattice
    shape = []
    for k in range(3):
        # the smallest m for which m times the conventional vector k is a translation of the box
        periods = [n // np.gcd(int(abs(s)), n) for s, n in zip(steps[k], lattice.shape, strict=True)]
        shape.append(int(np.lcm.reduce(periods)) if lattice.pbc[k] else 1)
    basis = sites_in(lattice.cell, lattice.basis, lattice.conventional)
    size = (shape[0], shape[1], shape[2])
    return dataclasses.replace(lattice, cell=lattice.conventional, basis=basis, shape=size, _memo={})


def sites_in(cell: NDArray[np.float64], basis: NDArray[np.float64], larger: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) fractions of `larger`, a cell of lattice vectors, of the sites of `cell` and `basis` in it.

    A cell counts as inside by its corner, which sits on integers: no rounding decides about a site.
    """
    steps = np.rint(larger @ np.linalg.inv(cell)).astype(np.int64)
    low, high = np.minimum(steps, 0).sum(0), np.maximum(steps, 0).sum(0)
    axes = [np.arange(i, j + 1) for i, j in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    inverse = np.linalg.inv(steps.astype(float))
    corners = grid @ inverse
    corners = corners[np.all((corners > -1e-9) & (corners < 1 - 1e-9), axis=1)]
    found = (corners[:, None] + basis @ inverse).reshape(-1, 3)
    return found[np.lexsort(np.round(found, 6).T[::-1])]


def as_grid(
    box: NDArray[np.float64],
    primitive: NDArray[np.float64],
    conventional: NDArray[np.float64],
    pbc: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    """A unit cell and (N1, N2, N3) so that N_k times its vectors span the same superlattice as the box.

    Conventional cells if the box is a multiple of one; else primitive cells along the edges of the box, or of
    the reduced box; else the primitive cell in which the box is diagonal (by integer row and column
    steps, as in the Smith normal form), which always exists but may be oblique.
    """
    ratio = box @ np.linalg.inv(conventional)
    times = np.rint(np.diag(ratio)).astype(np.int64)
    if np.abs(ratio - np.diag(times)).max() < 1e-3 and times.min() > 0:
        return box / times[:, None], (int(times[0]), int(times[1]), int(times[2]))
    for edges in (box, minkowski_reduce(box, pbc=pbc)[0]):
        steps = np.rint(edges @ np.linalg.inv(primitive)).astype(np.int64)
        times = np.gcd.reduce(steps, axis=1)
        if np.prod(times) == abs(round(np.linalg.det(steps))):
            return edges / times[:, None], (int(times[0]), int(times[1]), int(times[2]))
    axes = np.ix_(pbc, pbc)
    diagonal, right = _diagonal(steps[axes])
    cell = primitive.copy()
    cell[pbc] = np.linalg.inv(right) @ primitive[pbc]
    times = np.ones(3, dtype=np.int64)
    times[pbc] = diagonal
    return cell, (int(times[0]), int(times[1]), int(times[2]))


def _diagonal(matrix: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positive d and unimodular V with U M V = diag(d) for some unimodular U."""
    m = matrix.copy()
    n = len(m)
    right = np.eye(n, dtype=np.int64)
    for k in range(n):
        while True:
            block = np.abs(m[k:, k:])
            i, j = np.argwhere(block == block[block > 0].min())[0] + k
            m[[k, i]] = m[[i, k]]
            m[:, [k, j]] = m[:, [j, k]]
            right[:, [k, j]] = right[:, [j, k]]
            for r in range(k + 1, n):
                m[r] -= m[r, k] // m[k, k] * m[k]
            for c in range(k + 1, n):
                factor = m[k, c] // m[k, k]
                m[:, c] -= factor * m[:, k]
                right[:, c] -= factor * right[:, k]
            if not m[k + 1 :, k].any() and not m[k, k + 1 :].any():
                break
    return np.abs(np.diag(m)), right
