"""Stationary laws and relaxation modes of reversible SDEs: OU, a double well against its own operator, Curie-Weiss."""

from __future__ import annotations

import numpy as np
import pytest
from exact_spins import ExactCurieWeiss
from scipy import linalg, stats

from asemacro.data import Moments
from asemacro.macro.density_fit import fit_reversible
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.stationary import relaxation_modes, stationary_law
from asemacro.macro.trajectories import simulate
from asemacro.testing import ALPHA

SIGMA = np.array([[0.4, 0.1], [0.1, 0.3]])
COVARIANCE = np.array([[1.0, 0.3], [0.3, 0.5]])


def fitted(z: np.ndarray, sigma: np.ndarray, degree: int, odd: tuple[int, ...] = ()) -> NeuralSDE:
    d = z.shape[1]
    drift = ReversibleDrift(d, degree=degree, odd=odd)
    sde = NeuralSDE(drift, PolynomialDiffusion(d, degree=2, odd=odd), sites=1)
    labels = Moments(z, np.zeros_like(z), np.broadcast_to(sigma, (*z.shape, d)), np.array(1.0))
    fit_reversible(sde, z, labels, rng=np.random.default_rng(0))
    return sde


@pytest.mark.parametrize("d", [1, 2])
def test_law_and_rates_of_ou(d: int) -> None:
    z = 0.7 + np.random.default_rng(d).standard_normal((20_000, d)) @ np.linalg.cholesky(COVARIANCE[:d, :d]).T
    sde = fitted(z, SIGMA[:d, :d], degree=2)
    law = stationary_law(sde)
    assert law.probability.sum() == pytest.approx(1.0, abs=1e-12)
    mean = law.mean(law.z)
    np.testing.assert_allclose(mean, z.mean(axis=0), atol=1e-6)
    covariance = law.mean((law.z - mean)[:, :, None] * (law.z - mean)[:, None, :])
    np.testing.assert_allclose(covariance, np.cov(z.T, bias=True).reshape(d, d), atol=1e-6)
    # rates of dz = -A (z - mean) dt + ... are sums of the eigenvalues of A = Sigma C^-1 / 2
    slope = 0.5 * SIGMA[:d, :d] @ np.linalg.inv(covariance)
    slow = np.sort(np.linalg.eigvals(slope).real)
    expected = np.sort([a * slow[0] + b * slow[-1] for a in range(4) for b in range(4 if d > 1 else 1) if a + b > 0])
    modes = relaxation_modes(sde, degree=5)
    # the box ends at some four standard deviations, which high modes feel
    np.testing.assert_allclose(modes.rates[:3], expected[:3], rtol=0.03)
    times = np.array([0.0, 1.0, 4.0])
    decay = np.stack([np.diag(linalg.expm(-slope * t) @ covariance) / np.diag(covariance) for t in times])
    np.testing.assert_allclose(modes.autocorrelation(times), decay, atol=2e-3)


def test_rate_of_a_double_well_is_that_of_its_operator() -> None:
    grid = np.linspace(-4, 4, 4001)
    p = np.exp(-(grid**4) / 4 + grid**2 / 2)
    draws = np.interp(np.random.default_rng(1).random(20_000), np.cumsum(p) / p.sum(), grid)
    sde = fitted(draws[:, None], np.array([[0.5]]), degree=4, odd=(0,))
    modes = relaxation_modes(sde, degree=15)
    # the generator of the same density on a grid, in its symmetric form
    box = sde.drift_network.density.basis
    edge = float(box.upper[0]) * float(sde.z_scale[0])
    x = np.linspace(-edge, edge, 1201)
    h, rate = x[1] - x[0], sde.diffusion([[0.0]])[0, 0, 0] / 2
    force = 2 * sde.drift(x[:, None])[:, 0] / sde.diffusion(x[:, None])[:, 0, 0]
    log_p = np.concatenate([[0.0], np.cumsum(0.5 * (force[1:] + force[:-1]) * h)])
    between = np.exp(0.5 * (log_p[1:] - log_p[:-1]))  # sqrt(p_(i+1) / p_i)
    diagonal = np.concatenate([between, [0.0]]) + np.concatenate([[0.0], 1 / between])
    exact = linalg.eigh_tridiagonal(
        rate / h**2 * diagonal, -np.full(1200, rate / h**2), select="i", select_range=(0, 3)
    )[0]
    np.testing.assert_allclose(modes.rates[:3], exact[1:4], rtol=5e-3)
    assert modes.shares.sum() == pytest.approx(1.0, abs=1e-6)
    # fewer functions can only raise a rate
    assert relaxation_modes(sde, degree=3).rates[0] > modes.rates[0] * (1 - 1e-9)


def test_trajectories_decay_as_the_modes_say() -> None:
    z = np.random.default_rng(2).standard_normal((20_000, 1))
    sde = fitted(z, np.array([[0.6]]), degree=2)
    start = z[:2000]
    _, path = simulate(
        sde, start, times_s=[2.0], n_trajectories=len(start), max_rate_step=0.05, rng=np.random.default_rng(3)
    )
    seen = start[:, 0] * path[:, 0, 0]
    expected = relaxation_modes(sde).autocorrelation([2.0])[0, 0]
    error = stats.norm.isf(ALPHA / 2) * seen.std() / np.sqrt(len(seen))
    assert abs(seen.mean() - expected) < error + 0.02  # and the Euler step


def test_slowest_rate_of_curie_weiss() -> None:
    exact = ExactCurieWeiss(400, 1.1, 0.0)
    k = np.random.default_rng(4).choice(401, size=20_000, p=exact.law)
    z = exact.m[k][:, None]
    sigma = (4 * (exact.up + exact.down)[k] / 400**2)[:, None, None]
    sde = fitted(z, sigma, degree=6, odd=(0,))
    law = stationary_law(sde)
    assert law.mean(law.z[:, 0] ** 2) == pytest.approx((z**2).mean(), rel=1e-3)
    assert law.mean(np.abs(law.z[:, 0])) == pytest.approx(exact.law @ np.abs(exact.m), rel=0.03)
    weight = np.sqrt(exact.law)
    symmetric = exact.generator.toarray() * weight[:, None] / weight[None, :]
    gap = -np.sort(linalg.eigvalsh(0.5 * (symmetric + symmetric.T)))[-2]
    assert relaxation_modes(sde).rates[0] == pytest.approx(gap, rel=0.05)


def test_bad_input() -> None:
    z = np.random.default_rng(5).standard_normal((100, 1))
    sde = fitted(z, np.array([[1.0]]), degree=2)
    for call in (stationary_law, relaxation_modes):
        with pytest.raises(ValueError, match="ReversibleDrift"):
            call(NeuralSDE(PolynomialDrift(1), PolynomialDiffusion(1)))
        with pytest.raises(ValueError, match="simulate"):
            call(NeuralSDE(ReversibleDrift(4, degree=2), PolynomialDiffusion(4, degree=1)))
        with pytest.raises(ValueError, match="nodes must be a whole number from 2"):
            call(sde, nodes=1)
    with pytest.raises(ValueError, match="degree must be a whole number from 1"):
        relaxation_modes(sde, degree=0)
