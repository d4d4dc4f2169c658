"""Runs of known processes: when they stand still, how slow they are, what they still owe."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.studies.alloy.approach import relaxation
from asemacro.studies.alloy.stationarity import change_per_doubling, lag, middle_of, time_means
from asemacro.typing import Floats

TAU = 20.0


def ornstein_uhlenbeck(runs: int, steps: int, seed: int, tau: float = TAU) -> tuple[Floats, Floats]:
    """Stationary runs of unit variance at steps of 1, two components."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-1 / tau)
    z = np.empty((runs, steps, 2))
    z[:, 0] = rng.standard_normal((runs, 2))
    for k in range(1, steps):
        z[:, k] = decay * z[:, k - 1] + np.sqrt(1 - decay**2) * rng.standard_normal((runs, 2))
    return np.arange(steps, dtype=float), z


def test_relaxation_of_an_ornstein_uhlenbeck_process() -> None:
    times, z = ornstein_uhlenbeck(16, 4000, seed=1)
    z *= 0.1  # about the fluctuation of the order of a small cell
    length, found = relaxation(times, z)
    assert found == pytest.approx(TAU, rel=0.4)
    assert length == pytest.approx(4000 / TAU, rel=0.4)


def test_what_is_slower_than_the_runs_is_seen_in_their_spread() -> None:
    times, z = ornstein_uhlenbeck(64, 400, seed=2, tau=2000.0)
    length, found = relaxation(times, z)
    # the means of the runs spread nearly as much as the values: half of the 200 steps looked at is all that can be said
    assert found > 90
    assert length < 5


def test_time_means_weigh_by_time() -> None:
    times = np.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(time_means(times, np.array([[[0.0], [1.0], [1.0]]])), [[2.5 / 3]])


def test_a_mean_that_grows_with_the_logarithm_of_time_is_no_equilibrium() -> None:
    times, z = ornstein_uhlenbeck(8, 4000, seed=3)
    per_doubling = 0.8
    z += per_doubling * np.log2(times + 1)[None, :, None]
    change, error = change_per_doubling(times, z)
    # log2 averaged over [T/2, T] is larger by one than over [T/4, T/2]
    assert (np.abs(change - per_doubling) < 4.5 * error).all()
    assert relaxation(times, z)[0] == 0
    # one doubling changes as much as the one before: four more of them are counted
    assert lag(times, z) == pytest.approx(4 * per_doubling, rel=0.25)


@pytest.mark.parametrize("length", [7.0, 12.0, 20.0])
def test_an_exponential_decay_is_over_after_some_relaxation_times(length: float) -> None:
    times = np.linspace(0, length, 4001)
    noise = 1e-4 * np.random.default_rng(4).standard_normal((4, 1, 1))
    z = 1 - np.exp(-times)[None, :, None] + noise
    late = z[:, times >= length / 2].mean()
    # what is missing is not underrated, nor made much of
    assert 1 - late - 1e-3 < lag(times, z)[0] < 0.05


def test_noise_alone_is_no_lag() -> None:
    lags = [lag(*ornstein_uhlenbeck(8, 1600, seed=seed + 300)) for seed in range(40)]
    error = np.mean([change_per_doubling(*ornstein_uhlenbeck(8, 1600, seed=seed + 300))[1] for seed in range(40)])
    # a change within one standard error, two thirds of all, counts for nothing
    assert 0.5 < np.mean(np.array(lags) == 0) < 0.8
    assert np.median(lags) == 0
    assert np.percentile(lags, 90) < 10 * error


def test_the_error_of_the_change_is_its_spread() -> None:
    pulls = []
    for seed in range(60):
        change, error = change_per_doubling(*ornstein_uhlenbeck(8, 1600, seed=seed + 100))
        pulls.append(change / error)
    # Student's t of 7 degrees of freedom: variance 7/5, excess kurtosis 2; 120 values; 4.4 standard errors
    assert np.var(pulls) == pytest.approx(1.4, abs=4.4 * 1.4 * np.sqrt(4 / 120))


def test_one_run_takes_its_error_from_its_memory() -> None:
    pulls = []
    for seed in range(60):
        change, error = change_per_doubling(*ornstein_uhlenbeck(1, 4000, seed=seed + 200))
        pulls.append(change / error)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.4)


def test_short_records_say_nothing() -> None:
    length, found = relaxation(np.arange(20.0), np.zeros((2, 20, 1)))
    assert length == 0
    assert np.isnan(found)


def test_middle_of() -> None:
    assert middle_of(np.array([0.0, 1, 2, 4, 8, 12, 16])) == 4
