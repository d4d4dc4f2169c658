"""Autocorrelation times and error bars on AR(1) series, where both are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from asemacro.statistics.averages import autocorrelation_time, stationary_average


def ar1(rho: float, runs: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) with unit variance: tau = 1/2 + rho / (1 - rho)."""
    noise = rng.standard_normal((runs, n)) * np.sqrt(1 - rho**2)
    start = rng.standard_normal((runs, 1))
    return lfilter([1], [1, -rho], noise, zi=rho * start)[0]


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 0.98])
def test_autocorrelation_time_of_ar1(rho: float) -> None:
    exact = 0.5 + rho / (1 - rho)
    found = autocorrelation_time(ar1(rho, 20, 20_000, np.random.default_rng(1)))
    # Sokal: relative error about sqrt(2 (2 window + 1) tau / N); 5 of them, and exp(-6) of window bias
    assert abs(found / exact - 1) < 5 * np.sqrt(26 * max(exact, 1) / 400_000) + 0.01


def test_error_bars_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    pulls = []
    for _ in range(400):
        result = stationary_average(ar1(0.9, 4, 2000, rng)[:, :, None], discard=0.0)
        pulls.append(result.mean[0] / result.error[0])
    low, high = stats.chi2.ppf([5e-6, 1 - 5e-6], 400) / 400
    # the estimated tau is noisy: the pulls are a little wider than normal
    assert low < np.var(pulls) < 1.1 * high


def test_parts_of_the_result() -> None:
    z = ar1(0.9, 10, 4000, np.random.default_rng(3))[:, :, None] * np.array([1.0, 2.0]) + 5.0
    result = stationary_average(z, discard=0.25)
    np.testing.assert_allclose(result.sd, [1.0, 2.0], rtol=0.1)
    np.testing.assert_allclose(result.autocorrelation_time, 9.5, rtol=0.25)
    np.testing.assert_allclose(result.effective_samples, 30_000 / 2 / result.autocorrelation_time, rtol=1e-9)
    assert (np.abs(result.mean - 5) < 6 * result.error).all()


def test_runs_that_disagree_widen_the_error() -> None:
    rng = np.random.default_rng(4)
    levels = rng.standard_normal(16)
    z = levels[:, None] + 0.01 * rng.standard_normal((16, 500))
    result = stationary_average(z[:, :, None], discard=0.0)
    assert result.error[0] >= levels.std(ddof=1) / 4 * 0.99


def test_constant_series_and_bad_input() -> None:
    assert autocorrelation_time(np.full(100, 3.7)) == 0.5
    for bad in (np.zeros(3), np.zeros((2, 2, 9)), np.full(10, np.nan)):
        with pytest.raises(ValueError):
            autocorrelation_time(bad)
    with pytest.raises(ValueError, match="at least 4"):
        stationary_average(np.zeros((2, 5, 1)), discard=0.9)
