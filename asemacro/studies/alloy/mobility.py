"""Whether anything moves in an alloy: the mean time of a hop, and the lowest temperature that is worth a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.arguments.checks import MOST_KELVIN

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

LONGEST_HOP_S = 4.35e17
"""Age of the universe: where a vacancy hops once in a longer time, neither a sample nor a run tells anything."""
_LOOKED_AT = 64  # vacancies


def hop_time_s(barriers_eV: NDArray[np.float64], temperature_K: float, attempt_frequency_Hz: float = 1e13) -> float:
    """Mean time in s between two hops of a vacancy, n / sum of nu exp(-barrier / kT); inf if none is possible.

    Args:
        barriers_eV: (n, Z) of the jumps of n vacancies; inf where a target is vacant.
        temperature_K: temperature.
        attempt_frequency_Hz: nu.
    """
    finite = barriers_eV[np.isfinite(barriers_eV)]
    if not len(finite):
        return math.inf
    exponents = -finite / (kB * temperature_K)
    top = float(exponents.max())  # taken out of the sum, which would underflow
    log_time = math.log(len(barriers_eV) / attempt_frequency_Hz) - top - math.log(np.exp(exponents - top).sum())
    return math.exp(log_time) if log_time < 700 else math.inf


def check_mobile(model: BarrierModel, lattice: Lattice, x: NDArray[np.int8], temperatures_K: Sequence[float]) -> None:
    """Refuse temperatures at which one hop takes longer than the age of the universe.

    Args:
        model: barriers.
        lattice: where the states live.
        x: (batch, n_sites) states that are typical of the start; some of their vacancies are looked at.
        temperatures_K: of the runs.

    Raises:
        ValueError: one line with the lowest temperature that is not refused.
    """
    each = max(1, _LOOKED_AT // len(x))
    barriers = np.concatenate([model.barriers(lattice, row, np.flatnonzero(row == 0)[:each]) for row in x])
    cold = [t for t in temperatures_K if hop_time_s(barriers, t) > LONGEST_HOP_S]
    if not cold or not np.isfinite(barriers).any():
        return
    time_s = hop_time_s(barriers, max(cold))
    length = f"about {time_s:.0e} s" if math.isfinite(time_s) else "more than 1e304 s"
    where = f" at {max(cold):g} K" if len(cold) > 1 else ""
    text = (
        f"{', '.join(f'{t:g}' for t in cold)} K: nothing moves, a hop of a vacancy takes {length}{where}, longer than "
        "the age of the universe"
    )
    low, high = max(cold), MOST_KELVIN
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if hop_time_s(barriers, middle) > LONGEST_HOP_S else (low, middle)
    raise ValueError(f"{text}; give temperatures of at least {math.ceil(high)} K")
