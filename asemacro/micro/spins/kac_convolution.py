"""Local fields of whole states by Fourier transforms, a slab at a time."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SLAB_SITES = 1 << 22
"""Spins that are transformed at a time: what bounds the memory of a transform."""


class Convolution:
    """sum_j w(i - j) s_j on a periodic grid.

    Args:
        grid: sites along each axis, at least 2 reach + 1.
        weights: (2 reach + 1,) * len(grid) whole numbers, lag 0 in the middle, even.
    """

    def __init__(self, grid: tuple[int, ...], weights: NDArray[np.int32]) -> None:
        self._grid, self._weights = grid, weights
        self._reach = len(weights) // 2
        thick = max(SLAB_SITES // math.prod(grid[1:]), 4 * self._reach)
        self._whole = math.prod(grid) <= SLAB_SITES or thick >= grid[0]
        self._thick = grid[0] if self._whole else fft.next_fast_len(thick, real=len(grid) == 1)
        self._axes = tuple(range(1, len(grid) + 1))
        self._transforms: dict[Any, NDArray[Any]] = {}

    def sums(self, x: NDArray[np.int8], out: NDArray[Any]) -> None:
        """Exact sums of states x (batch, n_sites), written to an array of whole numbers.

        Its shape is (batch, *grid), where an axis may be split in two.
        """
        for (rows, span), part in self._parts(x, np.float64, 1.0):
            there = out[rows, span]
            there[...] = np.rint(part, out=part).reshape(there.shape)

    def fields(self, x: NDArray[np.int8], unit: float, out: NDArray[np.float32]) -> None:
        """The same times a unit, in single precision."""
        for places, part in self._parts(x, np.float32, unit):
            out[places] = part

    def _parts(self, x: NDArray[np.int8], real: type[np.floating[Any]], unit: float) -> Any:
        """Places in (batch, *grid) and the sums there."""
        states = x.reshape(len(x), *self._grid)
        rows = max(1, SLAB_SITES // math.prod(self._grid)) if self._whole else 1
        halo = 0 if self._whole else self._reach
        inner = self._thick - 2 * halo
        for first, begin in itertools.product(range(0, len(x), rows), range(0, self._grid[0], inner)):
            end = min(begin + inner, self._grid[0])
            some = states[first : first + rows]
            if halo:
                some = some.take(np.arange(begin - halo, begin - halo + self._thick), axis=1, mode="wrap")
            near = fft.rfftn(some.astype(real), axes=self._axes, overwrite_x=True)
            near *= self._transform(real, unit)
            shape = (self._thick, *self._grid[1:])
            sums = fft.irfftn(near, s=shape, axes=self._axes, overwrite_x=True)
            yield (slice(first, first + rows), slice(begin, end)), sums[:, halo : halo + end - begin]

    def _transform(self, real: type[np.floating[Any]], unit: float) -> NDArray[Any]:
        """Fourier transform of the weights on the grid or a slab; it is real, because they are even."""
        key = (real, unit)
        if key not in self._transforms:
            placed = np.zeros((self._thick, *self._grid[1:]))
            lags = np.argwhere(self._weights)
            values = self._weights[tuple(lags.T)]
            placed[tuple((lags - self._reach).T)] = unit * values
            self._transforms[key] = fft.rfftn(placed).real.astype(real)
        return self._transforms[key]
