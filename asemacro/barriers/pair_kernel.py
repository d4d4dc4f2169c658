"""Numba evaluator of PairBarrier."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.saddle import over_saddle


@njit(cache=True, nogil=True)
def pair_barriers(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Fill out[:Z] with max(E0, |dE|/2 + floor) + dE/2 and out[Z] with how often the maximum was not E0."""
    z = model.n_targets
    size = model.integers[0]
    first_row = 2 + model.env.shape[0] * z
    clamped = 0.0
    for j in range(z):
        atom = np.int64(env[1 + j])
        if atom == 0:
            out[j] = np.inf
            continue
        change = 0.0
        start = model.integers[1 + basis * z + j]
        end = model.integers[2 + basis * z + j]
        for row in range(start, end):
            at = first_row + 3 * row
            k = np.int64(env[model.integers[at]])
            table = size + model.integers[at + 1] * size * size
            gain = model.double[table + atom * size + k] - model.double[table + k]
            change += gain if model.integers[at + 2] > 0 else -gain
        out[j], raised = over_saddle(model.double[atom], change)
        clamped += raised
    out[z] = clamped
