"""Linear drifts by least squares: the starts of a fit, and the slope that sets the unit of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.typing import Floats


def restoring(slope: Floats, smallest: float) -> Floats:
    """The matrix with the real parts of its eigenvalues raised to at least `smallest`."""
    values, vectors = np.linalg.eig(slope)
    raised = np.maximum(values.real, smallest) + 1j * values.imag
    return ((vectors * raised) @ np.linalg.inv(vectors)).real


def normal_equations(y: Floats, dy: Floats, dt: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Gram matrix and right side of dy = (b + B y) dt by weighted least squares."""
    features = np.concatenate([np.ones((len(y), 1)), y], axis=1) * dt[:, None]
    return features.T @ (weight[:, None] * features), features.T @ (weight[:, None] * dy)


def centred(gram: Floats) -> Floats:
    """The block of y after the constant is eliminated."""
    return gram[1:, 1:] - np.outer(gram[1:, 0], gram[0, 1:]) / gram[0, 0]


def slope_towards(gram: Floats, right: Floats, prior: Floats, precision: float) -> Floats:
    """A = -B, drawn to `prior` with the precision 1 / width^2 of its elements."""
    inner = right[1:] - np.outer(gram[1:, 0], right[0]) / gram[0, 0]
    ridge = precision * np.eye(len(prior))
    return -np.linalg.solve(centred(gram) + ridge, inner - ridge @ prior.T).T


def linear_fits(
    y: Floats, dy: Floats, dt: Floats, weight: Floats, groups: list[NDArray[np.intp]]
) -> tuple[Floats, Floats]:
    """Least-squares fits dy = -A (y - a) dt of each group of rows: A (G, d, d) and a (G, d).

    First one A for all, then each group's own, held to that of all by a prior of width 1/2 (of the rate 1 to which the
    time scale brings everything) and to eigenvalues of at least 0.1.
    """
    sums = [normal_equations(y[g], dy[g], dt[g], weight[g]) for g in groups]
    pooled = np.eye(y.shape[1])
    within = [slope_towards(*s, pooled, 1e-3) for s in sums]
    share = [np.trace(centred(s[0])) for s in sums]
    pooled = np.average(within, axis=0, weights=share) if len(sums) > 1 else within[0]
    slopes, centres = [], []
    for gram, right in sums:
        slope = restoring(slope_towards(gram, right, pooled, 4.0), 0.1)
        mean_y, speed = gram[0, 1:] / gram[0, 0], right[0] / gram[0, 0]
        slopes.append(slope)
        centres.append(mean_y + np.linalg.solve(slope, speed))
    return np.array(slopes), np.array(centres)


def mean_slope(
    y0: Floats, dy: Floats, dt: Floats, weight: Floats, groups: list[NDArray[np.intp]], rate: Floats
) -> float:
    """-slope of the drift along the leading direction of y0, over the noise rate, averaged over the groups."""
    total, parts = 0.0, []
    for rows, noise in zip(groups, rate, strict=True):
        w = weight[rows] * dt[rows]
        apart = y0[rows] - np.average(y0[rows], axis=0, weights=w)
        direction = np.linalg.eigh(apart.T @ (w[:, None] * apart))[1][:, -1]
        place, step = apart @ direction, dy[rows] @ direction
        information = float((w * place**2).sum())
        if information <= 0:
            continue
        mean_speed = (weight[rows] * step).sum() / w.sum()
        pull = -(weight[rows] * place * (step - mean_speed * dt[rows])).sum() / information
        # the precision of pull / noise; in seconds the slowest temperature would decide alone
        parts.append((pull / noise, information * noise))
        total += information * noise
    slope = sum(a * b for a, b in parts) / total if total > 0 else 0.0
    if slope > 0:
        return float(slope)
    # no restoring slope was seen: let a unit of normalised variance diffuse in one unit of time
    return 1.0
