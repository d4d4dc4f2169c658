"""A drift and a diffusion of a third party do all that the built-in ones do."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import asemacro as am
from asemacro.data import Moments, Pairs
from asemacro.macro.base import Density, Diffusion, Drift
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.moment_fit import fit_moments
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions

SLOPE = np.array([[1.0, 0.4], [-0.3, 0.7]])
SIGMA = np.array([[0.3, 0.1], [0.1, 0.2]])
CENTRE = np.array([0.5, -1.0])


class Straight(Drift):
    """-A (y - a), and nothing else to learn."""

    kind = "test-straight"

    def __init__(self, dim: int, n_conditions: int = 0, scale: float = 1.0) -> None:
        super().__init__(dim, n_conditions)
        self.scale = scale
        self.slope = nn.Parameter(scale * torch.eye(dim))
        self.centre = nn.Parameter(torch.zeros(dim))

    @property
    def settings(self) -> dict[str, Any]:
        return {**super().settings, "scale": self.scale}

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        return -(y - self.centre) @ self.slope.T


class Even(Diffusion):
    """base L with the same L everywhere."""

    kind = "test-even"

    def __init__(self, dim: int, n_conditions: int = 0) -> None:
        super().__init__(dim, n_conditions)
        self.logs = nn.Parameter(torch.zeros(dim))
        self.lower = nn.Parameter(torch.zeros(dim, dim))

    def factor(self, y: Tensor, c: Tensor) -> Tensor:
        lower = torch.tril(self.lower, -1) + torch.diag(torch.exp(self.logs))
        return (self.base @ lower).expand(len(y), -1, -1)


class Unsaved(Straight):
    """One without a word of its own."""


def own() -> NeuralSDE:
    return NeuralSDE(Straight(2), Even(2), labels=("a", "b"), sites=100)


def ou_pairs(rng: np.random.Generator) -> Pairs:
    z0 = CENTRE + 0.5 * rng.normal(size=(4000, 2))
    noise = rng.normal(size=z0.shape) @ np.linalg.cholesky(SIGMA).T
    dt = 0.02
    return Pairs(z0, z0 - dt * (z0 - CENTRE) @ SLOPE.T + np.sqrt(dt) * noise, np.array(dt), np.array(1.0), np.zeros(0))


def ou_moments(rng: np.random.Generator) -> Moments:
    z = CENTRE + 0.5 * rng.normal(size=(1000, 2))
    drift = -(z - CENTRE) @ SLOPE.T + 0.05 * rng.normal(size=z.shape)
    return Moments(z, drift, np.broadcast_to(SIGMA, (1000, 2, 2)), np.array(1.0))


def test_fit_to_pairs_and_simulate() -> None:
    rng = np.random.default_rng(0)
    sde = own()
    am.fit(sde, ou_pairs(rng), options=FitOptions(max_epochs=40, min_steps=400), rng=rng)
    at = CENTRE + np.array([[0.3, 0.2], [-0.4, 0.1]])
    # 4000 pairs of 0.02 tell the slope to about sqrt(0.3 / 80) / 0.5 = 0.12, a drift half a unit away to 0.06
    np.testing.assert_allclose(sde.drift(at), -(at - CENTRE) @ SLOPE.T, atol=0.25)
    np.testing.assert_allclose(sde.diffusion(at), np.broadcast_to(SIGMA, (2, 2, 2)), atol=0.03)
    _, z = am.simulate(sde, CENTRE + 1.0, until_s=12.0, n_trajectories=400, n_saves=2, sites=400, rng=rng)
    np.testing.assert_allclose(z[:, -1].mean(axis=0), CENTRE, atol=0.25)
    assert np.all(z[:, -1].var(axis=0) < 0.5 * SIGMA.diagonal())  # a system four times as large fluctuates less


@pytest.mark.parametrize(
    ("drift", "diffusion"),
    [(Straight(2), Even(2)), (OnsagerNet(2, 0, hidden=6), FullDiffusion(2, 0, hidden=4))],
    ids=["own", "networks"],
)
def test_fit_to_moments(drift: Drift, diffusion: Diffusion) -> None:
    rng = np.random.default_rng(1)
    sde = NeuralSDE(drift, diffusion)
    fit_moments(sde, ou_moments(rng), rng=rng)
    at = CENTRE + np.array([[0.3, 0.2], [-0.4, 0.1]])
    np.testing.assert_allclose(sde.drift(at), -(at - CENTRE) @ SLOPE.T, atol=0.05)
    np.testing.assert_allclose(sde.diffusion(at), np.broadcast_to(SIGMA, (2, 2, 2)), rtol=0.02)


def test_saved_under_a_word_of_its_own(tmp_path: Path) -> None:
    sde = NeuralSDE(Straight(2, scale=1.5), Even(2), labels=("a", "b"), sites=100)
    with torch.no_grad():
        sde.drift_network.centre.copy_(torch.tensor([0.2, 0.3]))
        sde.diffusion_network.logs.copy_(torch.tensor([0.1, -0.4]))
    (loaded,) = am.load_sde(am.save_sde(tmp_path / "sde.safetensors", sde))
    assert isinstance(loaded.drift_network, Straight)
    assert loaded.settings == sde.settings
    at = [[0.3, 0.2]]
    np.testing.assert_array_equal(loaded.drift(at), sde.drift(at))
    np.testing.assert_array_equal(loaded.diffusion(at), sde.diffusion(at))


def test_without_a_word_it_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unsaved cannot be saved: give the class a word of its own") as caught:
        am.save_sde(tmp_path / "sde.safetensors", NeuralSDE(Unsaved(2), Even(2)))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="the word 'OnsagerNet' is taken by OnsagerNet"):
        type("Mine", (Straight,), {"kind": "OnsagerNet"})


def test_a_file_of_a_class_that_is_not_imported_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = am.save_sde(tmp_path / "sde.safetensors", own())
    monkeypatch.delitem(Drift._kinds, "test-straight")
    with pytest.raises(ValueError, match="test-straight"):
        am.load_sde(path)


class Bell(Density):
    """A Gaussian."""

    def __init__(self, covariance: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("precision", torch.from_numpy(np.linalg.inv(covariance)))

    @property
    def box(self) -> tuple[Tensor, Tensor]:
        return torch.full((2,), -6.0, dtype=torch.float64), torch.full((2,), 6.0, dtype=torch.float64)

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        return -0.5 * ((y @ self.precision) * y).sum(dim=1)


class Gradient(Drift):
    """1/2 Sigma grad ln P of a Gaussian P and the constant Sigma of the diffusion."""

    def __init__(self, covariance: np.ndarray) -> None:
        super().__init__(2)
        self.bell = Bell(covariance)
        self._diffusion: list[Diffusion] = []

    def attach(self, diffusion: Diffusion) -> None:
        self._diffusion = [diffusion]

    @property
    def stationary_density(self) -> Density:
        return self.bell

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        return -0.5 * torch.einsum("nij,nj->ni", self._diffusion[0](y, c), y @ self.bell.precision)


def test_the_stationary_law_of_a_drift_that_knows_its_density() -> None:
    covariance = np.array([[1.0, 0.3], [0.3, 0.5]])
    diffusion = Even(2)
    diffusion.base = torch.linalg.cholesky(torch.from_numpy(SIGMA))
    sde = NeuralSDE(Gradient(covariance), diffusion)
    law = am.stationary_law(sde, nodes=101)
    np.testing.assert_allclose(law.mean(law.z), [0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(law.mean(law.z[:, :, None] * law.z[:, None]), covariance, rtol=1e-7)
    # of a Gaussian the relaxation rates are the sums of the eigenvalues of -d mu/dz = Sigma C^-1 / 2
    values = np.sort(np.linalg.eigvals(0.5 * SIGMA @ np.linalg.inv(covariance)).real)
    rates = am.relaxation_modes(sde, degree=5, nodes=101).rates
    sums = sorted(a * values[0] + b * values[1] for a, b in itertools.product(range(6), repeat=2) if 0 < a + b <= 5)
    np.testing.assert_allclose(rates[:4], sums[:4], rtol=1e-5)
    with pytest.raises(ValueError, match="simulate"):
        am.stationary_law(own())
