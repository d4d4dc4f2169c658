"""From records and predictions of a known alloy to its equilibrium and what an anneal makes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from asemacro.approach import Approach
from asemacro.equilibrium import Equilibrium, beyond_the_runs, equilibrium_of, exact_where_known
from asemacro.points import PairTable
from asemacro.prediction import Prediction
from asemacro.record import Record

Floats = NDArray[np.float64]
KELVIN = np.array([600.0, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2300, 2600, 3000])
RANDOM = 4.0  # Z c_j of a binary alloy on bcc
RUNS, SPREAD = 8, 0.08
TABLE = PairTable(("Nb", "Mo"), ("Nb-Nb", "Nb-Mo", "Mo-Mo"), np.array([[0, 0], [0, 1], [1, 1]]), np.full(2, 512.0), 8)


def truth(kelvin: Floats) -> Floats:
    """Equilibrium order of the unlike pair."""
    return np.asarray(RANDOM * np.expm1(270 / kelvin + 2e4 / kelvin**2))


def record_of(kelvin: float, rng: np.random.Generator) -> Record:
    """Runs from random that relax with exp(-sqrt(t / tau)), tau growing on cooling: two tau long at 1000 K."""
    tau = 0.5 * 10 ** (3000 * (1 / kelvin - 1 / 1000))
    times = np.linspace(0, 1, 401)
    noise = np.empty((RUNS, 401))
    decay = np.exp(-(times[1]) / min(tau / 2, 0.1))
    noise[:, 0] = rng.standard_normal(RUNS)
    for k in range(1, 401):
        noise[:, k] = decay * noise[:, k - 1] + np.sqrt(1 - decay**2) * rng.standard_normal(RUNS)
    z = truth(np.array(kelvin)) * -np.expm1(-np.sqrt(times / tau)) + SPREAD * noise
    order = np.stack([-z, z, -z], axis=2)
    hops = np.broadcast_to(1e5 * times, (RUNS, 401))
    return Record(kelvin, RUNS, times, order, hops, False, min(tau / 2, 0.1), 0, 0, 0)


def prediction_of(record: Record, rng: np.random.Generator) -> Prediction:
    """An SDE that settles at the late order of its data, with the spread of three members as its error."""
    late = record.late[:, :, 1].mean(keepdims=True)[0]
    error = 0.01 * rng.standard_normal(3).std(ddof=1, keepdims=True)
    path = np.stack([0 * late, late])
    settled = {"annealed": late, "annealed_error": error, "equilibrium": late, "equilibrium_error": error}
    return Prediction(0 * late, np.array([0.0, 1.0]), path, 0 * path, anneal_s=200.0, settled=True,
                      relaxation_time_s=1.0, **settled)  # fmt: skip


def campaign(seed: int) -> tuple[list[Record], list[Prediction]]:
    rng = np.random.default_rng(seed)
    records = [record_of(kelvin, rng) for kelvin in KELVIN]
    return records, [prediction_of(record, rng) for record in records]


def test_hot_runs_reach_it_and_cold_ones_are_continued() -> None:
    pulls, bars = [], []
    for seed in range(12):
        found = equilibrium_of(TABLE, *campaign(seed))
        assert not found.reached[KELVIN <= 1000].any()
        assert found.reached[KELVIN >= 2000].all()
        pulls.append((found.delta[:, 0] - truth(KELVIN)) / found.error[:, 0])
        bars.append(found.error[:, 0])
    assert np.sqrt(np.mean(np.square(pulls), axis=0)).max() < 2
    # bars grow on cooling: none stands out from its colder neighbour
    ratios = np.array(bars)[:, 1:] / np.array(bars)[:, :-1]
    assert np.median(ratios, axis=0).max() < 1.3
    assert ratios.max() < 2


def test_what_is_near_weighs_in_an_extrapolation(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = {}
    for near in (0.15, 0.0):
        monkeypatch.setattr("asemacro.equilibrium.NEAR", near)
        found = [equilibrium_of(TABLE, *campaign(seed)) for seed in range(6)]
        bars[near] = np.array([f.error[KELVIN == 1000, 0] for f in found])
    assert (bars[0.15] <= bars[0.0] * 1.5).all()
    assert bars[0.15].mean() < bars[0.0].mean()


def test_without_enough_temperatures_the_lag_is_the_error() -> None:
    records, predictions = campaign(20)
    cold = int((KELVIN <= 1200).sum())
    found = equilibrium_of(TABLE, records[:cold], predictions[:cold])
    assert not found.reached.any()
    np.testing.assert_allclose(found.delta, [p.equilibrium for p in predictions[:cold]])
    assert (found.error > found.approach.lag - 1e-12).all()
    assert (found.error[1:, 0] > 0.1).all()


def test_a_model_that_left_its_data_is_no_equilibrium() -> None:
    records, predictions = campaign(21)
    predictions[-2] = dataclasses.replace(predictions[-2], equilibrium=predictions[-2].equilibrium + 0.3)
    found = equilibrium_of(TABLE, records, predictions)
    assert not found.reached[-2]
    assert found.reached[-1]


def known(rate: float, lag: float) -> Equilibrium:
    """One temperature that did not reach its equilibrium, at 1.5 +- 0.2."""
    approach = Approach(
        np.array([0.0]), np.array([rate]), np.array([[lag]]), np.array([[0.01]]), np.array([1.0]), np.array([False])
    )
    return Equilibrium(np.array([[1.5]]), np.array([[0.2]]), np.array([False]), approach)


def test_a_long_anneal_ends_at_equilibrium_a_short_one_near_the_path() -> None:
    path, error = np.array([0.5]), np.array([0.01])
    far, far_error = beyond_the_runs(path, error, known(rate=0.25, lag=1.0), 0, doublings=8)
    assert far == pytest.approx(1.5)
    assert far_error == pytest.approx(np.sqrt(0.01**2 + 1 / 12 + 0.2**2))
    # one doubling adds at most a quarter of 0.5
    near, near_error = beyond_the_runs(path, error, known(rate=0.25, lag=1.0), 0, doublings=1)
    assert near == pytest.approx(0.625)
    assert near_error < 0.06
    same, same_error = beyond_the_runs(path, error, known(rate=0.25, lag=0.1), 0, doublings=0)
    assert same == pytest.approx(0.5)
    assert same_error == pytest.approx(0.01)


def test_what_the_lag_leaves_open_is_shared() -> None:
    middle, error = beyond_the_runs(np.array([0.5]), np.array([0.0]), known(rate=0.25, lag=0.2), 0, doublings=20)
    # between 0.2 and all of the way
    assert middle == pytest.approx(0.5 + (0.2 + 1) / 2)
    assert error == pytest.approx(np.hypot(1 / np.sqrt(12), 0.6 * 0.2))


def test_an_anneal_goes_to_the_equilibrium_that_swaps_know() -> None:
    learned = known(rate=0.25, lag=1.0)
    goal = exact_where_known(learned, [(np.array([0.7]), np.array([0.01]))])
    far, error = beyond_the_runs(np.array([0.5]), np.array([0.0]), goal, 0, doublings=20)
    assert far == pytest.approx(0.7)
    assert error == pytest.approx(np.hypot(0.2 / np.sqrt(12), 0.01))
    assert learned.delta[0] == 1.5
    same = exact_where_known(learned, [None])
    assert (same.delta[0], same.error[0]) == (1.5, 0.2)
