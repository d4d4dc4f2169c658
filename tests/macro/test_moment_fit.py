"""Fits to drift and covariance rates: bases, OU exactly, noise, networks on the rest, Curie-Weiss against its master
equation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from exact_spins import ExactCurieWeiss
from scipy import linalg, stats
from scipy.special import eval_legendre

from asemacro.data import Moments, Pairs
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.file import load_sde, save_sde
from asemacro.macro.moment_fit import MomentOptions, fit_moments, moments_from_pairs
from asemacro.macro.polynomial import PolynomialBasis, PolynomialDiffusion, PolynomialDrift
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions, fit
from asemacro.macro.trajectories import simulate
from asemacro.testing import ALPHA

SIGNIFICANT = stats.norm.isf(ALPHA / 2)
SLOPE = np.array([[1.0, 0.4, 0.0], [-0.2, 0.5, 0.1], [0.0, 0.0, 0.25]])
SIGMA = np.array([[0.04, 0.01, 0.0], [0.01, 0.03, 0.005], [0.0, 0.005, 0.02]])
CENTRE = np.array([0.5, -0.3, 0.2])


def polynomial_sde(d: int, degree: int = 3, hidden: int = 0, n_conditions: int = 0, **more: int) -> NeuralSDE:
    drift = PolynomialDrift(d, n_conditions, degree=degree, hidden=hidden, **more)  # type: ignore[arg-type]
    return NeuralSDE(drift, PolynomialDiffusion(d, n_conditions, degree=min(degree, 4)))


# --- the modules ---------------------------------------------------------------------------------------------------


def test_basis_is_legendre_and_its_derivatives_are_right() -> None:
    basis = PolynomialBasis(2, 1, degree=4, condition_degree=1)
    basis.lower.copy_(torch.tensor([-1.0, 0.0, 2.0]))
    basis.upper.copy_(torch.tensor([3.0, 0.5, 4.0]))
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(30, 3, dtype=torch.float64, generator=generator)
    points = basis.lower + share * (basis.upper - basis.lower)
    y, c = points[:, :2], points[:, 2:]
    values, first, second = basis.derivatives(y, c, order=2)
    torch.testing.assert_close(values, basis(y, c))
    x = 2 * share.numpy() - 1
    for f, powers in enumerate(basis.exponents.tolist()):
        exact = np.prod([eval_legendre(p, x[:, k]) for k, p in enumerate(powers)], axis=0)
        np.testing.assert_allclose(values[:, f], exact, atol=1e-13)
    assert (basis.total.diff() >= 0).all()
    assert len(basis) == 15 * 2
    for k in range(2):
        step = 1e-5 * torch.eye(2, dtype=torch.float64)[k]
        after, before = basis(y + step, c), basis(y - step, c)
        torch.testing.assert_close(first[:, :, k], (after - before) / 2e-5, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(second[:, :, k], (after + before - 2 * values) / 1e-10, atol=2e-3, rtol=1e-3)


def test_outside_the_box_everything_is_bounded_and_leads_back() -> None:
    drift = PolynomialDrift(2, degree=5, hidden=8)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        drift.coefficients.normal_(generator=generator)
        drift.network[-1].weight.normal_(generator=generator)
    far = 1e4 * torch.randn(50, 2, dtype=torch.float64, generator=generator)
    none = torch.zeros(50, 0, dtype=torch.float64)
    value = drift(far, none)
    edge = drift.basis.inside(far)
    torch.testing.assert_close(value, drift(edge, none) - (far - edge))
    assert ((value * far).sum(1) < 0).all()
    diffusion = PolynomialDiffusion(2, degree=5)
    with torch.no_grad():
        diffusion.coefficients.normal_(generator=generator)
    torch.testing.assert_close(diffusion(far, none), diffusion(edge, none))
    assert (torch.linalg.eigvalsh(diffusion(edge, none)) > 0).all()


def test_symmetric_drift_and_diffusion() -> None:
    drift, diffusion = PolynomialDrift(2, degree=5, hidden=8, odd=(0,)), PolynomialDiffusion(2, degree=4, odd=[0])
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in (*drift.parameters(), *diffusion.parameters()):
            p.normal_(generator=generator)
    y, none = torch.randn(20, 2, dtype=torch.float64, generator=generator), torch.zeros(20, 0, dtype=torch.float64)
    turn = torch.diag(torch.tensor([-1.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(drift(y @ turn, none), drift(y, none) @ turn)
    torch.testing.assert_close(diffusion(y @ turn, none), turn @ diffusion(y, none) @ turn)


def test_sizes_that_no_basis_can_have() -> None:
    for bad in ({"dim": 0}, {"dim": 1, "n_conditions": 2}, {"dim": 1, "degree": -1}, {"dim": 2, "odd": (2,)}):
        with pytest.raises(ValueError):
            PolynomialDrift(**bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="hidden"):
        PolynomialDrift(1, hidden=-1)


# --- fits to labels -------------------------------------------------------------------------------------------------


def ou_moments(d: int, n: int, rng: np.random.Generator, noise: float = 0.0) -> Moments:
    """Labels of the OU process of the first d variables, at points of about its stationary spread."""
    slope, sigma = SLOPE[:d, :d], SIGMA[:d, :d]
    root = np.linalg.cholesky(linalg.solve_continuous_lyapunov(slope, sigma))
    z = CENTRE[:d] + 1.5 * rng.standard_normal((n, d)) @ root.T
    drift = -(z - CENTRE[:d]) @ slope.T + noise * rng.standard_normal((n, d))
    if noise == 0:
        return Moments(z, drift, np.tile(sigma, (n, 1, 1)), np.array(1.0))
    shaken = rng.standard_normal((n, d)) @ np.linalg.cholesky(sigma).T
    return Moments(z, drift, shaken[:, :, None] * shaken[:, None, :], np.array(8.0))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_ou_is_recovered_and_its_stationary_covariance_right(d: int) -> None:
    rng = np.random.default_rng(d)
    moments, sde = ou_moments(d, 2000, rng), polynomial_sde(d)
    fitted = fit_moments(sde, moments, rng=rng)
    np.testing.assert_allclose(sde.drift(moments.z), moments.drift, atol=1e-6)
    np.testing.assert_allclose(sde.diffusion(moments.z[:50]), moments.covariance[:50], rtol=1e-6, atol=1e-9)
    assert (fitted.report.noise < 1e-5).all()
    np.testing.assert_allclose(np.sort(sde.relaxation_rates(CENTRE[None, :d])[0]), np.sort(_rates(d)), rtol=1e-4)
    n, t = 1500, 6.0
    _, z = simulate(sde, CENTRE[:d] + 0.3, times_s=[t], n_trajectories=n, max_rate_step=0.05, rng=rng)
    slope, sigma = SLOPE[:d, :d], SIGMA[:d, :d]
    stationary, decay = linalg.solve_continuous_lyapunov(slope, sigma), linalg.expm(-slope * t)
    covariance = stationary - decay @ stationary @ decay.T
    white = np.linalg.solve(np.linalg.cholesky(covariance), (z[:, 0] - CENTRE[:d] - 0.3 * decay.sum(1)).T)
    # the Euler step of 0.05 adds up to 3 % to the variance
    assert stats.chi2.ppf(ALPHA, n * d) < (white**2).sum() < 1.03 * stats.chi2.isf(ALPHA, n * d)


def _rates(d: int) -> np.ndarray:
    return np.linalg.eigvals(SLOPE[:d, :d]).real


def test_noise_of_labels_is_the_known_error_of_least_squares() -> None:
    # linear regression: the error of the drift at a point is noise x sqrt(f^T (F^T F)^-1 f)
    n, noise, pulls = 1500, 0.4, []
    at = CENTRE[None, :2] + np.array([[0.1, -0.1], [-0.2, 0.1]])
    for seed in range(25):
        rng = np.random.default_rng(seed)
        moments, sde = ou_moments(2, n, rng, noise), polynomial_sde(2, degree=1)
        fitted = fit_moments(sde, moments, rng=rng)
        design = np.column_stack([np.ones(n), moments.z])
        features = np.column_stack([np.ones(2), at])
        error = noise * np.sqrt((features @ np.linalg.inv(design.T @ design) * features).sum(1))
        pulls.append((sde.drift(at) + (at - CENTRE[:2]) @ SLOPE[:2, :2].T) / error[:, None])
        np.testing.assert_allclose(fitted.report.noise, noise, rtol=0.1)
        assert fitted.model is sde
        np.testing.assert_allclose(list(fitted.held_out.values()), fitted.report.noise**2)
    squares = np.square(pulls)
    # the two points are correlated: 50 independent numbers at least
    assert stats.chi2.ppf(ALPHA, 50) / 50 < squares.mean() < stats.chi2.isf(ALPHA, 50) / 50


def test_the_degree_is_no_larger_than_the_labels_support() -> None:
    rng = np.random.default_rng(3)
    for noise, wanted in ((0.05, 3), (50.0, 0)):
        degrees = []
        for _ in range(9):
            z = rng.uniform(-1, 1, (2000, 1))
            labels = z**3 - z + noise * rng.standard_normal(z.shape)
            fitted = fit_moments(
                polynomial_sde(1, degree=9), Moments(z, labels, np.ones((2000, 1, 1)), np.array(4.0)), rng=rng
            )
            degrees.append(fitted.report.degrees[0])
        assert min(degrees) >= wanted
        assert np.median(degrees) <= wanted + 1


def test_covariance_that_changes_with_the_state_from_rank_one_labels() -> None:
    # S = s s^T with s normal: a single label says nearly nothing, half of the eigenvalues are zero
    rng = np.random.default_rng(4)
    n = 40_000
    z = rng.uniform(-1, 1, (n, 2))

    def sigma(z: np.ndarray) -> np.ndarray:
        root = np.zeros((len(z), 2, 2))
        root[:, 0, 0], root[:, 1, 1] = 1 + 0.5 * z[:, 0], np.exp(0.4 * z[:, 1])
        root[:, 1, 0] = 0.6 * z[:, 0]
        return root @ root.transpose(0, 2, 1)

    s = (np.linalg.cholesky(sigma(z)) @ rng.standard_normal((n, 2, 1)))[:, :, 0]
    sde = NeuralSDE(PolynomialDrift(2, degree=1, hidden=0), PolynomialDiffusion(2, degree=3))
    fit_moments(sde, Moments(z, -z, s[:, :, None] * s[:, None, :], np.array(4.0)), rng=rng)
    at = rng.uniform(-0.8, 0.8, (200, 2))
    found, exact = sde.diffusion(at), sigma(at)
    # 10 features each: sqrt(2 x 10 / 40,000) = 2 % of a variance on average
    relative = np.linalg.solve(exact, found) - np.eye(2)
    assert np.sqrt((relative**2).mean()) < 0.03


def test_the_network_learns_what_the_polynomial_leaves() -> None:
    rng = np.random.default_rng(5)
    z = rng.uniform(-2, 2, (6000, 1))
    drift = np.tanh(4 * z) - z
    moments = Moments(z, drift + 0.02 * rng.standard_normal(z.shape), np.full((6000, 1, 1), 0.1), np.array(1.0))
    errors = []
    for hidden in (0, 12):
        sde = polynomial_sde(1, degree=3, hidden=hidden)
        fitted = fit_moments(sde, moments, rng=np.random.default_rng(0))
        errors.append(np.sqrt(((sde.drift(z) - drift) ** 2).mean()))
        assert fitted.report.network_kept == (hidden > 0)
    assert errors[1] < 0.1 * errors[0]


def test_the_network_is_left_out_where_there_is_only_noise() -> None:
    rng = np.random.default_rng(6)
    for _ in range(3):
        moments = ou_moments(2, 3000, rng, noise=0.3)
        with_network, without = polynomial_sde(2, hidden=12), polynomial_sde(2, hidden=0)
        fitted = fit_moments(with_network, moments, rng=np.random.default_rng(1))
        assert not fitted.report.network_kept
        options = MomentOptions(network_steps=0)
        fit_moments(without, moments, options=options, rng=np.random.default_rng(1))
        np.testing.assert_allclose(with_network.drift(moments.z[:5]), without.drift(moments.z[:5]), rtol=1e-9)


def test_temperatures_share_one_fit() -> None:
    rng = np.random.default_rng(7)
    kelvin = np.repeat([600.0, 800.0, 1000.0, 1400.0, 2000.0], 1500)
    z = rng.standard_normal((len(kelvin), 1)) * 0.5

    def drift(z: np.ndarray, kelvin: np.ndarray) -> np.ndarray:
        return -1e6 * np.exp(-6000 / kelvin)[:, None] * (z - 300 / kelvin[:, None])

    sigma = 1e6 * np.exp(-6000 / kelvin)[:, None, None] * 0.2
    sde = polynomial_sde(1, degree=2, n_conditions=1)
    fit_moments(sde, Moments(z, drift(z, kelvin), sigma, np.array(2.0), kelvin), rng=rng)
    at, between = np.linspace(-0.5, 1.0, 7)[:, None], np.array([700.0, 1200.0, 1700.0, 900.0, 620.0, 1000.0, 1950.0])
    np.testing.assert_allclose(sde.drift(at, between), drift(at, between), rtol=0.01, atol=0.01)
    rates = 1e6 * np.exp(-6000 / between) * 0.2
    np.testing.assert_allclose(sde.diffusion(at, between)[:, 0, 0], rates, rtol=0.01)


def test_an_exact_symmetry_is_kept() -> None:
    rng = np.random.default_rng(8)
    z = np.column_stack([rng.uniform(-1, 1.2, 3000), rng.uniform(0, 1, 3000)])
    drift = np.column_stack([-(z[:, 0] ** 3), z[:, 0] ** 2 - z[:, 1]]) + 0.1 * rng.standard_normal((3000, 2))
    sde = NeuralSDE(PolynomialDrift(2, degree=4, odd=(0,)), PolynomialDiffusion(2, degree=2, odd=(0,)))
    fit_moments(sde, Moments(z, drift, np.tile(0.01 * np.eye(2), (3000, 1, 1)), np.array(1.0)), rng=rng)
    turn = np.array([-1.0, 1.0])
    np.testing.assert_allclose(sde.drift(z[:9] * turn), sde.drift(z[:9]) * turn, rtol=1e-9, atol=1e-12)
    assert sde.z_mean[0] == 0


# --- sampled pairs --------------------------------------------------------------------------------------------------


def patch_pairs(n: int, k: int, times: tuple[float, float], rng: np.random.Generator) -> list[Pairs]:
    """k coordinates dx = -x dt + sqrt(2) dB, of which one moves; z is their mean. The same evolutions at two times."""
    x0 = rng.standard_normal((n, k)) + rng.uniform(-2, 2, (n, 1))
    found, now, last = [], x0[:, 0], 0.0
    for t in times:
        decay = np.exp(-(t - last))
        now, last = decay * now + np.sqrt(1 - decay**2) * rng.standard_normal(n), t
        z0 = x0.mean(1)
        z1 = z0 + (now - x0[:, 0])
        found.append(Pairs(z0[:, None], z1[:, None], np.array(t), np.array(float(k)), np.zeros(0)))
    return found


def test_richardson_takes_the_bias_of_a_finite_duration_away() -> None:
    rng, dt = np.random.default_rng(9), 0.4
    half, whole = patch_pairs(400_000, 4, (dt / 2, dt), rng)
    slopes, spreads = [], []
    for labels in (moments_from_pairs(whole), moments_from_pairs(whole, half)):
        y = labels.z[:, 0] - labels.z.mean()
        slopes.append(-(y @ labels.drift[:, 0]) / (y @ y))
        spreads.append(labels.covariance.mean())
    e, f = np.exp(-dt), np.exp(-dt / 2)
    error = SIGNIFICANT * np.sqrt(4 * 2 / (400_000 * dt * 1.5)) * 2
    assert slopes[0] == pytest.approx((1 - e) / dt, abs=error)
    assert slopes[1] == pytest.approx(4 * (1 - f) / dt - (1 - e) / dt, abs=2 * error)
    assert abs(slopes[1] - 1) < 0.3 * abs(slopes[0] - 1)
    # E dz^2 = E x^2 (1 - e)^2 + 1 - e^2 with E x^2 = 1 + 4/3, over K dt; the exact rate is 2 / K
    square = [(7 / 3 * (1 - g) ** 2 + 1 - g**2) / (4 * t) for g, t in ((f, dt / 2), (e, dt))]
    assert spreads[0] == pytest.approx(square[1], rel=0.02)
    assert spreads[1] == pytest.approx(2 * square[0] - square[1], rel=0.04)


def test_pairs_are_fitted_too() -> None:
    rng = np.random.default_rng(10)
    half, whole = patch_pairs(60_000, 4, (0.1, 0.2), rng)
    sde = polynomial_sde(1, degree=5)
    fitted = fit_moments(sde, moments_from_pairs(whole, half), weight=whole.dt / whole.K, rng=rng)
    assert fitted.report.degrees[0] <= 3
    at = np.array([[-1.5], [0.0], [1.5]])
    np.testing.assert_allclose(sde.drift(at), -at, atol=0.12)
    np.testing.assert_allclose(sde.diffusion(at)[:, 0, 0], 2 / 4, rtol=0.05)


def test_richardson_wants_the_same_evolutions() -> None:
    half, whole = patch_pairs(100, 4, (0.1, 0.2), np.random.default_rng(0))
    other, _ = patch_pairs(100, 4, (0.1, 0.2), np.random.default_rng(1))
    for wrong in (whole, other, half.take(np.arange(50))):
        with pytest.raises(ValueError, match="same evolutions"):
            moments_from_pairs(whole, wrong)


def test_the_loop_of_pairs_trains_a_polynomial_drift_as_well() -> None:
    rng = np.random.default_rng(11)
    _, pairs = patch_pairs(5000, 4, (0.05, 0.1), rng)
    sde = polynomial_sde(1, degree=3, hidden=6)
    fit(sde, pairs, rng=rng, options=FitOptions(max_epochs=3, min_steps=50))
    np.testing.assert_allclose(sde.drift([[-1.0], [1.0]]), [[1.0], [-1.0]], atol=0.3)


# --- Curie-Weiss against its master equation ------------------------------------------------------------------------

SPINS, TEMPERATURE, FIELD = 4096, 1.1, 0.1


def curie_weiss_labels(n: int, patch: int, rng: np.random.Generator) -> Moments:
    """Moments of M from the spins of one random patch of each snapshot, M uniform."""
    up = rng.binomial(SPINS, 0.5 * (1 + rng.uniform(-1, 1, n)))
    total = 2 * up - SPINS
    rise = 1 / (1 + np.exp(-2 / TEMPERATURE * ((total + 1) / SPINS + FIELD)))
    fall = 1 / (1 + np.exp(2 / TEMPERATURE * ((total - 1) / SPINS + FIELD)))
    here = rng.hypergeometric(up, SPINS - up, patch)
    k = SPINS / patch
    drift = k * 2 / SPINS * ((patch - here) * rise - here * fall)
    sigma = k * 4 / SPINS**2 * ((patch - here) * rise + here * fall)
    return Moments(total[:, None] / SPINS, drift[:, None], sigma[:, None, None], np.array(k))


def test_curie_weiss_follows_the_master_equation() -> None:
    rng = np.random.default_rng(12)
    exact = ExactCurieWeiss(SPINS, TEMPERATURE, FIELD)
    starts, times = [-0.5, 0.0, 0.5], np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0])
    truth = np.stack([exact.moments(m0, times) for m0 in starts])
    # facts of the master equation, from m0 = -.5 at t = 5 and 10 and from .5 at t = 20
    np.testing.assert_allclose(truth[0, 4], [0.055233, 0.038591], atol=3e-5)
    np.testing.assert_allclose(truth[2, -1], [0.489903, 0.024509], atol=1e-6)
    sde = NeuralSDE(PolynomialDrift(1), PolynomialDiffusion(1), labels=("M",), sites=SPINS)
    fitted = fit_moments(sde, curie_weiss_labels(100_000, 256, rng), rng=rng)
    assert not fitted.report.network_kept
    n = 2500
    _, z = simulate(
        sde, np.repeat(starts, n)[:, None], times_s=times, n_trajectories=3 * n, max_rate_step=0.03, rng=rng
    )
    m = z[:, :, 0].reshape(3, n, -1)
    square, early = (m.mean(1) - truth[..., 0]) ** 2, times <= 10
    for rows, bound in ((early, 2e-4), (~early, 5e-5)):
        assert (square[:, rows].sum(1) / (truth[:, rows, 0] ** 2).sum(1) < bound).all()
    # 1.4 % of statistics in each of 33 numbers
    assert np.abs(m.std(1) / truth[..., 1] - 1).max() < 0.05 + 0.014
    assert np.abs((m.std(1) / truth[..., 1]).mean() - 1) < 0.02


# --- files and bad input --------------------------------------------------------------------------------------------


def test_files_give_the_same_model_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(13)
    moments = ou_moments(2, 500, rng, noise=0.1)
    sde = NeuralSDE(
        PolynomialDrift(2, degree=3, hidden=5, odd=(1,)), PolynomialDiffusion(2, degree=2), labels=("a", "b"), sites=64
    )
    fit_moments(sde, moments, rng=rng)
    mixed = NeuralSDE(OnsagerNet(2, 0), PolynomialDiffusion(2))
    wide = NeuralSDE(PolynomialDrift(2), FullDiffusion(2, 0))
    loaded = load_sde(save_sde(tmp_path / "sde.safetensors", [sde, mixed, wide]))
    for before, after in zip((sde, mixed, wide), loaded, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after.drift(moments.z), before.drift(moments.z))
        np.testing.assert_array_equal(after.diffusion(moments.z), before.diffusion(moments.z))
    assert (loaded[0].dtype, loaded[1].dtype, loaded[2].dtype) == (torch.float64, torch.float32, torch.float64)
    assert loaded[0].labels == ("a", "b")


def test_bad_input() -> None:
    rng = np.random.default_rng(14)
    moments = ou_moments(2, 200, rng)
    with pytest.raises(ValueError, match="fit_reversible first"):
        fit_moments(NeuralSDE(ReversibleDrift(2), PolynomialDiffusion(2)), moments, rng=rng)
    with pytest.raises(ValueError, match="at least 20 labels"):
        fit_moments(polynomial_sde(2), moments.take(np.arange(10)), rng=rng)
    with pytest.raises(ValueError, match="weights"):
        fit_moments(polynomial_sde(2), moments, weight=-1.0, rng=rng)
    negative = Moments(moments.z, moments.drift, -moments.covariance, moments.K)
    with pytest.raises(ValueError, match="not positive"):
        fit_moments(polynomial_sde(2), negative, rng=rng)
    one = Moments(moments.z, moments.drift, moments.covariance, moments.K, group=np.zeros(200, int))
    with pytest.raises(ValueError, match="too few for 5 folds"):
        fit_moments(polynomial_sde(2), one, rng=rng)
    for bad in ({"folds": 1}, {"network_steps": -1}, {"diffusion_rows": 3}):
        with pytest.raises(ValueError):
            MomentOptions(**bad)
