"""Drift of the macroscopic variables without a structure: a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asemacro.arguments.door import MOST_DEPTH, MOST_WIDTH, checked, whole
from asemacro.macro.base import Drift
from asemacro.macro.drift import reset_layers, run_layers, tanh_layers


class MLPDrift(Drift):
    """Drift f(y, c) in normalised variables, a tanh network.

    It knows nothing of dissipation or energy, and nothing holds it back outside the data: for a NeuralODE whose
    trajectories stay where the data are.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        hidden: width of each tanh layer.
        depth: number of tanh layers.

    Raises:
        ValueError: a size is not positive or n_conditions is not 0 or 1.
    """

    kind = "MLPDrift"

    @checked(
        dim=whole(1, MOST_WIDTH), n_conditions=whole(0, 1), hidden=whole(1, MOST_WIDTH), depth=whole(1, MOST_DEPTH)
    )
    def __init__(self, dim: int, n_conditions: int = 0, hidden: int = 64, depth: int = 2) -> None:
        super().__init__(dim, n_conditions)
        self.hidden, self.depth = hidden, depth
        self.network = tanh_layers([dim + n_conditions, *[hidden] * depth, dim])
        self.reset(torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        return {**super().settings, "hidden": self.hidden, "depth": self.depth}

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw new parameters: small rates."""
        reset_layers(self.network, generator, last=0.1)

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables y (N, d) at normalised conditions c (N, n_conditions): (N, d)."""
        return run_layers(self.network, torch.cat([y, c], dim=1))
