"""Labels from forces on a few carriers: the exact inverse, no bias over index sets, no look at other forces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.closure.particle_encoder import ParticleEncoder
from asemacro.force_data import ForceData, Layout
from asemacro.labels.forces import force_labels
from asemacro.macro.linear_rates import linear_rates
from asemacro.macro.mlp_drift import MLPDrift
from asemacro.macro.ode import NeuralODE
from asemacro.observables.differentiable import DifferentiableObservable, TorchObservable

N = 6
PHI = TorchObservable(lambda x: torch.stack([x.mean(dim=1), (x[:, :3] ** 2).sum(dim=1)], dim=1), ("mean", "square"))
ENCODER = Encoder(PHI, MLPEncoder(N, 1, (5, 4)))


def states(n: int, components: int = N) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, components))


def force(x: np.ndarray) -> np.ndarray:
    return np.sin(x) + 0.3 * np.roll(x, 1, axis=1) ** 2


def with_sets(x: np.ndarray, active: np.ndarray, f: np.ndarray | None = None) -> ForceData:
    f = force(x) if f is None else f
    return ForceData(x, active, np.take_along_axis(f, active, axis=1), Layout(x.shape[1]))


def whole(x: np.ndarray) -> ForceData:
    return ForceData(x, None, force(x), Layout(x.shape[1]))


def jacobian(phi: DifferentiableObservable, x: np.ndarray) -> np.ndarray:
    """phi' by autograd of the values alone, (b, d, N)."""
    rows = torch.func.vmap(torch.func.jacrev(lambda one: phi(one[None])[0]))(torch.from_numpy(x))
    return rows.detach().numpy()


def test_the_inverse_is_that_of_moore_and_penrose() -> None:
    x, rates = states(8), np.random.default_rng(2).normal(size=(8, 3))
    slope = jacobian(ENCODER, x)
    inverse = np.linalg.pinv(slope)
    active = np.argsort(np.random.default_rng(3).random((8, N)), axis=1)[:, :4]
    residual = force(x) - np.einsum("ind,id->in", inverse, rates)
    seen = np.take_along_axis(residual, active, axis=1)
    labels = force_labels(with_sets(x, active), ENCODER)
    np.testing.assert_allclose(labels.losses(rates), (seen**2).sum(axis=1) * N / 4, rtol=1e-9)
    np.testing.assert_allclose(force_labels(whole(x), ENCODER).losses(rates), (residual**2).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(labels.z, ENCODER(torch.from_numpy(x)).detach(), rtol=1e-12)
    # L_z by its definition
    plain = force_labels(whole(x), ENCODER, space="macro")
    speed = np.einsum("idn,in->id", slope, force(x))
    np.testing.assert_allclose(plain.losses(rates), ((speed - rates) ** 2).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("m", [1, 2, 4])
def test_the_mean_over_all_index_sets_is_the_full_loss(m: int) -> None:
    x = states(5)
    rates = np.random.default_rng(4).normal(size=(5, 3))
    sets = np.array(list(itertools.combinations(range(N), m)))
    full = force_labels(whole(x), ENCODER).losses(rates)
    losses = [force_labels(with_sets(x, np.tile(s, (5, 1))), ENCODER).losses(rates) for s in sets]
    np.testing.assert_allclose(np.mean(losses, axis=0), full, rtol=1e-10)
    assert np.std(losses, axis=0).min() > 1e-3 * full.min()  # single sets are not it


def test_random_index_sets_have_no_bias() -> None:
    rng = np.random.default_rng(5)
    one, draws = states(1), 4000
    x = np.repeat(one, draws, axis=0)
    rates = np.repeat(rng.normal(size=(1, 3)), draws, axis=0)
    active = np.argsort(rng.random((draws, N)), axis=1)[:, :2]
    phi = Encoder(PHI, MLPEncoder(N, 1, (5, 4)))
    several = np.concatenate([x, states(5)])  # variables must vary
    data = with_sets(several, np.concatenate([active, active[:5]]))
    found = force_labels(data, phi).losses(np.concatenate([rates, rates[:5]]))[:draws]
    full = force_labels(whole(states(6)), phi).losses(np.repeat(rates[:1], 6, axis=0))[0]
    assert abs(found.mean() - full) < 4.5 * found.std() / np.sqrt(draws)


def test_theorem_1() -> None:
    """1 / gamma_max L_z <= L_x - min L_x <= 1 / gamma_min L_z, state by state, and the minimiser is dz/dt."""
    x = states(40)
    slope = jacobian(ENCODER, x)
    gamma = np.linalg.eigvalsh(slope @ slope.transpose(0, 2, 1))
    speed = np.einsum("idn,in->id", slope, force(x))
    micro, macro = force_labels(whole(x), ENCODER), force_labels(whole(x), ENCODER, space="macro")
    least = micro.losses(speed)
    np.testing.assert_allclose(macro.losses(speed), 0, atol=1e-18)
    for seed in range(20):
        rates = speed + np.random.default_rng(seed).normal(size=speed.shape)
        gap, plain = micro.losses(rates) - least, macro.losses(rates)
        assert (gap >= (1 - 1e-9) * plain / gamma[:, -1]).all()
        assert (gap <= (1 + 1e-9) * plain / gamma[:, 0]).all()
        assert (gap.max() / plain[gap.argmax()]) > 0
    # reached: along the extreme eigenvectors of G
    vectors = np.linalg.eigh(slope @ slope.transpose(0, 2, 1))[1]
    for column, value in ((0, gamma[:, 0]), (-1, gamma[:, -1])):
        rates = speed + vectors[:, :, column]
        np.testing.assert_allclose(micro.losses(rates) - least, 1 / value, rtol=1e-6)


def test_forces_that_were_not_computed_change_nothing() -> None:
    x, rng = states(50), np.random.default_rng(6)
    active = np.argsort(rng.random((50, N)), axis=1)[:, :2]
    other = force(x) + 100.0 * rng.normal(size=x.shape)
    np.put_along_axis(other, active, np.take_along_axis(force(x), active, axis=1), axis=1)
    scales = []
    for f in (force(x), other):
        labels = force_labels(with_sets(x, active, f), ENCODER)
        ode = NeuralODE(MLPDrift(3))
        ode.measure_scales(labels)
        scales.append([labels.root, labels.target, labels.rest, ode.z_mean, ode.z_scale, ode.log_time])
    for a, b in zip(*scales, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(ode.z_scale, labels.z.std(axis=0), rtol=1e-12)


def linear_system(n_components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A with real eigenvalues, -0.3 and -1 the slow ones, and their left eigenvectors; dz/dt = Lambda z is exact."""
    rng = np.random.default_rng(7)
    rates = -np.concatenate([[0.3, 1.0], rng.uniform(2, 3, n_components - 2)])
    right = np.eye(n_components) + 0.3 * rng.normal(size=(n_components, n_components)) / np.sqrt(n_components)
    left = np.linalg.inv(right)
    return right @ np.diag(rates) @ left, left[:2], rates[:2]


def test_closed_linear_dynamics_are_found_from_a_fifth_of_the_forces() -> None:
    matrix, left, rates = linear_system(40)
    phi = TorchObservable(lambda x: x @ torch.from_numpy(left.T), ("slow", "fast"))
    rng = np.random.default_rng(8)
    n, m = 4000, 8
    x = rng.normal(size=(n, 40)) @ np.linalg.inv(np.eye(40) + 0.2)
    x += np.outer(rng.normal(size=n), matrix[:, 0])
    active = np.argsort(rng.random((n, 40)), axis=1)[:, :m]
    found = []
    for part in np.array_split(np.arange(n), 20):
        labels = force_labels(with_sets(x[part], active[part], x[part] @ matrix.T), phi)
        found.append(linear_rates(labels, np.zeros(2), np.ones(2))[1])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(20)
    assert error.max() < 0.1
    assert (np.abs(mean - np.diag(rates)) < 6 * error).all()  # Student's t of 19: 1e-5


@pytest.mark.parametrize("periods", [(), (4.0, 5.0)])
def test_derivatives_in_factors_are_those_of_autograd(periods: tuple[float, ...]) -> None:
    phi = TorchObservable(lambda x: (x[:, 6:] ** 2).mean(dim=1, keepdim=True), ("energy",))
    networks = [
        MLPEncoder(12, 2, (7, 5, 4)),
        ParticleEncoder(3, 2, blocks=2, width=2, hidden=6, features=5, periods=periods),
    ]
    x = states(9, 12)
    for network in networks:
        network.start(torch.from_numpy(x), torch.ones(1, 12), 12**0.5, torch.Generator().manual_seed(3))
        encoder = Encoder(phi, network)
        slope = jacobian(encoder, x)
        components = np.argsort(np.random.default_rng(2).random((9, 12)), axis=1)[:, :5]
        with torch.no_grad():
            at = encoder.linearised(torch.from_numpy(x), torch.from_numpy(components))
            np.testing.assert_allclose(encoder.gradient(torch.from_numpy(x)), slope, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(at.gram, slope @ slope.transpose(0, 2, 1), rtol=1e-9, atol=1e-12)
        expected = np.take_along_axis(slope, components[:, None], axis=2)
        np.testing.assert_allclose(at.columns, expected, rtol=1e-9, atol=1e-12)


def test_particles_are_not_told_apart() -> None:
    network = ParticleEncoder(4, 2, blocks=2, width=3, periods=(2.0, 3.0, 5.0)).double()
    x = states(5, 24)
    network.start(torch.from_numpy(x), torch.ones(1, 24), 24**0.5, torch.Generator().manual_seed(3))
    own = x.reshape(5, 2, 4, 3)
    moved = own[:, :, [2, 0, 3, 1]].copy()
    moved[:, 0] += np.array([4.0, -3.0, 5.0])  # images in the box
    with torch.no_grad():
        first, again = (network(torch.from_numpy(a.reshape(5, 24))) for a in (own, moved))
    np.testing.assert_allclose(first, again, rtol=1e-10)
    own[0, 1, 2, 0] += 1.0
    with torch.no_grad():
        assert (network(torch.from_numpy(own.reshape(5, 24)))[0] - first[0]).abs().max() > 1e-6


def test_what_gives_no_labels_is_refused_in_one_line() -> None:
    x = states(10)
    active = np.tile([0, 3], (10, 1))
    with pytest.raises(ValueError, match=r"those of 0.333333 of them; use space='micro'"):
        force_labels(with_sets(x, active), ENCODER, space="macro")
    with pytest.raises(ValueError, match="3 states are too few for 3 variables"):
        force_labels(with_sets(x[:3], active[:3]), ENCODER)
    still = TorchObservable(lambda x: torch.stack([x.mean(dim=1), 0 * x[:, 0] + 2], dim=1), ("mean", "still"))
    with pytest.raises(ValueError, match="the variable still has no gradient"):
        force_labels(whole(x), still)
    twice = TorchObservable(lambda x: torch.stack([x.mean(dim=1), 3 * x.sum(dim=1)], dim=1), ("mean", "sum"))
    with pytest.raises(ValueError, match="the 2 variables depend on each other"):
        force_labels(whole(x), twice)
    with pytest.raises(ValueError, match="the variable first is 2 in all states"):
        force_labels(whole(np.c_[np.full(10, 2.0), x[:, 1:]]), TorchObservable(lambda x: x[:, :1], ("first",)))
    counted = TorchObservable(lambda x: (x > 0).double().mean(dim=1, keepdim=True), ("positive",))
    with pytest.raises(ValueError, match="no gradient"):
        force_labels(whole(x), counted)
    with pytest.raises(ValueError, match="space must be one of micro, macro"):
        force_labels(whole(x), ENCODER, space="both")  # type: ignore[arg-type]


def test_weights_of_states_multiply_their_losses() -> None:
    """Whatever the weights of z, rates that all labels agree on stay the best ones; and all alike change nothing."""
    x = states(40)
    slope, z = jacobian(PHI, x), PHI(torch.from_numpy(x)).numpy()
    wanted = z @ np.array([[0.3, -0.2], [0.1, 0.4]]) + 0.5
    active = np.argsort(np.random.default_rng(5).random((40, N)), axis=1)[:, :4]
    f = np.einsum("ind,id->in", np.linalg.pinv(slope), wanted)  # forces that are those of the rates, and no others
    labels = force_labels(with_sets(x, active, f), PHI)
    weights = np.exp(z[:, 0])
    weighted, rates = labels.weighted(weights), np.random.default_rng(6).normal(size=(40, 2))
    np.testing.assert_allclose(weighted.losses(rates), labels.losses(rates) * weights / weights.mean(), rtol=1e-9)
    np.testing.assert_allclose(labels.weighted(np.full(40, 7.0)).losses(rates), labels.losses(rates), rtol=1e-12)
    for one in (labels, weighted):
        constant, linear = linear_rates(one, np.zeros(2), np.ones(2))
        np.testing.assert_allclose(constant + z @ linear.T, wanted, atol=1e-5)
    for wrong in (np.zeros(40), np.ones(39)):
        with pytest.raises(ValueError, match="weights must be 40 numbers above 0"):
            labels.weighted(wrong)
