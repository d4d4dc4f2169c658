"""What happens within the duration of a row: mean magnetisation and field of it, and where it leads on average."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.macro.spde.entropy import EntropySlope
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

_BLOCKS = 1 << 19  # times variables, of the rows that are looked at at once


@dataclasses.dataclass(frozen=True)
class Windows:
    """Rows of field data, (n, *grid) each or what broadcasts to it.

    Attributes:
        left: part of the start that is left at the end if the field is frozen, exp(-rate duration).
        state: magnetisation that drives the change, averaged with the weight that each moment has at the end.
        target: tanh of the local field at `state`, to which m relaxes.
        mean: magnetisation averaged over the window.
        u: (J * mean + h) / T.
        temperature: (n, 1, ...).
    """

    left: Floats
    state: Floats
    target: Floats
    mean: Floats
    u: Floats
    temperature: Floats

    def expected(self, before: Floats) -> Floats:
        """Mean magnetisation at the end."""
        return before * self.left + self.target * (1 - self.left)

    def variance(self, before: Floats) -> Floats:
        """V times the variance at the end: frozen fields, each spin on its own."""
        e, t = self.left, self.target
        return (1 - e) * ((1 + e) - 2 * e * before * t - (1 - e) * t**2)


@dataclasses.dataclass(frozen=True)
class Relaxation:
    """dm/dt = rate (tanh(u - s'(m) + atanh m) - m), u = (J * m + h) / T: the mean path of Glauber spins.

    Attributes:
        kernel: J.
        entropy: s'.
        rate: attempts on a spin in a unit of time.
    """

    kernel: BlockKernel
    entropy: EntropySlope
    rate: float = 1.0

    def over(self, data: FieldData) -> Windows:
        """Windows of all rows; the field moves with the mean path, right to the second order in the duration."""
        before = data.before.astype(float)
        duration, temperature, h = (column(x, before.ndim) for x in (data.duration, data.temperature, data.field))
        s = self.rate * duration
        left = np.exp(-s)

        def fields(m: Floats) -> tuple[Floats, Floats]:
            u = (self.kernel.convolve(m) + h) / temperature
            return u, np.tanh(u - self.entropy.excess(m))

        _, target = fields(before)
        state = before
        for _ in range(2):
            state = target + (before - target) * (s * left / -np.expm1(-s))
            _, target = fields(state)
        mean = target + (before - target) * (-np.expm1(-s) / s)
        return Windows(left, state, target, mean, fields(mean)[0], temperature)


def column(values: Floats, ndim: int) -> Floats:
    """(n, 1, ...) numbers of rows."""
    return np.asarray(values, dtype=float).reshape(-1, *(1,) * (ndim - 1))


def parts_of(data: FieldData, variables: int = 1) -> Iterator[FieldData]:
    """The rows in parts that take little memory, with so many variables for each block."""
    step = max(1, _BLOCKS * 16 // (variables * data.before[0].size))
    for first in range(0, len(data), step):
        yield data.take(slice(first, first + step))


def changes(part: FieldData) -> tuple[Floats, Floats]:
    """Before and after, float64."""
    return part.before.astype(float), part.after.astype(float)
