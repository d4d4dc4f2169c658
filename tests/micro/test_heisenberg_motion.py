"""Vector spins move as exact solutions and an integrator of high order do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.integrate import solve_ivp

from asemacro.lattice.vector_spins import inverse_langevin, random_vectors
from asemacro.micro.sampling import sample
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.testing import ALPHA, chi_square
from tests.micro.vector_spins import ONE, lattice_of, mean_is, rng, torque


def followed(system: Heisenberg, x: np.ndarray, duration: float) -> np.ndarray:
    """The same motion by a method of order 8."""
    f = lambda t, y: torque(system, y.reshape(-1, 3)).reshape(-1)  # noqa: E731
    found = solve_ivp(f, (0, duration), x.reshape(-1), method="DOP853", rtol=1e-12, atol=1e-13)
    return found.y[:, -1].reshape(-1, 3)


@pytest.mark.parametrize("damping", [0.0, 0.3, 2.0])
def test_one_spin_precesses_and_falls_exactly(damping: float) -> None:
    h, t = 2.0, 1.7
    system = Heisenberg(ONE, 0.0, 0.0, field=h, damping=damping)
    found, _ = system.evolve(np.array([[[0.6, 0.0, 0.8]]]), t, rng=rng())
    z = np.tanh(np.arctanh(0.8) + damping * h * t / (1 + damping**2))
    angle = h * t / (1 + damping**2)
    expected = [np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z]
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-13)


def test_precession_around_any_field_at_any_step() -> None:
    field = np.array([0.3, -0.2, 0.6])  # of length 0.7
    for step in (0.01, 1.3):
        system = Heisenberg(ONE, 0.0, 0.0, field=field, damping=0.0, time_step=step)
        found, _ = system.evolve(np.array([[[0.0, 0.0, 1.0]]]), 2 * np.pi / 0.7 / 4 * 3, rng=rng())
        unit = field / 0.7
        expected = unit * unit[2] - np.cross(unit, [0, 0, 1.0])  # three quarters of a turn
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-13)


def test_free_spins_diffuse_on_the_sphere() -> None:
    n, t = 40_000, 0.6
    system = Heisenberg(ONE.repeat((n, 1, 1)), 1.0, 0.0, damping=1.0, time_step=0.2)
    start = np.tile([0.6, 0.0, 0.8], (1, n, 1))
    x, _ = system.evolve(start, t, rng=rng())
    spread = 1.0 * 1.0 / 2 * t  # a T t / (1 + a^2)
    for component, value in enumerate((0.6, 0.0, 0.8)):
        assert mean_is(x[0, :, component], np.exp(-2 * spread) * value)  # exact at any step
    cosine = x[0] @ start[0, 0]
    degrees = np.arange(40)
    edges = np.linspace(-1, 1, 17)
    whole = lambda l, c: (special.eval_legendre(l + 1, c) - special.eval_legendre(l - 1, c)) / (2 * l + 1)  # noqa: E731, E741
    law = (np.diff(edges)) / 2
    for degree in degrees[1:]:
        law = law + (2 * degree + 1) / 2 * np.exp(-degree * (degree + 1) * spread) * np.diff(whole(degree, edges))
    assert chi_square(np.histogram(cosine, edges)[0], law) > ALPHA


def test_noise_of_a_step_is_of_second_order() -> None:
    # <P_2> of the drawn law is 1 - 3 <cos> / kappa, that of Brownian motion exp(-6 tau)
    errors = []
    for tau in (0.02, 0.01, 0.005):
        kappa = inverse_langevin(np.exp(-2 * tau))
        errors.append(abs(1 - 3 * np.exp(-2 * tau) / kappa - np.exp(-6 * tau)))
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.1)  # of a step: one order more
    assert errors[1] / errors[2] == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("name", ["bcc", "honeycomb"])
def test_steps_are_of_second_order(name: str) -> None:
    x = random_vectors(lattice_of(name), 0.3, 1, rng=rng(3))
    errors = []
    for step in (0.04, 0.02, 0.01):
        system = Heisenberg(lattice_of(name), 0.0, 1.0, 0.5, (0.1, 0.0, 0.4), 0.2, time_step=step)
        found, _ = system.evolve(x, 1.2, rng=rng())
        errors.append(abs(found[0] - followed(system, x[0], 1.2)).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)
    assert errors[2] < 2e-3


def test_energy_stays_without_damping() -> None:
    x = random_vectors(lattice_of("fcc"), 0.3, 1, rng=rng(3))
    system = Heisenberg(lattice_of("fcc"), 0.0, (1.0, 0.3), field=(0.3, 0.0, 0.2), damping=0.0)
    new, _ = system.evolve(x, 100.0, rng=rng())
    assert abs(new - x).max() > 0.5
    assert system.energy(new) == pytest.approx(system.energy(x), rel=1e-12)
    spread = []
    for step in (0.04, 0.02):
        easy = Heisenberg(lattice_of("fcc"), 0.0, 1.0, 0.5, damping=0.0, time_step=step)
        path = sample(easy, x, np.arange(1, 200) * 0.4, rng=rng()).x[0]
        spread.append(np.ptp(easy.energy(path)) / 32)
    assert spread[0] / spread[1] == pytest.approx(4, rel=0.5)
    assert spread[1] < 2e-3


def test_damping_takes_energy_until_all_are_aligned() -> None:
    system = Heisenberg(lattice_of("sc"), 0.0, field=0.5, damping=0.5)
    x = random_vectors(system.lattice, 0.5, 4, rng=rng())
    path = sample(system, x, np.linspace(0, 60, 61), rng=rng()).x
    energy = np.stack([system.energy(states) for states in path])
    assert (np.diff(energy, axis=1) <= 1e-9).all()
    np.testing.assert_allclose(path[:, -1, :, 2], 1.0, atol=1e-6)


def test_lengths_stay_one() -> None:
    system = Heisenberg(lattice_of("diamond"), 3.0, 1.0, 0.5, 0.3, damping=0.7)
    new, _ = system.evolve(random_vectors(system.lattice, 0.0, 2, rng=rng()), 300.0, rng=rng())
    assert abs(np.linalg.norm(new, axis=2) - 1).max() < 1e-15 * 4
