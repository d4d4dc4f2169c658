"""Records of small runs: pairs, the clock, and a known relaxation found again."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.labels.transitions import pairs_from_runs
from asemacro.studies.alloy.record import Record

RATE = 0.1


def ornstein_uhlenbeck(runs: int, copies: int, steps: int, dt: float, seed: int) -> Record:
    """Independent stationary OU coordinates of unit variance and rate 0.1, one hop a unit of time."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-RATE * dt)
    z = np.empty((runs, steps + 1, 2))
    z[:, 0] = rng.standard_normal((runs, 2))
    for k in range(steps):
        z[:, k + 1] = decay * z[:, k] + np.sqrt(1 - decay**2) * rng.standard_normal((runs, 2))
    times = dt * np.arange(steps + 1)
    hops, none = np.broadcast_to(times, (runs, steps + 1)).copy(), np.empty((runs, 0))
    return Record(1000.0, copies, times, z, hops, True, 1 / RATE, 0, 0, 0, none, np.nan)


def test_pairs_take_the_columns_and_the_step() -> None:
    record = ornstein_uhlenbeck(runs=8, copies=4, steps=300, dt=0.25, seed=1)
    values, rng = record.order[:, :, [1]], np.random.default_rng(0)
    pairs = pairs_from_runs(values, record.times_s, record.copies, 1000.0, step_s=0.5, combinations=2, rng=rng)
    assert pairs.z0.shape[1] == 1
    assert set(pairs.K) == {4.0}
    assert len(np.unique(pairs.group)) == 8
    np.testing.assert_allclose(pairs.condition, 1000.0)
    assert pairs.dt.max() == pytest.approx(0.5)
    # the increments of a run, each counted in two ways of making sets, add up to where it went
    moves = pairs.weight * (pairs.z1 - pairs.z0)[:, 0]
    moved = np.array([moves[pairs.group == g].sum() for g in range(8)])
    np.testing.assert_allclose(moved, record.order[:, -1, 1] - record.order[:, 0, 1], atol=1e-12)


def test_pair_step_is_short_for_a_markov_process() -> None:
    record = ornstein_uhlenbeck(runs=16, copies=8, steps=4000, dt=0.1, seed=2)
    assert record.pair_step(record.order) <= 0.2 / RATE


def test_pair_step_grows_past_flicker() -> None:
    record = ornstein_uhlenbeck(runs=16, copies=8, steps=4000, dt=0.1, seed=3)
    noise = 0.3 * np.random.default_rng(4).standard_normal(record.order.shape)
    noisy = Record(**{**record.__dict__, "order": record.order + noise})
    assert noisy.pair_step(noisy.order) >= 4 * record.pair_step(record.order)


def test_time_of_hops_inside_and_beyond_the_record() -> None:
    times = np.linspace(0, 10, 101)
    hops = np.stack([times * 3, times * 5])
    record = Record(
        900.0, 1, times, np.zeros((2, 101, 1)), hops, False, float("nan"), 0, 0, 0, np.empty((2, 0)), np.nan
    )
    assert record.time_of_hops(15.0) == pytest.approx((5.0 + 3.0) / 2)
    # beyond its end each run goes on with 1/4 of a time unit a hop, the mean of both
    assert record.time_of_hops(70.0) == pytest.approx((10 + 40 / 4 + 10 + 20 / 4) / 2)


def test_round_trip_through_arrays() -> None:
    record = ornstein_uhlenbeck(runs=2, copies=2, steps=10, dt=1.0, seed=5)
    again = Record.from_arrays(record.to_arrays())
    assert again.relaxed is True
    assert isinstance(again.copies, int)
    np.testing.assert_array_equal(again.order, record.order)
