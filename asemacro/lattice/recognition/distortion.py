"""The undistorted crystal that a strained one is nearest to, and how far it is from it.

The distortion of a cell A from an undistorted cell B is 1 - l_min / l_max, l being the principal stretches that
take B to A: a face-centred crystal of c/a = 0.93 has 0.07, a change of volume or a rotation has none.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from asemacro.typing import Floats, Integers

SHELL_TOLERANCE = 0.08  # distortion up to which neighbours are those of the undistorted crystal
WIDEST = 0.15  # of tolerances: at 0.16 fcc becomes bcc along Bain's path
SAME_SITE = 0.08  # sites that a symmetry maps this near to each other, in neighbour distances, are mapped


def distortion(cell: Floats, undistorted: Floats, pbc: NDArray[np.bool_] | None = None) -> float:
    """1 - smallest / largest principal stretch from `undistorted` to `cell`, (3, 3) rows, along periodic axes."""
    rows = slice(None) if pbc is None else pbc
    a, b = cell[rows], undistorted[rows]
    squares = np.linalg.eigvals(np.linalg.solve(b @ b.T, a @ a.T)).real
    return float(1 - np.sqrt(squares.min() / squares.max()))


def symmetrised(primitive: Floats, basis: Floats, near: float, tolerance: float) -> Floats:
    """The cell of the most symmetric crystal within `tolerance`: of the same volume, stretched but not turned.

    The integer matrices M that map the crystal onto itself but for the strain, a_i -> sum_j M_ij a_j, form the
    symmetry of the undistorted crystal; the mean of M G M^T over them is its metric, G = A A^T being that of the cell.

    Args:
        primitive: (3, 3) reduced primitive vectors.
        basis: (n, 3) fractions.
        near: neighbour distance, angstrom.
        tolerance: largest distortion.

    Returns:
        (3, 3) vectors; `primitive` itself if it is undistorted or nothing more symmetric is near.
    """
    metric = primitive @ primitive.T
    maps, strains = _near_symmetries(metric, -2 * np.log1p(-tolerance) + 1e-9)
    kept = [k for k, m in enumerate(maps) if _maps_sites(m, primitive, basis, SAME_SITE * near)]
    maps, strains = maps[kept], strains[kept]
    ends = [k for k in range(len(maps), 0, -1) if k == len(maps) or strains[k] > strains[k - 1] + 1e-9]
    for end in ends:
        group = maps[:end]
        if strains[end - 1] < 1e-6:
            break
        if not _is_group(group):
            continue
        mean = (group @ metric @ group.transpose(0, 2, 1)).mean(0)
        inverse = np.linalg.inv(primitive)
        squares, axes = np.linalg.eigh(inverse @ mean @ inverse.T)
        if 1 - np.sqrt(squares.min() / squares.max()) <= tolerance + 1e-9:
            stretches = np.sqrt(squares / squares.prod() ** (1 / 3))
            return primitive @ (axes * stretches) @ axes.T
    return primitive


def _near_symmetries(metric: Floats, widest: float) -> tuple[Integers, Floats]:
    """(m, 3, 3) matrices M of determinant +-1, and log(l_max / l_min) from G to M G M^T up to `widest`, ascending."""
    vectors = np.array(list(itertools.product(range(-2, 3), repeat=3)))
    lengths = np.sqrt(np.einsum("ni,ij,nj->n", vectors, metric, vectors))
    # the volume stays, so no vector grows or shrinks by more than the whole strain
    near = [vectors[np.abs(np.log(np.maximum(lengths, 1e-12) / np.sqrt(g))) <= widest] for g in np.diag(metric)]
    rows = np.meshgrid(*(np.arange(len(v)) for v in near), indexing="ij")
    maps = np.stack([v[r.ravel()] for v, r in zip(near, rows, strict=True)], axis=1)
    maps = maps[np.abs(np.rint(np.linalg.det(maps))) == 1]
    squares = np.linalg.eigvals(np.linalg.solve(metric, maps @ metric @ maps.transpose(0, 2, 1))).real
    strains = 0.5 * np.log(squares.max(1) / squares.min(1))
    order = np.argsort(strains, kind="stable")
    order = order[strains[order] <= widest]
    return maps[order], strains[order]


def _maps_sites(m: Integers, primitive: Floats, basis: Floats, width: float) -> bool:
    """Whether the fractions f -> f M + t fall on sites again, for some t."""
    moved = basis @ m
    for origin in basis:
        gap = (moved - moved[0] + origin)[:, None] - basis[None]
        gap -= np.rint(gap)
        if np.linalg.norm(gap @ primitive, axis=2).min(1).max() < width:
            return True
    return False


def _is_group(maps: Integers) -> bool:
    """Whether products of these matrices are among them."""
    codes = 5 ** np.arange(9)
    products = (maps[:, None] @ maps[None]).reshape(-1, 9)
    if np.abs(products).max() > 2:
        return False
    return bool(np.isin((products + 2) @ codes, (maps.reshape(-1, 9) + 2) @ codes).all())


def ideal_stacking(cell: Floats, sites: Floats, tolerance: float) -> Floats:
    """The hexagonal cell with the ideal height if it holds close-packed layers, near to that height.

    In hcp, dhcp and other stackings of n layers the twelve neighbours lie at one distance only at
    c / a = n sqrt(2/3).

    Args:
        cell: (3, 3) conventional hexagonal vectors, c the third.
        sites: (n, 3) fractions, all those of the cell.
        tolerance: largest distortion |c / c_ideal| may have.

    Returns:
        The cell of the same volume with the ideal ratio, in a standard orientation; `cell` if it is no such stacking.
    """
    a, b, c = cell
    lengths = np.linalg.norm(cell, axis=1)
    hexagonal = abs(lengths[0] / lengths[1] - 1) < 1e-3 and abs(a @ b / (lengths[0] * lengths[1]) + 0.5) < 1e-3
    upright = max(abs(c @ a), abs(c @ b)) < 1e-3 * lengths[2] * lengths[0]
    n = len(sites)
    if not (hexagonal and upright) or n < 2:
        return cell
    layers = sites[np.argsort(sites[:, 2] % 1)]
    steps = np.roll(layers, -1, axis=0) - layers
    rise = steps[:, 2] % 1
    aside = steps[:, :2] % 1
    hollow = np.array([[1 / 3, 2 / 3], [2 / 3, 1 / 3]])
    shifted = np.abs(aside[:, None] - hollow).max(2).min(1) < SAME_SITE
    if not shifted.all() or np.abs(n * rise - 1).max() > SAME_SITE:
        return cell
    ratio = lengths[2] / lengths[0] / (n * np.sqrt(2 / 3))
    if 1 - min(ratio, 1 / ratio) > tolerance:
        return cell
    shape = np.array([[1.0, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, n * np.sqrt(2 / 3)]])
    return shape * abs(np.linalg.det(cell) / np.linalg.det(shape)) ** (1 / 3)
