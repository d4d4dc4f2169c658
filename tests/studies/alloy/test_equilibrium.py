"""From records and predictions of a known alloy to its equilibrium and what an anneal makes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from asemacro.studies.alloy.anneal import Anneal
from asemacro.studies.alloy.at_temperature import judged
from asemacro.studies.alloy.course import beyond_the_runs
from asemacro.studies.alloy.equilibrium import Equilibrium, equilibrium_of
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import Predicted, Prediction
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.typing import Floats

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
    return Record(kelvin, RUNS, times, order, hops, False, min(tau / 2, 0.1), 0, 0, 0, np.empty((RUNS, 0)), np.nan)


def prediction_of(record: Record, rng: np.random.Generator) -> Prediction:
    """An SDE that settles at the late order of its data, with the spread of three members as its error."""
    late = record.late[:, :, 1].mean(keepdims=True)[0]
    error = 0.01 * rng.standard_normal(3).std(ddof=1, keepdims=True)
    path = np.stack([0 * late, late])
    return Prediction(0 * late, np.array([0.01, 1.0]), path, error + 0 * path, late, error, relaxation_time_s=1.0)


def campaign(seed: int, exact: Mapping[float, float] | None = None) -> list[Predicted]:
    """All temperatures; `exact` gives the order of the unlike pair by swaps, with an error of 0.004."""
    rng = np.random.default_rng(seed)
    records = [record_of(kelvin, rng) for kelvin in KELVIN]
    swaps = {kelvin: swaps_of(order) for kelvin, order in (exact or {}).items()}
    return [
        Predicted(table=TABLE, runs=record, swaps=swaps.get(kelvin), prediction=prediction_of(record, rng))
        for kelvin, record in zip(KELVIN.tolist(), records, strict=True)
    ]


def swaps_of(order: float, error: float = 0.004) -> SwapOrder:
    """Swaps that reached equilibrium."""
    rest = np.zeros(3), np.zeros(3), np.ones(3)
    members = {"shift": np.empty((0, 3)), "shift_error": np.empty((0, 3)), "effective": np.inf}
    return SwapOrder(order * np.array([-1, 1, -1]), np.full(3, error), *rest, turnover=10.0, arrivals=10, **members)


def column(found: Sequence[Equilibrium], name: str) -> Floats:
    """(n,) one attribute, of the unlike pair."""
    return np.array([np.ravel(getattr(one, name))[0] for one in found])


EXACT = dict(zip(KELVIN.tolist(), truth(KELVIN).tolist(), strict=True))


def test_hot_runs_reach_it_and_cold_ones_are_continued() -> None:
    pulls, bars = [], []
    for seed in range(12):
        found = equilibrium_of(campaign(seed))
        reached = column(found, "reached")
        assert not reached[KELVIN <= 1000].any()
        assert reached[KELVIN >= 2000].all()
        pulls.append((column(found, "delta") - truth(KELVIN)) / column(found, "error"))
        bars.append(column(found, "error"))
    assert np.sqrt(np.mean(np.square(pulls), axis=0)).max() < 2
    # bars grow on cooling: none stands out from its colder neighbour
    ratios = np.array(bars)[:, 1:] / np.array(bars)[:, :-1]
    assert np.median(ratios, axis=0).max() < 1.3
    assert ratios.max() < 2


def test_members_are_continued_like_their_mean() -> None:
    """Members whose pair energies lie 5 % on either side: not simulated, their order is that of the law."""
    exact = {kelvin: float(truth(np.array(kelvin))) for kelvin in KELVIN[KELVIN >= 1200].tolist()}
    scale, found = np.array([0.95, 1.05]), campaign(3, exact)

    def shift(kelvin: float) -> Floats:
        of_each = RANDOM * np.expm1(scale * (270 / kelvin + 2e4 / kelvin**2)) - truth(np.array(kelvin))
        return np.asarray(of_each[:, None] * np.array([-1, 1, -1]))

    for k, at in enumerate(found):
        runs = dataclasses.replace(at.runs, log_rates=np.zeros((RUNS, 2)))
        swaps = None
        if at.swaps is not None:
            kelvin = at.temperature_K
            swaps = dataclasses.replace(at.swaps, shift=shift(kelvin), shift_error=np.zeros((2, 3)), effective=50.0)
        found[k] = dataclasses.replace(at, runs=runs, swaps=swaps)
    for at, one in zip(found, equilibrium_of(found), strict=True):
        assert one.source == ("mc" if at.temperature_K >= 1200 else "extrapolated")
        np.testing.assert_allclose(one.shift[:, 0], shift(at.temperature_K)[:, 1], rtol=0.05)
    # without swaps there is nothing to continue
    bare = [dataclasses.replace(at, swaps=None) for at in found]
    assert np.isnan(np.array([one.shift for one in equilibrium_of(bare)])).all()


def test_what_is_near_weighs_in_an_extrapolation(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = {}
    for near in (0.15, 0.0):
        monkeypatch.setattr("asemacro.studies.alloy.equilibrium.NEAR", near)
        bars[near] = np.array([column(equilibrium_of(campaign(seed)), "error")[KELVIN == 1000] for seed in range(6)])
    assert (bars[0.15] <= bars[0.0] * 1.5).all()
    assert bars[0.15].mean() < bars[0.0].mean()


def test_without_enough_temperatures_the_lag_is_the_error() -> None:
    cold = campaign(20)[: int((KELVIN <= 1200).sum())]
    found = equilibrium_of(cold)
    assert not column(found, "reached").any()
    np.testing.assert_allclose(column(found, "delta"), [at.prediction.equilibrium[0] for at in cold])
    assert (column(found, "error") > column(found, "lag") - 1e-12).all()
    assert (column(found, "error")[1:] > 0.1).all()


def test_a_model_that_left_its_data_is_no_equilibrium() -> None:
    known = campaign(21)
    moved = dataclasses.replace(known[-2].prediction, equilibrium=known[-2].prediction.equilibrium + 0.3)
    known[-2] = dataclasses.replace(known[-2], prediction=moved)
    found = equilibrium_of(known)
    assert not found[-2].reached
    assert found[-1].reached


def beyond(path: float, goal: float, goal_error: float, growth: float, most: float, doublings: float) -> Floats:
    """Order, error and what is left open, of one pair whose path has no error."""
    order, error, left = beyond_the_runs(
        np.array([path]), np.zeros(1), np.array([goal]), np.array([goal_error]), growth, most, doublings
    )
    return np.array([order[0], error[0], left])


def test_a_long_anneal_ends_at_equilibrium_a_short_one_near_the_path() -> None:
    # a quarter of 0.5 in the last doubling, 1 to go: (1 / 1.125)^n of the way is left at most
    far = beyond(0.5, 1.5, 0.2, growth=0.25, most=0.25, doublings=100)
    np.testing.assert_allclose(far, [1.5, np.hypot(0.1, 0.2), 0], atol=2e-5)
    # a quarter of 0.5 came in the last doubling, which made 0.5 of 0.375; at least 1 - 1 / 1.125 comes in the next
    least, most = 1 - 1 / 1.125, 0.5 * (0.5 / 0.375 - 1)
    near = beyond(0.5, 1.5, 0.2, growth=0.25, most=0.25, doublings=1)
    assert near[0] == pytest.approx(0.5 + (least + most) / 2)
    assert near[1] < 0.06
    assert near[2] == pytest.approx(most - least)
    np.testing.assert_allclose(beyond(0.5, 1.5, 0.2, growth=0.25, most=0.25, doublings=0), [0.5, 0, 0], atol=1e-12)


def test_what_noise_may_hide_is_left_open() -> None:
    middle, error, left = beyond(0.5, 1.5, 0.2, growth=0.0, most=0.25, doublings=20)
    # between nothing and all of the way
    assert middle == pytest.approx(1.0)
    assert error == pytest.approx(np.hypot(1 / np.sqrt(12), 0.5 * 0.2))
    assert left == pytest.approx(1.0)


def test_order_beyond_runs_is_covered() -> None:
    """Runs that end at a quarter of the way, anneals 2 to 500 times as long; (stretched) exponentials."""
    pulls = []
    for beta in (0.35, 0.5, 0.7, 1.0):

        def order(t: float, beta: float = beta) -> float:
            return float(-np.expm1(-(t**beta)))

        runs = 0.29 ** (1 / beta)
        now, half = order(runs), order(runs / 2)
        growth = (now - half) / now
        for longer in (2.0, 8.0, 50.0, 500.0):
            found, error, _ = beyond(now, 1.0, 0.02, growth=growth, most=1.2 * growth, doublings=np.log2(longer))
            pulls.append((found - order(runs * longer)) / error)
    assert np.abs(pulls).max() < 3
    assert np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_swaps_come_first_and_the_learned_value_stands_beside() -> None:
    known = campaign(3, EXACT)
    found = equilibrium_of(known)
    assert {one.source for one in found} == {"mc"}
    np.testing.assert_allclose(column(found, "delta"), truth(KELVIN))
    assert column(found, "simulated").all()
    assert not column(found, "reached")[KELVIN <= 1000].any()
    np.testing.assert_allclose(column(found, "learned"), [at.prediction.equilibrium[0] for at in known])


def test_runs_that_swaps_contradict_did_not_reach_it() -> None:
    assert column(equilibrium_of(campaign(3)), "reached")[-2:].all()
    hottest = float(KELVIN[-1])
    assert not equilibrium_of(campaign(3, {hottest: EXACT[hottest] + 0.4}))[-1].reached


def test_frozen_swaps_leave_the_order_to_the_temperatures_above() -> None:
    found = equilibrium_of(campaign(3, {kelvin: order for kelvin, order in EXACT.items() if kelvin >= 1000}))
    assert [one.source for one in found] == ["extrapolated"] * 2 + ["mc"] * 9
    assert (np.abs(column(found, "delta")[:2] - truth(KELVIN[:2])) < 2 * column(found, "error")[:2]).all()
    assert column(found, "known").all()


def test_with_a_known_equilibrium_short_runs_keep_their_own_bars() -> None:
    """The anneal of runs that reached equilibrium ends there, but no surer than the runs themselves."""
    known = [dataclasses.replace(at, swaps=swaps_of(EXACT[at.temperature_K], 0.001)) for at in campaign(3)]
    found = judged(known, Anneal(None, 200.0, None, 1 / 1024))
    for at in found:
        if at.equilibrium.reached:
            assert at.course.annealed[1][0] >= 0.9 * at.equilibrium.late_error[0] > 0.002
    assert found[-1].course.arrived
    assert not found[0].course.arrived
