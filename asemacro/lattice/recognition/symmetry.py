"""The name of an ideal crystal, its conventional cell and its undistorted shape."""

from __future__ import annotations

import itertools
import warnings
from typing import Any, NamedTuple

import numpy as np
import spglib
from numpy.typing import NDArray

from asemacro.lattice.recognition.distortion import (
    SAME_SITE,
    SHELL_TOLERANCE,
    WIDEST,
    distortion,
    ideal_stacking,
    symmetrised,
)
from asemacro.typing import Floats

LEAST_SAID = 0.005  # distortion that is mentioned: below it shells do not split
EXACT = 1e-6
CUBIC = ("bcc", "fcc", "sc", "diamond")
_BY_SYMMETRY = {(229, 1): "bcc", (225, 1): "fcc", (221, 1): "sc", (227, 2): "diamond", (194, 2): "hcp"}
_HEX = np.array([[1.0, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1]])


class Named(NamedTuple):
    """Name and cells of a crystal.

    Attributes:
        prototype: as in `Lattice`.
        conventional: (3, 3) conventional vectors as they are.
        ideal: (3, 3) the same without strain, in any orientation.
        basis: (n, 3) sites in fractions of the primitive cell, moved onto their symmetric positions.
        kinds: how many kinds of sites no symmetry maps onto each other.
    """

    prototype: str
    conventional: Floats
    ideal: Floats
    basis: Floats
    kinds: int


def name_crystal(
    primitive: Floats,
    basis: Floats,
    pbc: tuple[bool, ...],
    near: float,
    box: Floats,
    tolerance: float = SHELL_TOLERANCE,
) -> Named:
    """Name a crystal all of whose sites hold the same, and orient its conventional cell along the box.

    Args:
        primitive: (3, 3) primitive vectors.
        basis: (n, 3) fractions.
        pbc: axes that are translations; a plane or a chain has fewer than three.
        near: neighbour distance, angstrom.
        box: (3, 3) box whose axes the conventional ones should follow.
        tolerance: distortion up to which the crystal is a more symmetric one, strained.
    """
    axes = np.array(pbc)
    named = _name(primitive, basis, axes, near, tolerance)
    turn = _best_turn(named.ideal, named.conventional, box, axes)
    return named._replace(conventional=turn @ named.conventional, ideal=turn @ named.ideal)


def describe_distortion(
    named: Named, primitive: Floats, basis: Floats, pbc: tuple[bool, ...], near: float, tolerance: float
) -> str | None:
    """One line about a crystal that is distorted, or is nearly a more symmetric one; None if it is neither."""
    axes = np.array(pbc)
    found = distortion(named.conventional, named.ideal, axes)
    if found > LEAST_SAID:
        return (
            f"{named.prototype} distorted by {found:.1%}: neighbours are counted as in the undistorted crystal "
            f"(a shell tolerance below {np.floor(1e3 * found) / 1e3:g}, now {tolerance:g}, counts them as they lie)"
        )
    if named.prototype in CUBIC or tolerance >= WIDEST:
        return None
    other = _name(primitive, basis, axes, near, WIDEST)
    found = distortion(other.conventional, other.ideal, axes)
    if found <= LEAST_SAID:
        return None
    name = other.prototype if other.prototype != named.prototype else f"the ideal {other.prototype}"
    return (
        f"{named.prototype}, {found:.1%} away from {name}: neighbours are counted as they lie (a shell tolerance of "
        f"{np.ceil(1e3 * found) / 1e3:g}, now {tolerance:g}, counts them as in {name})"
    )


def _name(primitive: Floats, basis: Floats, axes: NDArray[np.bool_], near: float, tolerance: float) -> Named:
    if axes.all():
        return _name_bulk(primitive, basis, near, tolerance)
    data = _symmetry(primitive, basis, SAME_SITE * near)
    kinds = len(basis) if data is None else len(set(data.equivalent_atoms.tolist()))
    return _name_thin(primitive, basis, axes, tolerance)._replace(kinds=kinds)


def _name_bulk(primitive: Floats, basis: Floats, near: float, tolerance: float) -> Named:
    unit = 2.0 ** np.rint(np.log2(near / 3))  # spglib fails on cells of thousands of angstroms; exact as a power of 2
    undistorted = symmetrised(primitive, basis, near, tolerance) / unit
    for width in SAME_SITE * near * 0.5 ** np.arange(12):
        data = _symmetry(undistorted, basis, width / unit)
        if data is None:
            return Named("P1", primitive, primitive, basis, len(basis))
        change = data.transformation_matrix
        conventional = np.linalg.inv(change).T @ primitive
        # sites that lie off their symmetric positions may, vectors that do not fit may not add symmetry
        if distortion(conventional, data.std_lattice) <= tolerance + 1e-6:
            break
    prototype = _BY_SYMMETRY.get((data.number, len(basis)), data.international)
    ideal = unit * ideal_stacking(data.std_lattice, data.std_positions, tolerance)
    standard = basis @ change.T + data.origin_shift
    gap = data.std_positions[None] - standard[:, None]
    gap -= np.rint(gap)
    nearest = np.linalg.norm(gap @ data.std_lattice, axis=2).argmin(1)
    moves = gap[np.arange(len(basis)), nearest] @ np.linalg.inv(change).T
    kinds = len(set(data.equivalent_atoms.tolist()))
    return Named(prototype, conventional, ideal, basis + moves - moves.mean(0), kinds)


def _symmetry(cell: Floats, basis: Floats, width: float) -> Any:
    with warnings.catch_warnings():  # spglib deprecates None as an answer, before it offers another one
        warnings.simplefilter("ignore", DeprecationWarning)
        return spglib.get_symmetry_dataset((cell, basis, [1] * len(basis)), symprec=width)


def _name_thin(primitive: Floats, basis: Floats, pbc: NDArray[np.bool_], tolerance: float) -> Named:
    """Planes and chains, which spglib does not know: by lengths and angle of the reduced cell."""
    ideal, cell = primitive.copy(), primitive.copy()
    axes = np.flatnonzero(pbc)
    if len(axes) == 1:
        return Named("chain" if len(basis) == 1 else "linear", cell, ideal, basis, 1)
    a, b = (primitive[k] for k in axes)
    area = np.linalg.norm(np.cross(a, b))
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = a @ b / (lengths[0] * lengths[1])
    equal = abs(lengths[0] / lengths[1] - 1) < max(tolerance, EXACT)
    normal = np.linalg.norm(primitive[~pbc][0])
    prototype = "planar"
    if equal and abs(cosine) < max(tolerance, EXACT):
        prototype = "square" if len(basis) == 1 else prototype
        flat = np.sqrt(area) * np.eye(2)
    elif equal and abs(abs(cosine) - 0.5) < max(tolerance, EXACT):
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
        third = np.abs(np.abs(gap) - 1 / 3).max() < SAME_SITE and len(basis) == 2
        prototype = "triangular" if len(basis) == 1 else "honeycomb" if third else prototype
        if third:
            basis = basis.copy()
            middle = basis[0, axes] + gap / 2
            basis[0, axes], basis[1, axes] = middle - np.sign(gap) / 6, middle + np.sign(gap) / 6
        if back:
            basis[:, axes[0]] -= basis[:, axes[1]]
    else:
        return Named(prototype, cell, ideal, basis, 1)
    ideal = np.zeros((3, 3))
    ideal[axes, :2] = flat
    ideal[~pbc, 2] = normal
    return Named(prototype, cell, ideal, basis, 1)


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
