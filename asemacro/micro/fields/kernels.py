"""Time steps of two reacting and diffusing fields on a graph of sites: the compiled loops.

Cells that are not active keep their values and act as ghost cells of their neighbours. A site that its own table
lists as a neighbour has no cell beyond it there: the difference is zero, no flux.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.micro.time_steps import ROUNDING
from asemacro.typing import Floats

TOLERANCE = 1e-12
"""Largest residual of the implicit step, relative to its right side."""


class Law(NamedTuple):
    """How the fields move.

    Attributes:
        rates: (a, b) of the reaction.
        coupling: (2,) weight of a neighbour in the Laplacian of u and of v, 1 / time.
        spread: standard deviation of the noise of a cell and field over the root of time.
        time_step: the whole step.
        implicit: take the Laplacian as the mean of before and after the step (Crank-Nicolson).
    """

    rates: tuple[float, float]
    coupling: Floats
    spread: float
    time_step: float
    implicit: bool


@njit(cache=True, nogil=True)
def advance(
    rng: np.random.Generator,
    x: Floats,
    table: NDArray[np.int64],
    active: NDArray[np.int64],
    steps: NDArray[np.int64],
    rest: Floats,
    law: Law,
) -> None:
    """Advance states in place: whole steps, then one shorter step for what is left of the duration.

    Args:
        rng: source of normal numbers, drawn step by step, cell by cell, u before v.
        x: (batch, n_sites, 2) states.
        table: (n_sites, Z) neighbours; a site stands for its own missing neighbours.
        active: (batch, m) cells that move.
        steps: (batch,) numbers of whole steps.
        rest: (batch,) length of the shorter step that follows; none below ROUNDING of the whole step.
        law: of the motion.
    """
    (a, b), coupling, spread, implicit = law.rates, law.coupling, law.spread, law.implicit
    n_sites, m = x.shape[1], active.shape[1]
    slot = np.empty(n_sites, dtype=np.int64)
    change = np.empty((m, 2))
    work = np.empty((4, m))
    for row in range(len(x)):
        state, cells = x[row], active[row]
        slot[:] = -1
        for k in range(m):
            slot[cells[k]] = k
        whole = steps[row]
        for step in range(whole + 1):
            h = law.time_step if step < whole else rest[row]
            if h <= ROUNDING * law.time_step:
                break
            for k in range(m):
                i = cells[k]
                u, v = state[i, 0], state[i, 1]
                change[k, 0] = h * u * (1 - u - v) + np.sqrt(h) * spread * rng.standard_normal()
                change[k, 1] = h * a * v * (u - b) + np.sqrt(h) * spread * rng.standard_normal()
            for f in range(2):
                if coupling[f] == 0.0:
                    continue
                for k in range(m):
                    i = cells[k]
                    total = 0.0
                    for neighbour in table[i]:
                        total += state[neighbour, f] - state[i, f]
                    change[k, f] += h * coupling[f] * total
                if implicit:
                    _solve(change[:, f], table, cells, slot, 0.5 * h * coupling[f], work)
            for k in range(m):
                state[cells[k], 0] += change[k, 0]
                state[cells[k], 1] += change[k, 1]


@njit(cache=True, nogil=True)
def _solve(
    right: Floats,
    table: NDArray[np.int64],
    cells: NDArray[np.int64],
    slot: NDArray[np.int64],
    weight: float,
    work: Floats,
) -> None:
    """Solve (1 - weight L) d = right for the increments d of the active cells, in place.

    L is the graph Laplacian with the increments of all other cells zero: 1 - weight L is symmetric and positive
    definite, and conjugate gradients need about sqrt(1 + 2 Z weight) times a few steps.
    """
    m = len(cells)
    solution, residual, direction, image = work[0], work[1], work[2], work[3]
    square = 0.0
    for k in range(m):
        solution[k] = 0.0
        residual[k] = right[k]
        direction[k] = right[k]
        square += right[k] * right[k]
    enough = TOLERANCE * TOLERANCE * square
    for _ in range(10 * m + 100):
        if square <= enough:
            break
        product = 0.0
        for k in range(m):
            total = 0.0
            for neighbour in table[cells[k]]:
                other = slot[neighbour]
                total += (direction[other] if other >= 0 else 0.0) - direction[k]
            image[k] = direction[k] - weight * total
            product += direction[k] * image[k]
        length = square / product
        next_square = 0.0
        for k in range(m):
            solution[k] += length * direction[k]
            residual[k] -= length * image[k]
            next_square += residual[k] * residual[k]
        ratio = next_square / square
        square = next_square
        for k in range(m):
            direction[k] = residual[k] + ratio * direction[k]
    for k in range(m):
        right[k] = solution[k]
