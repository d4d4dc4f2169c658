r"""Reversible drift: tied to a stationary density, so that noise in the labels cannot change the equilibrium.

A diffusion in detailed balance with the density P and the covariance rate Sigma has the drift
mu = 1/2 Sigma grad ln P + 1/2 div Sigma, (div Sigma)_i = sum_j d Sigma_ij / d z_j. The errors of an unconstrained
drift reach ln P multiplied by the number of sites, which near a critical point ruins it; here ln P comes from
equilibrium snapshots, and Sigma, which sets the time scale, from moments or pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from asemacro.macro.base import Density, Diffusion, Drift
from asemacro.macro.polynomial import PolynomialBasis


class PolynomialDensity(Density):
    r"""ln P(y, c) up to a constant: a polynomial on the box of the data, a Gaussian wall outside it.

    grad ln P(y) = grad ln P(p) - wall (y - p) with p the nearest point of the box.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        degree: largest total degree.
        odd: variables that change sign together under a symmetry of P; P is then even in them.
        condition_degree: largest degree in the condition.
    """

    wall: Tensor
    coefficients: Tensor

    def __init__(
        self, dim: int, n_conditions: int = 0, degree: int = 8, odd: Iterable[int] = (), condition_degree: int = 2
    ) -> None:
        super().__init__()
        self.basis = PolynomialBasis(dim, n_conditions, degree, odd, condition_degree)
        self.dim = dim
        self.register_buffer("coefficients", torch.zeros(len(self.basis), dtype=torch.float64))
        self.register_buffer("wall", torch.ones((), dtype=torch.float64))

    @property
    def box(self) -> tuple[Tensor, Tensor]:
        """The corners of the box of the snapshots."""
        return self.basis.lower[: self.dim], self.basis.upper[: self.dim]

    @property
    def free(self) -> Tensor:
        """(n_features,) bool: features of a density, not constant in y and even in the odd variables."""
        return (self.basis.total > 0) & ~self.basis.is_odd

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """ln P at y (N, d) up to a constant for each condition, inside the box: (N,)."""
        return self.basis(y, c) @ self.coefficients

    def gradient(self, y: Tensor, c: Tensor) -> Tensor:
        """grad ln P, (N, d)."""
        _, first = self.basis.slopes(y, c, self.coefficients[:, None])
        return first[:, 0] - self.wall * (y - self.basis.inside(y))


class ReversibleDrift(Drift):
    r"""Drift 1/2 Sigma grad ln P + 1/2 div Sigma in normalised variables; Sigma is that of the SDE it belongs to.

    NeuralSDE hands it its diffusion (`attach`). ln P is fixed by `fit_reversible`; what is left to learn, also by
    `fit(..., keep_parameters=True)` from pairs, is Sigma. Only for systems in detailed balance, and for the size
    whose density was fitted: ln P goes as the number of sites.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        degree: largest total degree of ln P.
        odd: variables that change sign together under a symmetry of P.
        condition_degree: largest degree of ln P in the condition.
    """

    kind = "ReversibleDrift"

    def __init__(
        self, dim: int, n_conditions: int = 0, degree: int = 8, odd: Iterable[int] = (), condition_degree: int = 2
    ) -> None:
        super().__init__(dim, n_conditions)
        self.density = PolynomialDensity(dim, n_conditions, degree, odd, condition_degree)
        self._diffusion: list[Diffusion] = []  # in a list: its parameters belong to the SDE, not to the drift

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this drift again."""
        basis = self.density.basis
        return {
            **super().settings,
            "degree": basis.degree,
            "odd": list(basis.odd),
            "condition_degree": basis.condition_degree,
        }

    def attach(self, diffusion: Diffusion) -> None:
        """Take Sigma from this diffusion."""
        self._diffusion = [diffusion]

    @property
    def stationary_density(self) -> PolynomialDensity:
        """ln of the density that was fitted."""
        return self.density

    def set_linear(self, slope: Tensor, covariance: Tensor, centre: Tensor, c: Tensor) -> None:
        """Refused: a drift fitted to pairs would not be that of the density.

        Raises:
            ValueError: always.
        """
        raise ValueError("a reversible drift comes from its density: fit_reversible first, then keep_parameters=True")

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables y (N, d) at normalised conditions c (N, n_conditions): (N, d)."""
        sigma, divergence = self._diffusion[0].with_divergence(y, c)
        force = self.density.gradient(y, c)
        return 0.5 * ((sigma @ force.unsqueeze(2)).squeeze(2) + divergence)
