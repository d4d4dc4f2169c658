"""How spins with many neighbours lie in memory, so that a flip changes few long pieces of it.

The grid n0 x n1 x n2 is cut along its last axis into strips of `width` sites, and each strip lies together: the site
(i0, i1, i2) is number ((i0 S + i2 // width) n1 + i1) width + i2 % width, S = n2 / width. The neighbours of a spin in a
strip are then one piece, whole vectors of the processor wide. Row by row they would be as many pieces as rows, a page
of memory apart.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDEST = 16


class StripKernel(NamedTuple):
    """A coupling as pieces of strips.

    Attributes:
        grid: (3,) sites along each axis.
        width: of a strip.
        starts: (width + 1,) first run of a spin in each column of a strip, and the end.
        runs: (n_runs, 5) lags of the plane, of the strip and of the first row, number of rows, first weight.
        weights: (n_weights,) twice the weights of all runs: what a flip changes.
        slope: 2 beta times the unit of the weights.
        shift: 2 beta h.
    """

    grid: NDArray[np.int64]
    width: int
    starts: NDArray[np.int64]
    runs: NDArray[np.int64]
    weights: NDArray[np.signedinteger]
    slope: float
    shift: float


class Strips:
    """The order of sites in memory.

    Args:
        grid: (n0, n1, n2) sites.
    """

    def __init__(self, grid: tuple[int, int, int]) -> None:
        self.grid = grid
        self.width = max(w for w in range(1, WIDEST + 1) if grid[2] % w == 0)

    def empty(self, batch: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """An array (batch, n_sites) in this order, and a view of it as grids (batch, n0, n1, S, width)."""
        n0, n1, n2 = self.grid
        held = np.empty((batch, n0, n2 // self.width, n1, self.width), dtype=dtype)
        return held.reshape(batch, n0 * n1 * n2), held.transpose(0, 1, 3, 2, 4)

    def places(self, sites: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where sites stand."""
        _, n1, n2 = self.grid
        rest, third = np.divmod(sites, n2)
        plane, row = np.divmod(rest, n1)
        strip, column = np.divmod(third, self.width)
        return ((plane * (n2 // self.width) + strip) * n1 + row) * self.width + column

    def kernel(self, weights: NDArray[np.int32], integer: Any, slope: float, shift: float) -> StripKernel:
        """A coupling, (2 a + 1, 2 b + 1, 2 c + 1) weights with lag 0 in the middle, as runs; see `StripKernel`."""
        middle = np.array(weights.shape) // 2
        starts, runs, pieces, at = [0], [], [], 0
        for column in range(self.width):
            first, before = divmod(column - middle[2], self.width)
            after = -(before + weights.shape[2]) % self.width
            padded = np.pad(weights, ((0, 0), (0, 0), (before, after)))
            split = padded.reshape(*weights.shape[:2], -1, self.width)
            for plane, strip in np.ndindex(split.shape[0], split.shape[2]):
                part = split[plane, :, strip]
                rows = np.flatnonzero(part.any(axis=1))
                if len(rows):
                    piece = part[rows[0] : rows[-1] + 1]
                    runs.append([plane - middle[0], first + strip, rows[0] - middle[1], len(piece), at])
                    pieces.append(2 * piece.reshape(-1))
                    at += piece.size
            starts.append(len(runs))
        whole = np.concatenate(pieces).astype(integer)
        return StripKernel(
            np.array(self.grid), self.width, np.array(starts), np.array(runs, dtype=np.int64), whole, slope, shift
        )
