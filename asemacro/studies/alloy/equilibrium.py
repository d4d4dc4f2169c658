"""Equilibrium order at all temperatures: simulated where swaps or runs reached it, extrapolated elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.alloy.approach import RELAXED, Approach, Growth, approach, smooth
from asemacro.studies.alloy.extrapolation import LEAST_REACHED, quasi_chemical
from asemacro.studies.alloy.prediction import Predicted
from asemacro.typing import Floats

NEAR = 0.15  # runs that lag by less than this are not there, but say enough to weigh in an extrapolation, lag as error
AGREE = 0.05  # learned equilibrium and late data may differ by this, or by three standard errors
LEARNED, SWAPS, EXTRAPOLATED = "sde", "mc", "extrapolated"  # sources


@dataclasses.dataclass(frozen=True)
class Equilibrium:
    """Unlike pairs at one temperature: the best value, what was learned, and what the runs were judged by.

    Attributes:
        delta: (d,) order.
        error: (d,) one standard error.
        source: swaps (SWAPS) where they reached it; else learned (LEARNED) where the runs reached it; else
            EXTRAPOLATED over temperature, or learned all the same if too few temperatures reached it.
        learned: (d,) stationary mean of the SDE.
        learned_error: (d,) what the runs still owe included.
        reached: whether the runs got there.
        growth: of the order in the last doubling of the runs, relative to it, beyond noise.
        most_growth: the most that it can have been.
        lag: (d,) how far the late mean of the runs may still be from equilibrium.
        late_error: (d,) standard error of that mean.
        length: of the runs, in relaxation times.
        shift: (M, d) order of each member of the model minus that of their mean, extrapolated where that is; nan where
            it is not known.
        shift_error: (M, d) what sampling leaves open of it.
    """

    delta: Floats
    error: Floats
    source: str
    learned: Floats
    learned_error: Floats
    reached: bool
    growth: float
    most_growth: float
    lag: Floats
    late_error: Floats
    length: float
    shift: Floats
    shift_error: Floats

    @property
    def simulated(self) -> bool:
        """Whether swaps or runs reached it."""
        return self.reached or self.source == SWAPS

    @property
    def known(self) -> bool:
        """Whether it is simulated or extrapolated from temperatures where it is."""
        return self.simulated or self.source == EXTRAPOLATED


def equilibrium_of(found: Sequence[Predicted]) -> list[Equilibrium]:
    """Judge all temperatures together and continue what they know.

    Reached is equilibrium where the runs are RELAXED relaxation times long, their mean stands (`approach`), the
    stationary mean of the SDE is theirs, hotter runs got there as well, and swaps, where they know it, agree. The error
    of what is learned is what a few bootstrap members differ by, or the standard error of the runs' late mean where
    that is larger; what the SDE misses of that mean; and the lag.
    Where neither swaps nor runs reached it the order is extrapolated from the temperatures at which they did, if there
    are enough, and those that are near, as far as their errors let them count (`quasi_chemical`).

    Args:
        found: by increasing temperature.
    """
    pooled = approach([Growth.of(at.runs.times_s, at.order) for at in found])
    learned, late = np.array([at.prediction.equilibrium for at in found]), np.array([at.late for at in found])
    # three members tell their spread within a factor of two
    spread = smooth(np.array([at.prediction.equilibrium_error for at in found]))
    noise = np.maximum(spread, pooled.error)
    missed = np.sqrt(np.maximum((learned - late) ** 2 - noise**2, 0.0))
    long = (pooled.length >= RELAXED) & _agrees(found, learned, late, pooled)
    reached = without_outliers(pooled.stands & long)
    learned_error = np.hypot(noise, pooled.lag)
    learned_error[reached] = np.hypot(learned_error, missed)[reached]
    best, best_error = learned.copy(), learned_error.copy()
    for k, at in enumerate(found):
        if at.exact is not None:
            best[k], best_error[k] = at.exact
    by_swaps = np.array([at.exact is not None for at in found])
    simulated = reached | by_swaps
    extrapolated = ~simulated & bool(simulated.sum() >= LEAST_REACHED)
    shift, shift_error = (np.array(part) for part in zip(*(at.shift for at in found), strict=True))
    if extrapolated.any():
        near = by_swaps | without_outliers(simulated | (long & (pooled.lag < NEAR).all(axis=1)))
        kelvin, table = np.array([at.temperature_K for at in found]), found[0].table
        random = table.random[table.unlike]
        values, errors = quasi_chemical(kelvin, best, best_error, near, random, table.neighbours)
        known = near & np.isfinite(shift).all(axis=(1, 2))
        if known.sum() >= LEAST_REACHED:
            of_mean = quasi_chemical(kelvin, best, best_error, known, random, table.neighbours)[0]
            for m in range(shift.shape[1]):
                own = best + np.where(known[:, None], shift[:, m], 0.0)
                of_member = quasi_chemical(kelvin, own, best_error, known, random, table.neighbours)[0]
                shift[extrapolated, m] = (of_member - of_mean)[extrapolated]
            shift_error[extrapolated] = 0.0  # a fit to many temperatures
        for k in np.flatnonzero(extrapolated).tolist():
            best[k], best_error[k] = table.bounded(values[k], found[k].contacts), errors[k]
    source = np.select([by_swaps, extrapolated], [SWAPS, EXTRAPOLATED], LEARNED).tolist()
    return [
        Equilibrium(
            best[k], best_error[k], source[k], learned[k], learned_error[k], bool(reached[k]),
            float(pooled.rate[k]), float(pooled.most[k]), pooled.lag[k], pooled.error[k], float(pooled.length[k]),
            shift[k], shift_error[k],
        )
        for k in range(len(found))
    ]  # fmt: skip


def _agrees(found: Sequence[Predicted], learned: Floats, late: Floats, pooled: Approach) -> NDArray[np.bool_]:
    """(n,) whether the late mean of the runs is that of the SDE and, where they know it, that of the swaps."""
    # a model that knows little of its mean is no reason to believe it
    agrees: NDArray[np.bool_] = np.all(np.abs(learned - late) < np.maximum(AGREE, 3 * pooled.error), axis=1)
    for k, at in enumerate(found):
        if at.exact is not None:
            delta, error = at.exact
            agrees[k] &= (np.abs(late[k] - delta) < np.maximum(AGREE, 3 * np.hypot(pooled.error[k], error))).all()
    return agrees


def without_outliers(reached: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Equilibrium at increasing temperatures, believed only if one of the next two hotter ones reached it as well.

    Relaxation slows down on cooling, so a cold run that stands still while hotter ones do not is only slow.
    """
    believed = np.array(reached, dtype=bool)
    for k in range(len(believed) - 2, -1, -1):
        believed[k] &= believed[k + 1 : k + 3].any()
    return believed
