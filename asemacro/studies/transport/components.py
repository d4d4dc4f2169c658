"""The components of a diffusion tensor that the symmetry of the lattice leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import spglib

from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

TOLERANCE = 1e-3  # angstrom within which sites are symmetric
_ROUND = 1e-6
_FULL = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}


def components_of(lattice: Lattice) -> dict[str, Floats]:
    """Name and (3, 3) weights w of each component, sum of w * tensor over both axes.

    Every symmetric tensor that the point group of the sites leaves as it is has one value ("" of cubic lattices, and in
    the plane of nets), two ("normal to c" and "along c", or another axis), or up to six in Cartesian axes ("xx" ...).

    Args:
        lattice: the lattice, as it is: a strain counts.
    """
    periodic = np.array(lattice.pbc)
    across = np.outer(periodic, periodic).astype(float)
    group = _rotations(lattice)
    span = np.array([_invariant(group, _symmetric(k)) for k in _FULL]).reshape(6, 9)
    rank = int(np.linalg.matrix_rank(span, tol=_ROUND))
    if rank == 1:
        return {"": np.eye(3) / 3}
    if rank == 2:
        axis = _axis(group)
        along = np.outer(axis, axis)
        name = _name(lattice, axis)
        if periodic.all():
            return {f"normal to {name}": (np.eye(3) - along) / 2, f"along {name}": along}
        out_of = np.abs(lattice.cell[~periodic] / np.linalg.norm(lattice.cell[~periodic], axis=1)[:, None] @ axis)
        return {"": (np.eye(3) - along) / 2 if out_of.max() > 1 - _ROUND else along}
    full = {name: _symmetric(name) / _symmetric(name).sum() for name in _FULL}
    return full if periodic.all() else {name: w for name, w in full.items() if (w * across).sum() > _ROUND}


def _symmetric(name: str) -> Floats:
    i, j = _FULL[name]
    tensor = np.zeros((3, 3))
    tensor[i, j] = tensor[j, i] = 1.0
    return tensor


def _rotations(lattice: Lattice) -> Floats:
    """(n, 3, 3) rotations of the crystal, all of whose sites count as the same, in Cartesian axes."""
    numbers = np.ones(lattice.n_basis)
    found = spglib.get_symmetry((lattice.cell, lattice.basis, numbers), symprec=TOLERANCE)
    if found is None:
        return np.eye(3)[None]
    columns = lattice.cell.T
    rotations: Floats = columns @ found["rotations"] @ np.linalg.inv(columns)
    return rotations


def _invariant(group: Floats, tensor: Floats) -> Floats:
    mean: Floats = (group @ tensor @ group.transpose(0, 2, 1)).mean(axis=0)
    return mean


def _axis(group: Floats) -> Floats:
    """The axis of a uniaxial group: the direction whose value of a tensor differs from the other two."""
    generic = np.array([[1.0, 0.21, 0.34], [0.21, 1.7, 0.13], [0.34, 0.13, 2.9]])
    values, vectors = np.linalg.eigh(_invariant(group, generic))
    axis: Floats = vectors[:, 0] if abs(values[1] - values[2]) < abs(values[0] - values[1]) else vectors[:, 2]
    return axis


def _name(lattice: Lattice, axis: Floats) -> str:
    """c, b or a if the axis is that of the conventional cell, else its direction."""
    for name, vector in zip("cba", lattice.conventional[::-1], strict=True):
        if abs(vector @ axis) > (1 - _ROUND) * np.linalg.norm(vector):
            return name
    direction = axis * np.sign(axis[np.abs(axis).argmax()])
    return "[" + " ".join(f"{x:.3g}" for x in direction) + "]"
