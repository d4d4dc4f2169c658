"""Vector spins settle at partition functions that are known: one spin, two, rings and Fisher's chain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.integrate import quad

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.vector_spins import random_vectors
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.testing import ALPHA, chi_square
from tests.micro.vector_spins import ONE, SIGMAS, langevin, lattice_of, mean_is, rng, settled


@pytest.mark.parametrize("damping", [0.2, 1.5])
def test_langevin_function(damping: float) -> None:
    system = Heisenberg(ONE.repeat((20_000, 1, 1)), 0.8, 0.0, field=2.0, damping=damping)
    x = settled(system, 1, 6 / damping)
    assert mean_is(x[0, :, 2], langevin(2.5))
    assert mean_is(x[0, :, 0], 0.0)
    edges = np.linspace(-1, 1, 21)
    counts = np.histogram(x[0, :, 2], edges)[0]
    assert chi_square(counts, np.diff(np.exp(2.5 * edges)) / (np.exp(2.5) - np.exp(-2.5))) > ALPHA


@pytest.mark.parametrize("k", [1.0, -1.0])
def test_easy_axis_and_easy_plane(k: float) -> None:
    system = Heisenberg(ONE.repeat((20_000, 1, 1)), 0.5, 0.0, anisotropy=k, field=0.3, damping=1.0)
    x = settled(system, 1, 16.0)
    weight = lambda z: np.exp((k * z * z + 0.3 * z) / 0.5)  # noqa: E731
    total = quad(weight, -1, 1)[0]
    assert mean_is(x[0, :, 2], quad(lambda z: z * weight(z), -1, 1)[0] / total)
    assert mean_is(x[0, :, 2] ** 2, quad(lambda z: z * z * weight(z), -1, 1)[0] / total)


def test_two_spins() -> None:
    # the chain of two sites has two bonds: the weight of the cosine c is exp(2 J c / T)
    pair = Lattice.chain(1.0, "X", 2)
    x = settled(Heisenberg(pair, 1.3, 1.0, damping=1.0), 20_000, 8.0)
    edges = np.linspace(-1, 1, 21)
    counts = np.histogram(np.einsum("bk,bk->b", x[:, 0], x[:, 1]), edges)[0]
    assert chi_square(counts, np.diff(np.exp(2 / 1.3 * edges)) / 2 / np.sinh(2 / 1.3)) > ALPHA


def test_two_spins_in_a_field() -> None:
    # Z = sum_l (2l+1) i_l(2K) j with the angle to the field: by quadrature over both polar angles, I_0 for the azimuth
    t, h = 0.9, 0.7
    z = np.polynomial.legendre.leggauss(60)
    (z1, w1), (z2, w2) = (z[0][:, None], z[1][:, None]), z
    rest = np.sqrt((1 - z1**2) * (1 - z2**2))
    weight = w1 * w2 * np.exp((2 * z1 * z2 + h * (z1 + z2)) / t) * special.i0(2 * rest / t)
    mean = (weight * (z1 + z2) / 2).sum() / weight.sum()
    x = settled(Heisenberg(Lattice.chain(1.0, "X", 2), t, 1.0, field=h, damping=1.0), 20_000, 10.0)
    assert mean_is(x[..., 2].mean(axis=1), mean)


@pytest.mark.parametrize("name", ["bcc", "fcc", "hcp", "diamond", "triangular"])
def test_the_temperature_of_the_directions_is_that_of_the_bath(name: str) -> None:
    # T <Laplacian of H> = <gradient of H, squared> on the product of spheres, at any law exp(-H / T)
    t = 0.9
    system = Heisenberg(lattice_of(name), t, (1.0, -0.3), 0.4, (0.1, 0.2, 0.3), damping=1.0)
    x = settled(system, 80, 8.0)
    b = np.tile(np.array(system.field), (*x.shape[:2], 1))
    for j, shell in zip(system.exchange, system.lattice.shells(2), strict=True):
        b += j * x[:, system.lattice.neighbours(shell.offsets)].sum(axis=2)
    laplacian = 2 * np.einsum("bik,bik->b", x, b) + 0.4 * (6 * x[..., 2] ** 2 - 2).sum(axis=1)
    b[..., 2] += 2 * 0.4 * x[..., 2]
    assert mean_is((np.cross(x, b) ** 2).sum(axis=(1, 2)) - t * laplacian, 0.0)


@pytest.mark.parametrize(("temperature", "exchange"), [(1.0, 1.0), (0.6, 1.0), (0.8, -1.0)])
def test_energy_of_a_chain_is_that_of_fisher(temperature: float, exchange: float) -> None:
    k = exchange / temperature
    system = Heisenberg(Lattice.chain(1.0, "X", 40), temperature, exchange, damping=1.0)
    x = settled(system, 500, 20.0)
    assert mean_is(system.energy(x) / 40, -exchange * langevin(k))  # the ring differs by langevin(k)^40


def test_a_ring_of_five() -> None:
    # Z = sum_l (2l + 1) i_l(K)^5: Fisher's chain with its ends joined
    def log_z(k: float) -> float:
        degrees = np.arange(12)
        return float(np.log(((2 * degrees + 1) * special.spherical_in(degrees, k) ** 5).sum()))

    t, step = 0.5, 1e-4
    energy = -(log_z(1 / t + step) - log_z(1 / t - step)) / (2 * step)
    system = Heisenberg(Lattice.chain(1.0, "X", 5), t, damping=1.0)
    assert mean_is(system.energy(settled(system, 4000, 15.0)), energy)


def test_a_spin_among_frozen_ones_sees_their_field() -> None:
    system = Heisenberg(lattice_of("bcc"), 1.5, (1.0, 0.5), field=(0.0, 0.3, 0.4), damping=0.5)
    x = np.repeat(random_vectors(system.lattice, 0.4, 1, rng=rng(2)), 5000, axis=0)
    site = 11
    b = np.array(system.field)
    for j, shell in zip(system.exchange, system.lattice.shells(2), strict=True):
        b = b + j * x[0, system.lattice.neighbours(shell.offsets)[site]].sum(axis=0)
    new, sites = system.evolve(x, 6.0, np.full((5000, 1), site), rng=rng())
    assert (sites == site).all()
    size = np.linalg.norm(b)
    assert mean_is(new[:, site] @ b / size, langevin(size / 1.5))


def test_the_bias_of_equilibrium_is_of_second_order() -> None:
    t = 0.5  # two spins with the bonds 2 J, whose cosine has the mean langevin(4)
    pair = Lattice.chain(1.0, "X", 2)
    rate = 1 / Heisenberg(pair, t, damping=1.0, time_step=1e-3).longest_step
    bias, error = [], []
    for part in (1.0, 0.5):
        system = Heisenberg(pair, t, damping=1.0, time_step=part / rate)
        energy = system.energy(settled(system, 60_000, 8.0))
        bias.append(energy.mean() + 2 * langevin(2 / t))
        error.append(energy.std() / np.sqrt(len(energy)))
    assert abs(bias[0]) > SIGMAS * error[0]  # at the longest step that is taken
    assert abs(bias[1] - bias[0] / 4) < SIGMAS * np.hypot(error[1], error[0] / 4)
