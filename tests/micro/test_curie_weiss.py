"""Curie-Weiss dynamics against its master equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_spins import ExactCurieWeiss
from scipy import stats

from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins import curie_weiss
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.observables.spins import Magnetization
from asemacro.testing import ALPHA, check_microsystem, chi_square

SIGMAS = stats.norm.isf(ALPHA / 2)


def test_obeys_the_protocol() -> None:
    system = CurieWeiss(Lattice.square(1.0, "X", 4), 0.8, field=0.1)
    x = -np.ones((1, 16), np.int8)
    x[0, :3] = 1
    check_microsystem(system, x, (0.05, 2.0), observable=Magnetization())


def test_master_equation_is_the_published_one() -> None:
    # n = 4096, T = 1.1, h = 0.1; values of an independent solution by uniformisation
    exact = ExactCurieWeiss(4096, 1.1, 0.1)
    for m0, mean, sd in ((0.5, 0.497404, 0.016518), (-0.5, -0.361070, 0.019164)):
        np.testing.assert_allclose(exact.moments(m0, 1.0)[0], [mean, sd], atol=1e-6)
    mean = exact.law @ exact.m
    assert mean == pytest.approx(0.4898811, abs=1e-7)
    assert np.sqrt(exact.law @ (exact.m - mean) ** 2) == pytest.approx(0.0245107, abs=1e-7)


@pytest.mark.parametrize(("n", "chains", "times"), [(256, 8000, [1.0, 2.0, 5.0, 10.0, 20.0]), (4096, 800, [1.0, 2.0])])
@pytest.mark.parametrize("m0", [-0.5, 0.5])
def test_mean_and_spread_follow_the_master_equation(n: int, chains: int, times: list[float], m0: float) -> None:
    exact = ExactCurieWeiss(n, 1.1, 0.1).moments(m0, times)
    system = CurieWeiss(n, 1.1, field=0.1)
    rng = np.random.default_rng(n)
    x, now = random_spins(system.lattice, m0, chains, rng=rng), 0.0
    for t, (mean, sd) in zip(times, exact, strict=True):
        x, _ = system.evolve(x, t - now, rng=rng)
        now = t
        m = x.mean(axis=1, dtype=float)
        assert abs(m.mean() - mean) < SIGMAS * sd / np.sqrt(chains)
        fourth = np.mean((m - mean) ** 4)
        assert abs(m.var() - sd**2) < SIGMAS * np.sqrt((fourth - sd**4) / chains)


def test_stationary_law_stays() -> None:
    n = 40
    exact, system = ExactCurieWeiss(n, 0.9, 0.05), CurieWeiss(n, 0.9, field=0.05)
    rng = np.random.default_rng(1)
    up = rng.choice(n + 1, size=40_000, p=exact.law)
    x = random_spins(system.lattice, 2 * up / n - 1, rng=rng)
    x, _ = system.evolve(x, 2.0, rng=rng)
    assert chi_square(np.bincount((x > 0).sum(axis=1), minlength=n + 1), exact.law) > ALPHA


def test_first_passage_between_the_wells() -> None:
    n, m0 = 64, 0.75
    exact = ExactCurieWeiss(n, 0.8).passage_up(round(n * (1 - m0) / 2), n // 2)
    system = CurieWeiss(n, 0.8)
    x = random_spins(system.lattice, -m0, 4000, rng=np.random.default_rng(2))
    times, _ = system.first_passage(x, 1e5, above=0.0, rng=np.random.default_rng(3))
    assert abs(times.mean() - exact) < SIGMAS * times.std() / np.sqrt(len(times))


def test_rates_obey_detailed_balance_without_self_interaction() -> None:
    system = CurieWeiss(10, 0.7, 1.3, -0.2)
    x = np.random.default_rng(4).choice(np.array([-1, 1], np.int8), size=(20, 10))
    rates = system.rates(x)
    for i in range(10):
        flipped = x.copy()
        flipped[:, i] *= -1
        change = system.energy(flipped) - system.energy(x)
        np.testing.assert_allclose(rates[:, i], 1 / (1 + np.exp(change / 0.7)), rtol=1e-12)
    others = x.sum(axis=1, dtype=int)[:, None] - x
    np.testing.assert_allclose(rates, 1 / (1 + np.exp(2 / 0.7 * x * (1.3 * others / 10 - 0.2))), rtol=1e-12)


def test_drift_of_blocks_is_that_of_the_whole() -> None:
    # K (phi(x1) - phi(x0)) / t has the mean of the full drift as t -> 0; at t = 0.02 within t / 2 of it
    system = CurieWeiss(Lattice.square(1.0, "X", 16), 1.1, field=0.1)
    x = random_spins(system.lattice, -0.3, 40_000, rng=np.random.default_rng(5))
    pairs = partial_evolution(system, x, [0.02], 1 / 16, rng=np.random.default_rng(6)).pairs(Magnetization())
    assert (pairs.K == 16).all()
    drift = (system.rates(x[:1]) * -2 * x[:1]).mean()
    error = SIGMAS * pairs.z1.std() / np.sqrt(len(x)) / 0.02
    assert abs((pairs.z1 - pairs.z0).mean() / 0.02 - drift) < error + 0.01 * abs(drift)


def test_where_a_run_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    system = CurieWeiss(30, 1.0, field=0.1)
    x = random_spins(system.lattice, 0.2, 5, rng=np.random.default_rng(7))
    active = np.broadcast_to(np.arange(7), (5, 7))
    whole = [system.evolve(x, 6.0, a, rng=np.random.default_rng(8))[0] for a in (None, active)]
    monkeypatch.setattr(curie_weiss, "PATIENCE", 20)
    for a, expected in zip((None, active), whole, strict=True):
        np.testing.assert_array_equal(system.evolve(x, 6.0, a, rng=np.random.default_rng(8))[0], expected)


def test_system_elsewhere() -> None:
    system = CurieWeiss(16, 1.1, 0.9, 0.2)
    assert (system.at(2.0).temperature, system.at(2.0).coupling, system.at(2.0).field) == (2.0, 0.9, 0.2)
    assert system.on(Lattice.chain(1.0, "X", 32)).lattice.n_sites == 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1.0), "whole number"), ((2.5, 1.0), "whole number"), ((4, -1.0), "above 0"), ((4, 1.0, np.nan), "coupling")],
)
def test_bad_systems_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CurieWeiss(*arguments)


def test_an_active_spin_is_named_once() -> None:
    with pytest.raises(ValueError, match="different"):
        CurieWeiss(4, 1.0).evolve(np.ones((1, 4), np.int8), 1.0, np.array([[1, 1]]), rng=np.random.default_rng(0))
