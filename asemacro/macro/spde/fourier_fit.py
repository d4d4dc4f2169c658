"""The kernel from changes of block fields as a linear inverse problem: each wave on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from asemacro.macro.spde.block_kernel import BlockKernel, from_orbits, orbits
from asemacro.macro.spde.entropy import EntropySlope
from asemacro.macro.spde.mobility import Mobility
from asemacro.macro.spde.window import Relaxation, changes, column, parts_of

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

_ROUNDS = 3


def fit_linear_response(
    data: FieldData, mobility: Mobility, reach: int, *, symmetry: str = "square", rate: float = 1.0
) -> tuple[BlockKernel, float]:
    r"""The kernel of dm/dt = K (h + J * m - T s'(m)), with K from the noise and s' = atanh.

    y = (dm / dt) / (T K) + s'(m) - h / T is J * m / T plus noise. Least squares of all lags at once is diagonal in
    Fourier space: J(k) = sum (y_k m_k* / T) / (sum |m_k|^2 / T^2 + lambda) with lambda = (noise power of y_k) / J0^2
    (Tikhonov at the noise level: waves of which the data hold no more than noise are not believed). J(k) goes back to
    the lags and is averaged over their orbits. Strong fields bias it: spins respond by (T K) tanh(u - s'),
    not by its linear part; `fit_relaxation` has no such bias.

    Args:
        data: field data.
        mobility: T K, from flips or from the noise.
        reach: longest lag that is kept.
        symmetry: of the lags, see `orbits`.
        rate: attempts on a spin in a unit of time, which the finite duration is corrected with.

    Returns:
        the kernel with errors, and the standard error of its sum.
    """
    kernel, error = BlockKernel(np.ones((1,) * (data.before.ndim - 1))), np.inf
    for _ in range(_ROUNDS):
        kernel, error = _solve(data, mobility, kernel, reach, symmetry, rate)
    return kernel, error


def _solve(
    data: FieldData, mobility: Mobility, guess: BlockKernel, reach: int, symmetry: str, rate: float
) -> tuple[BlockKernel, float]:
    """One solution, with the fields in K and the path within the windows those of the kernel before it."""
    grid, dim = data.grid, data.before.ndim - 1
    lags, orbit = orbits(reach, dim, symmetry)
    relaxation, edge = Relaxation(guess, EntropySlope(), rate), 1 - 1 / max(data.sites, 2)
    axes = tuple(range(1, dim + 1))
    cross, power = (np.zeros((*grid[:-1], grid[-1] // 2 + 1)) for _ in range(2))
    noise = 0.0  # power of a wave of y, in the mean over the rows
    for part in parts_of(data):
        before, after = changes(part)
        window = relaxation.over(part)
        k = mobility(window.state, window.u, window.temperature)
        h = column(part.field, before.ndim)
        gain = (1 - window.left) / rate
        inside = np.clip(window.state, -edge, edge)
        # from the state on which the drift acts, the rest of the change is that of the state itself
        rates = (after - before * window.left) / gain - rate * window.state
        y = rates / k + np.arctanh(inside) - h / window.temperature
        m_k, y_k = (fft.rfftn(v, axes=axes) for v in (window.state, y))
        cross += ((y_k * m_k.conj()).real / window.temperature).sum(axis=0)
        power += (np.abs(m_k) ** 2 / window.temperature**2).sum(axis=0)
        noise += float((window.variance(before) / (data.sites * (gain * k) ** 2)).sum()) / len(data)
    total = cross.ravel()[0] / power.ravel()[0]
    strength = power + noise / max(total**2, 1e-6)
    spectrum, variance = cross / strength, noise * power / strength**2
    lag_values = fft.irfftn(spectrum, s=grid)
    size = int(np.prod(grid))
    spread = float(np.sqrt(fft.irfftn(variance, s=grid).ravel()[0] / size))
    at = tuple((lags % np.array(grid)).T)
    count = np.bincount(orbit)
    values = np.bincount(orbit, lag_values[at]) / count
    errors = spread * np.sqrt(np.minimum(2, count) / count)
    return from_orbits(values, orbit, reach, dim, errors), float(np.sqrt(variance.ravel()[0]))
