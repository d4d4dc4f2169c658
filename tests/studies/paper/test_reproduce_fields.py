"""Figure 2 with a tiny budget; noise fitted about a given drift; the closure of the means of fields."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from asemacro.data import Moments, Pairs
from asemacro.labels.moments import infinitesimal_moments
from asemacro.lattice.lattice import Lattice
from asemacro.macro.moment_fit import MomentOptions, fit_moments, fit_noise
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.micro.fields.predator_prey import PredatorPrey, cosine_fields
from asemacro.observables.field_covariance import FieldCovariance
from asemacro.studies.paper import fig2, predator_prey
from asemacro.studies.paper.report import Result
from asemacro.testing import ALPHA
from asemacro.upsampling.interpolation import refine

SIGMAS = stats.norm.isf(ALPHA / 2)


def silent(task: str, fraction: float, text: str) -> None:
    assert -1e-9 <= fraction <= 1 + 1e-9


# --- the noise factor on a case with a known answer ------------------------------------------------------------------

RATE, SPREAD, PATCHES = 0.5, 0.3, 4


def ornstein_uhlenbeck(n: int, dt: float, rng: np.random.Generator) -> Pairs:
    """The mean of PATCHES independent coordinates dx = -RATE x dt + SPREAD dW, of which one moves."""
    x = rng.normal(0.0, SPREAD / np.sqrt(2 * RATE), (n, PATCHES))
    decay = np.exp(-RATE * dt)
    moved = decay * x[:, 0] + SPREAD * np.sqrt((1 - decay**2) / (2 * RATE)) * rng.standard_normal(n)
    z0 = x.mean(axis=1, keepdims=True)
    return Pairs(z0, z0 + (moved - x[:, 0])[:, None], np.array(dt), np.array(float(PATCHES)), np.zeros(0))


@pytest.fixture(scope="module")
def linear() -> tuple[NeuralSDE, Pairs]:
    """An SDE with the exact drift of the mean of the coordinates, and pairs for its noise."""
    rng = np.random.default_rng(0)
    pairs = ornstein_uhlenbeck(40_000, 0.01, rng)
    z = pairs.z0[:2000]
    labels = Moments(z, -RATE * z, np.full((len(z), 1, 1), 1.0), np.array(1.0))
    sde = NeuralSDE(PolynomialDrift(1, degree=1, hidden=0), PolynomialDiffusion(1, degree=1), sites=PATCHES)
    fit_moments(sde, labels, options=MomentOptions(diffusion_steps=0), rng=rng)
    return sde, pairs


def with_noise(linear: tuple[NeuralSDE, Pairs], scale: float | None) -> NeuralSDE:
    sde = copy.deepcopy(linear[0])
    fit_noise(sde, linear[1], noise_scale=scale, rng=np.random.default_rng(1))
    return sde


def test_noise_is_that_of_the_whole_system(linear: tuple[NeuralSDE, Pairs]) -> None:
    sde = with_noise(linear, None)
    z = np.linspace(-0.3, 0.3, 7)[:, None]
    # Sigma of the mean of 4; a share of RATE dt of it is lost in the pair, and other patches add as little
    expected = SPREAD**2 / PATCHES
    error = SIGMAS * np.sqrt(2 / len(linear[1])) * np.array([3.0, 2.0, 1.5, 1.0, 1.5, 2.0, 3.0]) + RATE * 0.01
    assert (np.abs(sde.diffusion(z)[:, 0, 0] / expected - 1) < error).all()
    np.testing.assert_allclose(sde.drift(z), -RATE * z, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(sde.drift(z), linear[0].drift(z))


def test_noise_scale_divides_the_noise_and_leaves_the_drift(linear: tuple[NeuralSDE, Pairs]) -> None:
    z = np.linspace(-0.3, 0.3, 7)[:, None]
    right = with_noise(linear, None)
    np.testing.assert_allclose(with_noise(linear, float(PATCHES)).diffusion(z), right.diffusion(z), rtol=1e-12)
    for scale in (1.0, 2.5, 10.0):
        other = with_noise(linear, scale)
        np.testing.assert_allclose(other.diffusion(z), PATCHES / scale * right.diffusion(z), rtol=1e-5)
        np.testing.assert_array_equal(other.drift(z), right.drift(z))


def test_scatter_is_the_root_of_k_over_lambda(linear: tuple[NeuralSDE, Pairs]) -> None:
    n = 4000
    exact = SPREAD / np.sqrt(2 * RATE * PATCHES)
    for scale in (1.0, 4.0, 16.0):
        _, z = simulate(
            with_noise(linear, scale), [0.0], until_s=10.0, n_trajectories=n, n_saves=1, rng=np.random.default_rng(2)
        )
        ratio = z[:, -1, 0].std() / exact / np.sqrt(PATCHES / scale)
        # error of the sd, of the learned noise, and RATE x step = .05 of Euler-Maruyama
        assert abs(ratio - 1) < SIGMAS * np.sqrt(1 / (2 * n) + 1 / (2 * len(linear[1]))) + 0.02


# --- the closure ---------------------------------------------------------------------------------------------------


def test_means_and_covariances_close_the_equations_of_the_means() -> None:
    lattice = Lattice.chain(0.1, (), 20).opened(0)
    x = np.random.default_rng(0).uniform(0.2, 0.7, (5, 20, 2))
    drift, _ = infinitesimal_moments(PredatorPrey(lattice), x, predator_prey.CLOSED)
    u, v, uu, uv, _ = predator_prey.CLOSED(x, lattice).T
    np.testing.assert_allclose(drift[:, 0], u * (1 - u - v) - uu - uv, rtol=1e-8)
    np.testing.assert_allclose(drift[:, 1], 3 * (v * (u - 0.4) + uv), rtol=1e-8)


def test_covariances_and_their_changes() -> None:
    lattice, phi = Lattice.square(1.0, (), (4, 3)), FieldCovariance(("a", "b", "c"))
    assert phi.labels == ("var_a", "cov_ab", "cov_ac", "var_b", "cov_bc", "var_c")
    rng = np.random.default_rng(1)
    x = 5 + rng.standard_normal((3, 12, 3))
    for state, values in zip(x, phi(x, lattice), strict=True):
        np.testing.assert_allclose(values, np.cov(state.T, bias=True)[np.triu_indices(3)], rtol=1e-10)
    sites = np.array([[[0, 5, -1], [7, 2, 1]]] * 3)
    values = 5 + rng.standard_normal((3, 2, 3, 3))
    found = phi.changes(x, lattice, sites, values)
    for event in (0, 1):
        after = x.copy()
        for row in range(3):
            used = sites[row, event] >= 0
            after[row, sites[row, event, used]] = values[row, event, used]
        np.testing.assert_allclose(found[:, event], phi(after, lattice) - phi(x, lattice), rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(phi.change(x, lattice, sites[:, event], values[:, event]), found[:, event])
    with pytest.raises(ValueError, match="shape"):
        phi(x[:, :11], lattice)
    with pytest.raises(ValueError, match="different names"):
        FieldCovariance(("u", "u"))


# --- the figure ------------------------------------------------------------------------------------------------------


def test_snapshots_begin_with_interpolated_starts() -> None:
    system, x = predator_prey.snapshots(3, rng=np.random.default_rng(0))
    ages, relaxations = len(predator_prey.AGES), len(predator_prey.RELAX)
    assert x.shape == (3 * ages * relaxations, 200, 2)
    assert system.lattice.shape == (200, 1, 1)
    # u + v = 1 at the start, and interpolation keeps it; noise has come in afterwards
    unrelaxed = x[: 3 * ages]
    whole = np.abs(unrelaxed.sum(axis=2) - 1).max(axis=1) < 1e-12
    assert whole.sum() == 3
    small = predator_prey.chain(100).lattice
    start = refine(small, cosine_fields(small, 0.1, 0.5), 2)
    exact = cosine_fields(system.lattice, 0.1, 0.5)
    np.testing.assert_allclose(start, exact, atol=0.1 * (1 - np.cos(np.pi / 20)) + 1e-12)


def test_measures_by_hand() -> None:
    rng = np.random.default_rng(3)
    true = [0.5 + 0.01 * rng.standard_normal((300, len(fig2.TIMES), 2)) for _ in range(2)]
    same = fig2.measure(true, true, 2)
    np.testing.assert_allclose(same.noise, 1)
    for zero in (same.raw, same.whitened, same.rms, same.pull):
        np.testing.assert_allclose(zero, 0, atol=1e-12)
    wide = [z.mean(axis=0) + 2 * (z - z.mean(axis=0)) + [0.0, 0.003] for z in true]
    other = fig2.measure(wide, true, 1)
    np.testing.assert_allclose(other.noise, 2)
    np.testing.assert_allclose(other.rms, [0, 0.003], atol=1e-12)
    assert other.pull[1] == pytest.approx(0.3, rel=0.05)
    assert other.raw.shape == (2,)
    assert other.whitened.shape == (1,)
    assert other.whitened[0] > 0.01
    shifted = [z + np.array([0.0, 0.003]) for z in true]
    # kernels of width w see the square of a shift s of the mean as s^2 / w^2 once it beats the width of the sets
    expected = np.mean([0.003**2 / w**2 for w in (0.25, 0.5, 1, 2, 4, 8)])
    assert fig2.measure(shifted, true, 1).raw[0] == pytest.approx(expected, rel=0.02)


@pytest.fixture(scope="module")
def tiny() -> Iterator[Result]:
    """Two lambdas, one start, few runs, long steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fig2, "LAMBDAS", (1.25, 5.0))
        patch.setattr(fig2, "SHOWN", (5.0,))
        patch.setattr(predator_prey, "STEP", 0.1)
        budget = fig2.Budget(30, 1, fig2.TESTED[1:2], fig2.TESTED[:1], trajectories=60, seeds=1)
        result = fig2.compare(budget, rng=np.random.default_rng(0), progress=silent)
        result.draw()
        yield result


def test_fig2_rows(tiny: Result) -> None:
    rows = {row.quantity: row for row in tiny.rows}
    assert len(rows) == len(tiny.rows) == 2 * (3 * 2 + 1 + 4)
    assert rows["noise/lambda=5"].target == (0.95, 1.05)
    assert rows["noise/lambda=1.25"].target == (pytest.approx(1.8), pytest.approx(2.2))
    assert rows["noise/lambda=1.25"].reference == 2
    assert rows["means-alone/noise/lambda=5"].target is None
    assert rows["whitened-mmd/smallest-at/seed=0"].target == (5, 5)
    assert {"mmd/lambda=5", "whitened-mmd/lambda=1.25", "mean/u/rms", "means-alone/mean/v/rms-in-sd"} <= set(rows)
    assert [set(map(len, (table.columns, *table.rows))) for table in tiny.tables.values()] == [{9}, {9}]


def test_fig2_scatter_follows_lambda(tiny: Result) -> None:
    rows = {row.quantity: row.here for row in tiny.rows}
    for name in ("", "means-alone/"):
        # 60 trajectories: their sd is known to 1 / sqrt(2 x 60) at one time and little better over all
        assert rows[f"{name}noise/lambda=1.25"] / rows[f"{name}noise/lambda=5"] == pytest.approx(2, rel=0.25)
    assert rows["mean/u/rms"] < 0.01
