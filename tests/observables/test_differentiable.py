"""Observables of deterministic systems: values by hand, gradients by differentiation, and what has no gradient."""

from __future__ import annotations

from typing import Any

import ase.build
import ase.units
import numpy as np
import pytest
import torch
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary

import asemacro as am
from asemacro.observables import DifferentiableObservable, check_gradient
from asemacro.observables.differentiable import check_of_one_state

CASES: dict[str, tuple[DifferentiableObservable, int]] = {
    "means": (am.SpeciesMeans(), 14),
    "energy": (am.GinzburgLandauEnergy(5, 0.1), 25),
    "temperature": (am.KineticTemperature(4, masses=[1.0, 2.0, 3.0, 4.0], factor=20.0), 24),
    "own": (am.TorchObservable(lambda x: torch.stack([x[:, 0] ** 3, x.prod(dim=1)], dim=1), ["a", "b"]), 6),
}


def some_states(n: int, batch: int = 3) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(n).standard_normal((batch, n)))


def overwritten(x: torch.Tensor) -> torch.Tensor:
    """Edits a value that the gradient needs."""
    z = x[:, :1].exp()
    return z.mul_(2)


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradient_is_that_of_the_call(name: str) -> None:
    phi, n = CASES[name]
    x = some_states(n)
    assert phi(x).shape == (3, phi.dim)
    torch.testing.assert_close(phi.gradient(x), DifferentiableObservable.gradient(phi, x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(phi.gradient(x.float()), phi.gradient(x).float(), rtol=1e-4, atol=1e-4)
    assert check_gradient(phi, x).shape == (3, phi.dim, n)


def test_means_of_species() -> None:
    x = some_states(10)
    assert am.SpeciesMeans(["u", "v"]).labels == ("u", "v")
    np.testing.assert_allclose(am.SpeciesMeans()(x), np.stack([x[:, :5].mean(1), x[:, 5:].mean(1)], axis=1))


def test_energy_of_an_image_with_repeated_edges() -> None:
    x = some_states(36)
    energy = []
    for v in x.reshape(3, 6, 6).numpy():
        wide = np.pad(v, 1, mode="edge")
        slopes = (wide[2:, 1:-1] - wide[:-2, 1:-1]) ** 2 + (wide[1:-1, 2:] - wide[1:-1, :-2]) ** 2
        energy.append((((v**2 - 1) ** 2 / (4 * 0.2**2)) + slopes / (2 / 6) ** 2 / 2).sum() / 36)
    np.testing.assert_allclose(am.GinzburgLandauEnergy(6, 0.2)(x)[:, 0], energy, rtol=1e-12)


def test_temperature_is_that_of_ase() -> None:
    atoms = ase.build.bulk("CuZn", "cesiumchloride", a=3.0).repeat(3)
    MaxwellBoltzmannDistribution(atoms, temperature_K=300, rng=np.random.default_rng(1))
    Stationary(atoms)
    x = torch.as_tensor(np.concatenate([atoms.positions, atoms.get_velocities()]).reshape(1, -1))
    phi = am.KineticTemperature(len(atoms), masses=atoms.get_masses(), k_B=ase.units.kB)
    share = len(atoms) / (len(atoms) - 1)  # ASE counts 3 N degrees of freedom
    assert float(phi(x)) == pytest.approx(atoms.get_temperature() * share, rel=1e-12)
    assert phi.labels == ("T",)
    scaled = am.KineticTemperature(len(atoms), masses=atoms.get_masses(), k_B=ase.units.kB, factor=20)
    assert scaled.labels == ("20T",)
    assert float(scaled(x)) == pytest.approx(20 * float(phi(x)))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.detach()[:, :1], "has no gradient: compute it from x by functions of torch"),
        (lambda x: torch.as_tensor(x.detach().numpy()[:, :1]), "has no gradient"),
        (lambda x: x[:, :1].round(), "is zero in all states: a function in steps cannot be learned"),
        (lambda x: (x[:, :1] - x[:, :1]).sqrt(), "is not finite"),
        (lambda x: torch.as_tensor(x.numpy()[:, :1]), "has no gradient: compute it from x by functions of torch"),
        (lambda x: torch.fft.fft(x)[:, :1], "must give real numbers, got complex"),
        (lambda x: overwritten(x), "has no gradient: one of the variables needed"),
        (lambda x: x[:, 7:8], "must give"),
        (lambda x: x[:, 7], "the observable z fails: index 7 is out of bounds"),
        (lambda x: x, r"must give \(3,\) or \(3, 1\), a row a state, a column a label; got \(3, 4\)"),
        (lambda x: 3.0, r"must give \(3,\) or \(3, 1\), a row a state, a column a label; got 3.0"),
    ],
)
def test_what_cannot_be_differentiated(function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_gradient(am.TorchObservable(function, ["z"]), some_states(4))


@pytest.mark.parametrize("power", [-200, -20, 18, 25, 200])
def test_numbers_beyond_single_precision_want_another_unit(power: int) -> None:
    """Anything that they cause later has another name."""
    phi = am.TorchObservable(lambda x: (x**2).sum(dim=1, keepdim=True) * 10.0**power, ["z"])
    size = "large" if power > 0 else "small"
    with pytest.raises(ValueError, match=f"^the numbers of z are too {size} for single precision: .*in another unit$"):
        check_gradient(phi, some_states(4))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:, :1] + x.mean(), "another number for a state alone than for it among others"),
        (lambda x: x[:, :1] + 1e-3 * torch.rand(len(x), 1), "other numbers when it is asked again for the same states"),
    ],
)
def test_an_observable_is_one_of_a_single_state(function: Any, message: str) -> None:
    x = some_states(4)
    phi = am.TorchObservable(function, ["z"])
    with pytest.raises(ValueError, match=f"^the observable z gives {message}[^\n]*$"):
        check_of_one_state(phi, x, check_gradient(phi, x))


def test_rounding_in_single_precision_is_no_dependence_on_other_states() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 3000)))
    x -= x.mean(dim=1, keepdim=True)  # a sum whose terms cancel
    phi = am.TorchObservable(lambda x: x.float().sum(dim=1, keepdim=True), ["z"])
    check_of_one_state(phi, x, check_gradient(phi, x))


def test_states_of_another_system() -> None:
    for phi, n in CASES.values():
        if not isinstance(phi, am.TorchObservable):
            with pytest.raises(ValueError, match=r"a state .* hold"):
                phi(some_states(n + 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_observable_of_ones_own_has_the_dtype_of_the_states(dtype: torch.dtype) -> None:
    """With constants of numpy in it, in products of both kinds; it may edit what it is given, not the states."""
    weight = torch.as_tensor(np.linspace(1, 2, 4))
    x = some_states(4).to(dtype)
    before = x.clone()
    for function in (
        lambda x: (x**2 * weight).sum(dim=1, keepdim=True),
        lambda x: (x**2 @ weight)[:, None],
        lambda x: (x.pow_(2) * weight).sum(dim=1, keepdim=True),
    ):
        phi = am.TorchObservable(function, ["z"])
        assert phi(x).dtype == phi.gradient(x).dtype == dtype
        torch.testing.assert_close(phi.gradient(x), (2 * x * weight)[:, None].to(dtype))
        torch.testing.assert_close(x, before, rtol=0, atol=0)
