"""Fields without noise: the published equations, exact solutions, and forces on some cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg
from scipy.integrate import solve_ivp

import asemacro as am
from asemacro.micro import ForceSystem
from asemacro.testing import check_force_system


def test_predator_prey_is_the_noisy_system_without_noise() -> None:
    lattice = am.Lattice.chain(0.02, (), 50).opened(0)
    noisy = am.PredatorPrey(lattice, noise=0.0)
    system = am.PredatorPreyODE()
    x = system.initial(3, rng=np.random.default_rng(0))
    fields = x.reshape(3, 2, 50).swapaxes(1, 2).copy()
    drift = noisy.drift(fields).swapaxes(1, 2).reshape(3, 100)
    np.testing.assert_allclose(system.forces(x), drift, rtol=1e-12, atol=1e-14)
    after = noisy.evolve(fields, 0.5, rng=np.random.default_rng(0))[0].swapaxes(1, 2).reshape(3, 100)
    np.testing.assert_allclose(system.trajectories(x, [0.5])[:, 0], after, rtol=1e-10)


def test_starts_of_predator_prey() -> None:
    x = am.PredatorPreyODE().initial(500, rng=np.random.default_rng(0))
    u, v = x[:, :50], x[:, 50:]
    np.testing.assert_allclose(u + v, 1.0)
    wave = np.cos(5 * np.pi * (np.arange(50) + 0.5) / 50)
    amplitude, mean = (u - u.mean(axis=1, keepdims=True)) @ wave / 25, u.mean(axis=1)
    assert 0 < amplitude.min() < 0.01
    assert 0.19 < amplitude.max() < 0.2
    assert 0.4 < mean.min() < 0.41
    assert 0.59 < mean.max() < 0.6


@pytest.mark.parametrize(("scheme", "order"), [("euler", 1), ("rk4", 4)])
def test_order_of_the_schemes(scheme: str, order: int) -> None:
    x = am.PredatorPreyODE(6).initial(1, rng=np.random.default_rng(1))
    slope = am.PredatorPreyODE(6).forces
    exact = solve_ivp(lambda t, y: slope(y[None])[0], (0, 2), x[0], rtol=1e-12, atol=1e-12).y[:, -1]
    errors = [
        abs(am.PredatorPreyODE(6, time_step=step, scheme=scheme).trajectories(x, [2.0])[0, 0] - exact).max()
        for step in (0.2, 0.1)
    ]
    assert order - 0.3 < np.log2(errors[0] / errors[1]) < order + 0.5


def test_times_need_not_be_whole_steps() -> None:
    system = am.PredatorPreyODE(6, scheme="rk4")
    x = system.initial(2, rng=np.random.default_rng(1))
    both = system.trajectories(x, [0.0, 0.0137, 0.3])
    np.testing.assert_array_equal(both[:, 0], x)
    np.testing.assert_allclose(both[:, 2], system.trajectories(x, [0.3])[:, 0], rtol=1e-9)


def test_an_equation_of_your_own() -> None:
    draw = np.random.default_rng(0)
    matrix = draw.standard_normal((6, 6)) - 3 * np.eye(6)

    def linear(x: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.einsum("bqj,bj->bq", matrix[places], x)

    system = am.CallableForces(linear, n_carriers=3, components=2, time_step=0.01)
    x = draw.standard_normal((4, 6))
    np.testing.assert_allclose(system.trajectories(x, [0.5])[:, 0], x @ linalg.expm(0.5 * matrix).T, rtol=1e-6)
    data = am.make_force_data(system, x, [0.1, 0.2], fraction=1 / 3, rng=draw)
    np.testing.assert_allclose(
        data.forces(slice(None)),
        np.take_along_axis(data.states(slice(None)) @ matrix.T, data.components(slice(None)), axis=1),
    )


SYSTEMS = {
    "predator and prey": am.PredatorPreyODE(7),
    "own": am.CallableForces(lambda x, places: -(np.take_along_axis(x, places, axis=1) ** 3), 5, 2),
}


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_systems_do_what_the_learner_assumes(name: str) -> None:
    system, draw = SYSTEMS[name], np.random.default_rng(1)
    check_force_system(system, draw.uniform(0.2, 0.8, (3, system.n_components)), rng=draw)


class Wrong(am.CallableForces):
    """A system with one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__(lambda x, places: -np.take_along_axis(x, places, axis=1), 6)
        self.fault = fault

    def forces(self, x: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        if self.fault == "edits":
            x[:] = 0.0
        if self.fault == "edits carriers" and active is not None:
            active[:] = np.sort(active, axis=1)
        f = super().forces(x, active)
        if self.fault == "shape":
            return f[:, :1]
        if self.fault == "mixes states":
            return f + x.mean() * 0 + (len(x) if active is not None and active.shape[1] == 2 else 0)
        if self.fault == "other forces" and active is not None:
            return f * (1 + 1e-9)
        return np.full_like(f, np.nan) if self.fault == "nan" else f * (0 if self.fault == "still" else 1)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("edits", "edited in place|nothing changes"),
        ("edits carriers", "edits its list|differ"),
        ("shape", "shape"),
        ("mixes states", "differ"),
        ("other forces", "differ by"),
        ("nan", "not finite"),
        ("still", "nothing changes in a step"),
    ],
)
def test_the_check_finds_faults(fault: str, message: str) -> None:
    draw = np.random.default_rng(1)
    with pytest.raises(AssertionError, match=message):
        check_force_system(Wrong(fault), draw.standard_normal((3, 6)), rng=draw)


def test_systems_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"are unstable for diffusion 1; take at most 0\.5"):
        am.PredatorPreyODE(time_step=0.6)
    with pytest.raises(ValueError, match=r"must be states of the shape \(batch, 20\), got \(2, 5\)"):
        am.PredatorPreyODE(10).forces(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="forces that are not finite"):
        am.CallableForces(lambda x, places: x**3, 2, time_step=1.0).trajectories(np.full((1, 2), 9.0), [20.0])
    with pytest.raises(ValueError, match="the states ran away to infinity: steps of 1 are too long"):
        am.PredatorPreyODE(4, D=(0.0, 0.0), time_step=1.0).trajectories(np.full((1, 8), -5.0), [20.0])
    with pytest.raises(ValueError, match="the function gives an array of the shape"):
        am.CallableForces(lambda x, places: x[:, :1], 2).forces(np.zeros((1, 2)))
    with pytest.raises(TypeError, match="must be a ForceSystem, got the class"):
        am.make_force_data(ForceSystem, np.zeros((1, 2)), [0.1], rng=np.random.default_rng(0))
