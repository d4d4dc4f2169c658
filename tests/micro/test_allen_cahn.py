"""The Allen-Cahn equation: interfaces that move by their curvature, an energy that falls, forces on some cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

import asemacro as am
from asemacro.micro.fields.allen_cahn_kernel import runge_kutta
from asemacro.testing import check_force_system


def sharp_interface(outer: float, inner: float, epsilon: float, time: float) -> float:
    """Energy of two circles whose squared radii fall by 2 t: length times 2 sqrt(2) / (3 epsilon)."""
    radii = np.sqrt(np.maximum([outer**2 - 2 * time, inner**2 - 2 * time], 0.0))
    return float(2 * np.sqrt(2) / (3 * epsilon) * 2 * np.pi * radii.sum())


@pytest.mark.parametrize("n", [100, pytest.param(200, marks=pytest.mark.slow)])
def test_interfaces_move_by_their_curvature(n: int) -> None:
    """Not near 0.0078, where the inner circle vanishes and the limit of a thin interface does not hold."""
    system = am.AllenCahn(n)
    times = [0.0, 0.0025, 0.01, 0.02, 0.04]
    states = system.trajectories(system.rings(0.35, 0.125), times)[0]
    law = [sharp_interface(0.35, 0.125, system.epsilon, time) for time in times]
    published = am.GinzburgLandauEnergy(n, system.epsilon)(torch.as_tensor(states))[:, 0]
    np.testing.assert_allclose(system.energy(states), law, rtol=0.006)
    np.testing.assert_allclose(published, law, rtol=0.01)


def test_a_disc_vanishes_when_the_law_says() -> None:
    system = am.AllenCahn(64)
    radius = 0.3
    rings = system.rings(radius, 1e-3)  # no hole
    energy = system.energy(system.trajectories(rings, [0.9 * radius**2 / 2, 1.1 * radius**2 / 2])[0])
    assert energy[0] > 0.2 * system.energy(rings)[0]
    assert energy[1] < 1e-3


def test_energy_never_grows() -> None:
    system = am.AllenCahn(24)
    draw = np.random.default_rng(0)
    starts = np.concatenate([system.initial(2, rng=draw), draw.uniform(-1.2, 1.2, (2, 576))])
    states = system.trajectories(starts, system.time_step * np.arange(400))
    energy = np.array([system.energy(row) for row in states])
    assert (np.diff(energy, axis=1) < 0).all()


def test_forces_are_the_slope_of_the_energy() -> None:
    system = am.AllenCahn(5)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 25))
    slope = [(system.energy(x + 1e-5 * one) - system.energy(x - 1e-5 * one))[0] / 2e-5 for one in np.eye(25)[:, None]]
    np.testing.assert_allclose(system.forces(x)[0], -np.array(slope) * 25, rtol=1e-7, atol=1e-6)


def test_laplacian_is_that_of_an_image_with_its_edges() -> None:
    system = am.AllenCahn(12, epsilon=0.1)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 144))
    lap = np.array([ndimage.laplace(v, mode="nearest") for v in x.reshape(2, 12, 12)]).reshape(2, 144) * 144
    np.testing.assert_allclose(system.forces(x), lap + (x - x**3) / 0.01, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("n", [9, 20])
def test_forces_on_some_cells(n: int) -> None:
    system, draw = am.AllenCahn(n), np.random.default_rng(0)
    check_force_system(system, draw.uniform(-1, 1, (3, n * n)), rng=draw)


def test_compiled_steps_are_runge_kutta() -> None:
    system = am.AllenCahn(7, epsilon=0.2)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 49))
    compiled = system.trajectories(x, [system.time_step, 2.5 * system.time_step])
    plain = np.stack(list(super(am.AllenCahn, system).states_at(x, [system.time_step, 2.5 * system.time_step])), axis=1)
    np.testing.assert_allclose(compiled, plain, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_cells_move_as_many_do(n: int) -> None:
    """Fields of one value, which are their own mirror image, and others."""
    system = am.AllenCahn(n)
    x = np.concatenate([np.full((1, n * n), 0.5), np.random.default_rng(0).uniform(-1, 1, (1, n * n))])
    plain = np.stack(list(super(am.AllenCahn, system).states_at(x, [0.01, 0.05])), axis=1)
    np.testing.assert_allclose(system.trajectories(x, [0.01, 0.05]), plain, rtol=1e-12)


def test_a_quarter_of_a_symmetric_field_is_enough() -> None:
    system = am.AllenCahn(20)
    start = system.rings([0.35], [0.125])
    field = start[0].reshape(20, 20)
    np.testing.assert_array_equal(field, field[::-1])
    np.testing.assert_array_equal(field, field[:, ::-1])
    whole = field.copy()
    runge_kutta(whole, 50, system.time_step, 400.0, system.epsilon**-2)
    np.testing.assert_array_equal(system.trajectories(start, [50 * system.time_step])[0, 0], whole.reshape(-1))


def test_published_settings() -> None:
    system = am.AllenCahn()
    assert system.epsilon == pytest.approx(0.0120075, rel=1e-5)
    assert system.time_step == pytest.approx(2.5e-6)
    assert system.n_components == system.n_carriers == 40_000
    starts = system.initial(30, rng=np.random.default_rng(0))
    area = (starts.mean(axis=1) + 1) / 2
    assert area.min() > np.pi * (0.30**2 - 0.15**2)
    assert area.max() < np.pi * (0.40**2 - 0.10**2)


def test_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="steps of 1 are unstable; take at most"):
        am.AllenCahn(10, time_step=1.0)
    with pytest.raises(ValueError, match="radii must be numbers above 0, one for each state"):
        am.AllenCahn(10).rings([0.3, 0.3], [0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match=r"must be 0\.\.99, got 0\.\.100"):
        am.AllenCahn(10).forces(np.zeros((1, 100)), np.array([[0, 100]]))
