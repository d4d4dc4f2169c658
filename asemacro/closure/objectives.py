"""What a closure variable is asked to predict, as losses of z = (z*, phi_hat) that end in a small network of z."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from asemacro.closure.data import FieldData, SpinData
from asemacro.macro.drift import reset_layers, run_layers, tanh_layers
from asemacro.typing import Floats

_RANK = 8  # functions of z that the log-odds of all environments are made of


class Objective(nn.Module, ABC):
    """A loss of every snapshot, given z (N, k) in units in which it has mean 0 and variance 1."""

    @abstractmethod
    def reset(self, generator: torch.Generator) -> None:
        """Draw new weights."""

    @abstractmethod
    def losses(self, z: Tensor, rows: Tensor) -> Tensor:
        """(len(rows),) losses of these snapshots, z (N, k) of all."""


class SpinPseudoLikelihood(Objective):
    r"""-log p(s_i | n_i1, n_i2, z) in nats, mean over the sites: a spin from the up spins in its first two shells.

    The log-odds of s_i = 1 are b_e + sum_p A_ep q_p(z), e = (n_i1, n_i2) the environment, q a small network.
    """

    def __init__(self, data: SpinData, dim: int, width: int) -> None:
        super().__init__()
        self.up, self.down = data.up, data.all - data.up
        self.functions = tanh_layers([dim, width, _RANK])
        self.amplitudes = nn.Parameter(torch.zeros(data.up.shape[1], _RANK))
        self.bias = nn.Parameter(torch.zeros(data.up.shape[1]))
        self.double()

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw new weights; the log-odds start at those of all snapshots together."""
        reset_layers(self.functions, generator, 1.0)
        self.amplitudes.copy_(0.1 * torch.randn(self.amplitudes.shape, generator=generator))
        up, down = self.up.sum(0), self.down.sum(0)
        floor = 1.0 / self.up.numel()
        self.bias.copy_(((up + floor) / (down + floor)).log())

    def losses(self, z: Tensor, rows: Tensor) -> Tensor:
        """(len(rows),) nats a site."""
        odds = self.bias + run_layers(self.functions, z[rows]) @ self.amplitudes.T
        soft = nn.functional.softplus
        return (self.up[rows] * soft(-odds) + self.down[rows] * soft(odds)).sum(dim=1)


class FieldPseudoLikelihood(Objective):
    r"""-log N(x_i; m, diag s^2) in nats, mean over the sites: the fields of a site from the means of its two shells.

    m and log s are a linear function plus a small network of these means and z.
    """

    def __init__(self, data: FieldData, dim: int, width: int) -> None:
        super().__init__()
        mean, sd = data.own.mean(dim=(0, 1)), data.own.std(dim=(0, 1)).clamp(min=1e-12)
        repeat = data.around.shape[2] // data.n_fields
        self.target = (data.own - mean) / sd
        self.around = (data.around - mean.repeat(repeat)) / sd.repeat(repeat)
        inputs = self.around.shape[2] + dim
        self.network = tanh_layers([inputs, width, width, 2 * data.n_fields])
        self.linear = tanh_layers([inputs, 2 * data.n_fields])
        self.double()

    def reset(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        reset_layers(self.network, generator, 0.1)
        reset_layers(self.linear, generator, 0.1)

    def losses(self, z: Tensor, rows: Tensor) -> Tensor:
        """(len(rows),) nats a site, for fields of variance 1."""
        around = self.around[rows]
        inputs = torch.cat([around, z[rows].unsqueeze(1).expand(-1, around.shape[1], -1)], dim=2)
        mean, log_sd = (run_layers(self.linear, inputs) + run_layers(self.network, inputs)).chunk(2, dim=2)
        log_sd = log_sd.clamp(min=-12.0, max=12.0)
        nats = 0.5 * ((self.target[rows] - mean) * (-log_sd).exp()).square() + log_sd + 0.5 * float(np.log(2 * np.pi))
        return nats.sum(dim=2).mean(dim=1)


class OneStepLikelihood(Objective):
    """What an Euler-Maruyama step of z* costs, per unit of time, with the drift a network of z; see `whitened`."""

    def __init__(self, drift: Floats, weight: Floats, dim: int, width: int) -> None:
        super().__init__()
        self.drift, self.weight = torch.from_numpy(drift), torch.from_numpy(weight)
        self.network = tanh_layers([dim, width, width, drift.shape[1]])
        self.linear = tanh_layers([dim, drift.shape[1]])
        self.double()

    def reset(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        reset_layers(self.network, generator, 0.1)
        reset_layers(self.linear, generator, 0.1)

    def losses(self, z: Tensor, rows: Tensor) -> Tensor:
        """(len(rows),) nats per unit of time."""
        mean = run_layers(self.linear, z[rows]) + run_layers(self.network, z[rows])
        return 0.5 * self.weight[rows] * (self.drift[rows] - mean).square().sum(dim=1)
