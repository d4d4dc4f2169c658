"""The map between temperatures: exact where rate and order have the assumed form."""

from __future__ import annotations

import numpy as np

from asemacro.prediction import Prediction
from asemacro.time_temperature import time_temperature_map

ENERGY_K = 20_000.0


def first_time(kelvin: float) -> float:
    return 1e-12 * float(np.exp(ENERGY_K / kelvin))


def path_at(kelvin: float, anneal: float, settled: bool) -> Prediction:
    """delta = (1000 / T) (1 - exp(-t / 100 tau)), tau Arrhenius."""
    tau = first_time(kelvin)
    times = tau * np.geomspace(1, 2000 if settled else anneal, 400)
    path = 1000 / kelvin * (1 - np.exp(-times / tau / 100))[:, None]
    zero, level = np.zeros(1), np.array([1000 / kelvin])
    return Prediction(
        zero, times, path, path, path[-1], zero, level, zero, anneal * tau, settled, relaxation_time_s=tau * 100
    )


def test_between_temperatures_an_arrhenius_process_is_exact() -> None:
    kelvin = [500.0, 800.0, 2000.0]
    found = time_temperature_map([path_at(k, 1e6, True) for k in kelvin], kelvin, [1.0] * 3, ["Mo-Ta"])
    assert found.pair == "Mo-Ta"
    assert set(kelvin) <= set(found.temperatures_K)
    reduced = found.times_s[None] / np.array([first_time(k) for k in found.temperatures_K])[:, None]
    expected = 1000 / found.temperatures_K[:, None] * (1 - np.exp(-reduced / 100))
    # before the first time of a path the map shows the random alloy
    expected[reduced < 1] = 0
    np.testing.assert_allclose(found.delta, expected, atol=0.011)


def test_nothing_is_shown_beyond_an_anneal_that_did_not_settle() -> None:
    kelvin = [500.0, 800.0]
    found = time_temperature_map([path_at(k, 300.0, False) for k in kelvin], kelvin, [1.0, 1.0], ["Mo-Ta"])
    reduced = found.times_s[None] / np.array([first_time(k) for k in found.temperatures_K])[:, None]
    np.testing.assert_array_equal(np.isnan(found.delta), reduced > 300 * (1 + 1e-9))


def test_the_clock_shifts_the_times_alone() -> None:
    paths = [path_at(800.0, 1e6, True)]
    one, ten = (time_temperature_map(paths, [800.0], [factor], ["Mo-Ta"]) for factor in (1.0, 10.0))
    np.testing.assert_allclose(ten.times_s, 10 * one.times_s)
    np.testing.assert_allclose(ten.delta, one.delta)
    assert ten.delta.shape == (1, len(ten.times_s))
