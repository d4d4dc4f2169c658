"""Waves that fit a periodic box: which wave vectors of a plane of reciprocal space they have, all of them, exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.lattice.grid import Grid
from asemacro.lattice.reciprocal_plane import ReciprocalPlane, cross
from asemacro.typing import Floats, Integers

_FITS = 1e-3  # of a step, that a wave vector may be off
_MOST_PARTS = 48  # vectors of a unit cell are multiples of this part of the conventional ones, at most
_BYTES = 400  # a wave, while it is looked for
Exact = NDArray[np.object_]


class Waves(NamedTuple):
    """Wave vectors of a box.

    Attributes:
        hkl: (n, 3) in reciprocal vectors of the conventional cell.
        steps: (n, 3) whole numbers of waves along the edges of the box.
    """

    hkl: Floats
    steps: Integers


def box_edges(box: Grid) -> Floats:
    """(3, 3) edges of a box in conventional cells, in rows: a wave fits if its product with each is a whole number."""
    return np.asarray((box.cell * np.array(box.shape)[:, None]) @ np.linalg.inv(box.conventional))


def fitting(box: Grid, hkl: Floats) -> tuple[Integers, NDArray[np.bool_]]:
    """(n, 3) nearest whole numbers of waves along the edges of the box, and whether the wave vectors are just these.

    Waves along an axis of vacuum fit no box.
    """
    steps = hkl @ box_edges(box).T
    whole = np.rint(steps)
    fits = (np.abs(steps - whole) < _FITS).all(axis=1) & (whole[:, ~np.array(box.pbc)] == 0).all(axis=1)
    return whole.astype(np.int64), fits


def waves_at(box: Grid, hkl: Floats) -> Waves:
    """The waves of given wave vectors (n, 3).

    Raises:
        ValueError: one does not fit the box.
    """
    steps, fits = fitting(box, hkl)
    if not fits.all():
        raise ValueError(
            f"the wave vector {_written(hkl[~fits][0])} does not fit {_named(box)}: a wave goes a whole number of "
            "times along each edge, and not at all along an axis of vacuum"
        )
    return Waves(hkl, steps)


def waves_in(box: Grid, plane: ReciprocalPlane, extent: float) -> Waves:
    """All waves of a box in a plane, its two letters from 0 to `extent`.

    Raises:
        ValueError: none, or the plane runs along an axis of vacuum.
    """
    edges = [[Fraction(float(v)).limit_denominator(_MOST_PARTS) for v in row] for row in box_edges(box)]
    along = [[sum(e * p for e, p in zip(edge, vector, strict=True)) for edge in edges] for vector in plane[2:]]
    offset, first, second = (tuple(Fraction(v) for v in vector) for vector in along)
    normal = cross(first, second)
    scale = math.lcm(*(part.denominator for part in normal))
    whole = [int(part * scale) for part in normal]
    whole = [part // math.gcd(*whole) for part in whole]
    height = sum(n * o for n, o in zip(whole, offset, strict=True))
    if height.denominator > 1:
        raise ValueError(
            f"no wave that fits {_named(box)} lies in the plane {plane.words}; give a plane through the origin, or "
            "repeat the cell"
        )
    span = np.linalg.pinv(np.array([first, second], dtype=float).T)
    start, one, two = _short(*_solutions(whole, int(height)), span)
    here = span @ (start - np.array(offset, dtype=float))
    into = np.stack([span @ one, span @ two], axis=1)
    corners = np.array([[0.0, 0.0], [extent, 0.0], [0.0, extent], [extent, extent]]) - here
    ranges = corners @ np.linalg.inv(into).T
    low, high = np.ceil(ranges.min(axis=0) - _FITS), np.floor(ranges.max(axis=0) + _FITS)
    bound_of_memory(_BYTES * float(np.prod(high - low + 1)), f"the waves of {_named(box)} in the plane {plane.words}")
    a, b = (m.ravel() for m in np.meshgrid(*(np.arange(i, j + 1) for i, j in zip(low, high, strict=True))))
    xy = here + np.stack([a, b], axis=1) @ into.T
    inside = ((xy > -_FITS) & (xy < extent + _FITS)).all(axis=1)
    xy = xy[inside][np.lexsort(np.round(xy[inside], 6).T[::-1])]
    o, u, v = (np.array(vector, dtype=float) for vector in plane[2:])
    return waves_at(box, o + xy[:, :1] * u + xy[:, 1:] * v)


def lengths_of(box: Grid, hkl: Floats) -> Floats:
    """(n,) lengths |k| of wave vectors, with the factor 2 pi, 1/angstrom; the box as it is, strained if it is."""
    return np.asarray(2 * np.pi * np.linalg.norm(hkl @ np.linalg.inv(box.conventional).T, axis=1))


def lattice_waves(box: Grid, steps: Integers) -> Floats:
    """(n,) |sum over the sites exp(-i k.r)| / number of sites: 1 at a Bragg peak of one-atom lattices, 0 between."""
    repeats = (steps % np.array(box.shape) == 0).all(axis=1)
    phases = np.exp(-2j * np.pi * (steps / np.array(box.shape)) @ box.basis.T)
    return np.where(repeats, np.abs(phases.mean(axis=1)), 0.0)


def _solutions(normal: list[int], height: int) -> tuple[Exact, Exact, Exact]:
    """A whole solution m of normal . m = height, and two vectors whose whole sums lead to all others."""
    a, b, c = normal
    g, s, t = _bezout(a, b)
    if g == 0:  # the normal is (0, 0, +-1)
        return _exact(0, 0, height * c), _exact(1, 0, 0), _exact(0, 1, 0)
    _, p, q = _bezout(g, c)
    start = _exact(height * p * s, height * p * t, height * q)
    return start, _exact(b // g, -a // g, 0), _exact(-c * s, -c * t, g)


def _exact(*parts: int) -> Exact:
    """Numbers of any size: on the way they may be far larger than those that come out."""
    return np.array(parts, dtype=object)


def _bezout(a: int, b: int) -> tuple[int, int, int]:
    """g = gcd(a, b) >= 0 and s, t with s a + t b = g."""
    rows = [(a, 1, 0), (b, 0, 1)]
    while rows[1][0]:
        times = rows[0][0] // rows[1][0]
        rows = [rows[1], tuple(x - times * y for x, y in zip(*rows, strict=True))]  # type: ignore[list-item]
    sign = -1 if rows[0][0] < 0 else 1
    return sign * rows[0][0], sign * rows[0][1], sign * rows[0][2]


def _short(start: Exact, one: Exact, two: Exact, span: Floats) -> tuple[Integers, Integers, Integers]:
    """The same lattice by its two shortest vectors in the plane (Gauss) and a start near to the origin."""
    while True:
        a, b = (span @ vector.astype(float) for vector in (one, two))
        if b @ b < a @ a:
            one, two, a, b = two, one, b, a
        times = round(a @ b / (a @ a))
        if times == 0:
            break
        two = two - times * one
    for _ in range(2):
        far = np.linalg.solve(np.stack([a, b], axis=1), span @ start.astype(float))
        start = start - round(far[0]) * one - round(far[1]) * two
    return start.astype(np.int64), one.astype(np.int64), two.astype(np.int64)


def _written(vector: Floats) -> str:
    return "(" + ", ".join(f"{v:.4g}" for v in vector) + ")"


def _named(box: Grid) -> str:
    """The box as words: its size in conventional cells if it is made of such."""
    edges = box_edges(box)
    times = np.rint(np.diag(edges)).astype(int)
    if np.abs(edges - np.diag(times)).max() < _FITS:
        return f"the box of {' x '.join(map(str, times))} conventional cells"
    return f"the box of {box.n_sites} sites"
