"""What block fields say about the mobility, summed up in cells of (m, tanh u) at each temperature."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from asemacro.macro.spde.window import Relaxation, Windows, changes, column, parts_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

SOURCES = ("flips", "variance")
_CELLS = 80  # along m and along tanh u


@dataclasses.dataclass(frozen=True)
class MobilityCells:
    """Estimates of T K, each the mean over the blocks of a cell.

    Attributes:
        m: (n,) mean magnetisation of the cell.
        t: (n,) mean tanh u.
        temperature: (n,).
        value: (n,) estimate of T K.
        weight: (n,) so that its variance is `dispersion` (T K) / weight for flips, 2 (T K)^2 / weight for variances.
        squares: (n,) weighted mean of the squared estimates of single blocks.
        blocks: (n,) how many there were.
        source: "flips" or "variance".
        flips: flips that were counted in all; 0 for variances.
    """

    m: Floats
    t: Floats
    temperature: Floats
    value: Floats
    weight: Floats
    squares: Floats
    blocks: Floats
    source: str
    flips: int

    def variance_at(self, k: Floats) -> Floats:
        """Variance of the estimates where T K is k."""
        return (k if self.source == "flips" else 2 * k**2) / self.weight

    def dispersion(self, k: Floats) -> float:
        """Scatter of single blocks about k in units of what `variance_at` presumes."""
        scatter = self.weight * (self.squares - 2 * self.value * k + k**2)
        return float((scatter / (self.variance_at(k) * self.weight)).sum() / self.blocks.sum())


def mobility_cells(data: FieldData, relaxation: Relaxation, source: str) -> MobilityCells:
    r"""Estimates of T K in cells.

    From flips: T K = 2 N / (V dt), its error is that of counting, 1 / sqrt(N); m and u are means over the window.
    From the variance of a block about its expected value: with e = exp(-dt), t = tanh u,
    T K = (V Var / (1 - e) - (1 - e) (1 - t^2)) / (2 e), which at dt -> 0 is V Var / (2 dt); frozen fields.

    Args:
        data: field data, with flips if they are the source.
        relaxation: where blocks are expected to go.
        source: "flips" or "variance".

    Raises:
        ValueError: no flips in the data.
    """
    if source == "flips" and data.flips is None:
        raise ValueError('the data hold no flips; measure the mobility from the noise with source="variance"')
    temperatures, index = np.unique(data.temperature, return_inverse=True)
    n = len(temperatures) * _CELLS * _CELLS
    names = ("blocks", "weight", "value", "squares", "m", "t")
    sums = {name: np.zeros(n) for name in names}
    first = 0
    for part in parts_of(data):
        window = relaxation.over(part)
        at = index[first : first + len(part)].reshape(-1, *(1,) * (part.before.ndim - 1))
        first += len(part)
        state, t, value, weight = _estimates(part, window, relaxation.rate, source)
        cell = ((at * _CELLS + _place(state)) * _CELLS + _place(t)).ravel()
        value, weight, state, t = (np.broadcast_to(v, part.before.shape).ravel() for v in (value, weight, state, t))
        for name, what in zip(names, (1.0, weight, weight * value, weight * value**2, weight * state,
                                      weight * t), strict=True):  # fmt: skip
            sums[name] += np.bincount(cell, np.broadcast_to(np.asarray(what), cell.shape), minlength=n)
    kept = sums["weight"] > 0
    weight = sums["weight"][kept]
    means = {name: sums[name][kept] / weight for name in ("m", "t", "value", "squares")}
    temperature = np.repeat(temperatures, _CELLS * _CELLS)[kept]
    flips = int(data.flips.sum()) if source == "flips" and data.flips is not None else 0
    return MobilityCells(
        temperature=temperature, weight=weight, blocks=sums["blocks"][kept], source=source, flips=flips, **means
    )


def _place(x: Floats) -> Floats:
    """Number of the cell along an axis."""
    return np.clip(((x + 1) * (_CELLS / 2)).astype(int), 0, _CELLS - 1)


def _estimates(part: FieldData, window: Windows, rate: float, source: str) -> tuple[Floats, Floats, Floats, Floats]:
    """m, tanh u, T K and its weight, of each block of each row."""
    at = window.mean, np.tanh(window.u)
    if source == "flips":
        expected = column(part.duration, part.before.ndim) * (part.sites / 2)  # if T K were 1
        return *at, part.flips / expected, expected  # type: ignore[operator]
    before, after = changes(part)
    e, t = window.left, window.target
    squared = part.sites * (after - window.expected(before)) ** 2 / (1 - e)
    return *at, rate * (squared - (1 - e) * (1 - t**2)) / (2 * e), np.ones(1)
