"""MMD against the closed form of Gaussians, its floor against its own law, errors of means by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asemacro.statistics.averages import mean_errors
from asemacro.statistics.discrepancy import SIGMAS, compare_by_mmd, halves_floor, mmd, time_averaged_mmd, whiten
from asemacro.testing import ALPHA

SIGNIFICANT = stats.norm.isf(ALPHA / 2)


def mean_kernel(gap: np.ndarray, covariance: np.ndarray) -> float:
    """E k(x, y), averaged over SIGMAS, for a Gaussian x - y of this mean and covariance."""
    values = []
    for sigma in SIGMAS:
        wide = sigma**2 * np.eye(len(gap)) + covariance
        values.append(
            sigma ** len(gap) / np.sqrt(np.linalg.det(wide)) * np.exp(-0.5 * gap @ np.linalg.solve(wide, gap))
        )
    return float(np.mean(values))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_gaussians_have_a_closed_form(d: int) -> None:
    rng = np.random.default_rng(d)
    n, m, repeats = 40, 25, 400
    gap = rng.uniform(0.2, 1.0, d)
    roots = [np.tril(rng.uniform(0.2, 1.0, (d, d))) for _ in range(2)]
    first, second = (root @ root.T for root in roots)
    found = []
    for _ in range(repeats):
        x = rng.standard_normal((n, d)) @ roots[0].T
        y = rng.standard_normal((m, d)) @ roots[1].T + gap
        found.append(mmd(x, y))
    zero = np.zeros(d)
    # pairs with themselves have k = 1: the bias of the biased estimate
    own = [1 / k + (1 - 1 / k) * mean_kernel(zero, 2 * c) for k, c in ((n, first), (m, second))]
    exact = sum(own) - 2 * mean_kernel(gap, first + second)
    assert abs(np.mean(found) - exact) < SIGNIFICANT * np.std(found) / np.sqrt(repeats)


def test_definition_by_hand() -> None:
    x, y = np.array([0.0, 1.0]), np.array([3.0])

    def k(distance: float) -> float:
        return float(np.mean([np.exp(-(distance**2) / (2 * s**2)) for s in (0.25, 0.5, 1, 2, 4, 8)]))

    expected = (2 + 2 * k(1)) / 4 + 1 - 2 * (k(3) + k(2)) / 2
    assert mmd(x, y) == pytest.approx(expected, rel=1e-12)
    assert mmd(x, x) == pytest.approx(0.0, abs=1e-15)


def test_average_over_times() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((12, 5, 2)), rng.standard_normal((9, 5, 2)) + 0.5
    each = [mmd(a[:, t], b[:, t]) for t in range(5)]
    assert time_averaged_mmd(a, b) == pytest.approx(np.mean(each), rel=1e-12)


def ou(runs: int, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Stationary OU trajectories at 20 times."""
    z = [rng.standard_normal((runs, 2))]
    for _ in range(19):
        z.append(0.8 * z[-1] + 0.6 * rng.standard_normal((runs, 2)))
    return sd * np.stack(z, axis=1)


def test_floor_is_what_equal_laws_give() -> None:
    rng = np.random.default_rng(1)
    results = [compare_by_mmd(ou(30, 1.0, rng), ou(20, 1.0, rng), permutations=60, rng=rng) for _ in range(60)]
    values = np.array([r.value for r in results])
    floors = np.array([r.floor for r in results])
    assert abs(values.mean() - floors.mean()) < SIGNIFICANT * values.std() / np.sqrt(60)
    assert np.mean([r.floor_sd for r in results]) == pytest.approx(values.std(), rel=0.4)
    assert stats.kstest([r.p_value for r in results], "uniform").pvalue > ALPHA
    half, spread = halves_floor(ou(100, 1.0, rng), rng=rng)
    # 50 against 50: smaller by (1/50 + 1/50) / (1/30 + 1/20)
    assert half == pytest.approx(floors.mean() * 0.04 / (1 / 30 + 1 / 20), abs=4 * spread)


def test_a_wrong_spread_is_seen_once_whitened() -> None:
    rng = np.random.default_rng(2)
    truth, model, same = ou(200, 0.01, rng) + 0.4, ou(200, 0.015, rng) + 0.4, ou(200, 0.01, rng) + 0.4
    raw = compare_by_mmd(model, truth, permutations=100, rng=rng)
    white = compare_by_mmd(*whiten(model, truth), permutations=100, rng=rng)
    null = compare_by_mmd(*whiten(same, truth), permutations=100, rng=rng)
    assert raw.value < 1e-4
    assert white.p_value == pytest.approx(1 / 101)
    assert white.value > white.floor + 10 * white.floor_sd
    assert null.value < null.floor + 4 * null.floor_sd


def test_whitening_leaves_one_spread_and_survives_a_common_start() -> None:
    rng = np.random.default_rng(3)
    truth = ou(50, 1.0, rng) @ np.array([[1.0, 0.7], [0.0, 0.1]]) + 3
    truth[:, 0] = 3.0
    model = truth[:20] + 0.01
    model[:, 0] = 3.0
    a, b = whiten(model, truth)
    assert np.isfinite(a).all()
    np.testing.assert_allclose(a[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(b.mean(axis=0), 0.0, atol=1e-9)
    for t in range(1, 20):
        np.testing.assert_allclose(np.cov(b[:, t].T), np.eye(2), atol=1e-9)


def test_errors_of_means() -> None:
    times = np.array([0.0, 1.0, 2.0, 3.0])
    truth = np.array([[1.0, 2.0, 2.0, 1.0], [0.0, 0.1, -0.1, 4.0]])[:, :, None]
    model = truth + np.array([0.1, 0.2, 0.3, 0.4])[None, :, None]
    found = mean_errors(model, truth, times, 1.0)
    np.testing.assert_allclose(found.transient[:, 0], [0.05 / 5, 0.05 / 0.01])
    np.testing.assert_allclose(found.equilibrium[:, 0], [0.25 / 5, 0.25 / 16.01])
    np.testing.assert_allclose(found.total[:, 0], [0.3 / 10, 0.3 / 16.02])
    np.testing.assert_allclose(found.rms_transient[:, 0], np.sqrt(0.025))
    np.testing.assert_allclose(found.rms_equilibrium[:, 0], np.sqrt(0.125))
    alone = mean_errors(model[0, :, 0], truth[0, :, 0], times, 1.0)
    assert alone.transient.shape == (1, 1)
    assert mean_errors(model[0], truth[0], times, 1.0).total == alone.total


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((6, 4, 2))
    for bad in (z[:, :3], z[0], z * np.nan):
        with pytest.raises(ValueError):
            time_averaged_mmd(z, bad)
    with pytest.raises(ValueError, match="sigmas"):
        mmd(z[:, 0], z[:, 1], ())
    with pytest.raises(ValueError, match="at least 4"):
        halves_floor(z[:3], rng=rng)
    with pytest.raises(ValueError, match="do not determine"):
        whiten(z, z[:2])
    with pytest.raises(ValueError, match="all the same"):
        whiten(z, np.zeros((5, 4, 2)))
    with pytest.raises(ValueError, match="permutations"):
        compare_by_mmd(z, z, permutations=0, rng=rng)
    times = np.arange(4.0)
    for model, split in ((z, 9.0), (z, -1.0), (z[:, :3], 1.0), (z * np.nan, 1.0)):
        with pytest.raises(ValueError):
            mean_errors(model, z, times, split)
