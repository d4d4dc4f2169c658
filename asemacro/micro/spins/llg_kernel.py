"""Time steps of unit vectors on a lattice, spin after spin in the frozen field of the others: the compiled loops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.neighbour_tables import Stencil, vector_field
from asemacro.micro.time_steps import ROUNDING
from asemacro.typing import Floats

_SERIES = 0.0625  # arguments below which the fraction is right to the last bit
Vector = tuple[float, float, float]


class Law(NamedTuple):
    """How the spins move.

    Attributes:
        field: h, the three components.
        anisotropy: k.
        turning: 1 / (1 + damping^2), angle of precession over field and time.
        falling: damping / (1 + damping^2).
        time_step: the whole step.
    """

    field: Vector
    anisotropy: float
    turning: float
    falling: float
    time_step: float


@njit(cache=True, nogil=True)
def advance(
    rng: np.random.Generator,
    x: Floats,
    stencil: Stencil,
    active: NDArray[np.int64],
    everything: bool,
    steps: NDArray[np.int64],
    rest: Floats,
    sharpness: Floats,
    law: Law,
) -> None:
    """Advance states in place: whole steps, then one shorter step for what is left of the duration.

    A step: half a step of all spins one after the other, the noise of a whole step, half a step in reverse order. It
    is its own mirror image in time, which makes it of second order. Every second spin comes first, then the others:
    spins side by side would wait for each other.

    Args:
        rng: source of normal numbers, three a spin and step.
        x: (batch, n_sites, 3) unit vectors.
        stencil: neighbours with their exchange.
        active: (batch, m) spins that move; not read if `everything`.
        everything: all spins move.
        steps: (batch,) numbers of whole steps.
        rest: (batch,) length of the shorter step that follows; none below ROUNDING of the whole step.
        sharpness: (1 + batch,) kappa of the noise of a whole step and of the shorter one of each row; inf for none.
        law: of the motion.
    """
    m = x.shape[1] if everything else active.shape[1]
    for row in range(len(x)):
        state = x[row]
        sites = active[0 if everything else row]
        for step in range(steps[row] + 1):
            whole = step < steps[row]
            h = law.time_step if whole else rest[row]
            if h <= ROUNDING * law.time_step:
                break
            kappa = sharpness[0 if whole else 1 + row]
            for reverse in (False, True):
                if reverse and kappa < np.inf:
                    for k in range(m):
                        _shake(rng, state, k if everything else sites[k], kappa)
                _sweep(state, stencil, sites, everything, m, reverse, 0.5 * h, law)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _sweep(
    state: Floats,
    stencil: Stencil,
    sites: NDArray[np.int64],
    everything: bool,
    m: int,
    reverse: bool,
    h: float,
    law: Law,
) -> None:
    """Move each spin by a time h, in the field of its neighbours and along the easy axis."""
    grid, offsets, deltas, weights = stencil.grid, stencil.offsets, stencil.deltas, stencil.weights
    turn, fall = 0.5 * law.turning * h, law.falling * h
    axis, growth = law.anisotropy * law.turning * h, np.exp(4 * law.anisotropy * law.falling * h)
    even = (m + 1) // 2
    hx, hy, hz = law.field
    for n in range(m):
        k = m - 1 - n if reverse else n
        k = 2 * k if k < even else 2 * (k - even) + 1
        i = k if everything else sites[k]
        bx, by, bz = vector_field(grid, offsets, deltas, weights, state, i)
        field = (bx + hx, by + hy, bz + hz)
        spin = (state[i, 0], state[i, 1], state[i, 2])
        if reverse:
            spin = _around_axis(spin, axis, growth, reverse)
        spin = _in_field(spin, field, turn, fall)
        if not reverse:
            spin = _around_axis(spin, axis, growth, reverse)
        sx, sy, sz = spin
        again = 1.5 - 0.5 * (sx * sx + sy * sy + sz * sz)  # of length 1, but for rounding
        state[i, 0], state[i, 1], state[i, 2] = sx * again, sy * again, sz * again


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _in_field(spin: Vector, field: Vector, turn: float, fall: float) -> Vector:
    r"""Precession and fall of a spin in a constant field b for a time, exact.

    The angle around b grows by 2 turn |b|; artanh of the cosine of the angle to b grows by fall |b|. The first is a
    rotation, written with the tangent of half its angle; the second the map s -> (g s + v (1 + s.v / (1 + g))) /
    (1 + s.v), v along b of length tanh(fall |b|), g = sqrt(1 - v^2).
    """
    sx, sy, sz = spin
    bx, by, bz = field
    square = bx * bx + by * by + bz * bz
    c = turn * _tan_over(turn * turn * square)
    ux, uy, uz = c * bx, c * by, c * bz
    px, py, pz = uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx
    f = 2 / (1 + c * c * square)
    sx += f * (px + uy * pz - uz * py)
    sy += f * (py + uz * px - ux * pz)
    sz += f * (pz + ux * py - uy * px)
    if fall == 0.0:
        return sx, sy, sz
    c = fall * _tan_over(-fall * fall * square)
    g = np.sqrt(max(1 - c * c * square, 0.0))
    along = c * (sx * bx + sy * by + sz * bz)
    one = 1 / (1 + along)
    f, g = one * c * (1 + along / (1 + g)), one * g
    return g * sx + f * bx, g * sy + f * by, g * sz + f * bz


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _around_axis(spin: Vector, angle: float, growth: float, reverse: bool) -> Vector:
    """Motion under the anisotropy alone, turned before it falls, or in reverse order.

    Around z by 2 angle s_z, which is exact; the odds of s_z^2 grow by a factor, which is exact too.
    """
    sx, sy, sz = spin
    if angle == 0.0:
        return sx, sy, sz
    if reverse and growth != 1.0:
        sx, sy, sz = _along_axis(sx, sy, sz, growth)
    t = angle * sz
    t *= _tan_over(t * t)
    f = 2 / (1 + t * t)
    sx, sy = sx - f * t * (sy + t * sx), sy + f * t * (sx - t * sy)
    if not reverse and growth != 1.0:
        sx, sy, sz = _along_axis(sx, sy, sz, growth)
    return sx, sy, sz


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _along_axis(sx: float, sy: float, sz: float, growth: float) -> Vector:
    """The odds s_z^2 / (1 - s_z^2) multiplied by a factor."""
    f = 1 / np.sqrt(1 + sz * sz * (growth - 1))
    return sx * f, sy * f, sz * f * np.sqrt(growth)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _tan_over(q: float) -> float:
    """tan(y) / y of y^2 = q, and tanh(y) / y of y^2 = -q: a continued fraction near 0."""
    if abs(q) < _SERIES:
        return (10395 - q * (1260 - 21 * q)) / (10395 - q * (4725 - q * (210 - q)))
    y = np.sqrt(abs(q))
    return np.tan(y) / y if q > 0 else np.tanh(y) / y


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _shake(rng: np.random.Generator, state: Floats, i: int, kappa: float) -> None:
    """Draw a spin anew from the density proportional to exp(kappa cos(angle to where it was)).

    (1 - cos) / 2 is exponential with the mean 1 / (2 kappa), cut off at 1, as the square of a normal vector in the
    tangent plane is.
    """
    sx, sy, sz = state[i, 0], state[i, 1], state[i, 2]
    while True:
        vx, vy, vz = rng.standard_normal(), rng.standard_normal(), rng.standard_normal()
        along = vx * sx + vy * sy + vz * sz
        vx, vy, vz = vx - along * sx, vy - along * sy, vz - along * sz
        fall = (vx * vx + vy * vy + vz * vz) / (4 * kappa)
        if fall <= 1:
            break
    f, g = np.sqrt((1 - fall) / kappa), 1 - 2 * fall
    state[i, 0], state[i, 1], state[i, 2] = g * sx + f * vx, g * sy + f * vy, g * sz + f * vz
