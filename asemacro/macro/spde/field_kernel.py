"""One half of a time step of block fields: the compiled loop over all blocks."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_INSIDE = np.float32(1e-3)  # of a cell: how far from its end the last cell of the table is read at most


@njit(cache=True, nogil=True)
def half_step(
    m: NDArray[np.float32],
    coupling: NDArray[np.float32],
    normal: NDArray[np.float32],
    table: NDArray[np.float32],
    scales: NDArray[np.float32],
    base: NDArray[np.float32],
    half: NDArray[np.float32],
    out: NDArray[np.float32],
) -> int:
    """out = base + w (drift dt + noise), half = base + half of it; what leaves [-1, 1] in `out` is reflected.

    Unsigned 32-bit places in a flat table: with signed ones, which may count from the end, the loop took 2.7 times as
    long.

    Args:
        m: (n,) blocks where drift and noise are taken, in [-1, 1].
        coupling: (n,) J * m there.
        normal: (n,) standard normal numbers of the step, or (0,) for no noise.
        table: (n_m, 2 n_u) drift and noise amplitude in turn, on even grids of m in [-1, 1] and u.
        scales: 1 / T, h / T, first u, 1 / (step of u), dt, dt^(1/2), w.
        base: (n,) what the change is added to.
        half: (n,) takes the base plus half of the change.
        out: (n,) takes the new blocks.

    Returns:
        how many blocks were reflected.
    """
    zero, one, two, reflected = np.float32(0.0), np.float32(1.0), np.float32(2.0), 0
    beta, h, first, density, dt, root, w = scales
    last_x = np.float32(table.shape[0] - 1) - _INSIDE
    last_y = np.float32(table.shape[1] // 2 - 1) - _INSIDE
    per_m = np.float32(table.shape[0] - 1) / two
    per_coupling, shift = beta * density, (h - first) * density
    row, flat, noisy = np.uint32(table.shape[1]), table.reshape(-1), normal.size > 0
    next_noise, next_u, next_both = np.uint32(1), np.uint32(2), np.uint32(3)
    for k in range(m.size):
        # written so that what is not a number becomes the first place, not one outside of the table
        x, y = (m[k] + one) * per_m, per_coupling * coupling[k] + shift
        x, y = x if x > zero else zero, y if y > zero else zero
        x, y = min(x, last_x), min(y, last_y)
        i, j = np.uint32(x), np.uint32(y)
        fx, fy = x - np.float32(i), y - np.float32(j)
        near = i * row + next_u * j
        far = near + row
        a = flat[near] + fy * (flat[near + next_u] - flat[near])
        b = flat[far] + fy * (flat[far + next_u] - flat[far])
        change = (a + fx * (b - a)) * dt
        if noisy:
            a = flat[near + next_noise] + fy * (flat[near + next_both] - flat[near + next_noise])
            b = flat[far + next_noise] + fy * (flat[far + next_both] - flat[far + next_noise])
            change += (a + fx * (b - a)) * root * normal[k]
        half[k] = base[k] + change / two
        new = base[k] + w * change
        if new > one:
            new = max(two - new, -one)
            reflected += 1
        elif new < -one:
            new = min(-two - new, one)
            reflected += 1
        out[k] = new
    return reflected
