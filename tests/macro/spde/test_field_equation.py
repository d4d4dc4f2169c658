"""NeuralSPDE: exact laws and passage times of one block, linear waves, far from equilibrium, files, baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from block_fields import KERNEL, SITES, glauber, passage_times, well
from numpy.typing import ArrayLike
from scipy import stats
from scipy.integrate import solve_ivp

from asemacro.macro.spde import (
    BlockKernel,
    ConstantMobility,
    EntropySlope,
    GlauberMobility,
    Mobility,
    NeuralSPDE,
    SmoothMobility,
    allen_cahn_limit,
    binomial_blocks,
    hydrodynamic_limit,
    load_spde,
    magnetisation_law,
    save_spde,
    simulate_fields,
    structure_factor,
    switching,
)


class LocalMobility(Mobility):
    """1 - m^2."""

    def __call__(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Any:
        return (1 - np.asarray(m) ** 2) + 0 * np.asarray(u)


def one_block(n: int, mobility: Mobility | None = None, response: str = "tanh") -> NeuralSPDE:
    """n spins that all see each other: J(0) = (n - 1) / n between those of the block."""
    spde = glauber(BlockKernel([(n - 1) / n]), n, 1, response)
    return spde if mobility is None else NeuralSPDE(spde.kernel, mobility, spde.entropy, n, 1, response)


def law_of_equation(spde: NeuralSPDE, temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, stationary density and diffusion D of one block, from drift and noise alone (no probability flows)."""
    m = np.linspace(-1, 1, 100_001)
    u = spde.energy_kernel.own * m / temperature
    diffusion = np.maximum(spde.local_mobility(m, u, temperature), 1e-12) / spde.sites
    # Stratonovich to Ito: half of the slope of the noise; then p = exp(integral drift / D) / D
    ito = spde.noisy_drift(m, u, temperature) + np.gradient(diffusion, m) / 2
    slope = ito / diffusion
    height = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(m))])
    density = np.exp(height - height.max()) / diffusion
    return m, density / (density.sum() * (m[1] - m[0])), diffusion


def binomial_law(temperature: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact probabilities of Curie and Weiss."""
    k = np.arange(n + 1)
    m = 2 * k / n - 1
    weight = stats.binom.logpmf(k, n, 0.5) + n * m**2 / (2 * temperature)
    p = np.exp(weight - weight.max())
    return m, p / p.sum()


MOBILITIES: dict[str, tuple[Mobility | None, str]] = {
    "glauber": (None, "tanh"),
    "glauber, linear": (None, "linear"),
    "1 - m^2": (LocalMobility(), "linear"),
    "constant": (ConstantMobility(0.7), "linear"),
}


@pytest.mark.parametrize("name", MOBILITIES)
@pytest.mark.parametrize(("temperature", "n"), [(2.0, 64), (0.8, 64), (0.6, 64), (1.25, 16)])
def test_the_law_of_one_block_is_the_binomial_one_whatever_the_mobility(name: str, temperature: float, n: int) -> None:
    mobility, response = MOBILITIES[name]
    m, density, _ = law_of_equation(one_block(n, mobility, response), temperature)
    exact_m, exact = binomial_law(temperature, n)
    inner = slice(1, -1)  # a density has half a cell less at m = 1 than the lattice of magnetisations
    at, wanted = np.interp(exact_m, m, density)[inner], exact[inner]
    likely = wanted > 1e-9
    np.testing.assert_allclose(at[likely] / at.sum(), wanted[likely] / wanted.sum(), rtol=0.01)
    law_m, law = magnetisation_law(one_block(n), temperature, sites=n)
    np.testing.assert_allclose(law * 2 / n, exact, rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(law_m, exact_m)


@pytest.mark.parametrize("response", ["tanh", "linear"])
@pytest.mark.parametrize(("temperature", "n"), [(0.9, 256), (0.8, 256), (0.7, 256), (0.6, 64), (0.6, 256)])
def test_time_to_the_barrier_is_that_of_birth_and_death(temperature: float, n: int, response: str) -> None:
    """3 % of exact times from 2e2 to 5e20; Ito's noise would be wrong by a factor of up to two."""
    spde = one_block(n, response=response)
    m, density, diffusion = law_of_equation(spde, temperature)
    below = np.cumsum(density)
    inside = (m >= -well(temperature)) & (m < 0)
    step = m[1] - m[0]
    time = float((below[inside] / (density * diffusion)[inside]).sum() * step**2)
    first = round(n * (1 - well(temperature)) / 2)
    exact = passage_times(temperature, n)[first : n // 2].sum()
    assert time == pytest.approx(exact, rel=0.03)


def test_simulated_blocks_switch_at_the_rate_of_birth_and_death() -> None:
    temperature, n, runs, until = 0.8, 48, 600, 600.0
    bottom = well(temperature)
    start = np.full((runs, 1), -bottom)
    run = simulate_fields(
        one_block(n), start, until, temperature=temperature, n_saves=1200, observe={"m": lambda m: m[:, 0]},
        rng=np.random.default_rng(1),
    )  # fmt: skip
    seen = switching(run.times, run.observed["m"], bottom)
    first = round(n * (1 - bottom) / 2)
    exact = 1 / passage_times(temperature, n)[first : n - first].sum()
    assert seen.count > 800
    assert seen.rate == pytest.approx(exact, rel=5 * seen.error / seen.rate)
    assert seen.error / seen.rate < 0.04
    # and the time in each place is the binomial law
    exact_m, p = binomial_law(temperature, n)
    late = run.observed["m"][200:]
    assert np.abs(late).mean() == pytest.approx((np.abs(exact_m) * p).sum(), rel=0.02)
    assert run.reflected < 1e-3


def test_waves_have_the_structure_factor_of_blocks_that_flip() -> None:
    """Against the binomial reference, which is no diffusion."""
    temperature, edge, copies, rng = 2.0, 16, 150, np.random.default_rng(5)
    run = simulate_fields(glauber(), np.zeros((copies, edge, edge)), 30.0, temperature=temperature, n_saves=6, rng=rng)
    assert run.fields is not None
    seen = structure_factor(run.fields[2:].reshape(-1, edge, edge), SITES)
    blocks, _ = binomial_blocks(
        KERNEL, np.zeros((2 * copies, edge, edge)), SITES, temperature, duration=10.0, steps=200, rng=rng
    )
    flipped = structure_factor(blocks, SITES)
    error = np.sqrt(seen.error**2 + flipped.error**2) * 1.5  # saved fields are not independent
    assert (np.abs(seen.value - flipped.value) < 5 * error + 0.02 * flipped.value).all()
    assert run.reflected < 1e-3


@pytest.mark.parametrize("response", ["tanh", "linear"])
def test_waves_of_large_blocks_are_those_of_the_linear_equation(response: str) -> None:
    """S(k) = 1 / (1 - J(k) / T), wave by wave."""
    temperature, edge, copies, rng = 2.0, 16, 60, np.random.default_rng(6)
    large = NeuralSPDE(KERNEL, glauber().mobility, EntropySlope(), 4000, 64, response)
    run = simulate_fields(large, np.zeros((copies, edge, edge)), 30.0, temperature=temperature, n_saves=6, rng=rng)
    assert run.fields is not None
    seen = structure_factor(run.fields[2:].reshape(-1, edge, edge), 4000)
    exact = structure_factor(_theory_field(edge, temperature), 1)
    assert (np.abs(seen.value / exact.value - 1) < 7.5 * seen.error / seen.value + 0.01).all()


def _theory_field(edge: int, temperature: float) -> np.ndarray:
    """A field whose structure factor is 1 / (1 - J(k) / T) wave by wave."""
    waves = 1 / (1 - np.fft.fftn(KERNEL.on((edge, edge))).real / temperature)
    return np.fft.ifftn(np.sqrt(waves) * edge).real[None]


def test_the_exact_drift_relaxes_as_the_mean_of_flipping_blocks() -> None:
    """From m = 0.9 in a cold wave: without noise the drift is tanh u - m; with it the mean is that of the reference."""
    temperature, copies, sites = 0.8, 200, 64
    wave = 0.9 * np.cos(2 * np.pi * np.arange(16) / 16)[None, :, None] * np.ones((1, 16, 16))
    limit = hydrodynamic_limit(glauber())
    expected = np.tanh(KERNEL.convolve(wave) / temperature) - wave
    np.testing.assert_allclose(limit.drift(wave, temperature), expected, atol=1e-12)
    rng = np.random.default_rng(0)
    start = np.repeat(np.rint((1 + wave) * sites / 2) * 2 / sites - 1, copies, axis=0)
    run = simulate_fields(glauber(sites=sites), start, 1.0, temperature=temperature, n_saves=1, rng=rng)
    flipped, _ = binomial_blocks(KERNEL, start, sites, temperature, duration=1.0, steps=100, rng=rng)
    mean, exact = run.last.mean(axis=(0, 2)), flipped.mean(axis=(0, 2))
    assert np.abs(mean - exact).max() < 0.01
    assert run.last.std(axis=0).mean() == pytest.approx(flipped.std(axis=0).mean(), rel=0.06)


def test_steps_without_noise_are_of_second_order() -> None:
    spde = hydrodynamic_limit(glauber())
    start = 0.8 * np.cos(2 * np.pi * np.arange(16) / 16)[:, None] * np.ones((16, 16))

    def end(dt: float) -> np.ndarray:
        return simulate_fields(
            spde, start, 2.0, temperature=0.8, n_saves=1, dt=dt, rng=np.random.default_rng(0)
        ).last.astype(float)

    best = end(0.0125)
    coarse, fine = np.abs(end(0.4) - best).max(), np.abs(end(0.2) - best).max()
    assert 3 < coarse / fine < 5.5
    with pytest.raises(ValueError, match="dt must be at most"):
        end(2.0)


def test_fields_grow_finer_and_larger_grids_and_same_seed_same_bytes() -> None:
    spde = glauber()
    first, again = (
        simulate_fields(spde, np.zeros((20, 24)), 1.0, temperature=1.5, n_saves=2, rng=np.random.default_rng(3)).last
        for _ in range(2)
    )
    assert first.tobytes() == again.tobytes()
    assert first.shape == (1, 20, 24)
    coarse = spde.coarsened(4)
    assert (coarse.sites, coarse.block) == (256, 16)
    assert coarse.kernel.total == pytest.approx(1)
    assert coarse.refined(4).sites == spde.sites
    with pytest.raises(ValueError, match="cannot be divided by 3"):
        spde.refined(3)


def test_gauges_leave_the_equation_alone() -> None:
    """s' + c m with J(0) + c T is the same equation; so is the self-coupling, whatever s' is called."""

    class Shifted(EntropySlope):
        def __call__(self, m: ArrayLike) -> Any:
            return super().__call__(m) + 0.3 * np.asarray(m)

    temperature, m = 1.3, np.random.default_rng(0).uniform(-0.9, 0.9, (3, 12, 12))
    spde = glauber(response="linear")
    constant = NeuralSPDE(KERNEL, ConstantMobility(0.8), EntropySlope(), SITES, 4, "linear", noise=False)
    shifted = NeuralSPDE(
        KERNEL.with_own(KERNEL.own + 0.3 * temperature),
        ConstantMobility(0.8),
        Shifted(),
        SITES,
        4,
        "linear",
        noise=False,
    )
    np.testing.assert_allclose(constant.drift(m, temperature), shifted.drift(m, temperature), atol=1e-12)
    # turning all magnetisations and the field round turns the drift round
    np.testing.assert_allclose(spde.drift(m, temperature, 0.2), -spde.drift(-m, temperature, -0.2), atol=1e-12)


def test_free_energy_is_what_the_drift_goes_down() -> None:
    spde = NeuralSPDE(KERNEL, ConstantMobility(), EntropySlope([0.4, -0.2]), 10**6, 1000, "linear")
    m, h = np.random.default_rng(0).uniform(-0.9, 0.9, (1, 9, 9)), 1e-5
    for place in ((0, 0), (4, 7)):
        shift = np.zeros_like(m)
        shift[(0, *place)] = h
        slope = (spde.free_energy(m + shift, 0.9, 0.1) - spde.free_energy(m - shift, 0.9, 0.1)) / (2 * h * spde.sites)
        assert -slope[0] == pytest.approx(spde.drift(m, 0.9, 0.1)[(0, *place)], rel=1e-4)


def test_entropy_grows_and_is_odd() -> None:
    m = np.linspace(-0.999, 0.999, 401)
    for c in ([], [2.0], [-3.0, 1.0]):
        s = EntropySlope(c)
        assert (np.diff(s(m)) > 0).all()
        np.testing.assert_allclose(s(-m), -s(m), atol=1e-12)
        assert (s(np.array([1e-3])) / 1e-3)[0] == pytest.approx(1, abs=1e-4)
        assert (s.value(np.array([0.5 + 1e-4])) - s.value(np.array([0.5 - 1e-4])))[0] / 2e-4 == pytest.approx(
            float(s(np.array([0.5]))[0]), rel=1e-4
        )
    np.testing.assert_allclose(EntropySlope()(m), np.arctanh(m))
    large = EntropySlope().of_block(m[40:-40], 10**7)
    np.testing.assert_allclose(large, np.arctanh(m[40:-40]), atol=1e-4)


def test_baselines_keep_the_kernel_and_forget_the_rest() -> None:
    spde = glauber()
    local = allen_cahn_limit(spde)
    assert local.kernel.total == pytest.approx(spde.kernel.total)
    assert local.kernel.range_squared == pytest.approx(spde.kernel.range_squared)
    assert local.kernel.reach == 1
    assert local.noise
    assert not hydrodynamic_limit(spde).noise
    # long waves see the same, to the fourth order in their number
    wave = 0.1 * np.cos(2 * np.pi * np.arange(64) / 64)[None, :, None] * np.ones((1, 64, 64))
    np.testing.assert_allclose(local.kernel.convolve(wave), spde.kernel.convolve(wave), rtol=1e-3, atol=1e-6)
    # without noise no well is ever left
    start = np.full((4, 8, 8), -well(0.8))
    for baseline in (hydrodynamic_limit(spde), allen_cahn_limit(spde, noise=False)):
        run = simulate_fields(baseline, start, 50.0, temperature=0.8, n_saves=50, rng=np.random.default_rng(0))
        assert run.fields is not None
        assert switching(run.times, run.fields.mean(axis=(2, 3)), 0.5).count == 0
        np.testing.assert_allclose(run.last, -well(0.8), atol=2e-3)


def test_files_keep_all_of_it(tmp_path: Path) -> None:
    smooth = SmoothMobility([1.0, 0.1, -0.2], 1, [[-1, 1], [-0.9, 0.8]], 0.8, np.eye(3) * 1e-4)
    kernel = BlockKernel(KERNEL.values, np.full(KERNEL.values.shape, 1e-3))
    for mobility in (smooth, ConstantMobility(0.4), glauber().mobility):
        spde = NeuralSPDE(kernel, mobility, EntropySlope([0.1]), 16, 4, "linear", noise=False)
        path = save_spde(tmp_path / "a.safetensors", spde, origin="a test")
        found = load_spde(path)
        m = np.random.default_rng(0).uniform(-1, 1, (2, 9, 9))
        assert found.drift(m, 1.1, 0.1).tobytes() == spde.drift(m, 1.1, 0.1).tobytes()
        assert (found.sites, found.block, found.response, found.noise) == (16, 4, "linear", False)
        assert found.kernel.errors is not None
        second = save_spde(tmp_path / "b.safetensors", found, origin="a test")
        assert second.read_bytes() == path.read_bytes()
    with pytest.raises(ValueError, match="no word for the mobility LocalMobility"):
        save_spde(path, NeuralSPDE(kernel, LocalMobility(), EntropySlope(), 16, 4))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="truncated"):
        load_spde(path)


def test_starts_that_make_no_sense_are_refused() -> None:
    spde, rng = glauber(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="from -1 to 1"):
        simulate_fields(spde, np.full((4, 4), 1.2), 1.0, temperature=1.0, rng=rng)
    with pytest.raises(ValueError, match="fields of 2 axes"):
        simulate_fields(spde, np.zeros(4), 1.0, temperature=1.0, rng=rng)


def test_noise_weakens_the_response_of_small_blocks_as_one_over_their_spins() -> None:
    """The mean drift of blocks of independent spins in a weak field u is u for spins, less for a diffusion."""
    lost, rng, small, push = [], np.random.default_rng(0), 1e-4, 0.02
    for v in (16, 64, 256):
        spde = NeuralSPDE(BlockKernel(np.zeros((1, 1))), GlauberMobility(), EntropySlope(), v, 1)
        m = np.clip(rng.normal(size=200_000) / np.sqrt(v), -0.99, 0.99)
        drifts = []
        for field in (push, -push):
            u = np.full(m.shape, field)
            ahead, behind = (spde.local_mobility(m + step, u, 1.0) for step in (small, -small))
            drifts.append(np.mean(spde.noisy_drift(m, u, 1.0) + (ahead - behind) / (4 * small * v)))
        lost.append(1 - float(drifts[0] - drifts[1]) / (2 * push))
    np.testing.assert_allclose(np.multiply(lost, (16, 64, 256)), 0.355, atol=0.02)


@pytest.mark.parametrize("temperature", [0.002, 0.01, 0.1])
def test_drift_of_cold_spins_is_exact(temperature: float) -> None:
    """dm/dt = tanh(m / T) - m of a block that couples to itself alone, from small m."""
    spde = hydrodynamic_limit(NeuralSPDE(BlockKernel(np.ones((1, 1))), GlauberMobility(), EntropySlope(), 16, 4))
    m0, until = temperature / 2, 0.075
    run = simulate_fields(
        spde, np.full((1, 3, 3), m0), until, temperature=temperature, dt=1e-5, rng=np.random.default_rng(0)
    )
    exact = solve_ivp(lambda t, m: np.tanh(m / temperature) - m, (0, until), [m0], rtol=1e-9, atol=1e-12).y[0, -1]
    assert run.last.mean() == pytest.approx(exact, rel=0.01)


def test_temperatures_too_low_for_the_table_are_refused() -> None:
    spde = hydrodynamic_limit(NeuralSPDE(BlockKernel(np.ones((1, 1))), GlauberMobility(), EntropySlope(), 16, 4))
    with pytest.raises(ValueError, match=r"T = 0\.0001 is too low"):
        simulate_fields(spde, np.full((1, 3, 3), 0.1), 1.0, temperature=1e-4, rng=np.random.default_rng(0))
