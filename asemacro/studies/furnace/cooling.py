"""The cooling rate below which an alloy stays at equilibrium down to a temperature."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.studies.furnace.cells import Cells
from asemacro.studies.furnace.kinetics import Kinetics
from asemacro.studies.furnace.vacancies import Vacancies
from asemacro.studies.furnace.walk import Mover, intervals_of, kmc_time, reduced, walk
from asemacro.typing import Floats

SLOWEST, FASTEST = -30.0, 12.0  # decades of K/s that are looked at
A_DECADE = 6  # rates


@dataclasses.dataclass(frozen=True)
class Cooling:
    """Rates of cooling from equilibrium at one temperature, at which the order keeps up.

    Attributes:
        from_K: where cooling begins.
        temperatures_K: (n,) decreasing.
        rates_K_per_s: (n,) the fastest cooling for which delta of every pair is within one standard error of
            equilibrium at each temperature down to this one; inf if any rate is slow enough, as where the order that
            cooling begins with is itself within that error; 0 if none is.
        simulated: (n,) whether equilibrium there was reached by simulations; extrapolated else.
    """

    from_K: float
    temperatures_K: Floats
    rates_K_per_s: Floats
    simulated: Floats

    def at(self, temperature_K: float) -> tuple[float, bool]:
        """Rate for a temperature, and whether equilibrium there was reached by simulations."""
        k = int(np.argmin(np.abs(self.temperatures_K - temperature_K)))
        return float(self.rates_K_per_s[k]), bool(self.simulated[k])


def cooling(kinetics: Kinetics, vacancies: Vacancies, hot_K: float, cold_K: float, move: Mover) -> Cooling | None:
    """Critical cooling rates between two temperatures, both within the simulated ones; None if there is no way down.

    The alloy begins with the order and the vacancies of equilibrium at the hot temperature and is cooled at constant
    rates, A_DECADE a decade; between two of them the distance from equilibrium over its error is taken as a power of
    the rate.

    Args:
        kinetics: what the diagram knows.
        vacancies: how many there are.
        hot_K: where cooling begins.
        cold_K: where it ends.
        move: follows the equation, without noise.
    """
    if hot_K - cold_K < 1.0:
        return None
    rates = np.logspace(SLOWEST, FASTEST, round((FASTEST - SLOWEST) * A_DECADE) + 1)
    cells = Cells.of_cooling(hot_K, cold_K, rates)
    kmc_s = kmc_time(cells, vacancies.follow(cells, kinetics.vacancy_diffusion), vacancies)
    intervals, model = intervals_of(kinetics, cells), kinetics.ensemble[0]
    tau = 1 / kinetics.rate(model, np.array([interval.at.temperature_K for interval in intervals]))
    durations = reduced(kinetics, model, cells, kmc_s) * tau
    walked = walk(intervals, durations, kinetics.at(hot_K).goal, move, rested=True)
    goals = np.array([interval.last.goal for interval in intervals])
    bars = np.array([interval.last.rest_error for interval in intervals])
    away = (np.abs(walked.order[:, 1:] - goals) / np.maximum(bars, 1e-12)).max(axis=2)
    worst = np.maximum.accumulate(away, axis=1)  # on the way down, too
    return Cooling(
        hot_K,
        cells.to_K[cells.saved],
        np.array([_fastest_within(rates, column) for column in worst.T]),
        np.array([interval.last.simulated for interval in intervals]),
    )


def _fastest_within(rates: Floats, away: Floats) -> float:
    """The rate up to which `away` stays at most 1, for rates that increase."""
    outside = np.flatnonzero(away > 1)
    if not len(outside):
        return np.inf
    k = int(outside[0])
    if k == 0:
        return 0.0
    low, high = (np.log(max(float(away[j]), 1e-3)) for j in (k - 1, k))
    share = -low / max(high - low, 1e-12)
    return float(np.exp(np.log(rates[k - 1]) + share * (np.log(rates[k]) - np.log(rates[k - 1]))))
