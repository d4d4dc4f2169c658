"""Numba evaluator of the published NbMoTa network: four small matrix products for the eight jumps at once."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers
from asemacro.barriers.dense import relu_layer
from asemacro.barriers.vectors import dot, first_aligned

WIDTH = 128
N_JUMPS = 8
PUBLISHED_SPECIES = 3


@njit(cache=True, nogil=True)
def nnk_barriers(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Fill out[:8] with the network's barriers, at least FLOOR_EV, and out[8] with how many were below it.

    single: first layer (n_voxels, 128), three layers (128, 128), four biases (128), output (128), its bias.
    integers: (8, n_voxels), input row of each env entry 1..n_voxels for each jump.
    The eight rows are always computed together: a barrier is a function of the environment alone, to the bit.
    """
    n = model.env.shape[1] - 1
    size = N_JUMPS * WIDTH
    h0 = first_aligned(work)
    h1 = h0 + size
    inputs = h1 + size
    for j in range(N_JUMPS):
        for e in range(n):
            work[inputs + j * n + model.integers[j * n + e]] = env[1 + e]
    single = model.single
    at = n * WIDTH
    biases = at + 3 * WIDTH * WIDTH
    relu_layer(work, inputs, n, (N_JUMPS, n, WIDTH, WIDTH), single, 0, single, biases, work, h0)
    for layer in range(1, 4):
        bias = biases + layer * WIDTH
        relu_layer(work, h0, WIDTH, (N_JUMPS, WIDTH, WIDTH, WIDTH), single, at, single, bias, work, h1)
        h0, h1 = h1, h0
        at += WIDTH * WIDTH
    last = biases + 4 * WIDTH
    clamped = 0.0
    for j in range(N_JUMPS):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        barrier = float(single[last + WIDTH]) + dot(work, h0 + j * WIDTH, single, last, WIDTH)
        if barrier < FLOOR_EV:
            barrier = FLOOR_EV
            clamped += 1.0
        out[j] = barrier
    out[N_JUMPS] = clamped
