"""NeuralODE: structure in physical variables, trajectories, fits with known answers, files."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from asemacro.data import ForceLabels, Pairs
from asemacro.macro.base import Drift
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.file import load_ode, load_sde, save_ode, save_sde
from asemacro.macro.gfinn import GFINN
from asemacro.macro.linear_rates import labels_of_first, linear_rates
from asemacro.macro.mlp_drift import MLPDrift
from asemacro.macro.ode import NeuralODE, simulate_ode
from asemacro.macro.ode_fit import Batched, OdeFitOptions, fit_ode
from asemacro.macro.polynomial import PolynomialDiffusion
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions, fit

SLOPE = np.array([[1.0, 0.6], [-0.5, 0.4]])
CENTRE = np.array([2.0, -1.0])
DRIFTS: dict[str, Callable[[int], Drift]] = {
    "onsager": lambda d: OnsagerNet(d, 0, hidden=12, depth=3),
    "gfinn": lambda d: GFINN(d, hidden=12),
    "mlp": lambda d: MLPDrift(d, hidden=12),
}


def physical(drift: Drift) -> NeuralODE:
    """An ODE in float64 with scales that differ by decades."""
    ode = NeuralODE(drift.double())
    ode.z_mean = torch.tensor(np.linspace(-3.0, 40.0, drift.dim))
    ode.z_scale = torch.tensor(np.geomspace(1e-2, 30.0, drift.dim))
    ode.log_time = torch.tensor([np.log(0.3), 0.0, 0.0], dtype=torch.float64)
    return ode


def states(ode: NeuralODE, n: int = 50) -> np.ndarray:
    y = np.random.default_rng(1).normal(size=(n, ode.dim))
    return ode.z_mean.numpy() + ode.z_scale.numpy() * y


def gradient(
    ode: NeuralODE, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], z: np.ndarray
) -> np.ndarray:
    """Of a function of normalised variables, with respect to physical ones."""
    point = torch.from_numpy(z).requires_grad_()
    function((point - ode.z_mean) / ode.z_scale, torch.zeros(len(z), 0).double()).sum().backward()
    return point.grad.numpy()


def test_generic_holds_in_physical_variables() -> None:
    drift = GFINN(4, hidden=16, n_matrices=3)
    ode = physical(drift)
    z, none = states(ode), torch.zeros(50, 0, dtype=torch.float64)
    y = (torch.from_numpy(z) - ode.z_mean) / ode.z_scale
    with torch.no_grad():
        de, ds, turn, friction = (part.numpy() for part in drift.brackets(y, none))
    assert np.abs(np.einsum("nij,nj->ni", turn, ds)).max() < 1e-12
    assert np.abs(np.einsum("nij,nj->ni", friction, de)).max() < 1e-12
    assert np.linalg.eigvalsh(friction).min() > -1e-12
    # the brackets in z, from the scales alone
    scale, tau = ode.z_scale.numpy(), ode.time_scale()[0]
    turn, friction = (scale[:, None] * part * scale / tau for part in (turn, friction))
    dz_energy, dz_entropy = gradient(ode, drift.energy, z), gradient(ode, drift.entropy, z)
    np.testing.assert_allclose(dz_energy * scale, de, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dz_entropy * scale, ds, rtol=1e-10, atol=1e-12)
    rate = ode.drift(z)
    made = np.einsum("nij,nj->ni", turn, dz_energy) + np.einsum("nij,nj->ni", friction, dz_entropy)
    np.testing.assert_allclose(rate / scale, made / scale, rtol=1e-10, atol=1e-10)
    size = np.abs(dz_energy * rate).sum(axis=1)
    assert (np.abs((dz_energy * rate).sum(axis=1)) < 1e-10 * np.maximum(size, 1)).all()
    assert ((dz_entropy * rate).sum(axis=1) > -1e-10).all()


def test_energy_stays_and_entropy_grows_along_trajectories() -> None:
    drift = GFINN(3, hidden=8)
    ode = physical(drift)
    _, z = simulate_ode(ode, states(ode, 4), 0.3, n_saves=20, max_rate_step=0.02)
    y = (torch.from_numpy(z.reshape(-1, 3)) - ode.z_mean) / ode.z_scale
    with torch.no_grad():
        energy, entropy = (f(y, y[:, :0]).reshape(4, 21).numpy() for f in (drift.energy, drift.entropy))
    assert np.abs(energy - energy[:, :1]).max() < 1e-8  # of the Runge-Kutta rule: of the fifth order in its step
    assert (np.diff(entropy) > -1e-9).all()
    assert (entropy[:, -1] - entropy[:, 0]).min() > 1e-4


def test_onsager_dissipates_in_physical_variables() -> None:
    drift = OnsagerNet(3, 0, hidden=12, depth=3)
    ode = physical(drift)
    z = states(ode)
    y = (torch.from_numpy(z) - ode.z_mean) / ode.z_scale
    with torch.no_grad():
        slope = drift.potential_gradient(y, y[:, :0]).numpy()
        matrix = drift.mobility_matrix(y, y[:, :0]).numpy()
    scale, tau = ode.z_scale.numpy(), ode.time_scale()[0]
    matrix = scale[:, None] * matrix * scale / tau
    rate = ode.drift(z)
    np.testing.assert_allclose(rate / scale, -np.einsum("nij,nj->ni", matrix, slope / scale) / scale, rtol=1e-10)
    loss = (slope / scale * rate).sum(axis=1)
    assert (loss < 0).all()
    assert np.linalg.eigvalsh(matrix + matrix.transpose(0, 2, 1)).min() > 0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_written_gradient_of_a_potential_is_that_of_autograd(depth: int) -> None:
    """u' u with u from the same parts, differentiated by torch."""
    drift = OnsagerNet(2, 0, hidden=5, depth=depth).double()
    y = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    h = y
    for layer in list(drift.potential)[:-1]:
        h = torch.tanh(layer(h))
    u = (y - drift.centre[0]) @ drift.stiffness[0].T + drift.potential[-1](h)
    value = 0.5 * u.square().sum() + 0.5 * drift.beta * (y - drift.centre[0]).square().sum()
    expected = torch.autograd.grad(value, y)[0]
    np.testing.assert_allclose(drift.potential_gradient(y, y[:, :0]).detach(), expected, rtol=1e-12, atol=1e-13)


class Straight(Drift):
    """-A y."""

    def __init__(self, slope: np.ndarray) -> None:
        super().__init__(len(slope))
        self.slope = torch.nn.Parameter(torch.from_numpy(slope))

    def forward(self, y: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return -y @ self.slope.T


def test_trajectories_of_a_linear_ode_are_exact() -> None:
    from scipy.linalg import expm

    ode = NeuralODE(Straight(SLOPE))
    start = np.array([[1.0, 2.0], [-3.0, 0.5], [0.0, 1.0]])
    times, z = simulate_ode(ode, start, times=[0.0, 0.5, 3.0])
    exact = np.stack([start @ expm(-SLOPE * t).T for t in times], axis=1)
    np.testing.assert_allclose(z, exact, atol=2e-5)
    finer = simulate_ode(ode, start, times=[0.0, 0.5, 3.0], max_rate_step=0.1)[1]
    assert np.abs(finer - exact).max() < np.abs(z - exact).max() / 12  # fourth order: 16
    _, one = simulate_ode(ode, start[0], 1.0, n_saves=2, n_steps=200)
    np.testing.assert_allclose(one[0, -1], expm(-SLOPE) @ start[0], rtol=1e-9)


def linear_labels(n: int, *, noise: float = 0.0, seen: int = 3) -> ForceLabels:
    """dz/dt = -A (z - a) seen through random matrices (seen, 2), in 20 trajectories."""
    rng = np.random.default_rng(3)
    z = CENTRE + rng.normal(size=(n, 2)) * [1.0, 0.1]
    root = rng.normal(size=(n, seen, 2))
    rate = -(z - CENTRE) @ SLOPE.T
    target = np.einsum("nri,ni->nr", root, rate) + noise * rng.normal(size=(n, seen))
    return ForceLabels(z, root, target, np.zeros(n), group=np.arange(n) // max(1, n // 20))


@pytest.mark.parametrize("seen", [1, 3])
def test_linear_rates_are_exact_where_the_equation_is_linear(seen: int) -> None:
    labels = linear_labels(60, seen=seen)
    mean, scale = labels.z.mean(axis=0), labels.z.std(axis=0)
    constant, slope = linear_rates(labels, mean, scale)
    np.testing.assert_allclose(scale[:, None] * slope / scale, -SLOPE, atol=1e-6)
    np.testing.assert_allclose(scale * constant, -SLOPE @ (mean - CENTRE), atol=1e-6)


def test_rates_of_first_variables_have_no_bias_over_sets_of_carriers() -> None:
    """Averaged over all sets, what the forces do along the variables left out, and beside all of them, is gone."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(6, 3, 8))  # phi', another one in each state, as of variables that are not linear
    sets = np.array(list(itertools.combinations(range(8), 4)))
    z, f = rng.normal(size=(6, 3)), rng.normal(size=(6, 8))  # no rate is a function of z
    n, m = len(f), len(sets)
    root = np.sqrt(2) * np.linalg.pinv(rows)[:, sets].reshape(n * m, 4, 3)
    target = np.sqrt(2) * f[:, sets].reshape(n * m, 4)
    gram = np.repeat(rows @ rows.transpose(0, 2, 1), m, axis=0)
    labels = ForceLabels(np.repeat(z, m, axis=0), root, target, np.zeros(n * m), 0.5, gram=gram)
    first = labels_of_first(labels, 2)
    normal = np.einsum("snri,snrj->sij", *2 * [first.root.reshape(n, m, 2, 2)])
    right = np.einsum("snri,snr->si", first.root.reshape(n, m, 2, 2), first.target.reshape(n, m, 2))
    rates = np.einsum("skc,sc->sk", rows[:, :2], f)
    np.testing.assert_allclose(np.linalg.solve(normal, right[..., None])[..., 0], rates, rtol=1e-8)
    one = labels_of_first(first, 1)  # and again of those
    normal, right = (
        (one.root**2).reshape(n, m).sum(axis=1),
        (one.root[:, :, 0] * one.target).reshape(n, m).sum(axis=1),
    )
    np.testing.assert_allclose(right / normal, rates[:, 0], rtol=1e-8)


def test_rates_of_variables_left_out_are_least_squares() -> None:
    """A constant, all variables and products of the first: no noise is left where the rates of the others are such."""
    rng = np.random.default_rng(6)
    z, root = rng.normal(size=(300, 3)) * [1.0, 20.0, 0.1], rng.normal(size=(300, 4, 3))
    rates = np.stack([z[:, 0], z[:, 1] - 1, 3 + 2 * z[:, 0] * z[:, 1] - z[:, 1] ** 2 + 5 * z[:, 2]], axis=1)
    seen, gram = np.einsum("nri,ni->nr", root, rates), np.broadcast_to(np.diag([1.0, 2.0, 3.0]), (300, 3, 3))
    labels = ForceLabels(z, root, seen, np.full(300, 0.5), 0.2, np.arange(300) // 9, gram)
    first = labels_of_first(labels, 2)
    np.testing.assert_allclose(first.losses(rates[:, :2]), 0.5, rtol=1e-5)
    assert (first.fraction, first.dim) == (0.2, 2)
    np.testing.assert_array_equal(first.z, z[:, :2])
    np.testing.assert_array_equal(first.group, labels.group)
    np.testing.assert_allclose(labels_of_first(labels, 3).losses(1 + rates), labels.losses(1 + rates))
    with pytest.raises(ValueError, match="there are 3 variables, 4 cannot be the first of them"):
        labels_of_first(labels, 4)
    with pytest.raises(ValueError, match="no variables can be left out"):
        labels_of_first(dataclasses.replace(labels, gram=None), 2)


@pytest.mark.parametrize(("name", "steps"), [("onsager", 150), ("mlp", 800)])  # the first starts at least squares
def test_fit_finds_rates(name: str, steps: int) -> None:
    ode = NeuralODE(DRIFTS[name](2), labels=("a", "b"))
    fitted = fit_ode(
        ode, linear_labels(1000), seeds=2, rng=np.random.default_rng(4), options=OdeFitOptions(steps=steps)
    )
    assert fitted.model is ode
    assert len(fitted.members) == 2 == len(fitted.report.losses)
    assert max(fitted.report.losses) < 2e-3
    for member in fitted.members:
        z = CENTRE + np.array([[0.0, 0.0], [1.0, 0.1], [-1.0, 0.05]])
        np.testing.assert_allclose(member.drift(z), -(z - CENTRE) @ SLOPE.T, atol=0.06)
    best = fitted.members[int(np.argmin(fitted.report.losses))]
    np.testing.assert_array_equal(ode.drift(CENTRE), best.drift(CENTRE))


def test_a_batched_seed_is_the_one_trained_alone() -> None:
    labels, found = linear_labels(200, noise=0.1), []
    for seeds in (1, 3):
        ode = NeuralODE(OnsagerNet(2, 0, hidden=6).double())
        options = OdeFitOptions(steps=30, batch_size=64)
        fitted = fit_ode(ode, labels, seeds=seeds, rng=np.random.default_rng(5), options=options)
        found.append(fitted.members[0].drift(labels.z[:5]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8)
    np.testing.assert_array_less(1e-6, np.abs(fitted.members[1].drift(labels.z[:5]) - found[1]).max())


@pytest.mark.parametrize("name", DRIFTS)
def test_batched_drifts_are_those_of_the_models(name: str) -> None:
    models = [NeuralODE(DRIFTS[name](3)) for _ in range(2)]
    for k, model in enumerate(models):
        model.reset(torch.Generator().manual_seed(k))
    y = torch.randn(5, 3, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        each = torch.stack([model.drift_network(y, y[:, :0]) for model in models])
        np.testing.assert_allclose(Batched(models)(y), each, rtol=1e-4, atol=1e-5)
    assert not torch.equal(each[0], each[1])


@pytest.mark.parametrize("name", DRIFTS)
def test_files_give_the_same_model_again(name: str, tmp_path: Path) -> None:
    ode = NeuralODE(DRIFTS[name](2), labels=("a", "b"))
    fitted = fit_ode(ode, linear_labels(100), seeds=2, rng=np.random.default_rng(4), options=OdeFitOptions(steps=5))
    again = load_ode(save_ode(tmp_path / "ode.safetensors", [ode, *fitted.members]))
    z = linear_labels(5).z
    for before, after in zip([ode, *fitted.members], again, strict=True):
        np.testing.assert_array_equal(before.drift(z), after.drift(z))
        assert before.settings == after.settings
    with pytest.raises(ValueError, match="is not an asemacro SDE"):
        load_sde(tmp_path / "ode.safetensors")
    sde = NeuralSDE(OnsagerNet(2, 0), PolynomialDiffusion(2))
    with pytest.raises(ValueError, match="is not an asemacro ODE"):
        load_ode(save_sde(tmp_path / "sde.safetensors", sde))


def test_what_cannot_be_fitted_is_refused_in_one_line() -> None:
    labels = linear_labels(20)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="labels of 2 variables for an ODE of 3"):
        fit_ode(NeuralODE(MLPDrift(3)), labels, rng=rng)
    with pytest.raises(ValueError, match="n_conditions=0"):
        NeuralODE(OnsagerNet(2, 1))
    still = ForceLabels(labels.z, labels.root, 0 * labels.target, labels.rest)
    with pytest.raises(ValueError, match="nothing moves"):
        fit_ode(NeuralODE(MLPDrift(2)), still, rng=rng)
    flat = ForceLabels(labels.z * [1, 0], labels.root, labels.target, labels.rest)
    with pytest.raises(ValueError, match="the same in all the data"):
        fit_ode(NeuralODE(MLPDrift(2)), flat, rng=rng)
    with pytest.raises(ValueError, match="either until or times"):
        simulate_ode(NeuralODE(MLPDrift(2)), np.zeros(2))
    with pytest.raises(ValueError, match="z0 has shape"):
        simulate_ode(NeuralODE(MLPDrift(2)), np.zeros(3), 1.0)


def oscillator(z: np.ndarray) -> np.ndarray:
    """dq = p, dp = -q - p / 2, ds = p^2 / 2: its energy (q^2 + p^2) / 2 + s stays, its entropy s grows."""
    q, p = z[:, 0], z[:, 1]
    return np.stack([p, -q - 0.5 * p, 0.5 * p**2], axis=1)


def test_a_noisy_system_can_have_a_generic_drift() -> None:
    rng, dt = np.random.default_rng(6), 0.1
    z = rng.normal(size=(2000, 3))
    half = z + 0.5 * dt * oscillator(z)
    moved = z + dt * oscillator(half) + 0.05 * np.sqrt(dt) * rng.normal(size=z.shape)
    drift = GFINN(3, hidden=12, depth=1)
    sde = NeuralSDE(drift, PolynomialDiffusion(3, degree=0))
    options = FitOptions(max_epochs=40, min_steps=160, batch_size=512, learning_rate=2e-2)
    pairs = Pairs(z, moved, np.array(dt), np.array(1.0), np.zeros(0))
    fitted = fit(sde, pairs, rng=rng, options=options)
    inside = z[np.linalg.norm(z, axis=1) < 1.5][:200]
    error = sde.drift(inside) - oscillator(inside)
    assert np.sqrt((error**2).mean()) < 0.2 * np.sqrt((oscillator(inside) ** 2).mean())
    assert min(fitted.history.validation) < fitted.history.validation[0] - 1
    y = (torch.from_numpy(inside) - sde.z_mean) / sde.z_scale
    de, ds, turn, friction = drift.double().brackets(y, y[:, :0])
    assert (turn @ ds.unsqueeze(2)).abs().max() < 1e-10
    assert (friction @ de.unsqueeze(2)).abs().max() < 1e-10
