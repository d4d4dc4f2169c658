"""Couplings J(r) of spins with many neighbours: which lags, how strong, and as whole numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import array_of, bound_of_memory
from asemacro.arguments.door import checked, number
from asemacro.typing import Floats

MOST_RANGE = 10_000.0
SHORT_SUM = np.iinfo(np.int16).max
LONG_SUM = 1 << 30
"""Largest sums of |J| in whole numbers: local fields are then 16 or 32 bits wide."""
_MOST_AXES = 3


@dataclasses.dataclass(frozen=True)
class KacCoupling:
    """J(r) between spins at the lag r, in sites: even, J(0) = 0; see `top_hat`, `gaussian` and `tabulated`.

    Attributes:
        name: in a few words.
        reach: the largest component of a lag with J not 0.
        table: gives J (2 reach + 1,) * n_axes on lattices of so many axes, lag 0 in the middle.
        n_axes: the only number of axes that there is a table for; None for any.
    """

    name: str
    reach: int
    table: Callable[[int], Floats]
    n_axes: int | None = None

    def __repr__(self) -> str:
        """In a few words."""
        return f"<KacCoupling {self.name}>"


@checked(reach=number(1, MOST_RANGE), total=number())
def top_hat(reach: float, total: float = 1.0) -> KacCoupling:
    """The same J for all lags 0 < |r| <= R: a disc in the plane, a ball in space.

    Args:
        reach: R in sites, at least 1; R = 1 are the nearest neighbours.
        total: J0, the sum of J over all lags.

    Raises:
        ValueError: a reach below 1.
    """

    def table(n_axes: int) -> Floats:
        return _summing_to(total, np.where(_squares(int(reach), n_axes) <= reach**2, 1.0, 0.0))

    return KacCoupling(f"top hat, range {reach:g}", int(reach), table)


@checked(reach=number(1, MOST_RANGE), total=number())
def gaussian(reach: float, total: float = 1.0) -> KacCoupling:
    """J(r) ~ exp(-2 r^2 / R^2) for 0 < |r| <= 2 R.

    The standard deviation along an axis is R / 2, as that of the disc of radius R in the plane: equal ranges mean
    equally long couplings.

    Args:
        reach: R in sites, at least 1.
        total: J0, the sum of J over all lags.

    Raises:
        ValueError: a reach below 1.
    """

    def table(n_axes: int) -> Floats:
        squares = _squares(int(2 * reach), n_axes)
        return _summing_to(total, np.where(squares <= 4 * reach**2, np.exp(-2 * squares / reach**2), 0.0))

    return KacCoupling(f"Gaussian, range {reach:g}", int(2 * reach), table)


def tabulated(values: ArrayLike) -> KacCoupling:
    """The coupling with given J: an array with an axis for each of the lattice, of odd lengths, J(0) in the middle.

    Raises:
        ValueError: an even length, J(0) that is not 0, J(r) that is not J(-r), or 0 everywhere.
    """
    given = array_of(values, "coupling")
    if not 1 <= given.ndim <= _MOST_AXES or not all(n % 2 for n in given.shape) or given.size == 1:
        raise ValueError(
            f"a coupling is an array of 1 to {_MOST_AXES} axes of odd lengths, J(0) in the middle, got the shape "
            f"{given.shape}"
        )
    middle = given[tuple(n // 2 for n in given.shape)]
    if middle != 0:
        raise ValueError(f"the coupling of a spin with itself must be 0, got J(0) = {middle:g}: set the middle to 0")
    if not np.array_equal(given, np.flip(given)):
        raise ValueError("the coupling must be even, J(r) = J(-r): take (J + numpy.flip(J)) / 2")
    if not given.any():
        raise ValueError("the coupling is 0 at all lags; for independent spins take an infinite temperature")
    reach = max(int(abs(np.argwhere(given) - np.array(given.shape) // 2).max()), 1)
    padded = np.zeros((2 * reach + 1,) * given.ndim)
    inner = tuple(min(n // 2, reach) for n in given.shape)
    here = tuple(slice(n // 2 - k, n // 2 + k + 1) for n, k in zip(given.shape, inner, strict=True))
    padded[tuple(slice(reach - k, reach + k + 1) for k in inner)] = given[here]
    return KacCoupling(f"table of reach {reach}", reach, lambda n_axes: padded.copy(), given.ndim)


def coupling_of(value: KacCoupling | ArrayLike, name: str = "coupling") -> KacCoupling:
    """A coupling, or one of a table."""
    return value if isinstance(value, KacCoupling) else tabulated(array_of(value, name))


def whole_numbers(table: Floats) -> tuple[NDArray[np.int32], float]:
    """J as whole numbers w times a unit: so sums of them are exact, in whatever order they are made.

    Equal J are +-1 and exact; others are rounded to the 2^30th part of the sum of |J|, 1e-9 of it.
    """
    size = np.abs(table)
    largest = float(size.max())
    if (size[table != 0] > largest * (1 - 1e-12)).all():
        return np.sign(table).astype(np.int32), largest
    unit = float(size.sum()) / (LONG_SUM - table.size)  # rounding adds at most 1/2 a lag
    return np.rint(table / unit).astype(np.int32), unit


def _squares(reach: int, n_axes: int) -> Floats:
    """|r|^2 of all lags of components up to `reach`."""
    bound_of_memory(100.0 * (2.0 * reach + 1) ** n_axes, f"a coupling of reach {reach}")
    along = np.arange(-reach, reach + 1.0) ** 2
    return np.asarray(sum(np.expand_dims(along, tuple(set(range(n_axes)) - {k})) for k in range(n_axes)))


def _summing_to(total: float, shape: Floats) -> Floats:
    """The multiple of a shape, without its middle, that has a given sum."""
    shape[tuple(n // 2 for n in shape.shape)] = 0.0
    return shape * (total / shape.sum())
