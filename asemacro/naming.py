"""The name of an ideal crystal, its conventional cell and its undistorted shape."""

from __future__ import annotations

import itertools
import warnings
from typing import NamedTuple

import numpy as np
import spglib
from numpy.typing import NDArray

STRAIN = 0.08  # a crystal this close to a more symmetric one, in neighbour distances, is that one strained
Floats = NDArray[np.float64]
_BY_SYMMETRY = {(229, 1): "bcc", (225, 1): "fcc", (221, 1): "sc", (227, 2): "diamond", (194, 2): "hcp"}
_HEX = np.array([[1.0, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1]])


class Named(NamedTuple):
    """Name and cells of a crystal.

    Attributes:
        prototype: as in `Lattice`.
        conventional: (3, 3) conventional vectors as they are.
        ideal: (3, 3) the same without strain, in any orientation.
        basis: (n, 3) sites in fractions of the primitive cell, moved onto their symmetric positions.
    """

    prototype: str
    conventional: Floats
    ideal: Floats
    basis: Floats


def name_crystal(primitive: Floats, basis: Floats, pbc: tuple[bool, ...], near: float, box: Floats) -> Named:
    """Name a crystal of one kind of site, and orient its conventional cell along the box.

    Args:
        primitive: (3, 3) primitive vectors.
        basis: (n, 3) fractions.
        pbc: axes that are translations; a plane or a chain has fewer than three.
        near: neighbour distance, angstrom.
        box: (3, 3) box whose axes the conventional ones should follow.
    """
    named = _name_bulk(primitive, basis, near) if all(pbc) else _name_thin(primitive, basis, np.array(pbc))
    turn = _best_turn(named.ideal, named.conventional, box, np.array(pbc))
    return named._replace(conventional=turn @ named.conventional, ideal=turn @ named.ideal)


def _name_bulk(primitive: Floats, basis: Floats, near: float) -> Named:
    with warnings.catch_warnings():  # spglib deprecates None as an answer, before it offers another one
        warnings.simplefilter("ignore", DeprecationWarning)
        data = spglib.get_symmetry_dataset((primitive, basis, [1] * len(basis)), symprec=STRAIN * near)
    if data is None:
        return Named("P1", primitive, primitive, basis)
    change = data.transformation_matrix
    conventional = np.linalg.inv(change).T @ primitive
    ideal = data.std_lattice
    prototype = _BY_SYMMETRY.get((data.number, len(basis)), data.international)
    if prototype == "hcp":
        ratio = np.linalg.norm(ideal[2]) / np.linalg.norm(ideal[0])
        if abs(ratio / np.sqrt(8 / 3) - 1) < STRAIN:  # 12 neighbours are one shell, as in the ideal hcp
            shape = _HEX * [[1], [1], [np.sqrt(8 / 3)]]
            ideal = shape * abs(np.linalg.det(ideal) / np.linalg.det(shape)) ** (1 / 3)
    standard = basis @ change.T + data.origin_shift
    gap = data.std_positions[None] - standard[:, None]
    gap -= np.rint(gap)
    nearest = np.linalg.norm(gap @ data.std_lattice, axis=2).argmin(1)
    moves = gap[np.arange(len(basis)), nearest] @ np.linalg.inv(change).T
    return Named(prototype, conventional, ideal, basis + moves - moves.mean(0))


def _name_thin(primitive: Floats, basis: Floats, pbc: NDArray[np.bool_]) -> Named:
    """Planes and chains, which spglib does not know: by lengths and angle of the reduced cell."""
    ideal, cell = primitive.copy(), primitive.copy()
    axes = np.flatnonzero(pbc)
    if len(axes) == 1:
        return Named("chain" if len(basis) == 1 else "linear", cell, ideal, basis)
    a, b = (primitive[k] for k in axes)
    area = np.linalg.norm(np.cross(a, b))
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = a @ b / (lengths[0] * lengths[1])
    equal = abs(lengths[0] / lengths[1] - 1) < STRAIN
    normal = np.linalg.norm(primitive[~pbc][0])
    prototype = "planar"
    if equal and abs(cosine) < STRAIN:
        prototype = "square" if len(basis) == 1 else prototype
        flat = np.sqrt(area) * np.eye(2)
    elif equal and abs(abs(cosine) - 0.5) < STRAIN:
        if cosine > 0:  # the angle of a hexagonal cell is 120 degrees
            cell[axes[1]] = b - a
            basis = basis.copy()
            basis[:, axes[0]] += basis[:, axes[1]]
            back = True
        else:
            back = False
        flat = _HEX[:2, :2] * np.sqrt(area / np.sqrt(0.75))
        gap = basis[-1, axes] - basis[0, axes]
        gap -= np.rint(gap)
        third = np.abs(np.abs(gap) - 1 / 3).max() < STRAIN and len(basis) == 2
        prototype = "triangular" if len(basis) == 1 else "honeycomb" if third else prototype
        if third:
            basis = basis.copy()
            middle = basis[0, axes] + gap / 2
            basis[0, axes], basis[1, axes] = middle - np.sign(gap) / 6, middle + np.sign(gap) / 6
        if back:
            basis[:, axes[0]] -= basis[:, axes[1]]
    else:
        return Named(prototype, cell, ideal, basis)
    ideal = np.zeros((3, 3))
    ideal[axes, :2] = flat
    ideal[~pbc, 2] = normal
    return Named(prototype, cell, ideal, basis)


def _best_turn(ideal: Floats, conventional: Floats, box: Floats, pbc: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The symmetry of the conventional cell that turns its axes along the box's, handedness included."""
    entries = np.array(list(itertools.product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    entries = entries[np.all(entries[:, ~pbc] == np.eye(3, dtype=int)[~pbc], axis=(1, 2))]
    entries = entries[np.all(entries[:, :, ~pbc] == np.eye(3, dtype=int)[:, ~pbc], axis=(1, 2))]
    hand = np.sign(np.linalg.det(box) * np.linalg.det(conventional))
    entries = entries[np.rint(np.linalg.det(entries)) == hand]
    metric = ideal @ ideal.T
    same = np.abs(entries @ metric @ entries.transpose(0, 2, 1) - metric).max((1, 2)) < 1e-3 * metric.max()
    turns = entries[same]
    along = (turns @ conventional) / np.linalg.norm(turns @ conventional, axis=2, keepdims=True)
    target = box / np.linalg.norm(box, axis=1, keepdims=True)
    return turns[np.round((along * target).sum((1, 2)), 6).argmax()]
