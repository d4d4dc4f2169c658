"""The compiled sums over Legendre products against scipy's polynomials and torch's gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre

from asemacro.macro.polynomial import PolynomialBasis, PolynomialDiffusion, PolynomialDrift
from asemacro.macro.polynomial_kernel import combine


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])  # around the size of a block
def test_sums_are_those_of_legendre_polynomials(n: int) -> None:
    rng = np.random.default_rng(n)
    exponents = np.array([[0, 0], [3, 0], [0, 2], [5, 1], [1, 4], [2, 2]])
    coefficients = rng.standard_normal((6, 3))
    coefficients[2] = 0.0
    lower, upper = np.array([-1.0, 2.0]), np.array([0.5, 5.0])
    points = rng.uniform(lower - 1, upper + 1, (n, 2))
    x = np.clip(2 * (points - lower) / (upper - lower) - 1, -1, 1)
    features = [eval_legendre(a, x[:, 0]) * eval_legendre(b, x[:, 1]) for a, b in exponents]
    found = combine(points, lower, upper, exponents, coefficients, 0)
    assert found.shape == (n, 3, 1)
    np.testing.assert_allclose(found[:, :, 0], np.stack(features, axis=1) @ coefficients, atol=1e-12)


@pytest.mark.parametrize(("dim", "n_conditions", "degree"), [(1, 0, 0), (1, 0, 9), (2, 1, 5), (4, 0, 3)])
def test_compiled_and_differentiable_values_are_the_same(dim: int, n_conditions: int, degree: int) -> None:
    basis = PolynomialBasis(dim, n_conditions, degree)
    generator = torch.Generator().manual_seed(dim)
    points = 3 * torch.randn(150, dim + n_conditions, dtype=torch.float64, generator=generator)
    y, c = points[:, :dim], points[:, dim:]
    coefficients = torch.randn(len(basis), 2, dtype=torch.float64, generator=generator)
    values, first = basis.slopes(y, c, coefficients)
    with torch.no_grad():
        compiled, compiled_first = basis.slopes(y, c, coefficients)
        torch.testing.assert_close(basis.combine(y, c, coefficients), basis(y, c) @ coefficients)
    torch.testing.assert_close(compiled, values)
    torch.testing.assert_close(compiled_first, first)


def test_drift_and_diffusion_do_not_depend_on_who_asks() -> None:
    generator = torch.Generator().manual_seed(3)
    drift, diffusion = PolynomialDrift(2, 1, degree=4, hidden=4, odd=[0]), PolynomialDiffusion(2, 1, degree=3, odd=[0])
    for part in (drift, diffusion):
        torch.nn.init.normal_(part.coefficients, std=0.3, generator=generator)
    y = 3 * torch.randn(100, 2, dtype=torch.float64, generator=generator)
    c = torch.randn(100, 1, dtype=torch.float64, generator=generator)
    with_gradient = [drift(y, c), diffusion(y, c), *diffusion.with_divergence(y, c)]
    with torch.no_grad():
        without = [drift(y, c), diffusion(y, c), *diffusion.with_divergence(y, c)]
    for a, b in zip(with_gradient, without, strict=True):
        torch.testing.assert_close(a.detach(), b)
