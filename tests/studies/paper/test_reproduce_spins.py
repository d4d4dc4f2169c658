"""Figures 3a, 3b, 4, 5: metric, published scheme, rows of tiny runs; their targets as slow tests."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from exact_spins import ExactIsing
from scipy import stats

from asemacro.labels.moments import patch_moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.paper import fig3a, fig3b, fig4, fig5
from asemacro.studies.paper.published import closed_moments, closed_pairs, flip_many, sweep_pairs, sweep_trajectories
from asemacro.studies.paper.report import Result
from asemacro.studies.paper.spin_models import Effort, frozen_pairs, frozen_rates, make_data
from asemacro.studies.paper.spin_transients import (
    ERROR_COLUMNS,
    SIZES,
    Law,
    curie_weiss,
    error_rows,
    errors_of,
    exact_law,
    fit_labels,
    ising,
    window_error,
)
from asemacro.testing import ALPHA

SIGMAS = stats.norm.isf(ALPHA / 2)


def silent(task: str, fraction: float, text: str) -> None:
    assert 0 <= fraction <= 1


def walls() -> Observables:
    return Observables([Magnetization(), DomainWallDensity()])


# --- metric ---------------------------------------------------------------------------------------------------


def law(mean: list[float], sd: list[float], times: list[float], runs: int | None = None) -> Law:
    return Law(np.array(times), np.array(mean)[None, :, None], np.array(sd)[None, :, None], runs)


def test_errors_by_hand() -> None:
    truth = law([1.0, 1.0, 2.0, 2.0], [0.0, 0.1, 0.2, 0.2], [0, 5, 10, 20])
    found = errors_of(law([1.0, 1.2, 2.0, 2.4], [0.0, 0.11, 0.18, 0.2], [0, 5, 10, 20]), truth)
    assert found.relative["transient"][0, 0] == pytest.approx(0.04 / 6)
    assert found.relative["equilibrium"][0, 0] == pytest.approx(0.16 / 4)
    assert found.relative["total"][0, 0] == pytest.approx(0.20 / 10)
    assert found.rms["transient"][0, 0] == pytest.approx(0.2 / np.sqrt(3))
    assert found.sd["transient"][0, 0] == pytest.approx(0.1)
    assert found.sd["equilibrium"][0, 0] == pytest.approx(0.0, abs=1e-12)


def test_truth_is_interpolated_to_the_times_of_a_law() -> None:
    truth = law([0.0, 1.0, 2.0], [0.0, 0.1, 0.2], [0, 10, 20])
    found = errors_of(law([0.0, 0.5, 1.5], [0.0, 0.05, 0.3], [0, 5, 15]), truth)
    assert found.relative["total"][0, 0] == pytest.approx(0.0)
    assert found.sd["equilibrium"][0, 0] == pytest.approx(1.0)


def test_noise_of_direct_runs() -> None:
    noise = law([1.0, 2.0, 4.0], [0.1, 0.2, 0.4], [0, 5, 20], runs=100).noise()
    np.testing.assert_allclose(noise[:, 0], [(1e-4 + 4e-4) / 5, 16e-4 / 16])
    assert not law([1.0, 2.0], [0.1, 0.2], [5, 20]).noise().any()


def test_late_mean_and_spread() -> None:
    mean, sd = law([5.0, 1.0, 3.0], [9.0, 0.0, 0.0], [0, 15, 20]).late([0], after=10)
    assert (mean[0], sd[0]) == (pytest.approx(2.0), pytest.approx(1.0))


def test_longer_window_by_hand() -> None:
    truth, found = law([1.0, 2.0, 2.0], [0.0] * 3, [0, 10, 20]), law([1.0, 1.0, 3.0], [0.0] * 3, [0, 10, 20])
    # 0 + 1 + 1, then three more intervals at 3 against 2
    assert window_error(found, truth, 50.0, [0], 15.0) == pytest.approx((2 + 3) / (9 + 12))


def test_rows_are_means_over_starts() -> None:
    truth = Law(np.array([5.0, 20.0]), np.ones((2, 2, 1)), np.ones((2, 2, 1)))
    shifted = dataclasses.replace(truth, mean=truth.mean + np.array([0.1, 0.3])[:, None, None])
    rows = error_rows("x", errors_of(shifted, truth), targets={"total": 0.1}, published={"total": 1.0})
    assert [row.quantity for row in rows] == ["x/transient", "x/equilibrium", "x/total"]
    assert all(row.here == pytest.approx(0.05) for row in rows)
    assert [row.met for row in rows] == [None, None, True]


# --- published scheme -----------------------------------------------------------------------------------------


def test_flips_are_those_of_the_jump_chain() -> None:
    # one flip of an enumerated 3 x 3 square: where to, and after how long
    exact, system = ExactIsing(3, 2.5, 0.1), Ising(Lattice.square(1.0, "X", 3), 2.5, field=0.1)
    start, runs = 0b000010011, 40_000
    x = np.broadcast_to(exact.x[start], (runs, 9)).copy()
    after, duration = flip_many(system, x, 1, rng=np.random.default_rng(0))
    rates = exact.rates[start]
    counts = np.count_nonzero(after != x, axis=0)
    assert counts.sum() == runs
    assert stats.chisquare(counts, runs * rates / rates.sum()).pvalue > ALPHA
    assert abs(duration.mean() * rates.sum() - 1) < SIGMAS / np.sqrt(runs)
    assert stats.kstest(duration * rates.sum(), "expon").pvalue > ALPHA


def test_flips_of_a_part_stay_in_it() -> None:
    system = CurieWeiss(Lattice.square(1.0, "X", 8), 1.1, field=0.1)
    rng = np.random.default_rng(1)
    x = random_spins(system.lattice, np.linspace(-0.9, 0.9, 50), rng=rng)
    active = system.draw_active(x, 16, rng=rng)
    after, duration = flip_many(system, x, 16, active, rng=rng)
    outside = np.ones_like(x, dtype=bool)
    np.put_along_axis(outside, active, False, axis=1)
    assert (after == x)[outside].all()
    assert (np.count_nonzero(after != x, axis=1) % 2 == 0).all()  # 16 flips
    assert (duration > 0).all()


def test_whole_system_needs_no_surroundings() -> None:
    # K = 1: closed and frozen patches are the same thing, and so are the paper's increments and its baseline
    system, phi = Ising(Lattice.square(1.0, "X", 6), 2.5, field=0.1), walls()
    x = random_spins(system.lattice, np.linspace(-0.8, 0.8, 40), rng=np.random.default_rng(2))
    closed = closed_moments(system, x, phi, 36, rng=np.random.default_rng(3))
    open_ = patch_moments(system, x, phi, rng=np.random.default_rng(4))
    np.testing.assert_allclose(closed.drift, open_.drift, atol=1e-12)
    np.testing.assert_allclose(closed.covariance, open_.covariance, atol=1e-12)
    pairs = [sweep_pairs(system, x, phi, 36, closed=True, naive=n, rng=np.random.default_rng(5)) for n in (False, True)]
    np.testing.assert_allclose(pairs[0].z1, pairs[1].z1, atol=1e-12)


def test_closed_pairs_are_runs_of_the_patch() -> None:
    system, phi = Ising(Lattice.square(1.0, "X", 8), 2.5, field=0.1), walls()
    x = np.ones((4000, 64), dtype=np.int8)
    pairs = closed_pairs(system, x, phi, 16, [0.2, 0.4], rng=np.random.default_rng(6))
    exact = ExactIsing(4, 2.5, 0.1)
    for p, t in zip(pairs, (0.2, 0.4), strict=True):
        law_now = exact.law_after(t, len(exact.x) - 1)
        mean, sd = law_now @ exact.m, np.sqrt(law_now @ exact.m**2 - (law_now @ exact.m) ** 2)
        assert abs(p.z1[:, 0].mean() - mean) < SIGMAS * sd / np.sqrt(len(x))
        assert (p.K == 4).all()
        assert (p.dt == t).all()


def test_baseline_sees_the_patch_alone() -> None:
    system = CurieWeiss(Lattice.square(1.0, "X", 8), 1.1, field=0.1)
    x = random_spins(system.lattice, 0.0, 200, rng=np.random.default_rng(7))
    pairs = sweep_pairs(system, x, Magnetization(), 16, closed=False, naive=True, rng=np.random.default_rng(8))
    assert (pairs.K == 1).all()
    assert np.allclose(pairs.z1 * 8 % 1, 0)  # a multiple of 2 / 16
    assert pairs.z1.std() > 3 * pairs.z0.std()


def test_sweeps_of_a_linear_sde() -> None:
    # labels of dz = -z dt + sqrt(.02) dB; Euler's law of steps of 1/2: variance .02 h / (1 - (1 - h)^2)
    setting = curie_weiss()
    rng = np.random.default_rng(9)
    z = rng.uniform(-0.5, 0.5, (2000, 1))
    moments = patch_moments(
        setting.system, random_spins(setting.system.lattice, z[:1, 0], rng=rng), setting.phi, rng=rng
    )
    labels = dataclasses.replace(
        moments, z=z, drift=-z, covariance=np.full((2000, 1, 1), 0.02), K=np.ones(2000), condition=np.zeros(0),
        group=np.arange(2000),
    )  # fmt: skip
    sde = fit_labels(labels, ("M",), 4096, rng=rng)
    path = sweep_trajectories(sde, np.full((20_000, 1), 0.3), 0.5, 12, rng=rng)
    assert path.shape == (20_000, 13, 1)
    assert path[:, 1].mean() == pytest.approx(0.15, abs=4e-3)
    assert path[:, -1].std() == pytest.approx(np.sqrt(0.01 / 0.75), rel=0.03)


# --- figures --------------------------------------------------------------------------------------------------


def check(result: Result) -> list[str]:
    """All rows finite and named once; tables rectangular; the figure draws."""
    names = [row.quantity for row in result.rows]
    assert len(names) == len(set(names))
    assert all(math.isfinite(row.here) for row in result.rows)
    for table in result.tables.values():
        assert all(len(line) == len(table.columns) for line in table.rows)
    assert result.draw().axes
    return names


TINY = Effort(12, 1, 2)


def test_fig3a_has_all_rows() -> None:
    budget = fig3a.Budget(TINY, TINY, trajectories=8, other_trajectories=4, pair_draws=2)
    result = fig3a.compare(budget, rng=np.random.default_rng(0), progress=silent)
    names = check(result)
    for n_s in SIZES:
        for model in ("", "pairs/", "published/", "baseline/"):
            for window in ("transient", "equilibrium", "total"):
                assert f"curie-weiss/n_s={n_s}/{model}{window}" in names
    by_name = {row.quantity: row for row in result.rows}
    mean, largest = (by_name[f"curie-weiss/n_s=64/pairs/{name}"] for name in ("transient", "largest/transient"))
    assert mean.here < largest.here  # of two draws mean +- error are the two
    np.testing.assert_allclose(mean.here + (mean.here_err or 0), largest.here)
    targets = {row.quantity: row.target for row in result.rows}
    assert targets["curie-weiss/n_s=64/transient"] == (None, 5e-4)
    assert targets["curie-weiss/n_s=256/equilibrium"] == (None, 5e-5)
    assert len(result.tables["scheme"].rows) == 8
    assert tuple(result.tables[""].columns) == ERROR_COLUMNS


def test_fig3b_has_all_rows() -> None:
    budget = fig3b.Budget(Effort(8, 1, 1), 4, 6, 4, closure_snapshots=120, closure_steps=5)
    names = check(fig3b.compare(budget, rng=np.random.default_rng(0), progress=silent))
    for n_s in SIZES:
        for model in ("", "rho_DW/", "published/", "baseline/", "z=M,rho_DW/"):
            for window in ("transient", "equilibrium", "total"):
                assert f"ising/n_s={n_s}/{model}{window}" in names
        assert f"ising/n_s={n_s}/500-sweeps" in names
    assert "ising/n_s=256/z=M/transient" in names
    assert "ising/n_s=256/z=M,rho_DW,closure_1,closure_2/total" in names


def test_fig4_and_fig5_have_all_rows() -> None:
    names = check(
        fig4.compare(fig3a.Budget(TINY, TINY, 8, 4, pair_draws=1), rng=np.random.default_rng(0), progress=silent)
    )
    assert {f"curie-weiss/n_s={n_s}/m0=-0.5/t=5/sd" for n_s in SIZES} <= set(names)
    budget = fig3b.Budget(Effort(8, 1, 1), 4, 6, 4, closure_snapshots=120, closure_steps=5)
    names = check(fig5.compare(budget, rng=np.random.default_rng(0), progress=silent))
    assert {f"ising/n_s={n_s}/m0=0.8/t=100/rho_DW/mean" for n_s in SIZES} <= set(names)


def test_truth_starts_at_rest() -> None:
    truth = exact_law(curie_weiss())
    np.testing.assert_allclose(truth.mean[:, 0, 0], [0.5, 0.25, 0.0, -0.25, -0.5])
    assert not truth.sd[:, 0].any()
    assert truth.mean[:, -1] == pytest.approx(0.489881, abs=2e-6)


@pytest.mark.parametrize("n_s", [4096, 256])
def test_snapshots_and_their_labels(n_s: int) -> None:
    data = make_data(ising(), n_s, Effort(4, 1, 2), rng=np.random.default_rng(0))
    assert data.made.x.shape == (4 * 22, 4096)
    assert len(frozen_pairs(data, 0.1)) == 2 * len(data.made)
    rates = frozen_rates(data)
    assert len(rates) == (1 if n_s == 4096 else 2) * len(data.made)
    assert set(rates.group) == set(range(4))
    np.testing.assert_allclose(rates.K, 4096 / n_s)


@pytest.mark.parametrize("n_s", [256, pytest.param(64, marks=pytest.mark.slow)])
def test_exact_moments_reach_the_targets_of_fig3a(n_s: int) -> None:
    from asemacro.studies.paper.spin_models import law_of

    setting = curie_weiss()
    data = make_data(setting, n_s, fig3a.FULL.effort, rng=np.random.default_rng(1))
    found = errors_of(law_of(data, frozen_rates(data), 2000), exact_law(setting))
    transient, later = fig3a.EXACT_TARGETS.get(n_s, fig3a.OTHER_EXACT_TARGETS)
    assert found.relative["transient"].max() < transient
    assert found.relative["equilibrium"].max() < later
