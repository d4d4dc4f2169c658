"""Reversible drift: its formula, OU and double wells with their exact densities, Curie-Weiss in equilibrium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from exact_spins import ExactCurieWeiss
from scipy import linalg, stats

from asemacro.data import Moments, Pairs
from asemacro.macro.density_fit import ageing, fit_reversible
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.file import load_sde, save_sde
from asemacro.macro.moment_fit import fit_moments
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions, fit
from asemacro.macro.trajectories import simulate
from asemacro.testing import ALPHA

SIGNIFICANT = stats.norm.isf(ALPHA / 2)
SIGMA = np.array([[0.4, 0.1, 0.0], [0.1, 0.3, 0.05], [0.0, 0.05, 0.2]])
COVARIANCE = np.array([[1.0, 0.3, -0.2], [0.3, 0.5, 0.1], [-0.2, 0.1, 2.0]])


def reversible(d: int, degree: int = 4, odd: tuple[int, ...] = (), sigma_degree: int = 2) -> NeuralSDE:
    return NeuralSDE(ReversibleDrift(d, degree=degree, odd=odd), PolynomialDiffusion(d, degree=sigma_degree, odd=odd))


def labels(z: np.ndarray, sigma: np.ndarray) -> Moments:
    """Exact covariance labels; the drift is not looked at."""
    return Moments(z, np.zeros_like(z), np.broadcast_to(sigma, (*z.shape, z.shape[1])), np.array(1.0))


# --- the formula ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3])
def test_drift_is_half_sigma_grad_log_density_and_half_the_divergence(d: int) -> None:
    sde = reversible(d, sigma_degree=3)
    generator = torch.Generator().manual_seed(d)
    density, diffusion = sde.drift_network.density, sde.diffusion_network
    with torch.no_grad():
        density.coefficients.normal_(generator=generator)
        diffusion.coefficients.normal_(generator=generator).mul_(0.3)
        diffusion.base.copy_(torch.linalg.cholesky(torch.from_numpy(SIGMA[:d, :d])))
    y = torch.randn(40, d, dtype=torch.float64, generator=generator).clamp(-3.9, 3.9)
    none = torch.zeros(40, 0, dtype=torch.float64)
    step = 1e-5 * torch.eye(d, dtype=torch.float64)
    gradient = torch.stack([(density(y + e, none) - density(y - e, none)) / 2e-5 for e in step], dim=1)
    slope = [(diffusion(y + e, none) - diffusion(y - e, none)) / 2e-5 for e in step]
    divergence = sum(slope[j][:, :, j] for j in range(d))
    expected = 0.5 * ((diffusion(y, none) @ gradient[:, :, None])[:, :, 0] + divergence)
    torch.testing.assert_close(sde.drift_network(y, none), expected, rtol=1e-6, atol=1e-6)


def test_outside_the_box_a_wall_leads_back() -> None:
    sde = reversible(2)
    far = torch.tensor([[50.0, 0.0], [-7.0, 60.0]], dtype=torch.float64)
    none = torch.zeros(2, 0, dtype=torch.float64)
    torch.testing.assert_close(sde.drift_network(far, none), -0.5 * (far - sde.drift_network.density.basis.inside(far)))


def test_it_takes_any_diffusion() -> None:
    sde = NeuralSDE(ReversibleDrift(2, degree=4), FullDiffusion(2, 0, hidden=5))
    generator = torch.Generator().manual_seed(3)
    diffusion = sde.diffusion_network
    with torch.no_grad():
        for parameter in diffusion.parameters():
            parameter.normal_(generator=generator)
        sde.drift_network.density.coefficients.normal_(generator=generator)
    y, none = torch.randn(20, 2, dtype=torch.float64, generator=generator), torch.zeros(20, 0, dtype=torch.float64)
    step = 1e-5 * torch.eye(2, dtype=torch.float64)
    divergence = sum(((diffusion(y + e, none) - diffusion(y - e, none)) / 2e-5)[:, :, j] for j, e in enumerate(step))
    force = sde.drift_network.density.gradient(y, none)
    expected = 0.5 * ((diffusion(y, none) @ force[:, :, None])[:, :, 0] + divergence)
    torch.testing.assert_close(sde.drift_network(y, none), expected, rtol=1e-6, atol=1e-6)


# --- OU in 1, 2, 3 dimensions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["maximum_entropy", "score_matching"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_ou(d: int, method: str) -> None:
    rng, n = np.random.default_rng(d), 20_000
    covariance, sigma = COVARIANCE[:d, :d], SIGMA[:d, :d]
    z = 0.7 + rng.standard_normal((n, d)) @ np.linalg.cholesky(covariance).T
    sde = reversible(d, degree=4 if d < 3 else 2, sigma_degree=1)
    fitted = fit_reversible(sde, z, labels(z, sigma), method=method, rng=rng)
    assert fitted.report.degree == 2
    assert fitted.held_out == {"density": min(fitted.report.scores.values())}
    inverse = np.linalg.inv(np.cov(z.T).reshape(d, d))
    at = 0.7 + rng.standard_normal((10, d)) @ np.linalg.cholesky(covariance).T
    # both estimates are the sample mean and covariance, but for the box at some four standard deviations
    np.testing.assert_allclose(sde.drift(at), -0.5 * (at - z.mean(0)) @ inverse @ sigma, atol=0.02)
    if method == "score_matching":
        return
    runs, t = 1200, 4.0
    _, end = simulate(sde, np.full(d, 0.7), times_s=[t], n_trajectories=runs, max_rate_step=0.05, rng=rng)
    decay = linalg.expm(-0.5 * sigma @ np.linalg.inv(covariance) * t)
    law = covariance - decay @ covariance @ decay.T
    white = np.linalg.solve(np.linalg.cholesky(law), (end[:, 0] - 0.7).T)
    # 3 % for the Euler step, 4 % for the fitted covariance
    square = (white**2).sum()
    assert 0.96 * stats.chi2.ppf(ALPHA, runs * d) < square < 1.07 * stats.chi2.isf(ALPHA, runs * d)


# --- double wells ---------------------------------------------------------------------------------------------------

GRID = np.linspace(-4, 4, 40_001)
WEIGHT = np.exp(-(GRID**4) / 4 + GRID**2 / 2)
CDF = np.cumsum(WEIGHT) / WEIGHT.sum()


def wells(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws from P ~ exp(-V), V = z^4/4 - z^2/2."""
    return np.interp(rng.random(n), CDF, GRID)[:, None]


@pytest.mark.parametrize(
    "sigma",
    [lambda z: 0.5 + 0 * z, lambda z: 0.4 + 0.3 * z**2 / (1 + z**2), lambda z: 0.5 + 0.3 * np.tanh(z)],
    ids=["constant", "even", "skew"],
)
def test_double_well_keeps_its_density_whatever_sigma(sigma: Callable[[np.ndarray], np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    z = wells(50_000, rng)
    sde = reversible(1, degree=6, sigma_degree=8)
    fitted = fit_reversible(sde, z, labels(z, sigma(z)[:, :, None]), rng=rng)
    assert fitted.report.degree == 4
    at = np.linspace(-1.8, 1.8, 13)[:, None]
    slope = (sigma(at + 1e-5) - sigma(at - 1e-5)) / 2e-5
    np.testing.assert_allclose(sde.diffusion(at)[:, :, 0], sigma(at), rtol=0.02)
    np.testing.assert_allclose(sde.drift(at), 0.5 * sigma(at) * (at - at**3) + 0.5 * slope, atol=0.04)
    _, end = simulate(sde, z[:1500], times_s=[2.0], n_trajectories=1500, max_rate_step=0.05, rng=rng)
    assert stats.kstest(end[:, 0, 0], lambda x: np.interp(x, GRID, CDF)).pvalue > ALPHA


def test_noise_in_the_drift_labels_does_not_reach_the_density() -> None:
    # an unconstrained drift from the same labels puts its errors into ln P; the reversible one never sees them
    rng = np.random.default_rng(5)
    z = wells(4000, rng)
    moments = labels(z, np.array([[0.5]]))
    noisy = Moments(z, 0.25 * (z - z**3) + 10.0 * rng.standard_normal(z.shape), moments.covariance, np.array(64.0))
    at = np.linspace(-1.5, 1.5, 9)[:, None]
    errors = []
    for sde, learn in (
        (reversible(1, degree=4, odd=(0,)), lambda s: fit_reversible(s, z, noisy, rng=rng)),
        (
            NeuralSDE(PolynomialDrift(1, degree=3, hidden=0, odd=(0,)), PolynomialDiffusion(1, degree=2, odd=(0,))),
            lambda s: fit_moments(s, noisy, rng=rng),
        ),
    ):
        learn(sde)
        errors.append(np.abs(sde.drift(at) - 0.25 * (at - at**3)).max())
    assert errors[0] < 0.04
    assert errors[0] < 0.5 * errors[1]


# --- the density ----------------------------------------------------------------------------------------------------


def test_maximum_entropy_has_the_moments_of_the_snapshots_and_the_symmetry() -> None:
    rng = np.random.default_rng(6)
    z = np.column_stack([wells(6000, rng)[:, 0], rng.standard_normal(6000)])
    z[:, 1] = 0.3 * z[:, 1] + 0.2 * z[:, 0] ** 2
    sde = reversible(2, degree=4, odd=(0,))
    fit_reversible(sde, z, labels(z, np.eye(2)), rng=rng)
    at = rng.standard_normal((9, 2))
    turn = np.array([-1.0, 1.0])
    np.testing.assert_allclose(sde.drift(at * turn), sde.drift(at) * turn, atol=1e-12)
    assert sde.z_mean[0] == 0
    basis = sde.drift_network.density.basis
    side = [np.linspace(low, high, 401) for low, high in zip(basis.lower.tolist(), basis.upper.tolist(), strict=True)]
    grid = torch.from_numpy(np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, 2))
    none = torch.zeros(len(grid), 0, dtype=torch.float64)
    p = torch.exp(sde.drift_network.density(grid, none)).numpy()
    edge = np.ones(401)
    edge[[0, -1]] = 0.5
    p = (p.reshape(401, 401) * edge[:, None] * edge).reshape(-1)
    p /= p.sum()
    points = grid.numpy() * sde.z_scale.numpy() + sde.z_mean.numpy()
    for powers in ((2, 0), (4, 0), (0, 1), (0, 2), (2, 1), (2, 2), (0, 4)):
        seen = (z**powers).prod(axis=1).mean()
        assert (points**powers).prod(axis=1) @ p == pytest.approx(seen, rel=2e-3), powers


def test_densities_at_several_temperatures_by_score_matching() -> None:
    rng = np.random.default_rng(7)
    kelvin = np.repeat([500.0, 700.0, 1000.0], 15_000)
    z = np.sqrt(kelvin / 700.0)[:, None] * rng.standard_normal((45_000, 1))
    sigma = 0.1 * np.exp(-1000 / kelvin)[:, None, None]
    moments = Moments(z, 0 * z, sigma, np.array(1.0), kelvin)
    sde = NeuralSDE(ReversibleDrift(1, 1, degree=2), PolynomialDiffusion(1, 1, degree=1))
    fit_reversible(sde, z, moments, condition=kelvin, method="score_matching", rng=rng)
    for t in (500.0, 600.0, 1000.0):
        rate = 0.5 * 0.1 * np.exp(-1000 / t) * 700.0 / t
        np.testing.assert_allclose(sde.drift([[0.8]], t)[0, 0], -0.8 * rate, rtol=0.06)


# --- Curie-Weiss ----------------------------------------------------------------------------------------------------


def test_curie_weiss_in_equilibrium() -> None:
    rng = np.random.default_rng(8)
    exact = ExactCurieWeiss(400, 1.1, 0.1)
    k = rng.choice(401, size=20_000, p=exact.law)
    z = exact.m[k][:, None]
    sigma = 4 * (exact.up + exact.down)[k] / 400**2
    drift = 2 * (exact.up - exact.down)[k] / 400
    moments = Moments(z, drift[:, None], sigma[:, None, None], np.array(1.0))
    sde = reversible(1, degree=6, sigma_degree=4)
    fit_reversible(sde, z, moments, rng=rng)
    mean, sd = z.mean(), z.std()
    # detailed balance: the drift of the density is that of the rates, which the fit has not seen
    at = mean + sd * np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    true = np.interp(at, exact.m, 2 * (exact.up - exact.down) / 400)
    np.testing.assert_allclose(sde.drift(at), true, atol=0.06 * np.abs(true).max())
    _, end = simulate(sde, [mean], times_s=[15.0], n_trajectories=1500, max_rate_step=0.05, rng=rng)
    assert abs(end.mean() - exact.law @ exact.m) < SIGNIFICANT * sd * np.sqrt(1 / 1500 + 1 / 20_000)
    assert end.std() == pytest.approx(np.sqrt(exact.law @ (exact.m - exact.law @ exact.m) ** 2), rel=0.02 + 0.08)


def test_ageing_is_zero_in_equilibrium_and_seen_outside() -> None:
    rng = np.random.default_rng(9)
    exact = ExactCurieWeiss(400, 1.5, 0.0)

    def snapshots(law: np.ndarray) -> Moments:
        k = rng.choice(401, size=40_000, p=law)
        drift, sigma = 2 * (exact.up - exact.down)[k] / 400, 4 * (exact.up + exact.down)[k] / 400**2
        return Moments(exact.m[k][:, None], drift[:, None], sigma[:, None, None], np.array(1.0))

    still = ageing(snapshots(exact.law), centre=[0.0])
    assert abs(still.drift[0]) < SIGNIFICANT * still.drift_error[0]
    assert abs(still.square[0]) < SIGNIFICANT * still.square_error[0]
    # too narrow: E[M^2] still grows
    narrow = np.exp(-200 * exact.m**2)
    young = ageing(snapshots(narrow / narrow.sum()), centre=[0.0])
    assert young.square[0] > 10 * young.square_error[0]
    # groups of equal snapshots are no more certain than one of each
    one = snapshots(exact.law)
    many = Moments.concat([one, one, one])
    grouped = Moments(many.z, many.drift, many.covariance, many.K, group=np.tile(np.arange(40_000), 3))
    np.testing.assert_allclose(ageing(grouped).square_error, ageing(one).square_error, rtol=1e-9)


# --- files, further training, bad input -----------------------------------------------------------------------------


def test_files_and_further_training_keep_the_density(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    z = wells(1500, rng)
    sde = reversible(1, odd=(0,))
    fit_reversible(sde, z, labels(z, np.array([[0.2]])), rng=rng)
    (loaded,) = load_sde(save_sde(tmp_path / "sde.safetensors", sde))
    np.testing.assert_array_equal(loaded.drift(z[:20]), sde.drift(z[:20]))
    _, again = simulate(loaded, [0.0], times_s=[1.0], n_trajectories=3, rng=np.random.default_rng(0))
    _, before = simulate(sde, [0.0], times_s=[1.0], n_trajectories=3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again, before)
    # Sigma was taken too small: pairs correct it, the density stays
    dt, k = 0.02, 4.0
    z1 = z + 0.25 * (z - z**3) * dt + np.sqrt(k * 0.5 * dt) * rng.standard_normal(z.shape)
    pairs = Pairs(z, z1, np.array(dt), np.array(k), np.zeros(0))
    force = loaded.drift_network.density.coefficients.clone()
    fit(
        loaded, pairs, rng=rng, options=FitOptions(max_epochs=80, min_steps=0, learning_rate=3e-2), keep_parameters=True
    )
    assert torch.equal(force, loaded.drift_network.density.coefficients)
    assert loaded.diffusion([[0.5]])[0, 0, 0] == pytest.approx(0.5, rel=0.15)
    with pytest.raises(ValueError, match="fit_reversible first"):
        fit(loaded, pairs, rng=rng)


def test_bad_input() -> None:
    rng = np.random.default_rng(11)
    z = rng.standard_normal((100, 2))
    moments = labels(z, np.eye(2))
    with pytest.raises(ValueError, match="fits a ReversibleDrift"):
        fit_reversible(NeuralSDE(PolynomialDrift(2), PolynomialDiffusion(2)), z, moments, rng=rng)
    with pytest.raises(ValueError, match="the method is"):
        fit_reversible(reversible(2), z, moments, method="guess", rng=rng)
    with pytest.raises(ValueError, match="up to 3 variables"):
        fit_reversible(reversible(4), rng.standard_normal((100, 4)), moments, rng=rng)
    for bad in (z[:5], z[:, :1], z * np.nan):
        with pytest.raises(ValueError, match="snapshots must be"):
            fit_reversible(reversible(2), bad, moments, rng=rng)


def test_the_edge_of_the_data_is_no_obstacle() -> None:
    # div Sigma jumps there, which is no stiffness: a trajectory that starts on the edge takes no more steps than others
    rng = np.random.default_rng(11)
    z = rng.standard_normal((4000, 1))
    sde = reversible(1, degree=2, sigma_degree=1)
    fit_reversible(sde, z, labels(z, np.exp(0.8 * z)[:, :, None]), rng=rng)
    basis = sde.diffusion_network.basis
    edge = float((sde.z_mean + sde.z_scale * basis.lower[:1]).item())
    outside, inside = (float(sde.drift(np.array([[edge + d]]))[0, 0]) for d in (-1e-9, 1e-9))
    assert abs(inside - outside) > 0.01
    calls = []
    handle = sde.drift_network.register_forward_hook(lambda *_: calls.append(1))
    counts = []
    for start in (edge, edge + 0.1):
        calls.clear()
        simulate(sde, [start], n_trajectories=1, times_s=[0.5], noise=False, rng=rng)
        counts.append(len(calls))
    handle.remove()
    assert counts[0] < 2 * counts[1]
