"""What is measured on block fields, against what is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from block_fields import KERNEL, glauber
from scipy import ndimage

from asemacro.macro.spde import (
    EntropySlope,
    NeuralSPDE,
    domain_length,
    growth_rates,
    simulate_fields,
    structure_factor,
    switching,
)


@pytest.mark.parametrize("shape", [(64,), (32, 32), (12, 12, 12)])
def test_independent_spins_scatter_evenly(shape: tuple[int, ...]) -> None:
    rng, sites = np.random.default_rng(0), 25
    m = 2 * rng.binomial(sites, 0.5, (400, *shape)) / sites - 1
    found = structure_factor(m, sites)
    assert (np.abs(found.value - 1) < 5 * found.error).all()
    assert found.waves[0] == 1
    assert found.k[0] == 0
    assert found.k[1] == pytest.approx(2 * np.pi / min(shape), rel=0.3)
    assert (np.diff(found.k) > 0).all()


def test_one_wave_is_found_in_its_ring() -> None:
    wave = 0.3 * np.cos(2 * np.pi * 5 * np.arange(40) / 40 + 0.1)[None, :, None] * np.ones((1, 40, 40))
    found = structure_factor(wave, 10)
    assert np.argmax(found.value) == 5
    assert (found.value * found.waves).sum() == pytest.approx(10 * (wave**2).sum())
    assert domain_length(wave[:, :, 0])[0] == pytest.approx(4), "half a wave"
    assert domain_length(wave)[0] == pytest.approx(8), "no walls along the other axis"


def test_domains_twice_as_long_are_twice_as_long() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20, 128, 128))
    lengths = [
        domain_length(np.sign(ndimage.gaussian_filter(noise, (0, width, width), mode="wrap"))).mean()
        for width in (2.0, 4.0)
    ]
    assert lengths[1] / lengths[0] == pytest.approx(2, rel=0.1)
    assert domain_length(np.stack([np.ones((4, 4)), np.eye(4)]))[0] == np.inf


def test_waves_grow_after_a_quench_as_the_linear_equation_says() -> None:
    """dS/dt = 2 (J(k) / T - 1) S + 2 of large blocks, which stay linear for long."""
    temperature, edge, sites = 0.7, 32, 20_000
    rng = np.random.default_rng(0)
    start = 2 * rng.binomial(sites, 0.5, (100, edge, edge)) / sites - 1
    large = NeuralSPDE(KERNEL, glauber().mobility, EntropySlope(), sites, 142)
    run = simulate_fields(large, start, 3.0, temperature=temperature, n_saves=6, rng=rng)
    assert run.fields is not None
    assert (run.fields[-1] ** 2).mean() < 0.05
    rings = [structure_factor(m, sites) for m in run.fields]
    rates = growth_rates(run.times, np.stack([ring.value for ring in rings]))
    spectrum = np.fft.fftn(KERNEL.on((edge, edge))).real / temperature - 1
    waves = np.fft.fftfreq(edge) * edge
    ring = np.rint(np.hypot(*np.meshgrid(waves, waves))).astype(int)
    for k in (2, 3, 4, 5):
        assert rates[k] == pytest.approx(spectrum[ring == k].mean(), abs=0.05)


def test_rates_of_exact_series_are_exact() -> None:
    t, a = np.linspace(1, 4, 7), np.array([0.3, -0.5, 0.0])
    gained = np.where(a == 0, (t - 1)[:, None], np.expm1(2 * a * (t - 1)[:, None]) / (2 * np.where(a == 0, 1, a)))
    series = 1.5 * np.exp(2 * a * (t - 1)[:, None]) + 2 * 0.8 * gained
    np.testing.assert_allclose(growth_rates(t, series, 0.8), a, atol=1e-6)


def test_switching_counts_whole_ways_only() -> None:
    times = np.arange(8.0)
    one = np.array([0.0, -0.9, -0.1, -0.9, 0.2, 0.95, 0.5, -0.8])
    found = switching(times, one, 0.8)
    assert (found.count, found.time) == (2, 6.0)
    assert found.rate == pytest.approx(1 / 3)
    two = switching(times, np.stack([one, -one], axis=1), 0.8)
    assert (two.count, two.time) == (4, 12.0)
    never = switching(times, np.full(8, 0.9), 0.8)
    assert (never.count, never.rate, never.error) == (0, 0.0, np.inf)


@pytest.mark.parametrize("grid", [(16, 64), (64, 16), (32, 64), (1, 64), (64,), (4, 8, 32)])
def test_rings_of_long_grids_hold_the_longest_waves(grid: tuple[int, ...]) -> None:
    axis, n = int(np.argmax(grid)), max(grid)
    shape = [1] * len(grid)
    shape[axis] = n
    wave = np.broadcast_to(0.5 * np.cos(2 * np.pi * np.arange(n) / n).reshape(shape), grid)[None]
    found = structure_factor(wave, 4)
    assert found.waves[0] == 1
    assert found.value[0] == pytest.approx(0, abs=1e-9)
    # V (N / 4)^2 / N for each of two waves
    assert found.value[1] * found.waves[1] == pytest.approx(2 * 4 * wave.size / 16)
    assert found.k[1] >= 2 * np.pi / n - 1e-9
