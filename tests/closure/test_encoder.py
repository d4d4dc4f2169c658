"""Encoders learned by the autoencoder: what they must tell apart, how well conditioned they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asemacro.closure.autoencoder import Autoencoder, EncoderOptions, fit_encoder
from asemacro.closure.encoder import Encoder, condition
from asemacro.closure.encoder_file import load_encoder, save_encoder
from asemacro.closure.encoder_network import EncoderNetwork, MLPEncoder
from asemacro.closure.particle_encoder import ParticleEncoder
from asemacro.force_data import ForceData, Layout
from asemacro.micro.callable_forces import CallableForces
from asemacro.micro.force_runs import make_force_data
from asemacro.observables.differentiable import TorchObservable

MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
N = 12


def curved(n: int, seed: int = 0) -> np.ndarray:
    """States on a curved surface of two dimensions: a mean, and an amplitude of a wave that the mean does not know."""
    rng = np.random.default_rng(seed)
    mean, size = rng.normal(size=n), rng.normal(size=n)
    wave = np.cos(2 * np.pi * np.arange(N) / N)
    other = np.sin(2 * np.pi * np.arange(N) / N)
    return mean[:, None] + size[:, None] * wave + 0.3 * (size**2)[:, None] * other


def kappas(encoder: Encoder, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        none = torch.zeros(len(x), 0, dtype=torch.int64)
        return condition(encoder.linearised(torch.from_numpy(x), none).gram).numpy()


def test_one_variable_is_enough_for_a_surface_of_two_dimensions() -> None:
    x = curved(1500)
    options = EncoderOptions(hidden=(16, 16), epochs=25, batch_size=64, learning_rate=3e-3, conditioning=1e-4)
    fitted = fit_encoder(x, MEAN, 1, options=options, rng=np.random.default_rng(1))
    assert fitted.model.labels == ("mean", "encoder_1")
    # the best linear reconstruction leaves the curvature: that of the two largest principal components
    apart = x - x.mean(axis=0)
    values = np.linalg.eigvalsh(apart.T @ apart)
    assert fitted.report.reconstruction < 0.2 * values[:-2].sum() / values.sum()
    assert fitted.held_out["reconstruction"] == fitted.report.reconstruction
    fresh = kappas(fitted.model, curved(200, seed=5))
    assert np.median(fresh) < 3
    assert np.median(fresh) == pytest.approx(fitted.report.kappa, rel=0.3)


def test_the_start_is_perfectly_conditioned() -> None:
    """Linear, orthogonal to the gradient of the observable and as long."""
    x = torch.from_numpy(curved(300))
    network = MLPEncoder(N, 2, (6,))
    model = Autoencoder(MEAN, network, x, EncoderOptions(hidden=(6,)), torch.Generator().manual_seed(0))
    assert kappas(Encoder(MEAN, network), x.numpy()).max() < 1 + 1e-4
    assert model.straight.shape == (N, 3)


def test_conditioning_lowers_kappa() -> None:
    """From an encoder whose rows are as they come, with one of them a hundred times too long."""
    x = torch.from_numpy(curved(400)).float()
    model = Autoencoder(MEAN, MLPEncoder(N, 2, (6,)), x, EncoderOptions(hidden=(6,)), torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.network.straight[0] *= 100
    optimiser, seen = torch.optim.Adam(model.parameters(), lr=1e-1), []
    for _ in range(300):
        optimiser.zero_grad()
        kappa = model.losses(x)[1]
        (kappa - 1).square().mean().backward()
        optimiser.step()
        seen.append(float(kappa.detach().median()))
    assert seen[0] > 1e3
    assert seen[-1] < 0.1 * seen[0]


def test_rows_of_the_observables_can_be_left_out_of_the_condition() -> None:
    """An observable of a unit that makes its row a thousand times too long."""
    phi = TorchObservable(lambda x: 1e3 * x.mean(dim=1, keepdim=True), ("mean",))
    x = torch.from_numpy(curved(50)).float()
    generator = torch.Generator().manual_seed(0)
    values = []
    for counted in (True, False):
        network = MLPEncoder(N, 2, (6,))
        options = EncoderOptions(hidden=(6,), observables_conditioned=counted)
        model = Autoencoder(phi, network, x, options, generator)
        network.gain = network.gain / 1e3
        values.append(float(model.losses(x)[1].detach().median()))
    assert values[0] > 1e5
    assert values[1] < 100


def test_states_are_read_from_force_data_in_batches() -> None:
    x = curved(200).astype(np.float32)
    data = ForceData(x, np.zeros((200, 1), dtype=int), np.zeros((200, 1)), Layout(N))
    options = EncoderOptions(hidden=(6,), epochs=2, batch_size=64)
    models = [fit_encoder(s, MEAN, 1, options=options, rng=np.random.default_rng(3)).model for s in (x, data)]
    z = [model(torch.from_numpy(x.astype(float))).detach() for model in models]
    np.testing.assert_array_equal(*z)


def test_particles_are_encoded_whatever_their_order() -> None:
    rng = np.random.default_rng(4)
    hot = rng.uniform(0.5, 2, 400)
    x = np.concatenate([rng.uniform(0, 3, (400, 30)), hot[:, None] * rng.normal(size=(400, 30))], axis=1)
    phi = TorchObservable(lambda x: (x[:, 30:] ** 2).mean(dim=1, keepdim=True), ("temperature",))
    network = ParticleEncoder(10, 1, periods=(3.0, 3.0, 3.0), hidden=8, features=8)
    options = EncoderOptions(hidden=(8,), epochs=3, batch_size=64)
    fitted = fit_encoder(x, phi, 1, network=network, options=options, rng=rng)
    shuffled = x.reshape(400, 2, 10, 3)[:, :, rng.permutation(10)].reshape(400, 60)
    with torch.no_grad():
        one, other = (fitted.model(torch.from_numpy(states)) for states in (x, shuffled))
    np.testing.assert_allclose(one, other, rtol=1e-9)
    assert fitted.report.kappa < 1e4


def test_what_cannot_be_encoded_is_refused_in_one_line() -> None:
    x, rng = curved(50), np.random.default_rng(0)
    with pytest.raises(ValueError, match="3 states are too few for 3 variables"):
        fit_encoder(x[:3], MEAN, 2, rng=rng)
    with pytest.raises(ValueError, match="all states are the same"):
        fit_encoder(np.ones((20, N)), MEAN, 2, rng=rng)
    with pytest.raises(ValueError, match="gives 3 variables, dims asks for 2"):
        fit_encoder(x, MEAN, 2, network=MLPEncoder(N, 3), rng=rng)
    with pytest.raises(ValueError, match="betas must be below 1"):
        EncoderOptions(betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="2 periods for 3 directions"):
        ParticleEncoder(4, 1, periods=(1.0, 2.0))


def test_more_variables_than_directions_in_which_states_vary() -> None:
    """The mean and one wave: beside the mean there is one direction, also after rounding to single precision."""
    wave = np.cos(2 * np.pi * np.arange(N) / N)
    flat = (curved(300).mean(axis=1)[:, None] + (curved(300) @ wave)[:, None] * wave).astype(np.float32)
    options = EncoderOptions(hidden=(6,), epochs=1)
    fit_encoder(flat, MEAN, 1, options=options, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="vary in 1 direction, learned variables asked for: 2; ask for at most 1"):
        fit_encoder(flat, MEAN, 2, options=options, rng=np.random.default_rng(0))
    even = np.repeat(flat.mean(axis=1)[:, None], N, axis=1)
    with pytest.raises(ValueError, match="vary in no directions, learned variables asked for: 1"):
        fit_encoder(even, MEAN, 1, options=options, rng=np.random.default_rng(0))
    # variables that only take noise from the rates may be in other directions; all are conditioned at the start
    fit_encoder(flat, MEAN, 3, needed=1, options=options, rng=np.random.default_rng(0))
    network = MLPEncoder(N, 3, (6,))
    Autoencoder(MEAN, network, torch.from_numpy(flat), options, torch.Generator().manual_seed(0))
    assert kappas(Encoder(MEAN, network), flat.astype(float)).max() < 1 + 1e-4


def test_observables_whose_gradient_turns_from_state_to_state_are_conditioned() -> None:
    """A kinetic energy: its gradient is as long as ever, and its mean over states nothing."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, N)) * np.linspace(1, 3, N)
    energy = TorchObservable(lambda x: (x[:, : N // 2] ** 2).mean(dim=1, keepdim=True), ("energy",))
    for states in (x, np.concatenate([x, -x])):
        fitted = fit_encoder(states, energy, 2, options=EncoderOptions(epochs=1, learning_rate=1e-6), rng=rng)
        assert fitted.report.kappa < 10


def test_whole_trajectories_are_held_out() -> None:
    """States of a trajectory are nearly the same: those of one that is learned from would judge nothing."""
    rng = np.random.default_rng(5)
    made = make_force_data(
        CallableForces(lambda x, places: -np.take_along_axis(x, places, axis=1), n_carriers=N, time_step=0.1),
        rng.normal(size=(20, N)), np.linspace(0, 0.5, 30), fraction=1.0, rng=rng,
    )  # fmt: skip
    fitted = fit_encoder(made, MEAN, 4, options=EncoderOptions(epochs=5), rng=rng)
    # 5 variables cannot tell 20 random directions of 12 numbers from each other
    assert fitted.report.reconstruction > 0.1


@pytest.mark.parametrize("network", [MLPEncoder(N, 2, (5, 4)), ParticleEncoder(3, 2, 2, 2, 6, 5, (2.0, 3.0))])
def test_files_give_the_same_encoder_again(network: EncoderNetwork, tmp_path: Path) -> None:
    x = torch.from_numpy(curved(20))
    network.start(x.float(), torch.ones(1, N), N**0.5, torch.Generator().manual_seed(1))
    encoder = Encoder(MEAN, network)
    again = load_encoder(save_encoder(tmp_path / "encoder.safetensors", encoder), MEAN)
    with torch.no_grad():
        np.testing.assert_array_equal(again(x), encoder(x))
    other = TorchObservable(MEAN, ("size",))
    with pytest.raises(ValueError, match="learned for mean, not for size"):
        load_encoder(tmp_path / "encoder.safetensors", other)
    content = (tmp_path / "encoder.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"half\.safetensors is truncated"):
        load_encoder(tmp_path / "half.safetensors", MEAN)


@pytest.mark.parametrize("network", [MLPEncoder(N, 3, (5, 4)), ParticleEncoder(4, 3, 1, 3, periods=(2.0, 2.0, 2.0))])
def test_the_leading_variables_are_an_encoder_of_their_own(network: EncoderNetwork) -> None:
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(20, N)))
    network.start(x, torch.ones(1, N), N**0.5, torch.Generator().manual_seed(3))
    whole = Encoder(MEAN, network)
    part = whole.leading(3)
    assert part.labels == whole.labels[:3]
    with torch.no_grad():
        torch.testing.assert_close(part(x), whole(x)[:, :3])
        torch.testing.assert_close(part.gradient(x), whole.gradient(x)[:, :3])
    for count in (1, 5):
        with pytest.raises(ValueError, match=f"an encoder of 4 variables, 1 given, has no first {count}"):
            whole.leading(count)


def test_gradients_that_overflow_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="the observables have no gradient in some of the states"):
        condition(torch.full((2, 3, 3), torch.inf))
