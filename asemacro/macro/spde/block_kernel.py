"""The coupling J between blocks: a number for each lag, put on any periodic grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from asemacro.arguments.door import array, checked, optional, whole
from asemacro.typing import Floats, Integers

SYMMETRIES = ("square", "even")
MOST_LAGS = 1 << 22
_EVEN = 1e-6  # of the largest value: rounding of what should be J(-r)
_MOST_DIMENSIONS = 3


class BlockKernel:
    r"""J(r) by lag: (J * m)_b = sum_r J(r) m_{b+r}, an even function of the lag r, counted in blocks.

    Args:
        values: J in an array of odd edges (2R+1, ...) in one, two or three dimensions, the lag 0 in its middle.
        errors: standard errors of the values, of the same shape; None if they are exact.

    Attributes:
        values: as given, float64.
        errors: as given.

    Raises:
        ValueError: an even edge, more than three dimensions, nan, or a kernel with J(-r) unlike J(r).
    """

    @checked(values=array(), errors=optional(array()))
    def __init__(self, values: ArrayLike, errors: ArrayLike | None = None) -> None:
        found = np.asarray(values, dtype=float)
        if not 1 <= found.ndim <= _MOST_DIMENSIONS or any(edge % 2 == 0 for edge in found.shape):
            raise ValueError(
                f"a kernel must have one to {_MOST_DIMENSIONS} axes of odd length, its lag 0 in the middle, "
                f"got the shape {found.shape}"
            )
        if not np.abs(found - np.flip(found)).max() <= _EVEN * max(float(np.abs(found).max()), 1e-300):
            raise ValueError("a kernel must be even, J(-r) = J(r); average the two")
        if errors is not None and np.shape(errors) != found.shape:
            raise ValueError(f"errors must have the shape {found.shape} of the kernel, got {np.shape(errors)}")
        self.values: Floats = (found + np.flip(found)) / 2
        self.errors: Floats | None = None if errors is None else np.asarray(errors, dtype=float)

    @property
    def dim(self) -> int:
        """Dimensions of the grid."""
        return self.values.ndim

    @property
    def reach(self) -> int:
        """Longest lag along an axis."""
        return max(self.values.shape) // 2

    @property
    def total(self) -> float:
        """J0, the sum over all lags: the field of a homogeneous state of magnetisation 1."""
        return float(self.values.sum())

    @property
    def own(self) -> float:
        """J at lag 0, between the spins of one block."""
        return float(self.values[tuple(edge // 2 for edge in self.values.shape)])

    def with_own(self, own: float) -> BlockKernel:
        """The same kernel with another value at lag 0."""
        values = self.values.copy()
        values[tuple(edge // 2 for edge in values.shape)] = own
        return BlockKernel(values, self.errors)

    def lags(self) -> Integers:
        """(n_lags, dim) lags in the order of `values.ravel()`."""
        return lags_of(self.values.shape)

    def on(self, shape: tuple[int, ...]) -> Floats:
        """J on a periodic grid, the lag 0 at the index 0; lags beyond half of the grid come round to the other side.

        Raises:
            ValueError: a grid of another dimension.
        """
        if len(shape) != self.dim:
            raise ValueError(f"a kernel of {self.dim} dimensions does not fit a grid of the shape {shape}")
        grid = np.zeros(shape)
        np.add.at(grid, tuple((self.lags() % np.array(shape)).T), self.values.ravel())
        return grid

    def spectrum(self, shape: tuple[int, ...]) -> Floats:
        """J(k) of a periodic grid as `scipy.fft.rfftn` orders it; real, as J is even."""
        return np.asarray(fft.rfftn(self.on(shape)).real)

    def convolve(self, m: ArrayLike) -> NDArray[Any]:
        """J * m of fields (n, *grid), in their precision."""
        fields = np.asarray(m)
        return convolution(self, fields.shape[1:], fields.dtype)(fields)

    @property
    def range_squared(self) -> float:
        """sum_r r^2 J(r) / (2 dim) in blocks squared: J * m = J0 m + this times the Laplacian of m + ..."""
        return float((self.lags() ** 2).sum(axis=1) @ self.values.ravel() / (2 * self.dim))

    @checked(factor=whole(1, 4096))
    def coarsened(self, factor: int) -> BlockKernel:
        """The kernel between blocks that are `factor` times as long along every axis, exactly."""
        return box_averaged(self.values, factor)

    @checked(factor=whole(1, 64))
    def refined(self, factor: int) -> BlockKernel:
        """A kernel between blocks that are `factor` times shorter, by cubic splines between the lags.

        Lengths between the blocks that it was learned with are not known: this is smooth there, and sums up to J0.
        """
        reach = [factor * (edge // 2 + 1) - 1 for edge in self.values.shape]
        padded = np.pad(self.values, 2)
        if np.prod([2.0 * r + 1 for r in reach]) > MOST_LAGS:
            raise ValueError(f"a kernel refined {factor} times has more than {MOST_LAGS} lags; refine it less")
        at = np.meshgrid(*(np.arange(-r, r + 1) / factor for r in reach), indexing="ij")
        middle = [edge // 2 for edge in padded.shape]
        fine = ndimage.map_coordinates(
            padded, [x + c for x, c in zip(at, middle, strict=True)], order=3, mode="nearest"
        )
        fine = (fine + np.flip(fine)) / 2
        if not abs(fine.sum()) > 0:
            raise ValueError("a kernel that sums up to zero cannot be refined")
        return BlockKernel(fine * (self.total / fine.sum()))


def lags_of(shape: tuple[int, ...]) -> Integers:
    """(n, dim) lags of an array with the lag 0 in its middle, in C order."""
    return np.stack([i.ravel() for i in np.indices(shape)], axis=1) - np.array(shape) // 2


def convolution(
    kernel: BlockKernel, shape: tuple[int, ...], dtype: Any = np.float64
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """A function that gives J * m of fields (n, *shape), in this precision."""
    spectrum = kernel.spectrum(shape).astype(dtype)
    axes = tuple(range(1, len(shape) + 1))

    def convolve(m: NDArray[Any]) -> NDArray[Any]:
        waves = fft.rfftn(m, axes=axes)
        waves *= spectrum
        return np.asarray(fft.irfftn(waves, s=shape, axes=axes, overwrite_x=True))

    return convolve


@checked(kernel=array(), block=whole(1, 1 << 16))
def box_averaged(kernel: ArrayLike, block: int) -> BlockKernel:
    r"""The coupling between whole blocks of B sites an edge, exactly.

    J_B(b - b') = (1/V) sum_{i in b} sum_{j in b'} J(i - j), V = B^dim; not J at the centres of the blocks. It sums up
    to J0. J(0) = 0 of spins stays out of J_B(0), as it must.

    Args:
        kernel: J between sites in an array of odd edges, the lag 0 in its middle.
        block: B.

    Raises:
        ValueError: as for `BlockKernel`.
    """
    fine = BlockKernel(kernel).values
    for axis, edge in enumerate(fine.shape):
        half = edge // 2
        reach = (half + block - 1) // block
        apart = np.abs(block * np.arange(-reach, reach + 1)[:, None] - np.arange(-half, half + 1))
        overlap = np.maximum(0.0, 1 - apart / block)
        fine = np.moveaxis(np.tensordot(overlap, fine, axes=(1, axis)), 0, axis)
    return BlockKernel(fine)


def orbits(reach: int, dim: int, symmetry: str = "square") -> tuple[Integers, Integers]:
    """Lags up to `reach` along each axis, and which of them share one value.

    Args:
        reach: longest lag along an axis.
        dim: of the grid.
        symmetry: "square": J is the same when axes are swapped or turned round; "even": J(-r) = J(r) and no more.

    Returns:
        (n, dim) lags and (n,) numbers of their orbits; orbit 0 is the lag 0 alone.
    """
    lags = lags_of((2 * reach + 1,) * dim)
    if symmetry == "square":
        names = np.sort(np.abs(lags), axis=1)
    else:
        leading = np.array([next((x for x in lag if x), 0) for lag in lags.tolist()])
        names = np.where(leading[:, None] < 0, -lags, lags)
    order = np.concatenate([(names**2).sum(axis=1, keepdims=True), names], axis=1)
    return lags, np.unique(order, axis=0, return_inverse=True)[1].reshape(-1)


def orbit_sums(m: NDArray[Any], lags: Integers, orbit: Integers) -> NDArray[Any]:
    """(n_orbits, n, *grid) sums of m over the lags of each orbit, of fields (n, *grid).

    Raises:
        ValueError: a grid so small that two lags are one.
    """
    grid, reach = m.shape[1:], int(np.abs(lags).max())
    if min(grid) < 2 * reach + 1:
        raise ValueError(
            f"lags up to {reach} blocks need a grid of at least {2 * reach + 1} blocks an edge, got {min(grid)}; "
            "lower reach or give larger fields"
        )
    padded = np.pad(m, [(0, 0)] + [(reach, reach)] * len(grid), mode="wrap")
    sums = np.zeros((int(orbit.max()) + 1, *m.shape), dtype=m.dtype)
    for lag, k in zip(lags, orbit, strict=True):
        window = tuple(slice(reach + r, reach + r + edge) for r, edge in zip(lag, grid, strict=True))
        sums[k] += padded[(slice(None), *window)]
    return sums


def from_orbits(values: Floats, orbit: Integers, reach: int, dim: int, errors: Floats | None = None) -> BlockKernel:
    """The kernel that has these values on the orbits of `orbits`."""
    shape = (2 * reach + 1,) * dim
    return BlockKernel(values[orbit].reshape(shape), None if errors is None else errors[orbit].reshape(shape))


def neighbours(dim: int) -> list[tuple[int, ...]]:
    """One of each pair of opposite lags to the nearest blocks, along the axes."""
    return [tuple(int(i == axis) for i in range(dim)) for axis in range(dim)]


def diagonals(dim: int) -> list[tuple[int, ...]]:
    """One of each pair of opposite lags to the second neighbours: along two axes at once; two steps on a line."""
    if dim == 1:
        return [(2,)]
    found = []
    for a, b in itertools.combinations(range(dim), 2):
        for sign in (1, -1):
            found.append(tuple({a: 1, b: sign}.get(i, 0) for i in range(dim)))
    return found


def relative_error(kernel: BlockKernel, true: BlockKernel) -> float:
    """|J - J_true| / |J_true| over all lags but 0, whose value is a matter of convention."""
    edge = [max(a, b) for a, b in zip(kernel.values.shape, true.values.shape, strict=True)]

    def padded(part: BlockKernel) -> Floats:
        wide = np.pad(
            part.with_own(0.0).values, [((e - n) // 2,) * 2 for e, n in zip(edge, part.values.shape, strict=True)]
        )
        return np.asarray(wide)

    difference, size = padded(kernel) - padded(true), padded(true)
    return float(np.sqrt((difference**2).sum() / (size**2).sum()))
