"""Whether anything moves in an alloy: the mean time of a hop, and the lowest temperature that is worth a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.arguments.checks import MOST_KELVIN
from asemacro.barriers.attempt_frequency import COMMON_HZ
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

LONGEST_HOP_S = 4.35e17
"""Age of the universe: where a vacancy hops once in a longer time, neither a sample nor a run tells anything."""
_LOOKED_AT = 64  # vacancies


def hop_time_s(
    barriers_eV: NDArray[np.float64], temperature_K: float, attempt_frequency_Hz: float | Floats = COMMON_HZ
) -> float:
    """Mean time in s between two hops of a vacancy, n / sum of nu exp(-barrier / kT); inf if none is possible.

    Args:
        barriers_eV: (n, Z) of the jumps of n vacancies; inf where a target is vacant.
        temperature_K: temperature.
        attempt_frequency_Hz: nu of all jumps, or (n, Z) of each.
    """
    possible = np.isfinite(barriers_eV)
    if not possible.any():
        return math.inf
    exponents = -barriers_eV[possible] / (kB * temperature_K)
    frequencies = np.broadcast_to(attempt_frequency_Hz, barriers_eV.shape)[possible]
    # both are taken out of the sum, which would underflow
    top, fastest = float(exponents.max()), float(frequencies.max())
    shares = frequencies / fastest * np.exp(exponents - top)
    log_time = math.log(len(barriers_eV) / fastest) - top - math.log(shares.sum())
    return math.exp(log_time) if log_time < 700 else math.inf


def jumps_at(
    model: BarrierModel, lattice: Lattice, x: NDArray[np.int8], each: int | None = None
) -> tuple[Floats, Floats]:
    """Barriers in eV and attempt frequencies in Hz, (n, Z) both, of the first `each` (all) vacancies of each state.

    Args:
        model: barriers.
        lattice: where the states live.
        x: (batch, n_sites) states.
        each: number.
    """
    vacant = [np.flatnonzero(row == 0)[:each] for row in x]
    barriers = [model.barriers(lattice, row, sites) for row, sites in zip(x, vacant, strict=True)]
    frequencies = [model.jump_frequencies(lattice, row, sites) for row, sites in zip(x, vacant, strict=True)]
    return np.concatenate(barriers), np.concatenate(frequencies)


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
    barriers, frequencies = jumps_at(model, lattice, x, max(1, _LOOKED_AT // len(x)))
    cold = [t for t in temperatures_K if hop_time_s(barriers, t, frequencies) > LONGEST_HOP_S]
    if not cold or not np.isfinite(barriers).any():
        return
    time_s = hop_time_s(barriers, max(cold), frequencies)
    length = f"about {time_s:.0e} s" if math.isfinite(time_s) else "more than 1e304 s"
    where = f" at {max(cold):g} K" if len(cold) > 1 else ""
    text = (
        f"{', '.join(f'{t:g}' for t in cold)} K: nothing moves, a hop of a vacancy takes {length}{where}, longer than "
        "the age of the universe"
    )
    low, high = max(cold), MOST_KELVIN
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if hop_time_s(barriers, middle, frequencies) > LONGEST_HOP_S else (low, middle)
    raise ValueError(f"{text}; give temperatures of at least {math.ceil(high)} K")
