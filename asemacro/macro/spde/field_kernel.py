"""One half of a time step of block fields: the compiled loop over all blocks."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


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

    Args:
        m: (n,) blocks where drift and noise are taken.
        coupling: (n,) J * m there.
        normal: (n,) standard normal numbers of the step, or (0,) for no noise.
        table: (n_m, n_u, 2) drift and noise amplitude on even grids of m in [-1, 1] and u.
        scales: 1 / T, h / T, first u, 1 / (step of u), dt, dt^(1/2), w.
        base: (n,) what the change is added to.
        half: (n,) takes the base plus half of the change.
        out: (n,) takes the new blocks.

    Returns:
        how many blocks were reflected.
    """
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    one, reflected = np.float32(1.0), 0
    beta, h, first, density, dt, root, w = scales
    per_m = np.float32(0.5) * np.float32(rows)
    noisy = normal.size > 0
    for k in range(m.size):
        x = (m[k] + one) * per_m
        y = (beta * coupling[k] + h - first) * density
        i = min(max(int(x), 0), rows - 1)
        j = min(max(int(y), 0), columns - 1)
        fx, fy = x - np.float32(i), min(max(y - np.float32(j), np.float32(0.0)), one)
        a, b = (one - fx) * (one - fy), (one - fx) * fy
        c, d = fx * (one - fy), fx * fy
        near, far = table[i], table[i + 1]
        change = (a * near[j, 0] + b * near[j + 1, 0] + c * far[j, 0] + d * far[j + 1, 0]) * dt
        if noisy:
            size = a * near[j, 1] + b * near[j + 1, 1] + c * far[j, 1] + d * far[j + 1, 1]
            change += size * root * normal[k]
        half[k] = base[k] + np.float32(0.5) * change
        new = base[k] + w * change
        if new > one:
            new = max(np.float32(2.0) - new, -one)
            reflected += 1
        elif new < -one:
            new = min(-np.float32(2.0) - new, one)
            reflected += 1
        out[k] = new
    return reflected
