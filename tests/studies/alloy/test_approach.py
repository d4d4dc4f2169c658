"""Campaigns of known processes: noise is no lag, a creep is one, whatever the other temperatures say."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.studies.alloy.approach import CONTRADICTION, DOUBLINGS, Growth, approach, behind, falling, smooth
from asemacro.studies.alloy.stationarity import LONGEST_MEMORY, lag
from asemacro.typing import Floats

RUNS, SPREAD, TAU = 8, 0.08, 1.0  # as of small cells: eight of them, the sd of their order, the time it lasts


def fluctuation(times: Floats, rng: np.random.Generator, tau: float = TAU) -> Floats:
    """(RUNS, n, 2) stationary Ornstein-Uhlenbeck noise of sd SPREAD at even times."""
    decay = np.exp(-(times[1] - times[0]) / tau)
    kicks = np.sqrt(1 - decay**2) * rng.standard_normal((RUNS, len(times), 2))
    kicks[:, 0] = rng.standard_normal((RUNS, 2))
    z = np.empty_like(kicks)
    z[:, 0] = kicks[:, 0]
    for k in range(1, len(times)):
        z[:, k] = decay * z[:, k - 1] + kicks[:, k]
    return SPREAD * z


def campaign(means: Floats, length: float, seed: int) -> list[Growth]:
    """Runs at len(means) temperatures whose mean order is means[k], (n,) or a number, in units of (1, -0.3)."""
    rng, times = np.random.default_rng(seed), np.linspace(0, length, 401)
    shape = np.array([1.0, -0.3])
    found = []
    for mean in means:
        order = np.broadcast_to(mean, times.shape)[:, None] * shape
        found.append(Growth.of(times, fluctuation(times, rng) + order))
    return found


HOT = np.linspace(0.8, 0.3, 8)


def test_noise_about_a_stand_is_no_lag() -> None:
    found = [approach(campaign(HOT, 10.0, seed)) for seed in range(40)]
    lags = np.array([a.lag for a in found])
    error = np.mean([a.error for a in found])
    stands = np.mean([a.stands for a in found], axis=0)
    # the coldest has no neighbour on its other side
    assert stands.mean() > 0.9
    assert stands[2:].min() > 0.9
    assert np.percentile(lags, 90) < error
    assert lags.mean() < 0.5 * error
    # each temperature for itself: a change of 1.5 standard errors is read as a lag of many
    times = np.linspace(0, 10.0, 401)
    alone = np.array([lag(times, fluctuation(times, np.random.default_rng(seed)) + 0.5) for seed in range(40)])
    assert np.percentile(alone, 90) > 3 * error


def test_a_creep_at_low_temperature_is_seen_beside_hot_runs_that_stand() -> None:
    times = np.linspace(0, 10.0, 401)
    creep = 0.1
    cold = 0.3 + creep * np.log2(times + 0.05)
    lags, stands = [], []
    for seed in range(20):
        found = approach(campaign(np.array([cold, cold, *(np.full(401, m) for m in HOT)]), 10.0, seed + 100))
        lags.append(found.lag[:2, 0].mean())
        stands.append(found.stands)
    assert np.mean(stands, axis=0)[:2].max() <= 0.05
    assert np.mean(stands, axis=0)[4:].min() > 0.9
    # one doubling adds as much as the one before: 4 more of them are counted, or fewer if noise makes the ratio small
    most = LONGEST_MEMORY / (1 - LONGEST_MEMORY) * creep
    assert 0.6 * most < np.mean(lags) < 1.1 * most


def test_order_that_has_hardly_begun_is_no_stand() -> None:
    times = np.linspace(0, 10.0, 401)
    # the order of 400 K: a hundredth of what it will be, growing by a third in each doubling; no fluctuations yet
    rng = np.random.default_rng(3)
    small = 0.03 * (times / 10) ** 0.42
    shape = np.array([1.0, -0.3])
    cold = Growth.of(times, small[:, None] * shape * (1 + 0.05 * rng.standard_normal((RUNS, 1, 1))))
    found = approach([cold, *campaign(HOT, 10.0, seed=4)])
    assert found.lag[0].max() < 0.05  # so small is what its changes add up to
    assert not found.stands[0]
    assert found.stands[1:].all()


def test_the_lag_of_exponential_decays_is_neither_underrated_nor_made_much_of() -> None:
    times = np.linspace(0, 10.0, 401)
    rates = np.array([0.12, 0.25, 0.5, 0.8, 1.2, 2.0])
    means = 0.8 * (1 - np.exp(-rates[:, None] * times))
    missing = 0.8 - means[:, times >= 5].mean(axis=1)
    found = [approach(campaign(means, 10.0, seed + 200)) for seed in range(30)]
    lags = np.median([a.lag[:, 0] for a in found], axis=0)
    error = np.mean([a.error for a in found])
    # the slowest, hardly one relaxation time long, cannot know
    assert (lags[1:] > missing[1:] - error).all()
    assert (lags[3:] < missing[3:] + error).all()
    assert np.mean([a.stands[:2] for a in found]) < 0.05
    assert np.mean([a.stands[-3:] for a in found]) > 0.9


def test_a_temperature_that_surely_contradicts_the_others_is_heard() -> None:
    # slower than its colder neighbours, as near a critical point
    times = np.linspace(0, 10.0, 401)
    slow = 0.3 + 0.3 * np.log2(times + 0.05)
    means = [np.full(401, 0.8), np.full(401, 0.7), slow, np.full(401, 0.4), np.full(401, 0.3)]
    growths = campaign(np.array(means), 10.0, seed=5)
    found = approach(growths)
    assert not found.stands[2]
    assert found.rate[2] >= growths[2].rate[0] - CONTRADICTION * growths[2].rate_error[0] - 1e-12


@pytest.mark.parametrize("scale", [1.0, 0.3])  # the smaller the order, the more of its growth is noise
def test_the_most_that_order_can_have_grown_bounds_it(scale: float) -> None:
    # it goes on growing with the logarithm of the time at all temperatures, the slower the hotter
    times = np.linspace(0, 10.0, 401)
    steps = np.array([0.10, 0.08, 0.06, 0.04, 0.02])
    means = scale * (0.6 + steps[:, None] * np.log2(times / 10.0 + 0.02))
    found = [approach(campaign(means, 10.0, seed + 400)) for seed in range(40)]
    truth = np.array([1 - mean[(times >= 2.5) & (times < 5)].mean() / mean[times >= 5].mean() for mean in means])
    assert np.mean([a.most > truth for a in found]) > 0.95
    if scale < 1:  # the part beyond noise does not
        assert np.mean([a.rate > truth for a in found]) < 0.6


def test_growth_is_relative_to_the_late_order() -> None:
    times = np.linspace(0, 8.0, 801)
    z = np.broadcast_to((times**0.5)[:, None] * np.array([1.0, -0.3]), (RUNS, 801, 2))
    growth = Growth.of(times, z + 1e-9 * np.random.default_rng(6).standard_normal(z.shape))
    # the mean of sqrt(t) over [T/2, T] falls by sqrt(2) for each halving of T
    expected = (1 - 0.5**0.5) * 0.5 ** (0.5 * np.arange(DOUBLINGS))
    np.testing.assert_allclose(growth.rate, expected, rtol=1e-3)
    np.testing.assert_allclose(growth.change, growth.rate[0] * growth.late, rtol=1e-6)


def test_trapped_runs_do_not_speak_for_hotter_ones() -> None:
    # the coldest stand still at hardly any order; the next two grow by an eighth in each doubling
    times = np.linspace(0, 10.0, 401)
    growing = [scale * (0.4 + 0.05 * np.log2(times / 10 + 0.02)) for scale in (1.0, 1.15)]
    rng = np.random.default_rng(8)
    stuck = np.array([0.04, -0.01]) * (1 + 0.05 * rng.standard_normal((RUNS, 1, 1))) * np.ones((401, 1))
    trapped = [Growth.of(times, stuck + 1e-4 * rng.standard_normal((RUNS, 401, 2))) for _ in range(2)]
    hot = campaign(np.array([*growing, np.full(401, 0.35), np.full(401, 0.3)]), 10.0, seed=9)
    found = approach([*trapped, *hot])
    assert not found.stands[:2].any()
    assert found.most[2] > 0.12
    np.testing.assert_allclose(found.most[2:], approach(hot).most)
    assert found.most[:2].max() < 0.01  # they may stay trapped


def test_behind_is_what_has_surely_less_order_than_hotter_runs() -> None:
    late = np.array([[0.1, 0.0], [0.5, -0.1], [0.52, -0.1], [0.3, -0.1]])
    assert behind(late, np.full((4, 2), 0.02)).tolist() == [True, False, False, False]
    assert behind(late, np.full((4, 2), 0.001)).tolist() == [True, True, False, False]
    assert not behind(late, np.full((4, 2), 0.2)).any()


def test_falling_pools_what_rises() -> None:
    fit, errors = falling(np.array([3.0, 1.0, 2.0, 0.0]), np.full(4, 0.2))
    np.testing.assert_allclose(fit, [3.0, 1.5, 1.5, 0.0])
    np.testing.assert_allclose(errors, 0.2 / np.sqrt([1, 2, 2, 1]))
    assert falling(np.array([-2.0]), np.array([0.1]))[0] == pytest.approx(-2.0)
    fit, errors = falling(np.array([-1.0, 3.0, 1.0, 2.0]), np.full(4, 0.2), np.array([False, True, True, True]))
    np.testing.assert_allclose(fit, [-1.0, 3.0, 1.5, 1.5])
    assert errors[0] == 0.2


def test_smooth_keeps_the_mean_square() -> None:
    np.testing.assert_allclose(smooth(np.full((5, 2), 0.3)), 0.3)
    errors = np.array([[0.0], [0.0], [0.3], [0.0], [0.0]])
    np.testing.assert_allclose(smooth(errors)[:, 0], [0, 0.3 / 3**0.5, 0.3 / 3**0.5, 0.3 / 3**0.5, 0])
