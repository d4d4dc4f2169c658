"""Diffusion of the macroscopic variables: a full, always positive definite covariance rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asemacro.arguments.door import MOST_WIDTH, checked, whole
from asemacro.macro.base import Diffusion
from asemacro.macro.drift import reset_layers, run_layers, tanh_layers


class FullDiffusion(Diffusion):
    r"""Sigma(z, c) = (B L)(B L)^T in normalised variables, smooth in both.

    B is a fixed lower-triangular matrix, set to the Cholesky factor of the pairs' mean covariance rate before
    training; L(z, c) is lower triangular from a tanh network, its diagonal exp(.): bounded above and below, so
    Sigma stays within a factor of what was measured wherever the simulation goes.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        hidden: width of the tanh layer.

    Raises:
        ValueError: a size is not positive or n_conditions is not 0 or 1.
    """

    kind = "FullDiffusion"
    lower: Tensor

    @checked(dim=whole(1, MOST_WIDTH), n_conditions=whole(0, 1), hidden=whole(1, MOST_WIDTH))
    def __init__(self, dim: int, n_conditions: int = 1, hidden: int = 16) -> None:
        super().__init__(dim, n_conditions)
        self.hidden = hidden
        self.network = tanh_layers([dim + n_conditions, hidden, dim * (dim + 1) // 2])
        self.register_buffer("lower", torch.tril_indices(dim, dim), persistent=False)
        self.reset(torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        return {**super().settings, "hidden": self.hidden}

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw new parameters: near Sigma = B B^T."""
        reset_layers(self.network, generator, last=0.1)

    def factor(self, z: Tensor, c: Tensor) -> Tensor:
        """Lower-triangular F with Sigma = F F^T, (N, d, d), at normalised z (N, d) and c (N, n_conditions)."""
        entries = run_layers(self.network, torch.cat([z, c], dim=1))
        diagonal = self.lower[0] == self.lower[1]
        factor = entries.new_zeros(len(z), self.dim, self.dim)
        factor[:, self.lower[0], self.lower[1]] = torch.where(diagonal, torch.exp(entries), entries)
        return self.base @ factor
