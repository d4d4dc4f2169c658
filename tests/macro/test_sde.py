"""The SDE: likelihood, structure of drift and diffusion, exact OU laws, files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg, stats

from asemacro.data import Pairs
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.file import load_sde, save_sde
from asemacro.macro.linear_drift import mean_slope
from asemacro.macro.sde import NeuralSDE, gaussian_nll
from asemacro.macro.trajectories import simulate
from asemacro.tasks.threads import one_thread

SIGMAS = stats.norm.isf(5e-6)
SLOPE = np.array([[1.0, 0.4, 0.0], [-0.2, 0.5, 0.1], [0.0, 0.0, 0.25]])
SIGMA = np.array([[0.04, 0.01, 0.0], [0.01, 0.03, 0.005], [0.0, 0.005, 0.02]])
CENTRE = np.array([0.5, -0.3, 0.2])


def exact_ou() -> NeuralSDE:
    """An SDE whose networks are switched off: drift -SLOPE (z - CENTRE), diffusion SIGMA."""
    drift, diffusion = OnsagerNet(3, n_conditions=0, alpha=1e-6, beta=1e-6), FullDiffusion(3, n_conditions=0)
    with torch.no_grad():
        for layers in (drift.potential, drift.mobility, diffusion.network):
            layers[-1].weight.zero_()
            layers[-1].bias.zero_()
        drift.set_linear(torch.tensor(SLOPE)[None], torch.tensor(SIGMA), torch.tensor(CENTRE)[None], torch.zeros(1, 0))
        diffusion.base.copy_(torch.linalg.cholesky(torch.tensor(SIGMA)))
    return NeuralSDE(drift, diffusion, sites=8192)


def covariance_at(t: float) -> np.ndarray:
    """Exact covariance of the OU process after t from a point."""
    stationary = linalg.solve_continuous_lyapunov(SLOPE, SIGMA)
    decay = linalg.expm(-SLOPE * t)
    return stationary - decay @ stationary @ decay.T


def random_net(seed: int, conservative: bool = True) -> OnsagerNet:
    net = OnsagerNet(3, conservative=conservative, n_knots=3)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    return net


def test_knots_are_interpolated() -> None:
    net = OnsagerNet(2, n_knots=3)
    net.knots.copy_(torch.tensor([-1.0, 0.0, 2.0]))
    found = net.interpolation(torch.tensor([[-1.0], [-0.25], [0.0], [1.0], [2.0], [3.0]]))
    exact = [[1, 0, 0], [0.25, 0.75, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, -0.5, 1.5]]
    torch.testing.assert_close(found, torch.tensor(exact))


def test_nll_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    z0, z1, mu = rng.standard_normal((3, 50, 4))
    factor = np.tril(rng.standard_normal((50, 4, 4))) * 0.3 + 1.5 * np.eye(4)
    dt, scale = rng.uniform(0.1, 2, 50), rng.uniform(1, 9, 50)
    found = gaussian_nll(*map(torch.tensor, (z0, z1, mu, factor, dt, scale)), epsilon=0.0).numpy()
    for k in range(50):
        covariance = factor[k] @ factor[k].T * dt[k] * scale[k]
        exact = -stats.multivariate_normal(z0[k] + mu[k] * dt[k], covariance).logpdf(z1[k])
        assert found[k] == pytest.approx(exact, rel=1e-10)


def test_nll_epsilon_is_relative() -> None:
    z = torch.zeros(1, 2, dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    factor = torch.eye(2, dtype=torch.float64)[None]
    small, large = (
        float(gaussian_nll(z, z, z, factor * s, one, one, epsilon=0.1)) - 2 * np.log(s) for s in (1e-6, 1e6)
    )
    assert small == pytest.approx(large, rel=1e-9)


def test_potential_gradient_is_the_gradient_and_drift_descends() -> None:
    net = random_net(2).double()
    z = torch.randn(64, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    c = torch.linspace(-2, 2, 64, dtype=torch.float64)[:, None]
    (exact,) = torch.autograd.grad(potential(net, z, c).sum(), z)
    gradient = net.potential_gradient(z, c)
    torch.testing.assert_close(gradient, exact)
    assert ((net(z, c) * gradient).sum(1) < 0).all()


def test_mobility_is_positive_and_skew_part_optional() -> None:
    z, c = torch.randn(32, 3), torch.randn(32, 1)
    matrix = random_net(3).mobility_matrix(z, c)
    assert (torch.linalg.eigvalsh(matrix + matrix.transpose(1, 2)) > 0).all()
    assert (matrix - matrix.transpose(1, 2)).abs().max() > 0.1
    symmetric = random_net(3, conservative=False).mobility_matrix(z, c)
    torch.testing.assert_close(symmetric, symmetric.transpose(1, 2))


def potential(net: OnsagerNet, z: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """V written out from its definition."""
    weights = net.interpolation(c)
    y = z - weights @ net.centre
    first, second, third = net.potential
    h = torch.tanh(second(torch.tanh(first(torch.cat([z, c], 1)))))
    root = torch.tensordot(weights, net.stiffness, dims=1)
    u = (root @ y[:, :, None])[:, :, 0] + third(h)
    return 0.5 * (u * u).sum(1) + 0.5 * net.beta * (y * y).sum(1)


@pytest.mark.parametrize("seed", range(5))
def test_far_away_the_drift_leads_back_and_nothing_runs_away(seed: int) -> None:
    net = random_net(seed)
    sde = NeuralSDE(net, FullDiffusion(3))
    sde.condition_centre.copy_(torch.tensor([1e-3, 3e-4]))
    far = 1e3 * np.random.default_rng(seed).standard_normal((16, 3))
    rng = np.random.default_rng(seed)
    _, z = simulate(sde, far, times_s=[0.005], condition=900.0, n_trajectories=16, rng=rng)
    assert np.isfinite(z).all()
    c = torch.full((16, 1), (1 / 900 - 1e-3) / 3e-4)
    values = [potential(net, torch.tensor(x, dtype=torch.float32), c) for x in (far, z[:, 0])]
    assert (values[1] < values[0]).all()


def test_set_linear_is_exact() -> None:
    sde = exact_ou()
    z = np.random.default_rng(4).standard_normal((20, 3))
    np.testing.assert_allclose(sde.drift(z), -(z - CENTRE) @ SLOPE.T, atol=2e-5)
    np.testing.assert_allclose(sde.diffusion(z), np.broadcast_to(SIGMA, (20, 3, 3)), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(sde.jacobian(z[:1])[0], -SLOPE, atol=2e-5)
    rates = np.sort(np.linalg.eigvals(SLOPE).real)
    np.testing.assert_allclose(sde.relaxation_rates(z[:1])[0], rates, rtol=1e-3)


def test_simulated_ou_has_the_exact_law_at_all_times() -> None:
    sde, n = exact_ou(), 2000
    start = np.array([-0.5, 0.5, 0.5])
    times = [0.5, 2.0, 15.0]
    _, z = simulate(sde, start, times_s=times, n_trajectories=n, max_rate_step=0.04, rng=np.random.default_rng(5))
    for k, t in enumerate(times):
        exact = covariance_at(t)
        mean = CENTRE + linalg.expm(-SLOPE * t) @ (start - CENTRE)
        assert (np.abs(z[:, k].mean(0) - mean) < SIGMAS * np.sqrt(exact.diagonal() / n) + 1e-3).all()
        assert (np.abs(np.cov(z[:, k].T).diagonal() / exact.diagonal() - 1) < 1e-3 + SIGMAS * np.sqrt(2 / n)).all()


def test_scatter_is_second_order_in_the_step() -> None:
    # rate x step = 0.2: the variance of the recursion, within 6 % of the exact one; to first order it is 12 % off
    sde, n = exact_ou(), 30_000
    h = 0.2 / np.linalg.eigvals(SLOPE).real.max()
    steps = 120
    _, z = simulate(sde, CENTRE, steps * h, n_trajectories=n, n_saves=1, n_steps=steps, rng=np.random.default_rng(8))
    step = np.eye(3) - h * SLOPE + (h * SLOPE) @ (h * SLOPE) / 2
    kick = (np.eye(3) - h * SLOPE / 2) @ SIGMA @ (np.eye(3) - h * SLOPE / 2).T * h
    expected = np.zeros((3, 3))
    for _ in range(steps):
        expected = step @ expected @ step.T + kick
    found, exact = np.cov(z[:, -1].T).diagonal(), covariance_at(steps * h).diagonal()
    assert (np.abs(found / expected.diagonal() - 1) < SIGMAS * np.sqrt(2 / n)).all()
    assert (np.abs(expected.diagonal() / exact - 1) < 0.06).all()


def test_sites_rescale_the_noise_and_nothing_else() -> None:
    sde = exact_ou()
    _, small = simulate(sde, CENTRE, times_s=[10.0], n_trajectories=1500, sites=2048, rng=np.random.default_rng(6))
    exact = 4 * covariance_at(10.0).diagonal()
    assert (np.abs(small[:, 0].var(0) / exact - 1) < 0.05 + SIGMAS * np.sqrt(2 / 1500)).all()
    _, frozen = simulate(sde, CENTRE, times_s=[10.0], sites=10**15, rng=np.random.default_rng(6))
    np.testing.assert_allclose(frozen[0, 0], CENTRE, atol=1e-4)


def test_score_is_second_order_in_rate_times_dt() -> None:
    # K = 8 coordinates of rate 1 and variance 1, of which one moves: the exact one-step law, at rate x dt = 0.3
    rng = np.random.default_rng(7)
    n, k, dt = 200_000, 8, 0.3
    x0 = rng.standard_normal((n, k))
    decay = np.exp(-dt)
    moved = decay * x0[:, 0] + np.sqrt(1 - decay**2) * rng.standard_normal(n)
    z0, z1 = x0.mean(1), x0.mean(1) + moved - x0[:, 0]
    pairs = Pairs(z0[:, None], z1[:, None], np.array(dt), np.array(float(k)), np.zeros(0))

    @one_thread()
    def score(rate: float, sigma: float) -> tuple[float, float]:
        drift, diffusion = OnsagerNet(1, n_conditions=0, alpha=1e-6, beta=1e-6), FullDiffusion(1, n_conditions=0)
        with torch.no_grad():
            for layers in (drift.potential, drift.mobility, diffusion.network):
                layers[-1].weight.zero_()
                layers[-1].bias.zero_()
            drift.set_linear(torch.tensor([[[rate]]]), torch.tensor([[sigma]]), torch.zeros(1, 1), torch.zeros(1, 0))
            diffusion.base.fill_(np.sqrt(sigma))
        sde = NeuralSDE(drift, diffusion)
        sde.nll(sde.batch(pairs)).mean().backward()
        return float(drift.stiffness.grad), float(diffusion.network[-1].bias.grad)

    # where the score changes sign; for the Euler likelihood that is (1 - e^-.3)/.3 = 0.864 for both
    grid = np.array([0.85, 0.95, 1.05, 1.15])
    rates = np.array([score(r, 2 / k)[0] for r in grid])
    sigmas = np.array([score(1.0, s * 2 / k)[1] for s in grid])
    for values in (rates, sigmas):
        assert (np.diff(values) > 0).all()
        assert np.interp(0.0, values, grid) == pytest.approx(1.0, abs=0.06)


def test_nll_is_a_normalised_density() -> None:
    # integrates to one over z1, correction of the noise included
    sde = exact_ou()
    rng = np.random.default_rng(8)
    z0 = np.repeat(CENTRE[None] + 0.2, 100_000, 0)
    spread = np.sqrt(8 * 0.4 * SIGMA.diagonal()) * 2
    z1 = z0 + rng.standard_normal(z0.shape) * spread
    proposal = stats.norm.logpdf(z1, z0, spread).sum(1)
    batch = sde.batch(Pairs(z0, z1, np.array(0.4), np.array(8.0), np.zeros(0)))
    ratio = np.exp(-sde.nll(batch).detach().double().numpy() - proposal)
    assert abs(ratio.mean() - 1) < SIGMAS * ratio.std() / np.sqrt(len(ratio))


def arrhenius_pairs(rng: np.random.Generator, kelvin: list[float], n: int = 4000, energy: float = 9000.0) -> Pairs:
    """One exact Euler step of an OU process whose rates follow exp(-energy / T); K = 4."""
    parts = []
    for t in kelvin:
        rate = 1e9 * np.exp(-energy / t)
        z0 = rng.standard_normal((n, 2))
        dt = 0.1 / rate
        z1 = z0 - 0.1 * z0 + np.sqrt(4 * 0.1 * 0.05) * rng.standard_normal((n, 2))
        parts.append(Pairs(z0, z1, np.array(dt), np.array(4.0), np.array(t)))
    return Pairs.concat(parts)


def test_time_scale_is_arrhenius_inside_and_outside_the_data() -> None:
    sde = NeuralSDE(OnsagerNet(2), FullDiffusion(2))
    sde.measure_scales(arrhenius_pairs(np.random.default_rng(8), [600.0, 900.0, 1400.0, 2500.0]))
    kelvin = np.array([400.0, 600.0, 1000.0, 2500.0, 4000.0])
    rate = 1e9 * np.exp(-9000.0 / kelvin)
    np.testing.assert_allclose(np.log(sde.time_scale(kelvin) * rate), 0.0, atol=0.35)
    np.testing.assert_allclose(np.diff(np.log(sde.time_scale(kelvin) * rate)), 0.0, atol=0.2)


def test_files_give_the_same_model_back(tmp_path: Path) -> None:
    sde = NeuralSDE(random_net(9), FullDiffusion(3), labels=("a", "b", "c"), sites=4096)
    z0, z1 = np.random.default_rng(1).standard_normal((2, 50, 3))
    sde.measure_scales(Pairs(z0, z1, np.array(1.0), np.array(2.0), np.array(900.0)))
    path = save_sde(tmp_path / "sde.safetensors", [sde, exact_ou()], origin="test")
    loaded = load_sde(path)
    z = np.random.default_rng(2).standard_normal((5, 3))
    assert len(loaded) == 2
    assert loaded[0].labels == ("a", "b", "c")
    assert loaded[0].sites == 4096
    np.testing.assert_array_equal(loaded[0].drift(z, 700.0), sde.drift(z, 700.0))
    np.testing.assert_array_equal(loaded[0].diffusion(z, 700.0), sde.diffusion(z, 700.0))
    np.testing.assert_array_equal(loaded[1].drift(z), exact_ou().drift(z))


def write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    from safetensors.torch import save_file

    save_file(tensors, str(path), metadata=metadata)


def test_bad_files_get_one_line(tmp_path: Path) -> None:
    path = save_sde(tmp_path / "good.safetensors", exact_ou())
    whole = path.read_bytes()
    state = {f"0.{k}": v for k, v in exact_ou().state_dict().items()}
    settings = {"format": "asemacro-sde-1", "settings": json.dumps([exact_ou().settings]), "notes": "{}"}
    cases = {"half": whole[: len(whole) // 2], "empty": b"", "text": b"not a model at all, just some text" * 4}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    write(tmp_path / "other", state, {"format": "something else"})
    write(tmp_path / "missing", {k: v for k, v in list(state.items())[1:]}, settings)
    write(tmp_path / "shape", {**state, "0.drift_network.stiffness": torch.zeros(2, 2)}, settings)
    write(tmp_path / "nan", {**state, "0.z_mean": torch.full((3,), torch.nan, dtype=torch.float64)}, settings)
    write(tmp_path / "unparsable", state, {**settings, "settings": "{"})
    write(tmp_path / "strange", state, {**settings, "settings": json.dumps([{"drift": {"dim": -1}}])})
    names = [*cases, "other", "missing", "shape", "nan", "unparsable", "strange"]
    for name in names:
        with pytest.raises(ValueError) as caught:
            load_sde(tmp_path / name)
        assert "\n" not in str(caught.value), name
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(FileNotFoundError):
        load_sde(tmp_path / "absent")


@pytest.mark.parametrize(
    "bad",
    [
        lambda s, g: simulate(s, np.zeros(2), until_s=1.0, rng=g),
        lambda s, g: simulate(s, np.zeros(3), until_s=-1.0, rng=g),
        lambda s, g: simulate(s, np.zeros(3), rng=g),
        lambda s, g: simulate(s, np.full(3, np.nan), until_s=1.0, rng=g),
        lambda s, g: simulate(s, np.zeros(3), times_s=[2.0, 1.0], rng=g),
        lambda s, g: simulate(s, np.zeros(3), until_s=1.0, condition=300.0, rng=g),
        lambda s, g: simulate(s, np.zeros(3), until_s=1.0, sites=0, rng=g),
        lambda s, g: NeuralSDE(OnsagerNet(3), FullDiffusion(2)),
        lambda s, g: NeuralSDE(OnsagerNet(3), FullDiffusion(3), labels=("a",)),
        lambda s, g: NeuralSDE(OnsagerNet(3), FullDiffusion(3)).drift(np.zeros(3)),
        lambda s, g: NeuralSDE(OnsagerNet(3), FullDiffusion(3)).drift(np.zeros(3), -5.0),
        lambda s, g: OnsagerNet(0),
        lambda s, g: OnsagerNet(2, n_conditions=2),
    ],
)
def test_bad_input_raises(bad) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError) as caught:
        bad(exact_ou(), np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def test_same_seed_same_trajectories_and_fixed_steps() -> None:
    runs = [simulate(exact_ou(), CENTRE, until_s=3.0, n_trajectories=4, rng=np.random.default_rng(3))[1] for _ in "ab"]
    np.testing.assert_array_equal(*runs)
    _, z = simulate(exact_ou(), CENTRE + 1, until_s=2.0, n_steps=400, sites=10**15, rng=np.random.default_rng(3))
    np.testing.assert_allclose(z[0, -1], CENTRE + linalg.expm(-2 * SLOPE) @ np.ones(3), atol=1e-3)


def test_the_unit_of_time_is_not_that_of_the_slowest_temperature() -> None:
    rng = np.random.default_rng(11)

    def moves(n: int, spread: float, rate: float, dt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """n moves of dy = -0.5 rate y dt + sqrt(rate dt) xi from places of that spread."""
        y = spread * rng.standard_normal((n, 2))
        return y, -0.5 * rate * dt * y + np.sqrt(rate * dt) * rng.standard_normal((n, 2)), np.full(n, dt)

    # a hot set that knows its slope, and a cold one, 15 decades slower, that hardly moved and knows nothing
    hot, cold = moves(50_000, 1.0, 1e9, 1e-11), moves(200, 1e-3, 1e-6, 1e3)
    y, dy, dt = (np.concatenate(parts) for parts in zip(hot, cold, strict=True))
    groups = [np.arange(50_000), np.arange(50_000, 50_200)]
    found = mean_slope(y, dy, dt, np.ones(len(y)), groups, np.array([1e9, 1e-6]))
    # 5 standard errors, 1 / sqrt(rate sum dt y^2)
    assert found == pytest.approx(0.5, abs=5 / np.sqrt(500))
