"""Pairs of shrunk runs: scatter and noise of the large system, times K."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from asemacro.labels.shrunk import pairs_from_shrunk_runs

RUNS, COPIES, N, DT, RATE = 12, 8, 4000, 0.05, 1.0


def ornstein_uhlenbeck() -> tuple[np.ndarray, np.ndarray]:
    """Stationary runs (RUNS, N, 1) of dx = -RATE x dt + sqrt(2 RATE) dB, whose variance is 1, and their times."""
    rng, kept = np.random.default_rng(3), np.exp(-RATE * DT)
    x = np.empty((RUNS, N, 1))
    x[:, 0] = rng.standard_normal((RUNS, 1))
    for k in range(1, N):
        x[:, k] = kept * x[:, k - 1] + np.sqrt(1 - kept**2) * rng.standard_normal((RUNS, 1))
    return x, DT * np.arange(N)


def test_scatter_noise_and_drift_are_those_of_the_large_system() -> None:
    """Variance of one part in COPIES, times K; steps that begin where the pair does lose exp(-RATE dt) of it."""
    x, times = ornstein_uhlenbeck()
    pairs = pairs_from_shrunk_runs(x, times, COPIES, step_s=DT)
    worth = 1 + COPIES / RUNS
    np.testing.assert_array_equal(pairs.K, worth)
    late = pairs.dt < 1.01 * DT
    z0, z1 = pairs.z0[late, 0], pairs.z1[late, 0]
    kept = z0 @ z1 / (z0 @ z0)
    noise = z1 - kept * z0
    expected = worth / COPIES * (1 - np.exp(-2 * RATE * DT))
    # every step of every run is independent of the others: so many degrees of freedom
    low, high = chi2.ppf([5e-6, 1 - 5e-6], len(noise)) / len(noise)
    assert low < (noise**2).mean() / expected < high
    assert abs(kept - np.exp(-RATE * DT)) < 4.5 * np.sqrt((1 - kept**2) / len(noise))
    # variance: RUNS times the length over twice the correlation time of x^2 are independent
    independent = RUNS * N * DT * RATE
    assert abs((z0**2).mean() * COPIES / worth - 1) < 4.5 * np.sqrt(2 / independent)


def test_the_mean_path_and_the_groups_are_those_of_the_runs() -> None:
    rng = np.random.default_rng(0)
    x, times = rng.standard_normal((RUNS, 30, 2)), DT * np.arange(30)
    pairs = pairs_from_shrunk_runs(x, times, COPIES, 1000.0, step_s=DT)
    assert sorted(set(pairs.group)) == list(range(RUNS))
    first = pairs.z0.reshape(RUNS, -1, 2)
    np.testing.assert_allclose(first.mean(axis=0)[0], x[:, 0].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        first[:, 0].var(axis=0, ddof=1), x[:, 0].var(axis=0, ddof=1) * RUNS / (RUNS - 1) / COPIES, rtol=1e-12
    )
