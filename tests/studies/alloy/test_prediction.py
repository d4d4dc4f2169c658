"""Error bars of predicted paths: those of the runs are in them, and what one SDE for all temperatures misses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from asemacro.studies.alloy import prediction
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import learn, of_the_runs, pairs_of, predict
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.simulated import Simulated
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats

RUNS, STEPS = 8, 300
SPREAD = 0.09  # sd between small runs at one time: 0.032 of their mean
TABLE = PairTable(("A", "B"), ("A-B",), np.array([[0, 1]]), np.full(2, 512.0), 8)


def mean_order(kelvin: float, times: Floats | float) -> Floats:
    """Exact mean from random: a stretched exponential that is slower and goes further where it is colder."""
    tau = 10 ** (1500 * (1 / kelvin - 1 / 900))
    return np.asarray(1100 / kelvin * -np.expm1(-np.sqrt(np.asarray(times) / tau)))


def simulated(kelvin: float, length: float, rng: np.random.Generator) -> Simulated:
    """Runs of length `length` around the exact mean, each with a deviation that is forgotten over a third of it."""
    times = np.linspace(0, length, STEPS + 1)
    decay = np.exp(-3 * np.diff(times) / length)
    noise = np.zeros((RUNS, STEPS + 1))
    for k in range(STEPS):
        noise[:, k + 1] = decay[k] * noise[:, k] + SPREAD * np.sqrt(1 - decay[k] ** 2) * rng.standard_normal(RUNS)
    order = (mean_order(kelvin, times) + noise)[:, :, None]
    hops = np.broadcast_to(1e4 * times, (RUNS, STEPS + 1))
    return Simulated(
        table=TABLE,
        runs=Record(kelvin, RUNS, times, order, hops, False, length / 3, 0, 0, 0, np.empty((RUNS, 0)), np.nan),
    )


def test_the_runs_say_how_well_a_path_is_known() -> None:
    rng = np.random.default_rng(0)
    noise, missed, wrong = [], [], []
    times = np.array([0.02, 0.3, 1.0, 2.0, 5.0])
    for _ in range(40):
        at = simulated(900.0, 2.0, rng)
        path = mean_order(900.0, times)[:, None]
        one, off = of_the_runs(at, times, path)
        noise.append(one[:, 0])
        missed.append(off[:, 0])
        wrong.append(of_the_runs(at, times, path + 0.5)[1][:, 0])
    # the second half of two time units, of which the memory is two thirds, is worth little more than one look
    typical = np.sqrt(np.mean(np.square(noise), axis=0))
    assert 0.7 * SPREAD / np.sqrt(RUNS) < typical[3] < SPREAD / np.sqrt(RUNS)
    assert typical[0] < 0.5 * typical[3]  # young runs have not gone apart yet
    np.testing.assert_allclose(typical[4], typical[3])  # later than they end they say no more
    # the exact path misses nothing beyond noise, a wrong one what it is wrong by
    assert np.sqrt(np.mean(np.square(missed), axis=0)).max() < 1.2 * typical.max()
    assert np.mean(wrong, axis=0)[3] == pytest.approx(0.5, abs=0.05)


def pulls_at_900(kelvin: Sequence[float], length: float, seeds: range) -> tuple[Floats, Floats]:
    """(predicted - exact) / error and errors of the order at 900 K and time 1, by independent seeds."""
    pulls, errors = [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, len(kelvin)])
        runs, streams = [simulated(t, length, rng) for t in kelvin], Streams.of(rng)
        ensemble = learn(pairs_of(runs, streams), ["A-B"], 8192, rng=streams("fit"))
        found = predict(ensemble, runs, np.zeros(1), streams=streams)[list(kelvin).index(900.0)].prediction
        order, error = (
            np.interp(0.0, np.log(found.times_s), values[:, 0]) for values in (found.path, found.path_error)
        )
        pulls.append((order - mean_order(900.0, 1.0)) / error)
        errors.append(error)
    return np.array(pulls), np.array(errors)


@pytest.mark.slow
def test_bars_cover_whatever_the_temperatures_and_the_length_of_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seeds and two lists of temperatures: the order after one and the same anneal at one temperature."""
    short = dataclasses.replace(prediction.FIT, min_steps=100, max_steps=150)
    monkeypatch.setattr(prediction, "FIT", short)
    one, errors = pulls_at_900([700.0, 900.0, 1100.0, 1500.0, 2000.0], 1.1, range(10))
    two, others = pulls_at_900([900.0, 1000.0, 1200.0, 1700.0], 1.6, range(10))
    together = np.concatenate([one, two])
    # 20 pulls: an rms of 1.6 of honest bars has a probability below 1e-5, and 4.9 of one pull
    assert np.sqrt(np.mean(together**2)) < 1.6
    assert np.abs(together).max() < 4.9
    # and the bars are no wider than what eight runs and a fit of several temperatures can say
    assert np.median(np.concatenate([errors, others])) < 3 * SPREAD / np.sqrt(RUNS)
