"""Compiled sums over products of Legendre polynomials, and their slopes: what `simulate` spends its time in.

Features of thousands of points are megabytes that are written once and read once; blocks of points that stay in the
cache, without the features that no coefficient uses, are an order of magnitude faster.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_BLOCK = 64  # points at a time: a block of tables and sums stays in the first-level cache


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def combine(
    points: NDArray, lower: NDArray, upper: NDArray, exponents: NDArray, coefficients: NDArray, slopes: int
) -> NDArray:
    """(N, m, 1 + slopes) sums over f of coefficients (F, m) times prod_k P_e(f,k)(x_k), and their first derivatives.

    Args:
        points: (N, p).
        lower: (p,) corner of the box that x = (2 points - lower - upper) / (upper - lower) brings to [-1, 1]; what is
            outside is cut off.
        upper: (p,) the other corner.
        exponents: (F, p) degrees e of the Legendre polynomials.
        coefficients: (F, m).
        slopes: by how many of the first variables to differentiate, at the nearest point of the box.
    """
    n, p = points.shape
    m = coefficients.shape[1]
    used = np.flatnonzero((coefficients != 0).sum(axis=1))
    most = 1
    for f in used:
        most = max(most, exponents[f].max())
    values, derivatives = np.ones((p, most + 1, _BLOCK)), np.zeros((p, most + 1, _BLOCK))
    sums, product = np.empty((m, 1 + slopes, _BLOCK)), np.empty(_BLOCK)
    out = np.empty((n, m, 1 + slopes))
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for k in range(p):
            scale = 2 / (upper[k] - lower[k])
            for b in range(size):
                values[k, 1, b] = min(max((points[first + b, k] - lower[k]) * scale - 1, -1.0), 1.0)
            _recur(values[k], derivatives[k], scale if k < slopes else 0.0)
        sums[:] = 0.0
        for f in used:
            for s in range(1 + slopes):
                product[:] = 1.0
                for k in range(p):
                    if k == s - 1:
                        product *= derivatives[k, exponents[f, k]]
                    elif exponents[f, k] > 0:
                        product *= values[k, exponents[f, k]]
                for j in range(m):
                    c = coefficients[f, j]
                    for b in range(_BLOCK):
                        sums[j, s, b] += c * product[b]
        for b in range(size):
            out[first + b] = sums[:, :, b]
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _recur(values: NDArray, derivatives: NDArray, scale: float) -> None:
    """Fill P_e (degree + 1, block) from P_1, and scale P'_e by P'_(e+1) = P'_(e-1) + (2 e + 1) P_e."""
    for e in range(1, len(values) - 1):
        up, down = (2 * e + 1) / (e + 1), e / (e + 1)
        for b in range(_BLOCK):
            values[e + 1, b] = up * values[1, b] * values[e, b] - down * values[e - 1, b]
    if scale > 0:
        derivatives[1] = scale
        for e in range(1, len(values) - 1):
            for b in range(_BLOCK):
                derivatives[e + 1, b] = derivatives[e - 1, b] + scale * (2 * e + 1) * values[e, b]
