"""The Allen-Cahn equation on a square grid without flux through the edges: the compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.typing import Floats


@njit(cache=True, nogil=True, inline="always")
def _rate(v: float, neighbours: float, stiffness: float, depth: float) -> float:
    """v_t of a cell from the sum over its four neighbours."""
    return stiffness * (neighbours - 4.0 * v) + depth * (v - v * v * v)


@njit(cache=True, nogil=True)
def rates_of(v: Floats, cells: NDArray[np.int64], n: int, stiffness: float, depth: float, out: Floats) -> None:
    """v_t (batch, m) of some cells (batch, m) of fields v (batch, n n), written to `out`."""
    for row in range(len(v)):
        field = v[row]
        for k in range(cells.shape[1]):
            i, j = divmod(cells[row, k], n)
            above, below = max(i - 1, 0) * n + j, min(i + 1, n - 1) * n + j
            left, right = i * n + max(j - 1, 0), i * n + min(j + 1, n - 1)
            neighbours = (field[above] + field[below]) + (field[left] + field[right])
            out[row, k] = _rate(field[i * n + j], neighbours, stiffness, depth)


@njit(cache=True, nogil=True)
def runge_kutta(v: Floats, n_steps: int, step: float, stiffness: float, depth: float) -> None:
    """Advance one field v (n, n) in place by steps of RK4."""
    total, first, second = v.copy(), v.copy(), v.copy()
    for _ in range(n_steps):
        total[:] = v
        _stage(v, v, first, total, 0.5 * step, step / 6, stiffness, depth)
        _stage(first, v, second, total, 0.5 * step, step / 3, stiffness, depth)
        _stage(second, v, first, total, step, step / 3, stiffness, depth)
        _stage(first, v, second, total, 0.0, step / 6, stiffness, depth)
        v[:] = total


@njit(cache=True, nogil=True)
def _stage(
    at: Floats, start: Floats, ahead: Floats, total: Floats, way: float, weight: float, stiffness: float, depth: float
) -> None:
    """One stage of RK4: k = v_t at the field `at`, ahead = start + way k, total += weight k."""
    n = len(at)
    for i in range(n):
        above, here, below = at[max(i - 1, 0)], at[i], at[min(i + 1, n - 1)]
        base, goal, sums = start[i], ahead[i], total[i]
        for j in range(1, n - 1):
            k = _rate(here[j], (above[j] + below[j]) + (here[j - 1] + here[j + 1]), stiffness, depth)
            goal[j] = base[j] + way * k
            sums[j] += weight * k
        for j, left, right in ((0, 0, 1), (n - 1, n - 2, n - 1)):
            k = _rate(here[j], (above[j] + below[j]) + (here[left] + here[right]), stiffness, depth)
            goal[j] = base[j] + way * k
            sums[j] += weight * k
