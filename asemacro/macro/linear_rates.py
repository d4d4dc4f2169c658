"""The linear ODE that forces on some carriers know by least squares: the start of a fit, and the unit of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import ForceLabels

_ROWS = 2048  # states at a time
_MOST = 20_000  # states that are enough
_RIDGE = 1e-9


def linear_rates(labels: ForceLabels, mean: Floats, scale: Floats) -> tuple[Floats, Floats]:
    r"""Constant b (d,) and slope B (d, d) of dy/dt = b + B y, y = (z - mean) / scale, of the smallest mean loss.

    The loss |R_n diag(scale) (b + B y_n) - r_n|^2 is quadratic in (b, B): with phi_n = (1, y_n) its normal matrix is
    sum_n phi_n phi_n^T (x) Q_n, Q_n = diag(scale) R_n^T R_n diag(scale).
    """
    d = labels.dim
    matrix, right = np.zeros((d + 1, d, d + 1, d)), np.zeros((d + 1, d))
    rows = np.linspace(0, len(labels) - 1, min(len(labels), _MOST)).astype(int)
    for part in np.array_split(rows, -(-len(rows) // _ROWS)):
        root = labels.root[part] * scale
        features = np.concatenate([np.ones((len(part), 1)), (labels.z[part] - mean) / scale], axis=1)
        square = root.transpose(0, 2, 1) @ root
        pairs = (features[:, :, None] * features[:, None, :]).reshape(len(part), -1)
        block = (pairs.T @ square.reshape(len(part), -1)).reshape(d + 1, d + 1, d, d)
        matrix += block.transpose(0, 2, 1, 3)
        right += features.T @ np.einsum("nri,nr->ni", root, labels.target[part])
    flat = matrix.reshape((d + 1) * d, (d + 1) * d)
    ridge = _RIDGE * np.trace(flat) / len(flat) * np.eye(len(flat))
    found = np.linalg.solve(flat + ridge, right.reshape(-1)).reshape(d + 1, d)
    return found[0], found[1:].T
