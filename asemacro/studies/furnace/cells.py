"""A programme cut into short cells of time, in each of which all rates change by little."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.studies.furnace.schedule import Schedule
from asemacro.typing import Floats

FINE = 0.02  # of the logarithm of a rate: most that it changes in a cell
STEEP_eV = 7.0  # of the energies of formation and migration together: the steepest rate that cells are made for
KELVIN = 5.0  # between two saved times of a ramp
LEAST_SAVED, MOST_SAVED = 12, 240  # in a ramp
HOLD_SHARES = np.unique(np.concatenate([np.geomspace(1e-6, 1.0, 25), np.linspace(0.0, 1.0, 25)[1:]]).round(12))
"""Shares of a hold at which the order is saved: close at its beginning, where it may change fast."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """Pieces of one programme, or of several through the same temperatures at rates of their own.

    Attributes:
        length_s: (n,) or (rows, n) durations.
        from_K: (n,) temperatures at their beginnings.
        to_K: (n,) temperatures at their ends.
        stage: (n,) numbers of the stages that they belong to.
        saved: (n,) whether the order is saved at the end.
    """

    length_s: Floats
    from_K: Floats
    to_K: Floats
    stage: NDArray[np.intp]
    saved: NDArray[np.bool_]

    @classmethod
    def of(cls, schedule: Schedule) -> Cells:
        """Of a furnace programme."""
        parts = []
        for number, stage in enumerate(schedule):
            if stage.holds:
                length = np.diff(HOLD_SHARES, prepend=0.0) * stage.duration_s
                kelvin = np.full(len(length) + 1, stage.from_K)
                saved = np.ones(len(length), dtype=bool)
            else:
                kelvin, saved = ramp(stage.from_K, stage.to_K)
                length = np.diff(kelvin) / stage.rate_K_per_s
            parts.append((length, kelvin[:-1], kelvin[1:], np.full(len(length), number), saved))
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    @classmethod
    def of_cooling(cls, hot_K: float, cold_K: float, rates_K_per_s: Floats) -> Cells:
        """Of ramps from one temperature to another, a row for each rate."""
        kelvin, saved = ramp(hot_K, cold_K, 2 * KELVIN)
        length = -np.diff(kelvin) / rates_K_per_s[:, None]
        return cls(length, kelvin[:-1], kelvin[1:], np.zeros(len(saved), dtype=np.intp), saved)

    @property
    def groups(self) -> list[slice]:
        """The cells between two saved times."""
        ends = np.flatnonzero(self.saved) + 1
        return [slice(int(a), int(b)) for a, b in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True)]


def ramp(from_K: float, to_K: float, apart_K: float = KELVIN) -> tuple[Floats, NDArray[np.bool_]]:
    """Temperatures (n + 1,) between cells of a ramp, and (n,) whether the order is saved after a cell."""
    saves = min(max(math.ceil(abs(to_K - from_K) / apart_K), LEAST_SAVED), MOST_SAVED)
    nodes = np.linspace(from_K, to_K, saves + 1)
    kelvin, saved = [nodes[:1]], []
    for a, b in itertools.pairwise(nodes):
        n = max(1, math.ceil(STEEP_eV / kB * abs(1 / a - 1 / b) / FINE))
        kelvin.append(np.append(np.linspace(a, b, n + 1)[1:-1], b))
        saved.append(np.arange(n) == n - 1)
    return np.concatenate(kelvin), np.concatenate(saved)


def log_mean(a: Floats, b: Floats) -> Floats:
    """Mean over an interval of what goes from a to b exponentially, (b - a) / ln(b / a); both above zero."""
    ratio = np.log(np.maximum(b, 1e-300)) - np.log(np.maximum(a, 1e-300))
    near = np.abs(ratio) < 1e-6
    return np.where(near, 0.5 * (a + b), (b - a) / np.where(near, 1.0, ratio))
