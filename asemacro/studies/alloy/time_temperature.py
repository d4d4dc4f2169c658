"""The order of one pair over time and temperature, between the temperatures that were simulated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.alloy.course import EXTRAPOLATED, UNKNOWN, Course
from asemacro.studies.alloy.points import LONGEST_ANNEAL_S
from asemacro.typing import Floats

FINE_TIMES = 240
FINE_TEMPERATURES = 80


@dataclasses.dataclass(frozen=True)
class TimeTemperatureMap:
    """Order of the strongest pair, from random.

    Attributes:
        pair: its name.
        temperatures_K: (n_T,) increasing.
        times_s: (n,) logarithmic, of the figure's clock.
        delta: (n_T, n); nan where it is not known.
        extrapolated: (n_T, n) where it lies beyond what was simulated.
    """

    pair: str
    temperatures_K: Floats
    times_s: Floats
    delta: Floats
    extrapolated: NDArray[np.bool_]

    @property
    def columns(self) -> list[str]:
        """Of the table of the map."""
        return ["temperature_K", "time_s", f"delta_{self.pair}", "extrapolated"]

    def rows(self) -> Iterator[tuple[float, float, float | None, bool]]:
        """A row for each temperature and time; delta is None where it is not known."""
        for kelvin, values, beyond in zip(self.temperatures_K, self.delta, self.extrapolated, strict=True):
            for time_s, delta, far in zip(self.times_s, values, beyond, strict=True):
                yield kelvin, time_s, delta if np.isfinite(delta) else None, far


def time_temperature_map(courses: Sequence[Course], labels: Sequence[str]) -> TimeTemperatureMap:
    """Interpolate the courses of the simulated temperatures in reduced time; each is on the map as it is.

    At a fixed time in seconds two temperatures 100 K apart are at different stages, so an interpolation at fixed time
    draws steps. Between two temperatures the order is taken linear in 1/T at the same t / tau(T), and log tau linear
    in 1/T (Arrhenius); tau is the first time of the path, that of a number of hops. It is known as well as at the one
    of the two where it is known less. The map ends with the longest anneal,
    or with the age of the universe.

    Args:
        courses: by increasing temperature.
        labels: of the unlike pairs.
    """
    strongest = int(np.argmax(np.max([np.abs(c.prediction.path).max(axis=0) for c in courses], axis=0)))
    kelvin = np.array([c.temperature_K for c in courses])
    first = np.log([c.prediction.times_s[0] for c in courses])
    log_tau = np.log([c.prediction.times_s[0] * c.thermal for c in courses])
    ends = [np.log(c.anneal_s * c.thermal) for c in courses]
    fine = np.unique(np.concatenate([kelvin, np.linspace(kelvin[0], kelvin[-1], FINE_TEMPERATURES)]))
    place = np.interp(1 / fine, 1 / kelvin[::-1], np.arange(len(kelvin))[::-1].astype(float))
    begin = log_tau.min()
    end = max(min(max(ends), np.log(LONGEST_ANNEAL_S)), begin + 1.0)
    times = np.exp(np.linspace(begin, end, FINE_TIMES))
    delta = np.empty((len(fine), len(times)))
    standing = np.empty(delta.shape, dtype=np.int8)
    for row, at in enumerate(place):
        below, above = int(np.floor(at)), int(np.ceil(at))
        share = at - below
        reduced = np.log(times) - (log_tau[below] * (1 - share) + log_tau[above] * share)
        cold, _, cold_standing = courses[below].at(np.exp(first[below] + reduced))
        hot, _, hot_standing = courses[above].at(np.exp(first[above] + reduced))
        delta[row] = cold[:, strongest] * (1 - share) + hot[:, strongest] * share
        standing[row] = np.maximum(cold_standing, hot_standing)
    delta[standing == UNKNOWN] = np.nan
    return TimeTemperatureMap(labels[strongest], fine, times, delta, standing == EXTRAPOLATED)
