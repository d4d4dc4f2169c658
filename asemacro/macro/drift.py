"""Drift of the macroscopic variables: an OnsagerNet whose potential confines and whose mobility is bounded."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from asemacro.arguments.door import MOST_DEPTH, MOST_WIDTH, above_zero, checked, flag, whole
from asemacro.macro.base import Drift


def tanh_layers(sizes: list[int]) -> nn.ModuleList:
    """Linear layers of the given sizes; filled by `reset_layers`, so that nothing depends on a global seed."""
    return nn.ModuleList(nn.utils.skip_init(nn.Linear, a, b) for a, b in itertools.pairwise(sizes))


@torch.no_grad()
def reset_layers(layers: nn.ModuleList, generator: torch.Generator, last: float) -> None:
    """Normal weights of variance 1/fan-in; the last layer is scaled by `last`, its bias is zero."""
    for layer in linear(layers):
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)
        nn.init.normal_(layer.bias, std=0.5, generator=generator)
    linear(layers)[-1].weight.mul_(last)
    linear(layers)[-1].bias.zero_()


def linear(layers: nn.ModuleList) -> list[nn.Linear]:
    """The layers, with their type."""
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def run_layers(layers: nn.ModuleList, features: Tensor) -> Tensor:
    """tanh between the layers, none after the last: the output is bounded whatever the input."""
    *inner, outer = layers
    for layer in inner:
        features = torch.tanh(layer(features))
    return outer(features)


def run_layers_back(layers: nn.ModuleList, features: Tensor) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
    """What `run_layers` gives, (N, b), and the backward pass written out, so that it can be differentiated once more.

    Returns:
        The output, and a function of the gradient (N, b) of something with respect to it and of a number k, which gives
        the gradient (N, k) with respect to the first k features.
    """
    *inner, outer = linear(layers)
    hidden = []
    for layer in inner:
        features = torch.tanh(layer(features))
        hidden.append(features)

    def back(gradient: Tensor, k: int) -> Tensor:
        for layer, h in zip([outer, *reversed(inner[1:])], reversed(hidden), strict=True):
            gradient = (gradient @ layer.weight) * (1 - h * h)
        return gradient @ linear(layers)[0].weight[:, :k]

    return outer(features), back


class OnsagerNet(Drift):
    r"""Drift -(M + W) grad V in normalised variables.

    V(z, c) = 1/2 |u|^2 + 1/2 beta |z - a(c)|^2 with u = Gamma(c) (z - a(c)) + h(z, c), h a tanh network;
    M = L L^T + alpha I with L lower triangular, W antisymmetric, both a tanh network of (z, c) beside a function of c;
    Gamma, a and these functions are interpolated between the conditions of the data. M and W are bounded, grad V grows
    linearly, so outside the data the drift leads back and an Euler step cannot run away; V never increases along
    the drift. The gradient is written out, so no second backward pass is needed.
    Source: Yu, Tian, E, Li, Phys. Rev. Fluids 6, 114402 (2021); confining term as there.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        hidden: width of each tanh layer of the potential and of the mobility.
        depth: tanh layers of the potential; the mobility has one less.
        conservative: learn W; False leaves a pure gradient flow, the form of systems in detailed balance.
        alpha: smallest mobility.
        beta: smallest stiffness of the potential.
        n_knots: conditions between which Gamma, a, L and W are interpolated; training sets them to those of the data.

    Raises:
        ValueError: a size is not positive or n_conditions is not 0 or 1.
    """

    kind = "OnsagerNet"
    lower: Tensor
    skew: Tensor
    knots: Tensor

    @checked(
        dim=whole(1, MOST_WIDTH),
        n_conditions=whole(0, 1),
        hidden=whole(1, MOST_WIDTH),
        conservative=flag,
        alpha=above_zero,
        beta=above_zero,
        n_knots=whole(1, MOST_WIDTH),
        depth=whole(1, MOST_DEPTH),
    )
    def __init__(
        self,
        dim: int,
        n_conditions: int = 1,
        hidden: int = 24,
        conservative: bool = True,
        alpha: float = 0.02,
        beta: float = 0.05,
        n_knots: int = 1,
        depth: int = 2,
    ) -> None:
        super().__init__(dim, n_conditions)
        if n_knots < 1:
            raise ValueError(f"n_knots must be at least 1, got {n_knots}")
        if not (alpha > 0 and beta > 0):
            raise ValueError(f"alpha and beta must be positive, got {alpha} and {beta}")
        self.hidden, self.depth = hidden, depth
        self.conservative, self.alpha, self.beta = conservative, alpha, beta
        self.potential = tanh_layers([dim + n_conditions, *[hidden] * depth, dim])
        n_lower, n_skew = dim * (dim + 1) // 2, dim * (dim - 1) // 2
        entries = n_lower + (n_skew if conservative else 0)
        self.mobility = tanh_layers([dim + n_conditions, *[hidden] * max(1, depth - 1), entries])
        self.stiffness = nn.Parameter(torch.empty(n_knots, dim, dim))
        self.centre = nn.Parameter(torch.empty(n_knots, dim))
        self.rates = nn.Parameter(torch.empty(n_knots, entries))
        self.register_buffer("knots", torch.arange(n_knots, dtype=torch.float32))
        self.register_buffer("lower", torch.tril_indices(dim, dim), persistent=False)
        self.register_buffer("skew", torch.tril_indices(dim, dim, -1), persistent=False)
        self.reset(torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        return {
            **super().settings,
            "hidden": self.hidden,
            "conservative": self.conservative,
            "alpha": self.alpha,
            "beta": self.beta,
            "n_knots": len(self.knots),
            # not written where it is 2: files of version 0.2 have none, and their models keep their fingerprints
            **({} if self.depth == 2 else {"depth": self.depth}),
        }

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw new parameters: near the linear drift -z, with small random features."""
        reset_layers(self.potential, generator, last=0.1)
        reset_layers(self.mobility, generator, last=0.1)
        self.stiffness.copy_(torch.eye(self.dim))
        nn.init.zeros_(self.centre)
        nn.init.zeros_(self.rates)
        self.rates[:, : self.lower.shape[1]] = (self.lower[0] == self.lower[1]).float()

    @torch.no_grad()
    def set_linear(self, slope: Tensor, covariance: Tensor, centre: Tensor, c: Tensor) -> None:
        r"""Make the drift -A_g (z - a_g) at each of G conditions, up to the small random features.

        With C from A C + C A^T = Sigma, the split A = (M + W) C^-1 has M = Sigma / 2 and W antisymmetric: the potential
        is that of the linear SDE's stationary law, scaled to a stiffness of the order of 1. The conditions become the
        knots between which the entries of its root, of M's, of W and of a are interpolated.

        Args:
            slope: (G, d, d) A; its eigenvalues must have positive real parts.
            covariance: (d, d) Sigma.
            centre: (G, d) a.
            c: (G, n_conditions) the conditions.
        """
        eye = torch.eye(self.dim, dtype=torch.float64)
        sigma = covariance.double()
        stationary = []
        for a in slope.double():
            lyapunov = torch.kron(a, eye) + torch.kron(eye, a)
            value = torch.linalg.solve(lyapunov, sigma.reshape(-1)).reshape(self.dim, self.dim)
            stationary.append((value + value.T) / 2)
        scale = torch.stack([torch.trace(value) / self.dim for value in stationary]).mean()
        roots, entries = [], []
        for a, value in zip(slope.double(), stationary, strict=True):
            stiffness = torch.linalg.inv(value) * scale
            matrix = a @ torch.linalg.inv(stiffness)
            roots.append(torch.linalg.cholesky(_positive_part(stiffness - self.beta * eye, 1e-2)).T)
            lower = torch.linalg.cholesky(_positive_part((matrix + matrix.T) / 2 - self.alpha * eye, 1e-3))
            row = lower[self.lower[0], self.lower[1]]
            if self.conservative:
                row = torch.cat([row, ((matrix - matrix.T) / 2)[self.skew[0], self.skew[1]]])
            entries.append(row)
        order = torch.argsort(c[:, 0]) if self.n_conditions else torch.zeros(1, dtype=torch.int64)
        own = self.stiffness.dtype
        self.knots = c[order, 0].to(own) if self.n_conditions else torch.zeros(1, dtype=own)
        self.stiffness = nn.Parameter(torch.stack(roots)[order].to(own))
        self.rates = nn.Parameter(torch.stack(entries)[order].to(own))
        self.centre = nn.Parameter(centre[order].to(own))

    def interpolation(self, c: Tensor) -> Tensor:
        """(N, n_knots) weights of the knots: linear between neighbours, and on for one interval outside."""
        n = len(self.knots)
        if n == 1:
            return torch.ones(len(c), 1, dtype=c.dtype)
        knots = self.knots.to(c.dtype)
        left = (torch.searchsorted(knots, c[:, 0].contiguous()) - 1).clamp(0, n - 2)
        share = ((c[:, 0] - knots[left]) / (knots[left + 1] - knots[left])).clamp(-1, 2).unsqueeze(1)
        weights = torch.zeros(len(c), n, dtype=c.dtype)
        return weights.scatter(1, left[:, None], 1 - share).scatter(1, left[:, None] + 1, share)

    def potential_gradient(self, z: Tensor, c: Tensor) -> Tensor:
        """grad V, (N, d), by the chain rule through the tanh layers."""
        weights = self.interpolation(c)
        y = z - weights @ self.centre
        root = torch.tensordot(weights, self.stiffness, dims=1)
        rest, back = run_layers_back(self.potential, torch.cat([z, c], dim=1))
        u = (root @ y.unsqueeze(2)).squeeze(2) + rest
        return (u.unsqueeze(1) @ root).squeeze(1) + back(u, self.dim) + self.beta * y

    def mobility_matrix(self, z: Tensor, c: Tensor) -> Tensor:
        """M + W, (N, d, d)."""
        entries = run_layers(self.mobility, torch.cat([z, c], dim=1)) + self.interpolation(c) @ self.rates
        n_lower = self.lower.shape[1]
        factor = entries.new_zeros(len(z), self.dim, self.dim)
        factor[:, self.lower[0], self.lower[1]] = entries[:, :n_lower]
        matrix = factor @ factor.transpose(1, 2) + self.alpha * torch.eye(self.dim, dtype=z.dtype)
        if self.conservative:
            turn = entries.new_zeros(len(z), self.dim, self.dim)
            turn[:, self.skew[0], self.skew[1]] = entries[:, n_lower:]
            matrix = matrix + turn - turn.transpose(1, 2)
        return matrix

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables z (N, d) at normalised conditions c (N, n_conditions): (N, d)."""
        gradient = self.potential_gradient(z, c)
        return -(self.mobility_matrix(z, c) @ gradient.unsqueeze(2)).squeeze(2)


def _positive_part(matrix: Tensor, smallest: float) -> Tensor:
    """A symmetric matrix with its eigenvalues raised to at least `smallest`."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp(min=smallest)) @ vectors.T
