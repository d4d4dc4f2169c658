"""What a system was like some time ago, as further variables of its equation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.door import above_zero, array, checked
from asemacro.typing import Floats


@checked(values=array(), times=array(None), memory=above_zero)
def remembered(values: ArrayLike, times: ArrayLike, memory: float) -> Floats:
    r"""The mean of each variable over its past, in which what is long ago counts less.

    dy/dt = (z - y) / memory with y = z at the first time, z a straight line between two times: each step is exact. A
    variable z that relaxes in more than one way does not determine its own future; z and y together have twice as many
    ways. Of a memory kernel exp(-t / memory) in the equation of z they are an exact form without memory.

    Args:
        values: (..., n_times, d) z.
        times: (n_times,) ascending.
        memory: time after which the past counts 1/e, in the unit of times.

    Returns:
        (..., n_times, d) y.

    Raises:
        ValueError: times not ascending, or not as many as values have.
    """
    z, t = np.asarray(values, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if z.ndim < 2 or not z.size or t.shape != z.shape[-2:-1] or (np.diff(t) <= 0).any():
        raise ValueError(f"values must be (..., n_times, d) and times ascending (n_times,), got {z.shape}, {t.shape}")
    y = z.copy()
    for k, step in enumerate(np.diff(t) / memory):
        lost = -np.expm1(-step)
        grown = z[..., k + 1, :] - z[..., k, :]
        y[..., k + 1, :] = z[..., k + 1, :] - (1 - lost) * (z[..., k, :] - y[..., k, :]) - lost / step * grown
    return y
