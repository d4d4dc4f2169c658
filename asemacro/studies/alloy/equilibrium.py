"""Equilibrium order at all temperatures: simulated where swaps or runs reached it, extrapolated elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.alloy.approach import Approach, Growth, approach, smooth
from asemacro.studies.alloy.campaign import RELAXED
from asemacro.studies.alloy.extrapolation import LEAST_REACHED, quasi_chemical
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import Prediction
from asemacro.studies.alloy.record import Record
from asemacro.typing import Floats

NEAR = 0.15  # runs that lag by less than this are not there, but say enough to weigh in an extrapolation, lag as error
AGREE = 0.05  # learned equilibrium and late data may differ by this, or by three standard errors
LEARNED, SWAPS, EXTRAPOLATED = "sde", "mc", "extrapolated"  # sources


@dataclasses.dataclass(frozen=True)
class Equilibrium:
    """Unlike pairs by increasing temperature: the best value, and what was learned.

    Attributes:
        delta: (n, d) order.
        error: (n, d) one standard error.
        source: (n,) swaps (SWAPS) where they reached it; else learned (LEARNED) where the runs reached it; else
            EXTRAPOLATED over temperature, or learned all the same if too few temperatures reached it.
        learned: (n, d) stationary mean of the SDE.
        learned_error: (n, d) what the runs still owe included.
        reached: (n,) whether the runs got there.
        approach: what this was judged by.
    """

    delta: Floats
    error: Floats
    source: tuple[str, ...]
    learned: Floats
    learned_error: Floats
    reached: NDArray[np.bool_]
    approach: Approach

    @property
    def simulated(self) -> NDArray[np.bool_]:
        """(n,) whether swaps or runs reached it."""
        return self.reached | np.array([source == SWAPS for source in self.source])

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) whether it is simulated or extrapolated from temperatures where it is."""
        return self.simulated | np.array([source == EXTRAPOLATED for source in self.source])


def equilibrium_of(
    table: PairTable,
    records: Sequence[Record],
    predictions: Sequence[Prediction],
    exact: Sequence[tuple[Floats, Floats] | None] = (),
) -> Equilibrium:
    """Judge all temperatures together and continue what they know.

    Reached is equilibrium where the runs are RELAXED relaxation times long, their mean stands (`approach`), the
    stationary mean of the SDE is theirs, hotter runs got there as well, and swaps, where they know it, agree. The error
    of what is learned is what a few bootstrap members differ by, or the standard error of the runs' late mean where
    that is larger; what the SDE misses of that mean; and the lag.
    Where neither swaps nor runs reached it the order is extrapolated from the temperatures at which they did, if there
    are enough, and those that are near, as far as their errors let them count (`quasi_chemical`).

    Args:
        table: of the pairs.
        records: small runs, by increasing temperature.
        predictions: of the SDE.
        exact: order and error (d,) where swaps reached equilibrium, None elsewhere; empty without swaps.
    """
    found = approach([Growth.of(record.times_s, record.order[:, :, table.unlike]) for record in records])
    learned = np.array([p.equilibrium for p in predictions])
    late = np.array([record.late[:, :, table.unlike].mean(axis=(0, 1)) for record in records])
    # three members tell their spread within a factor of two
    spread = smooth(np.array([p.equilibrium_error for p in predictions]))
    noise = np.maximum(spread, found.error)
    missed = np.sqrt(np.maximum((learned - late) ** 2 - noise**2, 0.0))
    # a model that knows little of its mean is no reason to believe it
    agrees = (np.abs(learned - late) < np.maximum(AGREE, 3 * found.error)).all(axis=1)
    by_swaps = np.array([bool(exact) and exact[k] is not None for k in range(len(records))])
    for k in np.flatnonzero(by_swaps).tolist():
        delta, error = exact[k] or (learned[k], noise[k])
        agrees[k] &= (np.abs(late[k] - delta) < np.maximum(AGREE, 3 * np.hypot(found.error[k], error))).all()
    long = (found.length >= RELAXED) & agrees
    reached = without_outliers(found.stands & long)
    learned_error = np.hypot(noise, found.lag)
    learned_error[reached] = np.hypot(learned_error, missed)[reached]
    best, best_error = learned.copy(), learned_error.copy()
    for k in np.flatnonzero(by_swaps).tolist():
        best[k], best_error[k] = exact[k] or (learned[k], noise[k])
    simulated = reached | by_swaps
    extrapolated = ~simulated & bool(simulated.sum() >= LEAST_REACHED)
    if extrapolated.any():
        kelvin = np.array([record.temperature_K for record in records])
        random = table.random[table.unlike]
        near = by_swaps | without_outliers(simulated | (long & (found.lag < NEAR).all(axis=1)))
        values, errors = quasi_chemical(kelvin, best, best_error, near, random, table.neighbours)
        for k in np.flatnonzero(extrapolated).tolist():
            best[k] = table.bounded(values[k], table.contacts(records[k].late))
            best_error[k] = errors[k]
    source = np.select([by_swaps, extrapolated], [SWAPS, EXTRAPOLATED], LEARNED)
    return Equilibrium(best, best_error, tuple(source.tolist()), learned, learned_error, reached, found)


def without_outliers(reached: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Equilibrium at increasing temperatures, believed only if one of the next two hotter ones reached it as well.

    Relaxation slows down on cooling, so a cold run that stands still while hotter ones do not is only slow.
    """
    believed = np.array(reached, dtype=bool)
    for k in range(len(believed) - 2, -1, -1):
        believed[k] &= believed[k + 1 : k + 3].any()
    return believed
