"""Numba evaluator of the published NbMoTa network: four small matrix products for the eight jumps at once."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers

WIDTH = 128
N_JUMPS = 8
PUBLISHED_SPECIES = 3


@njit(cache=True, nogil=True)
def _bias_relu(bias: NDArray, h: NDArray) -> None:
    for r in range(h.shape[0]):
        for c in range(h.shape[1]):
            h[r, c] = max(h[r, c] + bias[c], np.float32(0.0))


@njit(cache=True, nogil=True)
def nnk_barriers(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Fill out[:8] with the network's barriers, at least FLOOR_EV, and out[8] with how many were below it.

    single: first layer (n_voxels, 128), three layers (128, 128), four biases (128), output (128), its bias.
    integers: (8, n_voxels), input row of each env entry 1..n_voxels for each jump.
    The eight rows are always computed together: a barrier is a function of the environment alone, to the bit.
    """
    n = model.env.shape[1] - 1
    inputs = work[: N_JUMPS * n].reshape(N_JUMPS, n)
    start = N_JUMPS * n
    h0 = work[start : start + N_JUMPS * WIDTH].reshape(N_JUMPS, WIDTH)
    h1 = work[start + N_JUMPS * WIDTH : start + 2 * N_JUMPS * WIDTH].reshape(N_JUMPS, WIDTH)
    for j in range(N_JUMPS):
        for e in range(n):
            inputs[j, model.integers[j * n + e]] = env[1 + e]
    at = n * WIDTH
    biases = at + 3 * WIDTH * WIDTH
    np.dot(inputs, model.single[:at].reshape(n, WIDTH), h0)
    _bias_relu(model.single[biases : biases + WIDTH], h0)
    for layer in range(1, 4):
        weight = model.single[at : at + WIDTH * WIDTH].reshape(WIDTH, WIDTH)
        np.dot(h0, weight, h1)
        _bias_relu(model.single[biases + layer * WIDTH : biases + (layer + 1) * WIDTH], h1)
        h0, h1 = h1, h0
        at += WIDTH * WIDTH
    last = biases + 4 * WIDTH
    clamped = 0.0
    for j in range(N_JUMPS):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        barrier = float(model.single[last + WIDTH])
        for c in range(WIDTH):
            barrier += float(h0[j, c]) * float(model.single[last + c])
        if barrier < FLOOR_EV:
            barrier = FLOOR_EV
            clamped += 1.0
        out[j] = barrier
    out[N_JUMPS] = clamped
