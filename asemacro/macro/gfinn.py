"""GENERIC drifts: energy is conserved and entropy grows by construction, whatever the parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from asemacro.arguments.door import MOST_DEPTH, MOST_WIDTH, checked, whole
from asemacro.macro.base import Drift
from asemacro.macro.drift import reset_layers, run_layers, run_layers_back, tanh_layers


class GFINN(Drift):
    r"""Drift L grad E + M grad S in normalised variables y, with L grad S = 0 and M grad E = 0 exactly.

    E(y, c) and S(y, c) are a quadratic form plus a tanh network, d the number of variables. With K skew matrices Xi_i
    and K others Xi'_i,

        Q_S = rows (grad S)^T Xi_i,   L = Q_S^T (A - A^T) Q_S,      Q_E = rows (grad E)^T Xi'_i,   M = Q_E^T B B^T Q_E,

    A and B tanh networks (K, K). A skew form vanishes on a vector with itself, so Q_S grad S = 0 = Q_E grad E. L is
    skew and M positive semidefinite, hence along the drift dE/dt = grad E . L grad E = 0 and
    dS/dt = grad S . M grad S >= 0. The same holds in physical variables z = mean + s y: L_z = s L s / tau and M_z
    alike. All is written out, so no second backward pass is needed. Nothing holds the drift back outside the data.
    Source: Zhang, Shin, Karniadakis, Phil. Trans. R. Soc. A 380, 20210207 (2022).

    Args:
        dim: number of variables d, at least 2: what conserves an energy in one variable stands still. In two
            variables L vanishes.
        n_conditions: 0, or 1 for the temperature.
        hidden: width of each tanh layer.
        depth: number of tanh layers of each network.
        n_matrices: K; default d.

    Raises:
        ValueError: a size is out of range.
    """

    kind = "GFINN"

    @checked(
        dim=whole(2, MOST_WIDTH),
        n_conditions=whole(0, 1),
        hidden=whole(1, MOST_WIDTH),
        depth=whole(1, MOST_DEPTH),
        n_matrices=whole(1, MOST_WIDTH),
    )
    def __init__(
        self, dim: int, n_conditions: int = 0, hidden: int = 64, depth: int = 2, n_matrices: int | None = None
    ) -> None:
        super().__init__(dim, n_conditions)
        self.hidden, self.depth, self.n_matrices = hidden, depth, n_matrices or dim
        inner = [dim + n_conditions, *[hidden] * depth]
        k = self.n_matrices
        self.energy_network, self.entropy_network = tanh_layers([*inner, 1]), tanh_layers([*inner, 1])
        self.rotation_network, self.friction_network = tanh_layers([*inner, k * k]), tanh_layers([*inner, k * k])
        self.energy_slope, self.entropy_slope = (nn.Parameter(torch.empty(dim)) for _ in range(2))
        self.energy_form, self.entropy_form = (nn.Parameter(torch.empty(dim, dim)) for _ in range(2))
        self.rotation_matrices, self.friction_matrices = (nn.Parameter(torch.empty(k, dim, dim)) for _ in range(2))
        self.reset(torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        own = {"hidden": self.hidden, "depth": self.depth, "n_matrices": self.n_matrices}
        return {**super().settings, **own}

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw new parameters: E and S nearly quadratic, rates of the order of 1."""
        reset_layers(self.energy_network, generator, last=0.1)
        reset_layers(self.entropy_network, generator, last=0.1)
        reset_layers(self.rotation_network, generator, last=1 / self.n_matrices)
        reset_layers(self.friction_network, generator, last=1 / self.n_matrices)
        eye = torch.eye(self.dim, dtype=self.energy_form.dtype)
        for form, slope, sign in (
            (self.energy_form, self.energy_slope, 1.0),
            (self.entropy_form, self.entropy_slope, -1.0),
        ):
            nn.init.normal_(slope, std=0.5, generator=generator)
            nn.init.normal_(form, std=0.3 * self.dim**-0.5, generator=generator)
            form.add_(sign * eye)
        for matrices in (self.rotation_matrices, self.friction_matrices):
            nn.init.normal_(matrices, std=self.dim**-0.5, generator=generator)

    def energy(self, y: Tensor, c: Tensor) -> Tensor:
        """E, (N,)."""
        return self._value(self.energy_network, self.energy_slope, self.energy_form, y, c)

    def entropy(self, y: Tensor, c: Tensor) -> Tensor:
        """S, (N,)."""
        return self._value(self.entropy_network, self.entropy_slope, self.entropy_form, y, c)

    def brackets(self, y: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """grad E and grad S, (N, d), L and M, (N, d, d)."""
        de = self._gradient(self.energy_network, self.energy_slope, self.energy_form, y, c)
        ds = self._gradient(self.entropy_network, self.entropy_slope, self.entropy_form, y, c)
        rows_s, rows_e, turn, root = self._parts(de, ds, y, c)
        friction = rows_e.transpose(1, 2) @ root
        return de, ds, rows_s.transpose(1, 2) @ turn @ rows_s, friction @ friction.transpose(1, 2)

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables y (N, d) at normalised conditions c (N, n_conditions): (N, d)."""
        de = self._gradient(self.energy_network, self.energy_slope, self.energy_form, y, c)
        ds = self._gradient(self.entropy_network, self.entropy_slope, self.entropy_form, y, c)
        rows_s, rows_e, turn, root = self._parts(de, ds, y, c)
        conserved = rows_s.transpose(1, 2) @ (turn @ (rows_s @ de.unsqueeze(2)))
        pushed = root.transpose(1, 2) @ (rows_e @ ds.unsqueeze(2))
        return (conserved + rows_e.transpose(1, 2) @ (root @ pushed)).squeeze(2)

    def _parts(self, de: Tensor, ds: Tensor, y: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Q_S and Q_E, (N, K, d), A - A^T and B, (N, K, K)."""
        k, features = self.n_matrices, torch.cat([y, c], dim=1)
        turn = run_layers(self.rotation_network, features).reshape(-1, k, k)
        root = run_layers(self.friction_network, features).reshape(-1, k, k)
        return (
            _rows(ds, self.rotation_matrices),
            _rows(de, self.friction_matrices),
            turn - turn.transpose(1, 2),
            root,
        )

    def _value(self, network: nn.ModuleList, slope: Tensor, form: Tensor, y: Tensor, c: Tensor) -> Tensor:
        rest = run_layers(network, torch.cat([y, c], dim=1)).squeeze(1)
        return 0.5 * (y * (y @ form)).sum(1) + y @ slope + rest

    def _gradient(self, network: nn.ModuleList, slope: Tensor, form: Tensor, y: Tensor, c: Tensor) -> Tensor:
        rest, back = run_layers_back(network, torch.cat([y, c], dim=1))
        return 0.5 * (y @ (form + form.T)) + slope + back(torch.ones_like(rest), self.dim)


def _rows(gradient: Tensor, matrices: Tensor) -> Tensor:
    """(N, K, d) rows gradient^T Xi_i of the skew parts Xi_i of matrices (K, d, d)."""
    skew = torch.triu(matrices, 1)
    return torch.einsum("na,kab->nkb", gradient, skew - skew.transpose(1, 2))
