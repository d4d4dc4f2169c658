"""The order of one pair over time and temperature, between the temperatures that were simulated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.prediction import Prediction

Floats = NDArray[np.float64]
FINE_TIMES = 240
FINE_TEMPERATURES = 80
ROUNDING = 1e-9  # the last time is the end of the longest anneal


@dataclasses.dataclass(frozen=True)
class TimeTemperatureMap:
    """Order of the strongest pair, from random.

    Attributes:
        pair: its name.
        temperatures_K: (n_T,) increasing.
        times_s: (n,) logarithmic, of the figure's clock.
        delta: (n_T, n); nan beyond the anneal where equilibrium comes later.
    """

    pair: str
    temperatures_K: Floats
    times_s: Floats
    delta: Floats


def time_temperature_map(
    predictions: Sequence[Prediction], temperatures_K: Sequence[float], clock: Sequence[float], labels: Sequence[str]
) -> TimeTemperatureMap:
    """Interpolate the paths of the simulated temperatures in reduced time.

    At a fixed time in seconds two temperatures 100 K apart are at different stages, so an interpolation at fixed time
    draws steps. Between two temperatures the order is taken linear in 1/T at the same t / tau(T), and log tau linear
    in 1/T (Arrhenius); tau is the first time of the path, that of a number of hops. Earlier than a path begins the
    order is that of the random alloy; after it has settled that of equilibrium; beyond an anneal that ends before,
    nan.

    Args:
        predictions: one a temperature.
        temperatures_K: increasing.
        clock: (n_T,) factors from the KMC time of the paths to the time of the map.
        labels: of the columns of the paths.
    """
    strongest = int(np.argmax(np.max([np.abs(p.path).max(axis=0) for p in predictions], axis=0)))
    kelvin = np.asarray(temperatures_K, dtype=float)
    log_tau = np.log([p.times_s[0] * factor for p, factor in zip(predictions, clock, strict=True)])
    ends = np.log([p.anneal_s / p.times_s[0] for p in predictions])
    settled = np.array([p.settled for p in predictions])

    def order(k: int, reduced: Floats) -> Floats:
        p = predictions[k]
        steps = np.log(p.times_s / p.times_s[0])
        right = p.equilibrium[strongest] if p.settled else p.path[-1, strongest]
        return np.interp(reduced, steps, p.path[:, strongest], left=p.start[strongest], right=right)

    fine = np.unique(np.concatenate([kelvin, np.linspace(kelvin[0], kelvin[-1], FINE_TEMPERATURES)]))
    place = np.interp(1 / fine, 1 / kelvin[::-1], np.arange(len(kelvin))[::-1].astype(float))
    times = np.geomspace(np.exp(log_tau.min()), np.exp((log_tau + ends).max()), FINE_TIMES)
    delta = np.empty((len(fine), len(times)))
    for row, at in zip(delta, place, strict=True):
        below, above = int(np.floor(at)), int(np.ceil(at))
        share = at - below
        reduced = np.log(times) - (log_tau[below] * (1 - share) + log_tau[above] * share)
        row[:] = order(below, reduced) * (1 - share) + order(above, reduced) * share
        if not (settled[below] and settled[above]):
            row[reduced > ends[below] * (1 - share) + ends[above] * share + ROUNDING] = np.nan
    return TimeTemperatureMap(labels[strongest], fine, times, delta)
